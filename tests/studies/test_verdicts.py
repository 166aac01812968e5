"""The first sentence of a report can be "no"."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tables import BRIEF, write_cohort, write_perovskites

from foldwise.studies.biomarkers import run_biomarkers
from foldwise.studies.config import BiomarkersConfig, PerovskitesConfig
from foldwise.studies.perovskites import run_perovskites
from foldwise.studies.sections import StudyResult
from foldwise.studies.verdicts import (
    ClassificationScore,
    RegressionScore,
    classification_verdict,
    regression_verdict,
)


def biomarkers(X: Path, y: Path) -> StudyResult:
    config = BiomarkersConfig(tables=(str(X), str(y)), random_splits=2, **(BRIEF | {"repeats": 3}))
    return run_biomarkers(config, n_jobs=1)


def perovskites(table: Path) -> StudyResult:
    config = PerovskitesConfig(table=str(table), hidden=(32, 32), epochs=150, weight_decay=1e-4)
    return run_perovskites(config, n_jobs=1)


def test_a_real_difference_is_supported(tmp_path: Path) -> None:
    summary = biomarkers(*write_cohort(tmp_path, n=100, effect=1.5)).summary
    assert summary.result["claim"] == "supported"
    assert summary.verdict.startswith("Yes, in this table: the features separate case (n = 50)")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shuffled_labels_are_answered_with_no(tmp_path: Path, seed: int) -> None:
    X, y = write_cohort(tmp_path, n=100, effect=1.5)
    labels = pd.read_csv(y, index_col=0)
    labels["diagnosis"] = np.random.default_rng(seed).permutation(labels["diagnosis"])
    labels.to_csv(y)
    summary = biomarkers(X, y).summary
    assert summary.result["claim"] == "not supported"
    assert summary.verdict.startswith("No: ")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pure_noise_is_answered_with_no(tmp_path: Path, seed: int) -> None:
    summary = biomarkers(*write_cohort(tmp_path, effect=0.0, n_features=200, seed=seed)).summary
    assert summary.result["claim"] == "not supported"
    assert summary.verdict.startswith("No: ")


def test_a_table_where_one_column_does_as_well_is_unclear(tmp_path: Path) -> None:
    X, y = write_cohort(tmp_path, n=100, effect=0.0, n_features=60)
    features = pd.read_csv(X, index_col=0)
    case = (pd.read_csv(y, index_col=0)["diagnosis"] == "case").to_numpy()
    features["met-0"] += 3.0 * case
    features.to_csv(X)
    summary = biomarkers(X, y).summary
    assert summary.result["claim"] == "unclear"
    assert "that a panel is needed is not shown" in summary.verdict


def test_an_additive_energy_is_learned(tmp_path: Path) -> None:
    summary = perovskites(write_perovskites(tmp_path, n=200)).summary
    assert summary.result["claim"] in ("supported", "unclear")
    assert not summary.verdict.startswith("No")


def test_a_table_where_the_mean_wins_is_answered_with_no(tmp_path: Path) -> None:
    summary = perovskites(write_perovskites(tmp_path, signal=0.0, noise=0.3, n=200)).summary
    assert summary.result["claim"] == "not supported"
    assert summary.verdict.startswith("No: on rows it has not seen the network on descriptors ")
    assert "does not beat the training mean" in summary.verdict


def test_a_network_that_learned_only_the_mean_is_named(tmp_path: Path) -> None:
    table = write_perovskites(tmp_path)
    config = PerovskitesConfig(table=str(table), hidden=(32,), epochs=100, weight_decay=10.0)
    findings = run_perovskites(config, n_jobs=1).summary.findings
    assert "network-predicts-a-constant" in {one["check"] for one in findings}


@pytest.mark.parametrize(
    ("low", "gain_low", "claim"),
    [
        pytest.param(0.51, 0.01, "supported", id="above-chance-and-above-one-column"),
        pytest.param(0.50, 0.01, "not supported", id="interval-touches-chance"),
        pytest.param(0.60, 0.0, "unclear", id="one-column-may-be-as-good"),
    ],
)
def test_classification_verdict_follows_its_rules(low: float, gain_low: float, claim: str) -> None:
    score = ClassificationScore(0.8, low, 0.9, 1.0, 0.7, gain_low, 0.2, "10 x 5 folds")
    verdict = classification_verdict(score, "case", "control", 10, 12)
    assert verdict.claim == claim
    assert f"{low:.3f}" in verdict.text
    assert "case (n = 10) from control (n = 12)" in verdict.text


@pytest.mark.parametrize(
    ("gain_low", "baseline", "claim"),
    [
        pytest.param(0.01, 0.2, "supported", id="beats-mean-and-baselines"),
        pytest.param(0.0, 0.2, "not supported", id="gain-interval-reaches-zero"),
        pytest.param(0.01, 0.05, "unclear", id="a-baseline-is-better"),
    ],
)
def test_regression_verdict_follows_its_rules(gain_low: float, baseline: float, claim: str) -> None:
    score = RegressionScore("one-hot", 0.1, 0.7, gain_low, 0.2, 0.25, "ridge", baseline)
    verdict = regression_verdict(score, "eV/atom", 50)
    assert verdict.claim == claim
    assert "0.100 eV/atom" in verdict.text
