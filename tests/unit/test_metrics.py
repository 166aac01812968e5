"""Metrics agree with counting by hand and with scikit-learn."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from foldwise.errors import InvalidInputError
from foldwise.evaluation.metrics import (
    REGRESSION_METRICS,
    Metric,
    confusion_counts,
    pr_points,
    roc_auc,
    roc_points,
)


def counted_auc(y: np.ndarray, score: np.ndarray) -> float:
    """Share of pairs in which the case stands above the control; ties count one half."""
    won = 0.0
    pairs = [(case, control) for case in score[y == 1] for control in score[y == 0]]
    for case, control in pairs:
        won += 1.0 if case > control else 0.5 if case == control else 0.0
    return won / len(pairs)


# A few levels only, so that cases and controls tie.
@st.composite
def labelled_scores(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    levels = st.lists(st.integers(0, 6), min_size=1, max_size=12)
    cases, controls = draw(levels), draw(levels)
    y = np.repeat([1.0, 0.0], [len(cases), len(controls)])
    return y, np.array([*cases, *controls]) / 6


@given(labelled_scores())
def test_the_auc_is_the_share_of_pairs_in_order(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    # Both are sums of at most 144 fractions: rounding stays far below 1e-12.
    assert roc_auc(*drawn) == pytest.approx(counted_auc(*drawn), abs=1e-12)


@given(labelled_scores())
def test_the_area_under_the_roc_points_is_the_auc(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    points = roc_points(*drawn)
    area = np.trapezoid(points["true_positive_rate"], points["false_positive_rate"])
    assert area == pytest.approx(counted_auc(*drawn), abs=1e-12)  # rounding of 24 terms


@given(labelled_scores())
def test_each_roc_point_counts_the_rows_at_or_above_its_threshold(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    y, score = drawn
    points = roc_points(y, score)
    called = score >= points["threshold"][:, None]  # (threshold, sample)
    assert np.array_equal(points["true_positive_rate"], called[:, y == 1].mean(axis=1))
    assert np.array_equal(points["false_positive_rate"], called[:, y == 0].mean(axis=1))


@given(labelled_scores())
def test_each_pr_point_counts_the_rows_at_or_above_its_threshold(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    y, score = drawn
    points = pr_points(y, score)
    called = score >= points["threshold"][:-1, None]  # (threshold, sample)
    assert np.array_equal(points["recall"][:-1], called[:, y == 1].mean(axis=1))
    expected = called[:, y == 1].sum(axis=1) / called.sum(axis=1)
    assert np.array_equal(points["precision"][:-1], expected)


@given(labelled_scores())
def test_the_steps_under_the_pr_points_are_the_average_precision(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    points = pr_points(*drawn)
    area = -np.sum(np.diff(points["recall"]) * points["precision"][:-1])
    # Rounding of at most 7 terms.
    assert area == pytest.approx(sk.average_precision_score(*drawn), abs=1e-12)


@given(labelled_scores())
def test_the_roc_curve_keeps_every_distinct_score_as_a_threshold(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    # A slider or a table over thresholds needs the points on straight stretches too.
    points = roc_points(*drawn)
    assert np.array_equal(points["threshold"][1:], np.unique(drawn[1])[::-1])


def test_curves_start_at_a_finite_threshold_that_calls_nobody() -> None:
    y, score = np.array([0.0, 1.0]), np.array([0.2, 0.9])
    for threshold in (roc_points(y, score)["threshold"][0], pr_points(y, score)["threshold"][-1]):
        assert np.isfinite(threshold)
        assert not (score >= threshold).any()


def test_confusion_counts_put_the_truth_in_rows_and_the_call_in_columns() -> None:
    y = np.array([0.0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    score = np.array([0.1, 0.1, 0.1, 0.7, 0.7, 0.5, 0.9, 0.3, 0.3, 0.3])
    # A score of exactly one half is not above it.
    assert confusion_counts(y, score).tolist() == [[4, 2], [3, 1]]
    assert confusion_counts(y, score, threshold=0.2).tolist() == [[3, 3], [0, 4]]


def test_confusion_counts_keep_a_class_without_rows() -> None:
    assert confusion_counts(np.ones(3), np.full(3, 0.9)).tolist() == [[0, 0], [0, 3]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Errors 0, 0, 2; deviations from the mean -1, 0, 1: 1 - 4 / 2.
        pytest.param("r2", -1.0, id="r2"),
        pytest.param("mae", 2 / 3, id="mae"),
        pytest.param("rmse", (4 / 3) ** 0.5, id="rmse"),
    ],
)
def test_regression_metrics_by_hand(name: str, expected: float) -> None:
    found = REGRESSION_METRICS[name](np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0]))
    assert found == pytest.approx(expected, rel=1e-15)  # one rounding


@pytest.mark.parametrize(
    ("name", "other"),
    [
        pytest.param("r2", sk.r2_score, id="r2"),
        pytest.param("mae", sk.mean_absolute_error, id="mae"),
        pytest.param("rmse", sk.root_mean_squared_error, id="rmse"),
    ],
)
def test_regression_metrics_are_those_of_scikit_learn(
    name: str, other: Callable[[np.ndarray, np.ndarray], float]
) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(3.0, 1.0, 200)
    prediction = y + rng.normal(0.2, 0.5, 200)
    # Sums of 200 terms in another order.
    assert REGRESSION_METRICS[name](y, prediction) == pytest.approx(other(y, prediction), rel=1e-12)


def test_the_r2_of_equal_targets_is_undefined_and_says_so() -> None:
    with pytest.raises(
        InvalidInputError, match=r"R2 is undefined: all 4 targets are 0\.5\. Report"
    ):
        REGRESSION_METRICS["r2"](np.full(4, 0.5), np.arange(4.0))


@pytest.mark.parametrize(
    ("y", "said"),
    [
        pytest.param([1.0, 1.0, 1.0], "all 3 rows are of class 1.0", id="cases-only"),
        pytest.param([0.0], "all 1 rows are of class 0.0", id="one-row"),
        pytest.param([], "all 0 rows", id="no-row"),
    ],
)
def test_the_auc_of_one_class_is_undefined_and_says_so(y: list[float], said: str) -> None:
    with pytest.raises(InvalidInputError, match=f"AUC is undefined: {said}"):
        roc_auc(np.array(y), np.arange(float(len(y))))


def test_the_auc_of_scores_that_are_no_numbers_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="1 of 3 scores are NaN"):
        roc_auc(np.array([0.0, 1.0, 1.0]), np.array([0.2, np.nan, 0.3]))


def test_a_metric_becomes_an_entry_with_every_field() -> None:
    metric = Metric("mae", "ridge", "one-hot", "test", 0.04, "eV/atom", 12, low=0.03, high=0.05)
    assert metric.as_dict() == {
        "name": "mae",
        "model": "ridge",
        "encoding": "one-hot",
        "split": "test",
        "value": 0.04,
        "unit": "eV/atom",
        "n": 12,
        "low": 0.03,
        "high": 0.05,
    }


@pytest.mark.parametrize("value", [pytest.param(0.1, id="inexact"), pytest.param(0.5, id="exact")])
def test_the_r2_of_equal_targets_is_undefined_however_they_round(value: float) -> None:
    with pytest.raises(InvalidInputError, match="R2 is undefined"):
        REGRESSION_METRICS["r2"](np.full(7, value), np.arange(7.0))
