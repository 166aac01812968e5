"""The adapter adds nothing to an estimator, names a failing fit, and needs no certain worker."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from foldwise.errors import FitError
from foldwise.fits import schedule
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize
from foldwise.fits.sklearn_learner import SklearnLearner

HELD = np.arange(60) % 4 == np.arange(4)[:, None]  # (fit, sample)


@pytest.fixture
def X() -> np.ndarray:
    return np.random.default_rng(0).normal(3.0, 2.0, size=(60, 5))


@pytest.fixture
def y(X: np.ndarray) -> np.ndarray:
    return (X[:, 0] + np.random.default_rng(1).normal(size=60) > 3.0).astype(float)


def test_steps_and_pipeline_are_two_ways_to_the_same_scores(X: np.ndarray, y: np.ndarray) -> None:
    plan = FitPlan(~HELD, HELD, y)
    own = SklearnLearner(LogisticRegression(), (Standardize(),)).run(X, plan)
    piped = SklearnLearner(make_pipeline(StandardScaler(), LogisticRegression())).run(X, plan)
    bare = SklearnLearner(LogisticRegression()).run(X, plan)
    for fit in range(4):
        held = HELD[fit]
        pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[~held], y[~held])
        by_hand = pipeline.predict_proba(X[held])[:, 1]
        np.testing.assert_allclose(own.at(fit, held), by_hand, rtol=1e-10)
        np.testing.assert_array_equal(piped.at(fit, held), by_hand)
        unscaled = LogisticRegression().fit(X[~held], y[~held]).predict_proba(X[held])[:, 1]
        np.testing.assert_array_equal(bare.at(fit, held), unscaled)  # nothing was added


@pytest.mark.parametrize(
    ("estimator", "score"),
    [
        pytest.param(LinearSVC(), "decision_function", id="decision"),
        pytest.param(Ridge(), "predict", id="regressor"),
    ],
)
def test_an_estimator_without_probabilities_is_scored_by_what_it_has(
    X: np.ndarray, y: np.ndarray, estimator: LinearSVC | Ridge, score: str
) -> None:
    batch = SklearnLearner(estimator).run(X, FitPlan(~HELD, HELD, y))
    by_hand = getattr(estimator.set_params(random_state=0).fit(X[~HELD[0]], y[~HELD[0]]), score)
    np.testing.assert_array_equal(batch.at(0, HELD[0]), by_hand(X[HELD[0]]))


def test_a_fits_seed_reaches_every_open_random_state(X: np.ndarray, y: np.ndarray) -> None:
    plan = FitPlan(~HELD, HELD, y, seed=np.array([1, 2, 1, 2]))
    forest = RandomForestRegressor(n_estimators=5)
    batch = SklearnLearner(make_pipeline(StandardScaler(), forest)).run(X, plan)
    for fit, seed in enumerate(plan.seed):
        by_hand = make_pipeline(StandardScaler(), forest).set_params(
            randomforestregressor__random_state=int(seed)
        )
        by_hand.fit(X[~HELD[fit]], y[~HELD[fit]])
        np.testing.assert_array_equal(batch.at(fit, HELD[fit]), by_hand.predict(X[HELD[fit]]))


def test_weights_reach_the_estimator(X: np.ndarray, y: np.ndarray) -> None:
    weight = np.random.default_rng(2).integers(0, 3, HELD.shape).astype(float)
    batch = SklearnLearner(Ridge()).run(X, FitPlan(~HELD, HELD, y, weight=weight))
    rows = np.repeat(np.arange(60), weight[0].astype(int) * ~HELD[0])  # a weight of 2 is two rows
    by_hand = Ridge().fit(X[rows], y[rows]).predict(X[HELD[0]])
    np.testing.assert_allclose(batch.at(0, HELD[0]), by_hand, rtol=1e-10)


def test_worker_processes_change_no_bit(
    X: np.ndarray, y: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_SECONDS_WORTH_WORKERS", 0.0)
    plan = FitPlan(~HELD, HELD, y, seed=np.arange(4))
    runs = [
        SklearnLearner(RandomForestClassifier(5), (MedianFill(),), n_jobs).run(X, plan)
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(runs[0].scores, runs[1].scores)


class Fragile(RegressorMixin, BaseEstimator):
    """Fails where a training cell is above a limit."""

    def __init__(self, limit: float = np.inf) -> None:
        self.limit = limit

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Fragile":
        if X.max() > self.limit:
            raise ArithmeticError("too large")
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.zeros(len(X))


@pytest.mark.parametrize("n_jobs", [pytest.param(1, id="at-home"), pytest.param(2, id="worker")])
def test_a_failing_fit_is_named_by_its_place_in_the_plan(
    X: np.ndarray, y: np.ndarray, n_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_SECONDS_WORTH_WORKERS", 0.0)
    settings = ({"limit": np.inf}, {"limit": 0.0})
    plan = FitPlan(
        ~HELD,
        HELD,
        y,
        settings=settings,
        setting=np.array([0, 0, 0, 1]),
        members={"fold": np.arange(4)},
    )
    with pytest.raises(FitError, match=r"fit 3 \(limit=0.0, fold 3\) failed in Fragile: Arith"):
        SklearnLearner(Fragile(), n_jobs=n_jobs).run(X, plan)


def test_a_warning_of_a_solver_becomes_a_note_of_its_fit(X: np.ndarray, y: np.ndarray) -> None:
    settings = ({"max_iter": 500}, {"max_iter": 1})
    plan = FitPlan(~HELD[:2], HELD[:2], y, settings=settings, setting=np.array([0, 1]))
    notes = SklearnLearner(LogisticRegression(), (Standardize(),)).run(X, plan).notes
    assert {fit for fit, _ in notes} == {1}
    assert "failed to converge" in notes[0][1]
