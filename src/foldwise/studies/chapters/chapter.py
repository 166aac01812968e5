"""A chapter: the tables, answers and metrics of one question."""

from dataclasses import dataclass

from foldwise.audit.findings import Finding
from foldwise.evaluation.metrics import Metric
from foldwise.reporting.summary import NamedTable
from foldwise.studies.sections import Section

__all__ = ["Chapter"]


@dataclass(frozen=True, eq=False)
class Chapter:
    """What one question adds to the Summary."""

    section: Section
    tables: tuple[NamedTable, ...] = ()
    metrics: tuple[Metric, ...] = ()
    findings: tuple[Finding, ...] = ()
