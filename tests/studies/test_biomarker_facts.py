"""The facts of a run are those of its summary."""

from dataclasses import replace
from pathlib import Path

import pytest
from tables import BRIEF, write_cohort

from foldwise.audit.findings import Finding
from foldwise.evaluation.metrics import Metric
from foldwise.reporting.summary import Summary
from foldwise.studies.biomarker_evidence import gather_evidence
from foldwise.studies.biomarker_facts import facts_of
from foldwise.studies.biomarkers import run_biomarkers
from foldwise.studies.chapters.contents import ask_further
from foldwise.studies.checklists import checklist_tables
from foldwise.studies.cohorts import load_cohort
from foldwise.studies.config import BiomarkersConfig
from foldwise.studies.inquiry import open_inquiry
from foldwise.studies.methods import methods_paragraphs
from foldwise.studies.sections import Watch
from foldwise.studies.study_facts import StudyFacts


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyFacts, Summary]:
    X, y = write_cohort(tmp_path_factory.mktemp("facts"), missing=0.02)
    config = BiomarkersConfig(
        tables=(str(X), str(y)), random_splits=2, C=0.7, **(BRIEF | {"repeats": 1})
    )
    summary = run_biomarkers(config, n_jobs=1).summary
    inquiry = open_inquiry(load_cohort(config), config, Watch(), n_jobs=1)
    evidence = gather_evidence(inquiry)
    further = ask_further(inquiry, evidence)
    metrics = [Metric(**metric) for metric in summary.result["metrics"]]
    return facts_of(inquiry, evidence, further, metrics, []), summary


def test_counts_scheme_and_results_are_those_of_the_summary(
    run: tuple[StudyFacts, Summary],
) -> None:
    facts, summary = run
    data = summary.result["data"]
    for fact, key in (("n_rows", "n_rows"), ("n_positive", "n_positive"), ("scale", "scale")):
        assert getattr(facts, fact) == data[key]
    assert (facts.n_missing, facts.n_zero) == (data["n_missing"], data["n_zero"])
    assert facts.scheme.text.startswith("1 x 5-fold")
    headline = summary.metric("roc_auc", model="logistic-l1", split="cv")
    found = facts.results.headline
    assert found is not None
    assert (found.value, found.low, found.high) == (
        headline["value"],
        headline["low"],
        headline["high"],
    )
    apparent = summary.metric("roc_auc", model="logistic-l1", split="train")
    assert facts.results.apparent is not None
    assert facts.results.apparent.value == apparent["value"]


def test_models_are_named_with_their_penalties_headline_first(
    run: tuple[StudyFacts, Summary],
) -> None:
    models = run[0].models
    assert models[0] == "logistic regression with an L1 penalty (C = 0.7)"
    assert "logistic regression with no penalty" in models
    assert len(models) == 5


def test_the_files_stand_in_methods_with_their_hashes(
    run: tuple[StudyFacts, Summary], tmp_path: Path
) -> None:
    facts, summary = run
    text = " ".join(methods_paragraphs(facts))
    for source in summary.run["data"]:
        assert source["sha256"] in text
    assert len(checklist_tables(facts)) == 4


def test_a_stopping_finding_empties_the_methods_of_this_run(
    run: tuple[StudyFacts, Summary],
) -> None:
    facts, _ = run
    stopped = replace(facts, findings=(Finding("a-lattice", "stops", "x", "y"),))
    assert "AUC" in " ".join(methods_paragraphs(facts))
    assert "AUC" not in " ".join(methods_paragraphs(stopped))
