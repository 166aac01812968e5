"""Penalised logistic regression has converged: against saga, lbfgs and theory."""

import warnings

import numpy as np
import pytest
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from foldwise.errors import InvalidInputError
from foldwise.fits.logistic import PenalizedLogistic


@parametrize_with_checks([PenalizedLogistic(), PenalizedLogistic(C=0.5, l1_ratio=0.7)])
def test_scikit_learn_accepts_the_estimator(estimator: PenalizedLogistic, check: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # checks of array-API input are skipped with a warning
        check(estimator)  # type: ignore[operator]


def cohort(n: int = 80, p: int = 15, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return standardised features and unbalanced labels that no plane separates."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = (X[:, 0] - 0.8 * X[:, 1] + rng.normal(scale=1.5, size=n) > 0.8).astype(float)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


@pytest.mark.parametrize(
    ("C", "l1_ratio"),
    [
        pytest.param(1.0, 1.0, id="l1"),
        pytest.param(0.1, 1.0, id="strong-l1"),
        pytest.param(0.5, 0.4, id="elastic-net"),
    ],
)
def test_coefficients_equal_a_converged_saga(C: float, l1_ratio: float) -> None:
    X, y = cohort()
    saga = LogisticRegression(C=C, l1_ratio=l1_ratio, solver="saga", tol=1e-9, max_iter=100_000)
    saga.fit(X, y)
    ours = PenalizedLogistic(C=C, l1_ratio=l1_ratio).fit(X, y)
    # Both stop at a gradient of 1e-5 or less; the curvature here is about 1.
    np.testing.assert_allclose(ours.coef_, saga.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, saga.intercept_, atol=1e-4)
    np.testing.assert_array_equal(ours.coef_ == 0, saga.coef_ == 0)


def test_more_columns_than_rows_reach_the_conditions_of_an_optimum() -> None:
    X, y = cohort(n=40, p=200)
    model = PenalizedLogistic(C=1.0, l1_ratio=1.0).fit(X, y)
    residual = expit(model.decision_function(X)) - y
    slope, w = X.T @ residual, model.coef_[0]
    assert 0 < (w != 0).sum() < 40
    assert np.abs(slope[w == 0]).max() <= 1 + 1e-4
    np.testing.assert_allclose(slope[w != 0], -np.sign(w[w != 0]), atol=1e-4)
    assert residual.sum() == pytest.approx(0.0, abs=1e-4)  # the intercept is not penalised


def test_a_penalty_that_leaves_nothing_keeps_the_share_of_cases() -> None:
    X, y = cohort()
    model = PenalizedLogistic(C=1e-4, l1_ratio=1.0).fit(X, y)
    assert not model.coef_.any()
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], y.mean(), atol=1e-5)


@pytest.mark.parametrize("C", [pytest.param(np.inf, id="none"), pytest.param(0.3, id="l2")])
def test_without_an_l1_part_it_is_scikit_learns_optimum(C: float) -> None:
    X, y = cohort()
    ours = PenalizedLogistic(C=C).fit(X, y)
    theirs = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10).fit(X, y)
    # Without penalty lbfgs stops at a slope of 1e-4 per row.
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-2 if np.isinf(C) else 1e-5)
    np.testing.assert_array_equal(ours.predict_proba(X)[:, 1], expit(ours.decision_function(X)))


def test_a_fit_that_stops_early_warns() -> None:
    X, y = cohort()
    with pytest.warns(ConvergenceWarning, match="stopped after 2 iterations"):
        PenalizedLogistic(C=1.0, l1_ratio=1.0, max_iter=2).fit(X, y)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        pytest.param([1, 1, 1], "all 3 rows of y are of one class, 1", id="one-class"),
        pytest.param(["a", "b", "c"], "y holds 3 classes, 'a', 'b', 'c'", id="three-classes"),
    ],
)
def test_labels_that_are_no_two_classes_are_named(labels: list[object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        PenalizedLogistic().fit(np.eye(3), labels)
