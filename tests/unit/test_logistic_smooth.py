"""Logistic regressions without an L1 part: against scikit-learn, closed forms and SciPy."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from foldwise.fits import logistic_kernels
from foldwise.fits.batch import FitBatch
from foldwise.fits.logistic_kernels import SEPARABLE_NORM
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize

KEEP = ("scores", "parameters", "preprocessing")


def table(n: int, p: int, seed: int = 0, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return correlated columns of very different size, and labels of two of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    y = (X[:, 0] - 0.7 * X[:, -1] + noise * rng.normal(size=n) > 0.3).astype(float)
    return 5.0 + 10.0 ** rng.uniform(-2, 3, p) * X, y


def folds_plan(y: np.ndarray, settings: list[dict[str, Any]], **options: Any) -> FitPlan:
    setting, fold = np.indices((len(settings), 4)).reshape(2, -1)
    held = np.arange(len(y)) % 4 == fold[:, None]
    return FitPlan(~held, held, y, settings=settings, setting=setting, **options)


def run(X: np.ndarray, plan: FitPlan, **options: Any) -> FitBatch:
    return LogisticLearner(n_jobs=1, **options).run(X, plan, keep=KEEP)


def is_noted(batch: FitBatch, word: str = "separable") -> list[bool]:
    return [
        any(word in text for place, text in batch.notes if place == fit)
        for fit in range(batch.plan.n_fits)
    ]


def converged(ready: np.ndarray, y: np.ndarray, C: float) -> LogisticRegression:
    """Return scikit-learn's fit where lbfgs can go no further."""
    return LogisticRegression(C=C, tol=1e-10, max_iter=100_000).fit(ready, y)


@pytest.mark.parametrize(
    ("n", "p"),
    [
        pytest.param(90, 12, id="more-rows"),
        pytest.param(60, 45, id="nearly-square"),
        pytest.param(86, 64, id="unlucky-for-caches"),
        pytest.param(40, 300, id="more-columns"),
        pytest.param(30, 1, id="one-column"),
    ],
)
def test_ridge_equals_scikit_learn_at_its_optimum(n: int, p: int) -> None:
    X, y = table(n, p)
    plan = folds_plan(y, [{"C": C} for C in (0.01, 1.0, 30.0)])
    batch = run(X, plan)
    assert batch.notes == ()
    for fit in range(plan.n_fits):
        train, C = plan.train[fit], plan.setting_of(fit)["C"]
        ready = StandardScaler().fit_transform(X[train])
        theirs = converged(ready, y[train], C)
        ours = batch.states[fit]
        np.testing.assert_allclose(ours["coef"], theirs.coef_[0], atol=1e-4)
        assert ours["intercept"] == pytest.approx(theirs.intercept_[0], abs=1e-4)
        mine, other = (
            C * np.logaddexp(0, np.where(y[train] == 1, -1, 1) * (ready @ w + b)).sum() + w @ w / 2
            for w, b in (
                (ours["coef"], ours["intercept"]),
                (theirs.coef_[0], theirs.intercept_[0]),
            )
        )
        assert mine <= other * (1 + 1e-9)


@pytest.mark.parametrize(
    "noise", [pytest.param(1.0, id="well-posed"), pytest.param(0.3, id="nearly-separable")]
)
def test_without_penalty_it_is_the_maximum_of_the_likelihood(noise: float) -> None:
    X, y = table(120, 3, noise=noise)
    plan = folds_plan(y, [{"C": np.inf}])
    batch = run(X, plan)
    assert not any(is_noted(batch))
    for fit in range(plan.n_fits):
        train = plan.train[fit]
        ready = StandardScaler().fit_transform(X[train])
        theirs = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=500)
        theirs.fit(ready, y[train])
        np.testing.assert_allclose(batch.states[fit]["coef"], theirs.coef_[0], atol=1e-4)


