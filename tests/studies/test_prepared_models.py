"""A tuned model is prepared as set, saved with its steps, and scores new tables with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldwise.errors import InvalidInputError
from foldwise.fits.abundance_steps import Log2, MissingIndicator, ZerosAbsent
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import CenterOnly, MedianFill, Standardize, feature_names
from foldwise.studies.config import BiomarkersConfig, TuneBiomarkersConfig
from foldwise.studies.model import Model, load_model
from foldwise.studies.predicting import predict_table
from foldwise.studies.preparation import prepare
from foldwise.studies.tune_biomarkers import run_tune_biomarkers

TARGET = {"name": "diagnosis", "unit": "probability", "positive": "case", "negative": "control"}

CHOICES = [
    pytest.param({}, id="defaults"),
    pytest.param({"zeros": "absent", "impute": "knn", "normalise": "pqn"}, id="knn-and-pqn"),
    pytest.param({"impute": "half-minimum", "scaling": "pareto"}, id="half-minimum-and-pareto"),
    pytest.param({"zeros": "true", "normalise": "sum", "scaling": "none"}, id="offset-and-sum"),
    pytest.param({"missing_indicator": True, "max_missing": 0.2}, id="indicator-and-filter"),
    pytest.param({"normalise": "median", "transform": "none"}, id="median"),
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Write raw abundances with zeros and gaps, and their labels."""
    folder, rng = tmp_path_factory.mktemp("raw"), np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.lognormal(5.0, 1.0, (60, 8))
    X[:, 0] *= np.exp(y)
    X[rng.random(X.shape) < 0.05] = np.nan
    X[:, 6][rng.random(60) < 0.4] = np.nan
    X[:, 7][rng.random(60) < 0.2] = 0.0
    ids = [f"P{i:02d}" for i in range(60)]
    features = pd.DataFrame(X, index=ids, columns=[f"met-{i}" for i in range(8)])
    features.to_csv(folder / "X.csv", index_label="sample")
    labels = pd.DataFrame({"diagnosis": np.where(y == 1, "case", "control")}, index=ids)
    labels.to_csv(folder / "y.csv", index_label="sample")
    return str(folder / "X.csv"), str(folder / "y.csv")


@pytest.mark.parametrize("values", CHOICES)
def test_a_saved_model_scores_its_own_rows_again(
    tables: tuple[str, str], values: dict[str, Any], tmp_path: Path
) -> None:
    config = TuneBiomarkersConfig(
        tables=tables, scale="raw", C=(0.3,), l1_ratio=(0.0,), repeats=1, folds=3, **values
    )
    result = run_tune_biomarkers(config, n_jobs=1)
    result.model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.steps == result.model.steps
    assert loaded.state.keys() == result.model.state.keys()
    for name, value in loaded.state.items():
        np.testing.assert_array_equal(value, result.model.state[name])
    again = predict_table(tmp_path / "model", Path(tables[0])).frame.set_index("id")
    own = result.predictions.query("model == 'logistic-tuned'").set_index("id")["score"]
    np.testing.assert_allclose(again.loc[own.index, "score_case"], own, rtol=1e-9)


def test_the_search_says_how_the_table_was_prepared(tables: tuple[str, str]) -> None:
    config = TuneBiomarkersConfig(
        tables=tables, scale="raw", C=(0.3,), l1_ratio=(0.0,), repeats=1, folds=3
    )
    lead = run_tune_biomarkers(config, n_jobs=1).summary.result["sections"][0]["lead"]
    assert "Zeros were read as values below the limit of detection" in lead
    assert "Abundances were log2 transformed. Missing values were replaced by the median" in lead
    assert "read as below the limit of detection; set --zeros absent or true" in lead


