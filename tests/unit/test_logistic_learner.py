"""The batch of L1 logistic regressions equals saga, one at a time, on gapped and wide tables."""

from collections.abc import Mapping

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foldwise.errors import InvalidInputError
from foldwise.fits import logistic_block, schedule
from foldwise.fits.logistic import PenalizedLogistic
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize
from foldwise.fits.sklearn_learner import SklearnLearner

KEEP = ("scores", "parameters", "preprocessing")


def cohort(n: int = 90, p: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return correlated abundances of very different size, and labels."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    y = (X[:, 0] - 0.7 * X[:, 1] + rng.normal(size=n) > 0.3).astype(float)
    return 50.0 + 10.0 ** rng.uniform(-2, 3, p) * X, y


def folds_plan(y: np.ndarray, settings: list[dict[str, float]]) -> FitPlan:
    setting, fold = np.indices((len(settings), 4)).reshape(2, -1)
    held = np.arange(len(y)) % 4 == fold[:, None]
    return FitPlan(~held, held, y, settings=settings, setting=setting, members={"fold": fold})


SETTINGS = [
    {"C": C, "l1_ratio": share} for C, share in ((1.0, 1.0), (0.1, 1.0), (10.0, 1.0), (0.5, 0.3))
]


def objective(
    X: np.ndarray, sign: np.ndarray, setting: Mapping[str, float], w: np.ndarray, b: float
) -> float:
    """Return what scikit-learn says it minimises."""
    loss = np.logaddexp(0, -sign * (X @ w + b)).sum()
    share = setting["l1_ratio"]
    return setting["C"] * loss + share * np.abs(w).sum() + (1 - share) * (w @ w) / 2


def test_coefficients_and_objectives_equal_a_converged_saga() -> None:
    X, y = cohort()
    plan = folds_plan(y, SETTINGS)
    batch = LogisticLearner(n_jobs=1).run(X, plan, keep=KEEP)
    for fit in range(plan.n_fits):
        train, setting = plan.train[fit], plan.setting_of(fit)
        ready = StandardScaler().fit_transform(X[train])
        saga = LogisticRegression(solver="saga", tol=1e-10, max_iter=1_000_000, **setting)
        saga.fit(ready, y[train])
        coef, intercept = batch.states[fit]["coef"], float(batch.states[fit]["intercept"])
        np.testing.assert_allclose(coef, saga.coef_[0], atol=1e-4)
        assert intercept == pytest.approx(saga.intercept_[0], abs=1e-4)
        problem = ready, np.where(y[train] == 1, 1, -1), setting
        theirs = objective(*problem, saga.coef_[0], float(saga.intercept_[0]))
        assert objective(*problem, coef, intercept) <= theirs * (1 + 1e-9)


def test_scores_equal_a_pipeline_on_each_fold() -> None:
    X, y = cohort()
    plan = folds_plan(y, [{"C": 0.5, "l1_ratio": 1.0}])
    batch = LogisticLearner(n_jobs=1).run(X, plan)
    for fit in range(plan.n_fits):
        train, held = plan.train[fit], plan.score[fit]
        model = PenalizedLogistic(C=0.5, l1_ratio=1.0, tol=1e-9)
        pipeline = make_pipeline(StandardScaler(), model).fit(X[train], y[train])
        expected = pipeline.predict_proba(X[held])[:, 1]
        np.testing.assert_allclose(batch.at(fit, held), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("n", "p", "gaps"),
    [
        pytest.param(60, 10, 0.1, id="gaps"),
        pytest.param(40, 150, 0.0, id="wide-and-separable"),
        pytest.param(50, 120, 0.05, id="wide-with-gaps"),
        pytest.param(30, 1, 0.0, id="one-feature"),
    ],
)
def test_gapped_and_wide_tables_reach_the_optimum_of_one_fit_at_a_time(
    n: int, p: int, gaps: float
) -> None:
    X, y = cohort(n, max(p, 2), seed=3)
    X = X[:, :p]
    X[np.random.default_rng(1).random(X.shape) < gaps] = np.nan
    plan = folds_plan(y, [{"C": 1.0, "l1_ratio": 1.0}, {"C": 0.3, "l1_ratio": 0.5}])
    steps = (MedianFill(), Standardize())
    together = LogisticLearner(steps=steps, n_jobs=1).run(X, plan, keep=KEEP)
    alone = SklearnLearner(PenalizedLogistic(tol=1e-9), steps, n_jobs=1).run(X, plan, keep=KEEP)
    for fit in range(plan.n_fits):
        assert not [text for place, text in together.notes if place == fit]
        for name in ("fill", "center", "scale"):
            np.testing.assert_array_equal(together.states[fit][name], alone.states[fit][name])
        # Probabilities are unique even where coefficients of wide tables are nearly not.
        np.testing.assert_allclose(
            together.at(fit, plan.score[fit]), alone.at(fit, plan.score[fit]), atol=2e-4
        )


def test_sample_weights_are_repeated_rows() -> None:
    X, y = cohort(60, 8)
    plan = folds_plan(y, [{"C": 1.0, "l1_ratio": 1.0}])
    weight = np.random.default_rng(0).integers(1, 4, plan.train.shape).astype(float)
    weighted = FitPlan(plan.train, plan.score, y, weight=weight, settings=plan.settings)
    batch = LogisticLearner(steps=(), n_jobs=1).run(X / 100, weighted, keep=KEEP)
    rows = np.repeat(np.arange(60), (weight[0] * plan.train[0]).astype(int))
    model = PenalizedLogistic(l1_ratio=1.0, tol=1e-9).fit(X[rows] / 100, y[rows])
    np.testing.assert_allclose(batch.states[0]["coef"], model.coef_[0], atol=1e-4)


def test_a_fit_is_the_same_bit_by_bit_alone_in_a_batch_and_in_a_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y = cohort(70, 30)
    X[::7, 3] = np.nan
    rng = np.random.default_rng(0)
    n_fits = 150
    train = rng.random((n_fits, 70)) < 0.8
    targets = np.stack([rng.permutation(y) for _ in range(n_fits)])
    settings = [{"C": C, "l1_ratio": 1.0} for C in (0.1, 1.0, 5.0)]
    plan = FitPlan(train, ~train, targets, settings=settings, setting=np.arange(n_fits) % 3)
    learner = LogisticLearner(n_jobs=1)
    whole = learner.run(X, plan, keep=KEEP)
    for fits in (np.array([17]), np.array([3, 149, 60]), np.arange(40, 77)):
        some = learner.run(X, plan[fits], keep=KEEP)
        np.testing.assert_array_equal(some.scores, whole.scores[fits])
        np.testing.assert_array_equal(some.stacked("coef"), whole.stacked("coef")[fits])
    monkeypatch.setattr(schedule, "_SECONDS_WORTH_WORKERS", 0.0)
    spread = LogisticLearner(n_jobs=2).run(X, plan)
    np.testing.assert_array_equal(spread.scores, whole.scores)


@pytest.mark.parametrize("mean", [1e3, 1e6, 1e7, 1e10])
def test_columns_far_from_zero_are_solved_all_the_same(mean: float) -> None:
    X, y = np.random.default_rng(0).normal(size=(80, 12)), np.arange(80) % 2.0
    X[:, 0] += y
    plan = folds_plan(y, [{"C": 1.0, "l1_ratio": 1.0}])
    near, far = (LogisticLearner(n_jobs=1).run(X + shift, plan, keep=KEEP) for shift in (0.0, mean))
    assert far.notes == ()
    # Numbers near 1e10 hold 6 decimals.
    np.testing.assert_allclose(far.stacked("coef"), near.stacked("coef"), atol=1e-4)


def test_fits_without_an_l1_part_are_scikit_learns_and_keep_their_place() -> None:
    X, y = cohort()
    settings = [{"C": np.inf, "l1_ratio": 0.0}, {"l1_ratio": 1.0}, {"C": 0.2, "l1_ratio": 0.0}]
    plan = folds_plan(y, settings)
    batch = LogisticLearner(n_jobs=1).run(X, plan, keep=KEEP)
    for fit in (1, 9):
        train, setting = plan.train[fit], plan.setting_of(fit)
        model = LogisticRegression(C=setting["C"], max_iter=10_000)
        model.fit(StandardScaler().fit_transform(X[train]), y[train])
        np.testing.assert_allclose(batch.states[fit]["coef"], model.coef_[0], rtol=1e-8)
    assert (batch.states[5]["coef"] == 0).any()


def test_a_fit_that_stops_early_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_block, "_ROUNDS", 1)
    monkeypatch.setattr(logistic_block, "_STRETCH", 1)
    monkeypatch.setattr(logistic_block, "_NEWTON_STEPS", 1)
    monkeypatch.setattr(logistic_block, "_MOST_STRETCHES", 1)
    X, y = cohort()
    plan = folds_plan(y, SETTINGS[:1])
    weighted = FitPlan(
        plan.train, plan.score, y, weight=np.full(plan.train.shape, 2.0), settings=SETTINGS[:1]
    )
    notes = LogisticLearner(n_jobs=1).run(X, weighted).notes
    assert (0, "An L1 fit stopped before it converged.") in notes


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        pytest.param({"penalty": 1.0}, "no setting penalty", id="unknown"),
        pytest.param({"C": -1.0}, "C is -1 and l1_ratio 1", id="negative"),
        pytest.param({"l1_ratio": 1.5}, "l1_ratio 1.5", id="share-above-one"),
    ],
)
def test_settings_that_cannot_be_are_named(setting: dict[str, float], message: str) -> None:
    X, y = cohort()
    with pytest.raises(InvalidInputError, match=message):
        LogisticLearner(l1_ratio=1.0, n_jobs=1).run(X, folds_plan(y, [setting]))


def test_training_rows_of_one_class_are_named_with_their_fit() -> None:
    X, y = cohort(20, 3)
    train = np.stack([np.ones(20, bool), y == 1])
    plan = FitPlan(train, train, y, settings=({"l1_ratio": 1.0},), members={"fold": np.arange(2)})
    with pytest.raises(InvalidInputError, match=r"fit 1 .*fold 1.*all of one class"):
        LogisticLearner(n_jobs=1).run(X, plan)