def test_one_balanced_column_has_the_log_of_the_odds_ratio() -> None:
    x = np.repeat([0.0, 0.0, 1.0, 1.0], [30, 10, 5, 15])
    y = np.repeat([0.0, 1.0, 0.0, 1.0], [30, 10, 5, 15])
    every = np.ones((1, 60), bool)
    state = run(x[:, None], FitPlan(every, every, y), C=np.inf, steps=()).states[0]
    assert state["coef"][0] == pytest.approx(np.log(15 * 30 / (5 * 10)), abs=1e-7)
    assert state["intercept"] == pytest.approx(np.log(10 / 30), abs=1e-7)


def test_twin_columns_share_their_coefficient_and_constant_ones_have_none() -> None:
    X, y = table(80, 3)
    twins = np.column_stack([X, X[:, 1], np.full(80, 7.0)])
    plan = folds_plan(y, [{"C": np.inf}])
    ours, single = (run(one, plan).stacked("coef") for one in (twins, X))
    np.testing.assert_allclose(ours[:, 1], single[:, 1] / 2, atol=1e-5)
    np.testing.assert_allclose(ours[:, 3], single[:, 1] / 2, atol=1e-5)
    assert not ours[:, 4].any()


def smallest_loss_of_norm(ready: np.ndarray, y: np.ndarray, norm: float) -> np.ndarray:
    """Return the coefficients with the smallest loss of a norm, by scikit-learn's L2 path."""

    def fitted(log_C: float) -> np.ndarray:
        model = LogisticRegression(
            C=np.exp(log_C), solver="newton-cholesky", tol=1e-12, max_iter=1000
        )
        return np.asarray(model.fit(ready, y).coef_[0])

    log_C = brentq(lambda at: np.linalg.norm(fitted(at)) - norm, -5, 25, xtol=1e-10)
    return fitted(log_C)


@pytest.mark.parametrize(
    ("n", "p"),
    [pytest.param(50, 4, id="more-rows"), pytest.param(40, 60, id="more-columns")],
)
def test_separable_rows_stop_on_the_ridge_path_at_the_documented_norm(n: int, p: int) -> None:
    X, _ = table(n, p)
    y = (StandardScaler().fit_transform(X)[:, :4] @ [1.0, -1.0, 0.5, 0.2] > 0).astype(float)
    plan = folds_plan(y, [{"C": np.inf}])
    batch = run(X, plan)
    assert all(is_noted(batch))
    for fit in range(plan.n_fits):
        train, coef = plan.train[fit], batch.states[fit]["coef"]
        assert np.linalg.norm(coef) == pytest.approx(SEPARABLE_NORM, rel=1e-7)
        expected = smallest_loss_of_norm(
            StandardScaler().fit_transform(X[train]), y[train], SEPARABLE_NORM
        )
        np.testing.assert_allclose(coef, expected, atol=1e-4)


def test_the_norm_counts_in_standard_deviations_whatever_the_steps() -> None:
    X, _ = table(50, 4)
    y = (X[:, 0] > np.median(X[:, 0])).astype(float)
    plan = folds_plan(y, [{"C": np.inf}])
    scaled, bare = (run(X, plan, steps=steps) for steps in ((Standardize(),), ()))
    assert all(is_noted(bare))
    np.testing.assert_allclose(bare.scores, scaled.scores, rtol=1e-7)


