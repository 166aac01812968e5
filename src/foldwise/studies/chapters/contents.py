"""All chapters of the study ``biomarkers`` beyond its rows, in the order of the report."""

from dataclasses import dataclass

from foldwise.arrays import IntArray
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.chapters.chapter import Chapter
from foldwise.studies.chapters.curves import curves_chapter
from foldwise.studies.chapters.influences import influences_chapter
from foldwise.studies.chapters.metabolites import metabolites_chapter
from foldwise.studies.chapters.operating import Operation, ask_operation, operating_chapter
from foldwise.studies.chapters.panel import Panel, ask_panel, clusters_of, panel_chapter
from foldwise.studies.chapters.permutations import (
    Permutations,
    SelfTests,
    ask_permutations,
    ask_self_tests,
    permutation_chapter,
    self_test_chapter,
)
from foldwise.studies.chapters.uncertainty import uncertainty_chapter
from foldwise.studies.inquiry import Inquiry

__all__ = ["Further", "ask_further", "write_chapters"]


@dataclass(frozen=True, eq=False)
class Further:
    """What was asked beyond rows 1.1 to 1.7, and is used by more than one chapter."""

    permutations: Permutations
    panel: Panel | None
    no_panel: str
    clusters: IntArray
    operation: Operation
    self_tests: SelfTests


def ask_further(inquiry: Inquiry, evidence: BiomarkerEvidence) -> Further:
    """Ask for permutations, panel, operating points and self-tests."""
    permutations = ask_permutations(inquiry)
    panel, refused = ask_panel(inquiry)
    return Further(
        permutations,
        panel,
        refused,
        clusters_of(inquiry, evidence),
        ask_operation(inquiry, evidence),
        ask_self_tests(inquiry, permutations),
    )


def write_chapters(
    inquiry: Inquiry, evidence: BiomarkerEvidence, further: Further
) -> list[Chapter]:
    """Return what each chapter adds to the Summary."""
    written = [
        uncertainty_chapter(inquiry, evidence),
        influences_chapter(inquiry, evidence),
        permutation_chapter(inquiry, evidence, further.permutations),
        operating_chapter(inquiry, evidence, further.operation),
        panel_chapter(inquiry, further.panel, further.no_panel, further.clusters),
        metabolites_chapter(inquiry, evidence, further.panel, further.clusters),
        curves_chapter(inquiry),
        self_test_chapter(further.self_tests),
    ]
    return [chapter for chapter in written if chapter is not None]
