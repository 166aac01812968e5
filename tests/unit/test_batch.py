"""A batch answers where it was asked, names what diverged, and comes back from storage."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from foldwise.errors import DivergedFitError, InvalidInputError
from foldwise.fits.batch import FitBatch, merge_batches
from foldwise.fits.mlp import MlpLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize
from foldwise.fits.sklearn_learner import SklearnLearner

KEEP = ("scores", "parameters", "preprocessing")


@pytest.fixture
def plan() -> FitPlan:
    held = np.arange(12) % 3 == np.arange(3)[:, None]
    settings = ({"alpha": 0.1}, {"alpha": 10.0})
    return FitPlan(
        ~held, held, np.arange(12.0) ** 2, settings=settings, setting=np.array([0, 1, 1])
    )


@pytest.fixture
def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(12, 3))


def test_a_row_that_was_not_asked_for_has_no_score(plan: FitPlan, X: np.ndarray) -> None:
    batch = SklearnLearner(Ridge()).run(X, plan)
    assert batch.at(0, plan.score[0]).shape == (4,)
    with pytest.raises(InvalidInputError, match=r"fit 1 .* not asked to score 4 of these rows"):
        batch.at(1, plan.score[0])


def test_diverged_fits_are_named_and_not_averaged() -> None:
    X = np.random.default_rng(0).normal(size=(12, 3))
    held = np.arange(12) % 3 == np.arange(3)[:, None]
    settings = ({"lr": 1e-3}, {"lr": 1e30})
    plan = FitPlan(
        ~held,
        held,
        X.sum(axis=1),
        settings=settings,
        setting=np.array([0, 1, 1]),
        members={"fold": np.arange(3)},
    )
    with pytest.raises(DivergedFitError) as caught:
        MlpLearner(hidden=(8,), epochs=5, device="cpu").run(X, plan)
    assert "2 of 3 fits diverged: fit 1 (lr=1e+30, fold 1), fit 2 (lr=1e+30, fold 2)." in str(
        caught.value
    )


def test_blocks_in_any_order_make_the_batch_of_the_plan(plan: FitPlan, X: np.ndarray) -> None:
    learner = SklearnLearner(Ridge(), (MedianFill(), Standardize()))
    whole = learner.run(X, plan, keep=KEEP)
    parts = [
        (fits, learner.run(X, plan[fits], keep=KEEP)) for fits in (np.array([2]), np.array([0, 1]))
    ]
    merged = merge_batches(plan, parts)
    np.testing.assert_array_equal(merged.scores, whole.scores)
    np.testing.assert_array_equal(merged.stacked("coef"), whole.stacked("coef"))


@pytest.mark.parametrize(
    "fits",
    [pytest.param([[0, 1]], id="one-left-out"), pytest.param([[0, 1], [1, 2]], id="one-twice")],
)
def test_blocks_that_do_not_cover_the_plan_once_are_refused(
    plan: FitPlan, X: np.ndarray, fits: list[list[int]]
) -> None:
    learner = SklearnLearner(Ridge())
    parts = [(np.array(own), learner.run(X, plan[np.array(own)])) for own in fits]
    with pytest.raises(InvalidInputError, match="exactly once"):
        merge_batches(plan, parts)


def test_a_stored_block_comes_back_bit_by_bit(plan: FitPlan, X: np.ndarray) -> None:
    learner = SklearnLearner(Ridge(), (Standardize(),))
    batch = learner.run(X, plan, keep=KEEP)
    again = FitBatch.from_arrays(plan, batch.to_arrays(), learner)
    np.testing.assert_array_equal(again.scores, batch.scores)
    assert again.notes == batch.notes
    for one, other in zip(again.states, batch.states, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize(
    "learner",
    [
        pytest.param(SklearnLearner(Ridge(), (MedianFill(), Standardize())), id="ridge"),
        pytest.param(
            MlpLearner(hidden=(8, 4), epochs=3, steps=(Standardize(),), device="cpu"), id="network"
        ),
    ],
)
def test_a_batch_predicts_new_rows_as_it_scored_them(
    X: np.ndarray, learner: SklearnLearner | MlpLearner
) -> None:
    every = np.ones((2, 12), bool)
    train = np.arange(12) % 2 == np.arange(2)[:, None]
    batch = learner.run(X, FitPlan(train, every, X[:, 0]), keep=KEEP)
    # float32 sums of other batch sizes differ in the last bits.
    np.testing.assert_allclose(batch.predict(X), batch.scores, atol=1e-6)


def test_a_batch_without_parameters_says_how_to_keep_them(plan: FitPlan, X: np.ndarray) -> None:
    batch = SklearnLearner(Ridge()).run(X, plan)
    with pytest.raises(InvalidInputError, match='keep=\\("scores", "parameters"'):
        batch.predict(X)
    with pytest.raises(InvalidInputError, match=r"did not keep 'coef'; it kept \[\]"):
        batch.stacked("coef")
