"""The two self-tests find the leaks they can find, and say how much they looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from foldwise.arrays import Design, FloatArray, as_dense
from foldwise.errors import InvalidInputError
from foldwise.evaluation.permutation import PermutationTest, ask_permutation_test
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.self_tests import (
    BLIND_SPOTS,
    check_shuffled_labels,
    check_unseen_rows,
)
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.batch import BlockCallback, FitBatch, Learner
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.mlp import MlpLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize
from foldwise.fits.sklearn_learner import SklearnLearner

Y = np.repeat([0.0, 1.0], 25)
LASSO = LogisticLearner(l1_ratio=1.0, n_jobs=1)


def table() -> np.ndarray:
    rng = np.random.default_rng(0)
    X = rng.normal(Y[:, None], size=(50, 6))
    X[rng.random(X.shape) < 0.05] = np.nan
    return X


def folds_plan() -> FitPlan:
    held = kfold_assignments(50, classes=Y)[0] == np.arange(5)[:, None]
    return FitPlan(~held, held, Y, members={"fold": np.arange(5)}, seed=np.arange(5))


@dataclass(frozen=True)
class LeakingLearner(LogisticLearner):
    """Standardises on all rows before the fits: the leak that unseen rows must show."""

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        dense = as_dense(X)
        ready: FloatArray = (dense - np.nanmean(dense, axis=0)) / np.nanstd(dense, axis=0)
        return LASSO.run(ready, plan, keep=keep, on_block=on_block)


@dataclass(frozen=True)
class TransductiveLearner(LogisticLearner):
    """Standardises each fit on its training rows and on the rows it is to score."""

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        rows = as_dense(X)[plan.train[0] | plan.score[0]]
        ready: FloatArray = (as_dense(X) - np.nanmean(rows, axis=0)) / np.nanstd(rows, axis=0)
        return LASSO.run(ready, plan, keep=keep, on_block=on_block)


@pytest.mark.parametrize(
    ("learner", "n_arrays"),
    [
        # fill, center, scale, coef, intercept and the scores of training rows, per fold
        pytest.param(LASSO, 5 * 6, id="lasso"),
        # fill and scores: a forest has no coefficients
        pytest.param(
            SklearnLearner(RandomForestClassifier(5), (MedianFill(),), n_jobs=1), 5 * 2, id="forest"
        ),
    ],
)
def test_rows_that_are_not_seen_change_no_bit(learner: Learner, n_arrays: int) -> None:
    found = check_unseen_rows(learner, table(), folds_plan())
    assert found.passed
    assert (found.n_fits, found.n_arrays) == (5, n_arrays)


def test_monitored_rows_count_as_seen() -> None:
    """They decide when training stops: replaced, they would change the weights."""
    plan = folds_plan()
    monitor = np.zeros_like(plan.train)
    for fit, train in enumerate(plan.train):
        monitor[fit, np.flatnonzero(train)[::8]] = True
    watched = replace(plan, train=plan.train & ~monitor, monitor=monitor)
    steps = (MedianFill(), Standardize())
    learner = MlpLearner(
        hidden=(4,), lr=0.05, epochs=30, patience=2, steps=steps, device="cpu", n_jobs=1
    )
    assert check_unseen_rows(learner, table(), watched).passed


def test_a_scaler_that_saw_all_rows_is_found() -> None:
    found = check_unseen_rows(LeakingLearner(), table(), folds_plan())
    assert not found.passed
    assert "fit 0 (fold 0): center" in found.changed
    assert len(found.changed) >= 5 * 3


def test_a_scaler_that_saw_the_rows_to_score_is_found() -> None:
    assert not check_unseen_rows(TransductiveLearner(), table(), folds_plan()[:1]).passed


def test_a_plan_without_unseen_rows_is_refused() -> None:
    plan = folds_plan()
    everything = np.ones_like(plan.train)
    with pytest.raises(InvalidInputError, match="sees every row"):
        check_unseen_rows(LASSO, table(), FitPlan(everything, everything, Y))


def test_shuffled_labels_give_one_half_through_the_whole_pipeline() -> None:
    test = run_question(ask_permutation_test(Y, n_permutations=60), LASSO, table())
    found = check_shuffled_labels(test)
    assert found.passed
    assert test.observed > 0.8
    assert abs(found.mean - 0.5) < 4 * found.error
    assert found.low < 0.5 < found.high


@dataclass(frozen=True)
class PeekingLearner(LogisticLearner):
    """Adds the labels it is asked about to the columns: a leak of labels."""

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        batch = LASSO.run(X, plan, keep=keep, on_block=on_block)
        return replace(batch, scores=batch.scores + 0.3 * plan.target)


def test_a_pipeline_that_sees_labels_fails_on_shuffled_ones() -> None:
    test = run_question(ask_permutation_test(Y, n_permutations=20), PeekingLearner(), table())
    assert not check_shuffled_labels(test).passed


def test_labels_shuffled_within_strata_are_refused_because_the_strata_remain() -> None:
    batch = np.tile([0, 1, 1, 0, 0], 10)
    y = (np.arange(50) % 10 < np.where(batch, 9, 2)).astype(float)
    X = np.random.default_rng(0).normal(size=(50, 3)) + 3.0 * batch[:, None]
    asked = ask_permutation_test(y, n_permutations=20, strata=batch)
    test = run_question(asked, LASSO, X)
    assert test.null_range()[0] > 0.5
    with pytest.raises(InvalidInputError, match="without strata"):
        check_shuffled_labels(test)


def test_a_single_permutation_is_refused() -> None:
    one = PermutationTest(0.9, np.array([0.9]), np.array([0.5]), 1e9)
    with pytest.raises(InvalidInputError, match="two permutations or more"):
        check_shuffled_labels(one)


def test_the_report_says_what_neither_test_sees() -> None:
    assert "before the table was read" in BLIND_SPOTS