def test_a_larger_norm_approaches_the_widest_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(30, 2))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    y = (X @ [2.0, 1.0] > 0.4).astype(float)
    sign = np.where(y == 1, 1.0, -1.0)
    found = minimize(  # the support vector machine of Rosset, Zhu & Hastie's limit
        lambda v: v[:2] @ v[:2],
        [2.0, 1.0, 0.0],
        constraints={"type": "ineq", "fun": lambda v: sign * (X @ v[:2] + v[2]) - 1},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    widest = found.x[:2] / np.linalg.norm(found.x[:2])
    every = np.ones((1, 30), bool)
    angles = []
    for norm in (6.0, 60.0, 600.0):
        monkeypatch.setattr(logistic_kernels, "SEPARABLE_NORM", norm)
        coef = run(X, FitPlan(every, every, y), C=np.inf, steps=()).states[0]["coef"]
        angles.append(np.arccos(np.clip(coef @ widest / np.linalg.norm(coef), -1, 1)))
    assert angles[0] > angles[1] > angles[2]
    assert angles[2] < 0.02


def test_rows_that_touch_the_plane_are_separable_too() -> None:
    """At 0 both classes lie, elsewhere the sign decides: the slope has no finite optimum."""
    x = np.repeat([-1.0, 0.0, 1.0], 10)
    y = np.r_[np.zeros(10), np.arange(10) % 2, np.ones(10)]
    X = np.column_stack([x, np.random.default_rng(0).normal(size=30)])
    every = np.ones((1, 30), bool)
    batch = run(X, FitPlan(every, every, y), C=np.inf)
    assert is_noted(batch) == [True]
    assert np.linalg.norm(batch.states[0]["coef"]) == pytest.approx(SEPARABLE_NORM)


def test_overlap_far_out_is_an_optimum_and_not_separable() -> None:
    """One pair of rows in the wrong order: the optimum is large, and finite."""
    x = np.arange(40.0)
    y = (x > 19.5).astype(float)
    y[[19, 20]] = y[[20, 19]]
    every = np.ones((1, 40), bool)
    batch = run(x[:, None], FitPlan(every, every, y), C=np.inf)
    theirs = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=500)
    theirs.fit((x[:, None] - x.mean()) / x.std(), y)
    assert batch.notes == ()
    assert abs(theirs.coef_[0, 0]) > SEPARABLE_NORM
    np.testing.assert_allclose(batch.states[0]["coef"], theirs.coef_[0], rtol=1e-5)


def test_thousands_of_columns_that_all_separate_give_finite_coefficients() -> None:
    y = np.arange(24) % 2.0
    X = y[:, None] + 0.1 * np.random.default_rng(0).normal(size=(24, 6000))
    every = np.ones((1, 24), bool)
    batch = run(X, FitPlan(every, every, y), C=np.inf)
    assert is_noted(batch) == [True]
    assert np.linalg.norm(batch.states[0]["coef"]) == pytest.approx(SEPARABLE_NORM)
    assert ((batch.scores[0] > 0.5) == (y == 1)).all()


def test_gaps_are_filled_with_the_medians_of_each_fit() -> None:
    X, y = table(60, 20)
    X[np.random.default_rng(1).random(X.shape) < 0.1] = np.nan
    plan = folds_plan(y, [{"C": 1.0}])
    batch = run(X, plan, steps=(MedianFill(), Standardize()))
    for fit in range(plan.n_fits):
        train = plan.train[fit]
        filled = np.where(np.isnan(X), np.nanmedian(X[train], axis=0), X)
        theirs = converged(StandardScaler().fit_transform(filled[train]), y[train], 1.0)
        np.testing.assert_allclose(batch.states[fit]["coef"], theirs.coef_[0], atol=1e-4)


@pytest.mark.parametrize("C", [pytest.param(0.5, id="l2"), pytest.param(np.inf, id="none")])
def test_sample_weights_are_those_of_scikit_learn(C: float) -> None:
    X, y = table(80, 5)
    X = StandardScaler().fit_transform(X)
    weight = np.random.default_rng(0).integers(0, 4, (4, 80)).astype(float)
    plan = folds_plan(y, [{"C": C}], weight=weight)
    batch = run(X, plan, steps=())
    for fit in range(plan.n_fits):
        own = plan.train[fit] & (weight[fit] > 0)
        theirs = LogisticRegression(C=C, tol=1e-10, max_iter=100_000)
        theirs.fit(X[own], y[own], sample_weight=weight[fit, own])
        np.testing.assert_allclose(batch.states[fit]["coef"], theirs.coef_[0], atol=1e-4)


@pytest.mark.parametrize("mean", [1e3, 1e7, 1e10])
def test_columns_far_from_zero_are_solved_all_the_same(mean: float) -> None:
    X, y = np.random.default_rng(0).normal(size=(80, 12)), np.arange(80) % 2.0
    X[:, 0] += y
    plan = folds_plan(y, [{"C": 1.0}, {"C": np.inf}])
    near, far = (run(X + shift, plan) for shift in (0.0, mean))
    assert far.notes == ()
    # Numbers near 1e10 hold 6 decimals.
    np.testing.assert_allclose(far.stacked("coef"), near.stacked("coef"), atol=1e-4)
