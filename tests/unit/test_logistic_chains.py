"""Fits that follow one another start warm, end where cold ones do, and stay in one block."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from foldwise.arrays import IntArray
from foldwise.errors import InvalidInputError
from foldwise.fits import logistic_learner
from foldwise.fits.batch import FitBatch
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan

KEEP = ("scores", "parameters")


def table(n: int = 60, p: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    return X, (X[:, 0] - 0.7 * X[:, 1] + rng.normal(size=n) > 0.3).astype(float)


def paths_plan(
    y: np.ndarray, n_paths: int, Cs: np.ndarray, l1_ratio: float, *, warm: bool = True
) -> FitPlan:
    """Return one path of rising C per half of the rows; fits of a path lie next to another."""
    rng = np.random.default_rng(1)
    halves = np.stack([rng.permutation(np.arange(len(y)) % 2) == 0 for _ in range(n_paths)])
    path, place = np.indices((n_paths, len(Cs))).reshape(2, -1)
    return FitPlan(
        halves[path],
        ~halves[path],
        y,
        settings=[{"C": C, "l1_ratio": l1_ratio} for C in Cs],
        setting=place,
        members={"resample": path},
        follows=np.where(place > 0, np.arange(len(path)) - 1, -1) if warm else None,
    )


@pytest.mark.parametrize(
    "l1_ratio",
    [pytest.param(1.0, id="l1"), pytest.param(0.5, id="elastic-net"), pytest.param(0.0, id="l2")],
)
def test_a_path_of_thirty_penalties_ends_where_cold_fits_and_saga_do(l1_ratio: float) -> None:
    X, y = table()
    Cs = np.geomspace(0.01, 3.0, 30)
    learner = LogisticLearner(n_jobs=1)
    warm, cold = (
        learner.run(X, paths_plan(y, 3, Cs, l1_ratio, warm=warm), keep=KEEP)
        for warm in (True, False)
    )
    assert warm.notes == ()
    # Both violate the conditions of an optimum by 1e-6 at most; curvatures are 0.01 or more.
    np.testing.assert_allclose(warm.stacked("coef"), cold.stacked("coef"), atol=1e-4)
    for fit in (0, 15, 29, 75):
        train, setting = warm.plan.train[fit], warm.plan.setting_of(fit)
        saga = LogisticRegression(
            solver="saga", tol=1e-9, max_iter=1_000_000, random_state=0, **setting
        )
        saga.fit(StandardScaler().fit_transform(X[train]), y[train])
        np.testing.assert_allclose(warm.states[fit]["coef"], saga.coef_[0], atol=1e-4)


def test_a_chain_is_the_same_bit_by_bit_alone_and_in_a_batch() -> None:
    X, y = table()
    plan = paths_plan(y, 5, np.geomspace(0.05, 1.0, 4), 1.0)
    shuffled = plan[np.random.default_rng(2).permutation(plan.n_fits)]
    learner = LogisticLearner(n_jobs=1)
    whole = learner.run(X, shuffled, keep=KEEP)
    for path in range(5):
        own = np.flatnonzero(shuffled.members["resample"] == path)
        alone = learner.run(X, shuffled[own], keep=KEEP)
        np.testing.assert_array_equal(alone.stacked("coef"), whole.stacked("coef")[own])


def test_blocks_are_cut_between_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_learner, "_MOST_FITS", 6)
    X, y = table()
    plan = paths_plan(y, 5, np.geomspace(0.05, 1.0, 3), 1.0)
    order = np.random.default_rng(2).permutation(plan.n_fits)
    blocks: list[IntArray] = []

    def collect(fits: IntArray, batch: FitBatch) -> None:
        blocks.append(fits)

    shuffled = plan[order]
    LogisticLearner(n_jobs=1).run(X, shuffled, on_block=collect)
    paths = [set(shuffled.members["resample"][fits]) for fits in blocks]
    assert sorted(len(fits) for fits in blocks) == [3, 6, 6]
    assert sum(len(one) for one in paths) == 5  # no path is in two blocks


@pytest.mark.parametrize("l1_ratio", [pytest.param(1.0, id="l1"), pytest.param(0.0, id="l2")])
def test_a_fit_starts_where_the_one_before_it_ended(l1_ratio: float) -> None:
    """A penalty that hardly differs leaves the optimum within the tolerance: no step is taken."""
    X, y = table()
    Cs = 0.3 * np.array([1.0, 1.0 + 1e-9])
    warm, cold = (
        LogisticLearner(n_jobs=1)
        .run(X, paths_plan(y, 2, Cs, l1_ratio, warm=warm), keep=KEEP)
        .stacked("coef")
        for warm in (True, False)
    )
    np.testing.assert_array_equal(warm[1::2], warm[::2])
    assert (cold[1::2] != cold[::2]).any(axis=1).all()


def test_fits_that_follow_one_another_in_a_circle_are_refused() -> None:
    X, y = table()
    every = np.ones((3, 60), bool)
    plan = FitPlan(every, every, y, follows=np.array([-1, 2, 1]))
    with pytest.raises(InvalidInputError, match="2 fits follow one another in a circle"):
        LogisticLearner(n_jobs=1).run(X, plan)
