"""The citable table: every array in its column, rows in their order, nothing misplaced."""

import numpy as np
import pytest

from foldwise.errors import InvalidInputError
from foldwise.evaluation.coefficients import coefficient_spread
from foldwise.evaluation.explanations import Explanations
from foldwise.evaluation.importance import ClusterImportance
from foldwise.evaluation.univariate import univariate_tests
from foldwise.reporting.summary import Summary, read_summary
from foldwise.studies.metabolite_table import (
    coefficient_spread_table,
    metabolite_table,
    shap_table,
)

NAMES = ["alanine", "serine", "ibuprofen", "lactate"]


def _parts() -> dict:
    rng = np.random.default_rng(0)
    y = (np.arange(30) % 2).astype(float)
    X = np.exp(rng.normal(size=(30, 4)) + y[:, None] * [0.0, 2.0, 0.5, 0.0])
    X[0, 3] = np.nan
    coef = rng.normal(size=(10, 4))
    drop = np.tile([0.25, 0.0], (2, 1, 1))
    return {
        "features": NAMES,
        "tests": univariate_tests(X, y),
        "scale": "raw",
        "identifiers": {"alanine": "HMDB0000161"},
        "coefficients": coefficient_spread(coef),
        "frequency": np.array([0.2, 0.9, 0.9, 0.1]),
        "clusters": np.array([0, 1, 1, 0]),
        "shap_size": np.array([0.1, 0.7, 0.3, 0.0]),
        "importance": ClusterImportance(drop, np.array([1, 0, 0, 1])),
        "flags": {"ibuprofen": "drug"},
    }


def test_every_number_stands_beside_the_name_of_its_feature():
    parts = _parts()
    frame = metabolite_table(**parts).frame.set_index("feature")
    tests, spread = parts["tests"], parts["coefficients"]
    expected = {
        "n_missing": tests.n_missing,
        "log2_fold_change": tests.effect,
        "welch_p": tests.welch_p,
        "mann_whitney_p": tests.mann_whitney_p,
        "q": tests.mann_whitney_q,
        "univariate_auc": tests.auc,
        "auc_low": tests.auc_low,
        "auc_high": tests.auc_high,
        "coef_median": spread.median,
        "coef_lower": spread.lower_quartile,
        "coef_upper": spread.upper_quartile,
        "sign_consistency": spread.sign_consistency,
        "share_zero": spread.share_zero,
        "rank_low": spread.rank_low,
        "rank_high": spread.rank_high,
        "top5_share": spread.top_five_share,
        "frequency": parts["frequency"],
        "cluster": parts["clusters"],
        "shap_size": parts["shap_size"],
        "forest_importance": [0.0, 0.25, 0.25, 0.0],
    }
    for column, values in expected.items():
        np.testing.assert_array_equal(frame.loc[NAMES, column], values, err_msg=column)
    assert frame["identifiers"].to_dict()["alanine"] == "HMDB0000161"
    assert frame["flags"].to_dict() == {
        "alanine": "",
        "serine": "",
        "ibuprofen": "drug",
        "lactate": "",
    }


def test_rows_go_by_frequency_then_by_q():
    assert metabolite_table(**_parts()).frame["feature"].tolist()[:2] == ["serine", "ibuprofen"]
    assert metabolite_table(**_parts()).frame["feature"].tolist()[-1] == "lactate"


def test_what_was_not_computed_has_no_column():
    parts = _parts()
    table = metabolite_table(parts["features"], parts["tests"], scale="raw")
    assert {"frequency", "coef_median", "flags"}.isdisjoint(table.frame.columns)
    assert table.frame["q"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("scale", "column"),
    [
        ("raw", "log2_fold_change"),
        ("log10", "log2_fold_change"),
        ("z", "difference_z"),
        ("percentile", "difference_percentile"),
    ],
)
def test_the_effect_carries_the_unit_of_the_scale(scale, column):
    X, y = np.arange(24.0).reshape(6, 4) + 1, np.array([0.0, 0, 0, 1, 1, 1])
    frame = metabolite_table(NAMES, univariate_tests(X, y, scale=scale), scale=scale).frame
    effects = [key for key in frame.columns if key.startswith(("log2", "difference"))]
    assert effects == [column]
    assert ("n_without_log" in frame.columns) == (scale == "raw")


def test_an_array_of_another_length_is_refused():
    parts = {**_parts(), "frequency": np.ones(3), "clusters": np.ones(5, int)}
    with pytest.raises(InvalidInputError, match=r"4 features, .* frequency \(3\), cluster \(5\)"):
        metabolite_table(**parts)


@pytest.mark.parametrize("name", ["identifiers", "flags"])
def test_a_name_that_is_no_feature_is_refused(name):
    with pytest.raises(InvalidInputError, match=f"1 of 1 names in {name} .* 'Alanin'"):
        metabolite_table(**{**_parts(), name: {"Alanin": "x"}})


def test_the_table_survives_its_file_with_every_bit(tmp_path):
    table = metabolite_table(**_parts())
    Summary("biomarkers", "T", "V", tables={"metabolites": table}).write(tmp_path)
    again = read_summary(tmp_path).tables["metabolites"].frame
    for column in table.frame:
        np.testing.assert_array_equal(again[column], table.frame[column], err_msg=column)


def test_coefficients_of_two_models_stand_below_each_other():
    coef = np.random.default_rng(0).normal(size=(6, 4))
    spreads = {"a": coefficient_spread(coef), "b": coefficient_spread(2 * coef)}
    frame = coefficient_spread_table(NAMES, spreads).frame
    assert frame["feature"].tolist() == NAMES * 2
    halves = [frame.loc[frame["model"] == model, "coef_median"].to_numpy() for model in "ab"]
    np.testing.assert_allclose(2 * halves[0], halves[1])


def test_shap_values_stand_beside_the_person_they_are_of():
    X = np.array([[1.0, 5.0], [np.nan, 6.0], [3.0, 7.0]])
    values = np.array([[0.1, -0.5], [0.2, 0.9]])
    found = Explanations(values, np.zeros(2), np.array([True, False, True]))
    frame = shap_table(["a", "b"], ["p1", "p2", "p3"], X, {"m": found}).frame
    assert frame["feature"].tolist() == ["b", "b", "a", "a"]
    assert frame["id"].tolist() == ["p1", "p3"] * 2
    assert frame["shap"].tolist() == [-0.5, 0.9, 0.1, 0.2]
    np.testing.assert_allclose(frame["standardized"], [-1.224745, 1.224745, -1, 1], atol=1e-6)
