"""Answers are computed: each carries numbers, and another table gives another answer."""

import re

import pytest
from tables import BRIEF, write_cohort, write_perovskites

from foldwise.studies.biomarkers import run_biomarkers
from foldwise.studies.config import BiomarkersConfig, PerovskitesConfig
from foldwise.studies.perovskites import run_perovskites
from foldwise.studies.sections import StudyResult

NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?")


def answers(result: StudyResult) -> dict[str, str]:
    sections = result.summary.result["sections"]
    return {one["key"]: one["answer"] for section in sections for one in section["answers"]}


@pytest.fixture(scope="module")
def two_cohorts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    found = []
    for n, n_features, effect, seed in ((60, 12, 1.5, 0), (90, 16, 0.6, 1)):
        folder = tmp_path_factory.mktemp("cohort")
        X, y = write_cohort(
            folder, n=n, n_features=n_features, effect=effect, seed=seed, missing=0.02
        )
        config = BiomarkersConfig(tables=(str(X), str(y)), random_splits=5, **BRIEF)
        found.append(answers(run_biomarkers(config, n_jobs=1)))
    return found


@pytest.fixture(scope="module")
def two_campaigns(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    found = []
    for n, held, hidden in ((120, ("Y",), (16,)), (150, ("Nd", "Ba"), (24, 8))):
        table = write_perovskites(tmp_path_factory.mktemp("campaign"), n=n, seed=n)
        config = PerovskitesConfig(
            table=str(table),
            holdout_elements=held,
            hidden=hidden,
            epochs=20 + n,
            lr=n * 1e-5,
            batch_size=n // 2,
            seed=n,
        )
        found.append(answers(run_perovskites(config, n_jobs=1)))
    return found


def test_every_biomarker_answer_carries_two_numbers(two_cohorts: list[dict[str, str]]) -> None:
    for found in two_cohorts:
        assert [key for key, text in found.items() if len(NUMBER.findall(text)) < 2] == []


def test_another_cohort_gives_other_answers(two_cohorts: list[dict[str, str]]) -> None:
    one, other = two_cohorts
    assert one.keys() == other.keys()
    # These tell of the procedure, which is the same, and would tell of its failure.
    same = {"self-tests-unseen-logistic-l1", "self-tests-unseen-forest", "standards-open"}
    assert [key for key in one if one[key] == other[key] and key not in same] == []


def test_every_perovskite_answer_carries_two_numbers(two_campaigns: list[dict[str, str]]) -> None:
    for found in two_campaigns:
        assert [key for key, text in found.items() if len(NUMBER.findall(text)) < 2] == []


def test_another_campaign_gives_other_answers(two_campaigns: list[dict[str, str]]) -> None:
    one, other = two_campaigns
    assert one.keys() == other.keys()
    same = [key for key in one if one[key] == other[key]]
    # The device is the machine's, not the table's.
    assert same == ["2.2-device"]