def small_model(**changes: Any) -> Model:
    steps = (ZerosAbsent(), Log2(), MissingIndicator((1,)), MedianFill(), CenterOnly())
    X = np.array([[1.0, 0.0], [2.0, 8.0], [4.0, 2.0], [8.0, 0.0]])
    y = np.array([0.0, 0.0, 1.0, 1.0])
    every = np.ones((1, 4), bool)
    keep = ("scores", "parameters", "preprocessing")
    batch = LogisticLearner(steps=steps, n_jobs=1).run(X, FitPlan(every, every, y), keep=keep)
    given = {
        "kind": "logistic",
        "state": batch.states[0],
        "features": ("glucose", "lactate"),
        "target": TARGET,
        "encoder": {"kind": "columns"},
        "steps": steps,
    }
    return Model(**{**given, **changes})


def test_new_columns_have_coefficients_of_their_own_name() -> None:
    model = small_model()
    names = feature_names(model.steps or (), model.features)
    assert names == ("glucose", "lactate", "lactate is missing")
    assert model.state["coef"].shape == (3,)
    by_hand = model.state["coef"] @ (
        np.array([np.log2(5.0), model.state["fill"][1], 1.0]) - model.state["center"]
    )
    expected = 1 / (1 + np.exp(-(by_hand + model.state["intercept"])))
    np.testing.assert_allclose(model.predict(np.array([[5.0, 0.0]])), expected, rtol=1e-12)


def test_steps_that_are_not_named_are_not_guessed() -> None:
    raw = prepare(BiomarkersConfig(zeros="lod"), _table_with_zeros())
    X, y = _table_with_zeros().X(), (np.arange(12) % 2).astype(float)
    every = np.ones((1, 12), bool)
    batch = LogisticLearner(steps=raw.steps, n_jobs=1).run(
        X, FitPlan(every, every, y), keep=("scores", "parameters", "preprocessing")
    )
    with pytest.raises(InvalidInputError, match="holds 'below_detection' and no step"):
        small_model(state=batch.states[0], features=("glucose",), steps=None)


def _table_with_zeros() -> Any:
    from foldwise.data.tables import Column, Table

    frame = pd.DataFrame({"glucose": np.arange(12.0)}, index=[f"P{i}" for i in range(12)])
    return Table(frame, (Column("glucose", "feature"),), scale="raw")


def test_a_bundle_of_the_first_schema_is_still_read(tmp_path: Path) -> None:
    state = {
        "fill": np.array([1.0]),
        "center": np.array([2.0]),
        "scale": np.array([4.0]),
        "coef": np.array([3.0]),
        "intercept": np.array(0.5),
    }
    small_model(state=state, features=("glucose",), steps=None).save(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    del described["steps"]
    described["schema"] = "foldwise.model/1"
    _write_sealed(tmp_path, described)
    model = load_model(tmp_path)
    assert model.steps == (MedianFill(), Standardize())
    z = 3.0 * ((np.array([1.0, 10.0]) - 2.0) / 4.0) + 0.5
    np.testing.assert_allclose(model.predict(np.array([[np.nan], [10.0]])), 1 / (1 + np.exp(-z)))


def test_a_step_that_this_version_does_not_know_is_refused(tmp_path: Path) -> None:
    small_model().save(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    described["steps"][1] = {"step": "Log3"}
    _write_sealed(tmp_path, described)
    with pytest.raises(InvalidInputError, match="'Log3' is not known to this version"):
        load_model(tmp_path)


def test_negative_abundances_of_a_new_table_are_named(tmp_path: Path) -> None:
    small_model().save(tmp_path / "model")
    (tmp_path / "new.csv").write_text("id,glucose,lactate\na,1.5,0\nb,2.5,-3\n")
    with pytest.raises(InvalidInputError, match=r"new\.csv: 1 cell below zero.*: 'lactate'"):
        predict_table(tmp_path / "model", tmp_path / "new.csv")


def _write_sealed(folder: Path, described: dict[str, Any]) -> None:
    """Write a description with its SHA-256, as any tool could."""
    from hashlib import sha256

    kept = {key: value for key, value in described.items() if key != "sha256"}
    text = json.dumps(kept, sort_keys=True, ensure_ascii=False)
    described["sha256"] = sha256(text.encode()).hexdigest()
    (folder / "model.json").write_text(json.dumps(described))
