"""The batch of logistic regressions equals one fit at a time, on gapped and wide tables."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from penalized_logistic import PenalizedLogistic
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foldwise.errors import InvalidInputError
from foldwise.fits import logistic_kernels as kernels
from foldwise.fits import logistic_training
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


def folds_plan(y: np.ndarray, settings: Sequence[dict[str, Any]], **options: Any) -> FitPlan:
    setting, fold = np.indices((len(settings), 4)).reshape(2, -1)
    held = np.arange(len(y)) % 4 == fold[:, None]
    members = {"fold": fold}
    return FitPlan(~held, held, y, settings=settings, setting=setting, members=members, **options)


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
        saga = LogisticRegression(
            solver="saga", tol=1e-10, max_iter=1_000_000, random_state=0, **setting
        )
        saga.fit(ready, y[train])
        coef, intercept = batch.states[fit]["coef"], float(batch.states[fit]["intercept"])
        np.testing.assert_allclose(coef, saga.coef_[0], atol=1e-4)
        np.testing.assert_array_equal(coef == 0, saga.coef_[0] == 0)
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
        model = PenalizedLogistic(C=0.5, l1_ratio=1.0)
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
    alone = SklearnLearner(PenalizedLogistic(), steps, n_jobs=1).run(X, plan, keep=KEEP)
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
    model = PenalizedLogistic().fit(X[rows] / 100, y[rows])
    np.testing.assert_allclose(batch.states[0]["coef"], model.coef_[0], atol=1e-4)


@pytest.mark.parametrize(
    ("penalties", "p"),
    [
        pytest.param([(0.1, 1.0), (1.0, 1.0), (5.0, 1.0)], 30, id="l1"),
        pytest.param([(0.1, 0.0), (1.0, 0.0), (50.0, 0.0)], 30, id="l2"),
        pytest.param([(0.1, 0.0), (1.0, 0.0), (np.inf, 0.0)], 90, id="l2-and-none-wide"),
        pytest.param([(np.inf, 0.0), (1.0, 0.5), (2.0, 0.0)], 20, id="none-and-elastic-net"),
    ],
)
def test_a_fit_is_the_same_bit_by_bit_alone_in_a_batch_and_in_threads(
    penalties: list[tuple[float, float]], p: int
) -> None:
    X, y = cohort(70, p)
    X[::7, 3] = np.nan
    rng = np.random.default_rng(0)
    n_fits = 150
    train = rng.random((n_fits, 70)) < 0.8
    targets = np.stack([rng.permutation(y) for _ in range(n_fits)])
    settings = [{"C": C, "l1_ratio": share} for C, share in penalties]
    setting = np.arange(n_fits) % len(settings)
    plan = FitPlan(train, ~train, targets, settings=settings, setting=setting)
    learner = LogisticLearner(n_jobs=1)
    whole = learner.run(X, plan, keep=KEEP)
    for fits in (np.array([17]), np.array([3, 149, 60]), np.arange(40, 77)):
        some = learner.run(X, plan[fits], keep=KEEP)
        np.testing.assert_array_equal(some.scores, whole.scores[fits])
        np.testing.assert_array_equal(some.stacked("coef"), whole.stacked("coef")[fits])
    spread = LogisticLearner(n_jobs=3).run(X, plan)
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


def test_fits_of_every_penalty_keep_their_place_in_one_plan() -> None:
    X, y = cohort()
    settings: list[dict[str, float]] = [
        {"C": 0.1, "l1_ratio": 0.0},
        {"C": 0.3, "l1_ratio": 1.0},
        {"C": np.inf, "l1_ratio": 0.0},
        {"C": 0.2, "l1_ratio": 0.0},
    ]
    plan = folds_plan(y, settings)
    learner = LogisticLearner(n_jobs=1)
    mixed = learner.run(X, plan, keep=KEEP)
    for place in range(4):
        own = np.flatnonzero(plan.setting == place)
        alone = learner.run(X, plan[own], keep=KEEP)
        np.testing.assert_array_equal(mixed.stacked("coef")[own], alone.stacked("coef"))
    assert ((mixed.stacked("coef") == 0).any(axis=1) == (plan.setting == 1)).all()


def test_a_fit_that_stops_early_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: Any) -> None:
        """Leave the last array, who has converged, as it is."""

    monkeypatch.setattr(logistic_training.kernels, "solve_sparse_fits", stopped)
    X, y = cohort()
    plan = folds_plan(y, [SETTINGS[0], {"C": 1.0, "l1_ratio": 0.0}])
    notes = LogisticLearner(n_jobs=1).run(X, plan).notes
    assert notes == tuple((fit, "A logistic fit stopped before it converged.") for fit in range(4))


def test_weak_l1_penalties_on_separable_weighted_rows_reach_the_conditions_of_an_optimum() -> None:
    X, y = cohort(60, 80)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, (4, 60))
    plan = folds_plan(y, [{"C": 300.0, "l1_ratio": 1.0}], weight=weight)
    batch = LogisticLearner(n_jobs=1).run(X, plan, keep=KEEP)
    assert batch.notes == ()
    for fit in range(4):
        train, coef = plan.train[fit], batch.states[fit]["coef"]
        ready = StandardScaler().fit_transform(X[train])
        p = expit(ready @ coef + batch.states[fit]["intercept"])
        slope = ready.T @ (weight[fit, train] * (p - y[train]))
        # tol is 1e-6, and the penalty 1 / 300.
        assert np.abs(slope[coef == 0]).max() <= 1 / 300 + 1e-6
        np.testing.assert_allclose(slope[coef != 0], -np.sign(coef[coef != 0]) / 300, atol=1e-6)


@pytest.mark.parametrize("l1_ratio", [pytest.param(1.0, id="l1"), pytest.param(0.0, id="l2")])
@pytest.mark.parametrize(
    "class_weight",
    [pytest.param("balanced", id="balanced"), pytest.param({1: 0.2}, id="mapping")],
)
def test_class_weights_are_those_of_scikit_learn(class_weight: object, l1_ratio: float) -> None:
    X, y = cohort(n=80, p=8)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, (8, 80))
    settings: list[dict[str, Any]] = [{}, {"class_weight": class_weight}]
    plan = folds_plan(y, settings, weight=weight)
    learner = LogisticLearner(C=0.5, l1_ratio=l1_ratio, steps=(Standardize(),), n_jobs=1)
    batch = learner.run(X, plan, keep=KEEP)
    for fit in range(8):
        train = plan.train[fit]
        saga = LogisticRegression(
            C=0.5,
            l1_ratio=l1_ratio,
            solver="saga",
            random_state=0,  # in one order of a hundred it stops at zero
            tol=1e-9,
            max_iter=100_000,
            class_weight=plan.setting_of(fit).get("class_weight"),
        )
        ready = StandardScaler().fit_transform(X[train])
        saga.fit(ready, y[train], sample_weight=weight[fit, train])
        np.testing.assert_allclose(batch.states[fit]["coef"], saga.coef_[0], atol=1e-4)


def test_balanced_weights_are_those_of_each_fits_own_training_rows() -> None:
    """n / (2 n_class), written out, gives the same fit as sample weights."""
    X, y = cohort(n=80, p=8)
    plan = folds_plan(y, [{"C": 0.5}])
    counts = [(plan.train & (y == label)).sum(axis=1) for label in (0.0, 1.0)]
    n = plan.train.sum(axis=1)
    factor = np.stack([n / (2 * count) for count in counts])  # (class, fit)
    weighted = folds_plan(y, [{"C": 0.5}], weight=factor[y.astype(int)].T.copy())
    balanced = LogisticLearner(class_weight="balanced", n_jobs=1).run(X, plan)
    by_hand = LogisticLearner(n_jobs=1).run(X, weighted)
    np.testing.assert_allclose(balanced.scores, by_hand.scores, rtol=1e-10)


class _Ranks:
    """A step of another kind than filling and standardising."""

    kind = "general"

    def learn(self, X: np.ndarray) -> dict[str, np.ndarray]:
        return {"knots": np.sort(X, axis=0)}

    def apply(self, state: Mapping[str, np.ndarray], X: np.ndarray) -> np.ndarray:
        columns = zip(state["knots"].T, X.T, strict=True)
        return np.stack([np.searchsorted(knots, x) / len(knots) for knots, x in columns], 1)


@pytest.mark.parametrize("l1_ratio", [pytest.param(1.0, id="l1"), pytest.param(0.0, id="l2")])
def test_steps_of_another_kind_are_learned_per_fit_too(l1_ratio: float) -> None:
    X, y = cohort(n=60, p=6)
    plan = folds_plan(y, [{"C": 5.0, "l1_ratio": l1_ratio}])
    batch = LogisticLearner(steps=(_Ranks(),), n_jobs=1).run(X, plan, keep=("parameters",))
    for fit in range(4):
        train = plan.train[fit]
        ready = _Ranks().apply(_Ranks().learn(X[train]), X[train])
        alone = PenalizedLogistic(C=5.0, l1_ratio=l1_ratio).fit(ready, y[train])
        np.testing.assert_allclose(batch.states[fit]["coef"], alone.coef_[0], atol=1e-4)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        pytest.param({"penalty": 1.0}, "no setting penalty", id="unknown"),
        pytest.param({"C": -1.0}, "C is -1 and l1_ratio 1", id="negative"),
        pytest.param({"l1_ratio": 1.5}, "l1_ratio 1.5", id="share-above-one"),
        pytest.param({"class_weight": {2: 1.0}}, r"class_weight is \{2: 1.0\}", id="third-class"),
        pytest.param({"class_weight": {0: -1.0}}, "above 0", id="negative-class-weight"),
        pytest.param({"class_weight": "equal"}, "'equal'", id="unknown-class-weight"),
    ],
)
def test_settings_that_cannot_be_are_named(setting: dict[str, Any], message: str) -> None:
    X, y = cohort()
    with pytest.raises(InvalidInputError, match=message):
        LogisticLearner(l1_ratio=1.0, n_jobs=1).run(X, folds_plan(y, [setting]))


def test_training_rows_of_one_class_are_named_with_their_fit() -> None:
    X, y = cohort(20, 3)
    train = np.stack([np.ones(20, bool), y == 1])
    plan = FitPlan(train, train, y, settings=({"l1_ratio": 1.0},), members={"fold": np.arange(2)})
    with pytest.raises(InvalidInputError, match=r"fit 1 .*fold 1.*all of one class"):
        LogisticLearner(n_jobs=1).run(X, plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"weight": -np.ones((1, 20))}, "weights go from -1 to 0", id="below-zero"),
        pytest.param({"target": np.arange(20) % 3.0}, "a target is 2", id="third-class"),
    ],
)
def test_weights_and_targets_that_cannot_be_are_named(
    change: dict[str, np.ndarray], message: str
) -> None:
    X, y = cohort(20, 3)
    every = np.arange(20)[None] > 0  # (fit, sample)
    plan = FitPlan(**({"train": every, "score": every, "target": y} | change))
    with pytest.raises(InvalidInputError, match=message):
        LogisticLearner(n_jobs=1).run(X, plan)


def test_gaps_that_no_step_fills_are_counted() -> None:
    X, y = cohort(20, 3)
    X[3, 1] = np.nan
    every = np.ones((1, 20), bool)
    with pytest.raises(InvalidInputError, match="1 missing cell"):
        LogisticLearner(steps=(Standardize(),), n_jobs=1).run(X, FitPlan(every, every, y))


def test_files_of_compiled_code_are_named_after_the_source() -> None:
    """Numba names them again when the source has changed, and old code would be found there."""
    digest = sha256(Path(kernels.__file__).read_bytes()).hexdigest()
    for name in kernels.__all__[1:]:
        function = getattr(kernels, name).py_func
        assert function.__qualname__ == name + digest[:12]


def test_the_first_process_on_a_machine_runs_the_code_that_is_kept(tmp_path: Path) -> None:
    """What a process has compiled itself sums in another order than what all later ones read."""
    script = (
        "import numpy as np\n"
        "from foldwise.fits import logistic_kernels as kernels\n"
        "from foldwise.fits.logistic_learner import LogisticLearner\n"
        "from foldwise.fits.plan import FitPlan\n"
        "every, y = np.ones((1, 8), bool), np.tile([0.0, 1.0], 4)\n"
        "plan = FitPlan(every, every, y)\n"
        "LogisticLearner(l1_ratio=1.0).run(np.arange(8.0)[:, None] ** 2, plan)\n"
        "found = kernels.solve_sparse_fits.stats\n"
        "print(len(found.cache_hits), len(found.cache_misses))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == ["1", "0"]


def test_a_penalty_that_leaves_nothing_keeps_the_share_of_cases() -> None:
    X, y = cohort()
    plan = folds_plan(y, [{"C": 1e-4, "l1_ratio": 1.0}])
    batch = LogisticLearner(n_jobs=1).run(X, plan, keep=KEEP)
    assert not batch.stacked("coef").any()
    for fit in range(4):
        share = y[plan.train[fit]].mean()
        np.testing.assert_allclose(batch.at(fit, plan.score[fit]), share, atol=1e-5)


@pytest.mark.parametrize(
    ("l1", "l2"), [pytest.param(0.5, 0.1, id="elastic-net"), pytest.param(0.0, 0.1, id="l2")]
)
def test_far_out_where_full_steps_overshoot_a_fit_finds_its_way_back(l1: float, l2: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 10))
    y = (X[:, 0] + 0.05 * rng.normal(size=60) > 0).astype(float)[None]
    found = []
    for start in (0.0, 30.0, -1000.0):
        w, b = np.full((1, 10), start), np.zeros(1)
        converged, separable = np.zeros(1, bool), np.zeros(1, bool)
        as_it_is = np.zeros(1, np.int64), np.zeros((1, 10)), np.zeros((1, 10)), np.ones((1, 10))
        problem = np.zeros(1, np.int64), X, np.ones((1, 60)), y, *as_it_is
        penalties, alone = (np.array([l1]), np.array([l2])), np.array([-1])
        if l1:
            kernels.solve_sparse_fits(*problem, *penalties, alone, 1e-6, w, b, converged)
        else:
            outcome = w, b, converged, separable
            kernels.solve_smooth_fits(*problem, penalties[1], alone, 1e-6, 6.0, *outcome)
        assert converged[0]
        found.append(w[0])
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
    np.testing.assert_allclose(found[2], found[0], atol=1e-5)
