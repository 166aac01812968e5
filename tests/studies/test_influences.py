"""Covariates and batches: what they reach alone, and what the features add."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foldwise.studies.biomarkers import run_biomarkers
from foldwise.studies.config import BiomarkersConfig
from foldwise.studies.sections import StudyResult


def write_influenced(
    folder: Path, *, years: float = 0.0, effect: float = 0.0, batch_is_class: bool = False
) -> str:
    """Write a cohort whose cases are ``years`` older; two features follow age, one the class."""
    rng = np.random.default_rng(5)
    n = 90
    y = np.arange(n) % 2
    age = rng.normal(50, 8, n) + years * y
    X = rng.normal(10, 1, (n, 8))
    X[:, 0] += (age - 50) / 8
    X[:, 1] -= (age - 50) / 8
    X[:, 2] += effect * y
    frame = pd.DataFrame(X, columns=[f"met-{i}" for i in range(8)])
    frame.insert(0, "diagnosis", np.where(y == 1, "case", "control"))
    frame["age"] = age.round(1)
    frame["sex"] = rng.choice(["F", "M"], n)
    frame["plate"] = y if batch_is_class else rng.integers(0, 3, n)
    frame.index = pd.Index([f"P{i:03d}" for i in range(n)], name="id")
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "table.csv")
    return str(folder / "table.csv")


def asked(table: str, **settings: object) -> StudyResult:
    given = {"covariates": ("age", "sex"), "batch": "plate", **settings}
    config = BiomarkersConfig(
        tables=(table,), repeats=2, random_splits=2, permutations=0, pairs=0, **given
    )
    return run_biomarkers(config, n_jobs=1)


def frame_of(result: StudyResult, name: str) -> pd.DataFrame:
    return result.summary.tables[name].frame


def gain_over_covariates(result: StudyResult) -> pd.Series:
    gains = frame_of(result, "gains").set_index("over")
    return gains.loc["covariates-alone"]


def test_features_that_only_follow_age_add_nothing_to_it(tmp_path: Path) -> None:
    result = asked(write_influenced(tmp_path, years=14))
    comparison = frame_of(result, "comparison").set_index("model")["mean"]
    assert comparison["covariates-alone"] > 0.8
    assert comparison["logistic-l1"] > 0.7
    gain = gain_over_covariates(result)
    assert gain["gain_low"] < 0 < gain["gain_high"] or gain["gain_high"] < 0


def test_a_marker_of_the_class_adds_to_the_covariates(tmp_path: Path) -> None:
    assert gain_over_covariates(asked(write_influenced(tmp_path, effect=2.5)))["gain_low"] > 0.1


def test_covariates_alone_equal_a_scikit_learn_pipeline_on_the_same_folds(tmp_path: Path) -> None:
    table = write_influenced(tmp_path, years=8)
    result = asked(table)
    cohort = pd.read_csv(table, index_col="id")
    X = np.column_stack([cohort["age"], cohort["sex"] == "F", cohort["sex"] == "M"])
    y = (cohort["diagnosis"] == "case").to_numpy()
    aucs = []
    for repeat in ("fold_1", "fold_2"):
        folds = result.splits.set_index("id").loc[cohort.index, repeat].to_numpy()
        for fold in range(1, 6):
            model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))
            model.fit(X[folds != fold], y[folds != fold])
            held = folds == fold
            aucs.append(roc_auc_score(y[held], model.decision_function(X[held])))
    metric = result.summary.metric("roc_auc", model="covariates-alone")
    assert metric["value"] == pytest.approx(np.mean(aucs), abs=1e-12)


def test_the_overlap_counts_only_samples_of_shared_age(tmp_path: Path) -> None:
    table = write_influenced(tmp_path, years=10)
    overlap = frame_of(asked(table, covariates=("age",)), "overlap")
    cohort = pd.read_csv(table)
    ages = [cohort.loc[cohort["diagnosis"] == one, "age"] for one in ("case", "control")]
    low, high = max(one.min() for one in ages), min(one.max() for one in ages)
    inside = [int(one.between(low, high).sum()) for one in ages]
    assert overlap[["n_cases", "n_controls"]].drop_duplicates().to_numpy().tolist() == [inside]


def test_a_batch_that_is_the_class_is_said_to_be_one_and_the_same(tmp_path: Path) -> None:
    result = asked(write_influenced(tmp_path, batch_is_class=True))
    assert frame_of(result, "comparison").set_index("model")["mean"]["batch-alone"] == 1.0
    answers = {
        one["key"]: one["answer"]
        for section in result.summary.result["sections"]
        for one in section["answers"]
    }
    assert "one and the same" in answers["baselines-left-out"]
    assert frame_of(result, "batches")["auc"].isna().all()


def test_each_batch_is_scored_by_a_model_that_never_saw_it(tmp_path: Path) -> None:
    table = write_influenced(tmp_path, effect=1.0)
    batches = frame_of(asked(table), "batches").set_index("batch")
    cohort = pd.read_csv(table, index_col="id")
    X = cohort.filter(like="met-").to_numpy()
    y = (cohort["diagnosis"] == "case").to_numpy()
    held = (cohort["plate"] == 1).to_numpy()
    scaler = StandardScaler().fit(X[~held])
    model = LogisticRegression(
        l1_ratio=1.0, solver="saga", tol=1e-9, max_iter=200_000, random_state=0
    )
    model.fit(scaler.transform(X[~held]), y[~held])
    expected = roc_auc_score(y[held], model.decision_function(scaler.transform(X[held])))
    assert batches.loc["1", "auc"] == pytest.approx(expected, abs=1e-12)


def test_without_covariates_and_batch_a_note_says_what_cannot_be_seen(tmp_path: Path) -> None:
    table = write_influenced(tmp_path)
    result = asked(table, covariates=(), batch=None, ignore=("age", "sex", "plate"))
    notes = {one["check"]: one["severity"] for one in result.summary.findings}
    assert notes["no-covariates"] == notes["no-batch"] == "note"
    assert result.summary.result["data"]["n_features"] == 8
