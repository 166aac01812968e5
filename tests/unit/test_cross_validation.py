"""Cross-validation and given splits are the plain loop, written as one plan."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foldwise.arrays import Design, FloatArray
from foldwise.evaluation.cross_validation import ask_cross_validation, ask_splits
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.questions import run_question
from foldwise.fits.batch import BlockCallback, FitBatch, FitState
from foldwise.fits.plan import FitPlan
from foldwise.fits.sklearn_learner import SklearnLearner

PENALTIES = ({"logisticregression__C": 0.01}, {"logisticregression__C": 1.0})


@dataclass
class CountingLearner:
    """Pass every plan on to a learner and remember it."""

    inner: SklearnLearner
    plans: list[FitPlan] = field(default_factory=list)

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        self.plans.append(plan)
        return self.inner.run(X, plan, keep=keep, on_block=on_block)

    def predict(self, state: FitState, X: Design) -> FloatArray:
        return self.inner.predict(state, X)

    def efforts(self, X: Design, plan: FitPlan) -> FloatArray:
        return self.inner.efforts(X, plan)

    def spec(self) -> dict[str, Any]:
        return self.inner.spec()


def drawn_table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 rows whose columns differ in scale, labels, and two repeats of four folds."""
    rng = np.random.default_rng(0)
    y = np.tile([0.0, 1.0, 1.0], 20)
    X = rng.normal(y[:, None], [1.0, 2.0, 3.0], size=(60, 3)) * [1.0, 100.0, 0.01]
    folds = np.stack([np.arange(60) // 3 % 4, np.arange(60) // 15])
    return X, y, folds


def logistic(**settings: Any) -> SklearnLearner:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(**settings))
    return SklearnLearner(pipeline, n_jobs=1)


def test_cross_validation_equals_the_loop_over_folds() -> None:
    X, y, folds = drawn_table()
    question = ask_cross_validation(y, folds, roc_auc, settings=PENALTIES)
    found = run_question(question, logistic(), X)
    scores, values = np.zeros((2, 2, 60)), np.zeros((2, 2, 4))
    for setting, repeat, fold in np.ndindex(2, 2, 4):
        test = folds[repeat] == fold
        pipeline = make_pipeline(StandardScaler(), LogisticRegression())
        pipeline.set_params(**PENALTIES[setting]).fit(X[~test], y[~test])
        scores[setting, repeat, test] = pipeline.predict_proba(X[test])[:, 1]
        values[setting, repeat, fold] = roc_auc_score(y[test], scores[setting, repeat, test])
    # The same calls on the same rows; the areas are sums in another order.
    assert np.array_equal(found.scores, scores)
    assert found.values == pytest.approx(values, abs=1e-12)


def test_k_fold_costs_one_call_of_the_learner() -> None:
    X, y, folds = drawn_table()
    learner = CountingLearner(logistic())
    run_question(ask_cross_validation(y, folds, roc_auc, settings=PENALTIES), learner, X)
    assert [plan.n_fits for plan in learner.plans] == [2 * 2 * 4]


def test_remarks_of_the_fits_are_told_once_each() -> None:
    X, y, folds = drawn_table()
    hurried = logistic(max_iter=1)
    found = run_question(ask_cross_validation(y, folds, roc_auc, settings=PENALTIES), hurried, X)
    assert len(found.notes) == 1
    assert "failed to converge" in found.notes[0]


def only_plan(question: Generator[FitPlan, FitBatch, Any]) -> FitPlan:
    """Return what the question would have trained."""
    return next(question)


def test_each_row_is_scored_once_per_repeat_by_a_fit_that_did_not_see_it() -> None:
    _, y, folds = drawn_table()
    plan = only_plan(ask_cross_validation(y, folds, roc_auc, settings=PENALTIES))
    assert np.array_equal(plan.train, ~plan.score)
    for setting, repeat in np.ndindex(2, 2):
        own = (plan.setting == setting) & (plan.members["repeat"] == repeat)
        assert plan.score[own].sum(axis=0).tolist() == [1] * 60


def cross_validation_plan(seed: int) -> tuple[FitPlan, list[tuple[int, ...]]]:
    _, y, folds = drawn_table()
    plan = only_plan(ask_cross_validation(y, folds, roc_auc, settings=PENALTIES, seed=seed))
    return plan, list(zip(plan.members["repeat"], plan.members["fold"], strict=True))


def splits_plan(seed: int) -> tuple[FitPlan, list[tuple[int, ...]]]:
    test = np.eye(5, 20, dtype=bool)
    plan = only_plan(ask_splits(np.zeros(20), test, settings=PENALTIES, seed=seed))
    return plan, [(split,) for split in plan.members["split"]]


@pytest.mark.parametrize(
    "planned",
    [pytest.param(cross_validation_plan, id="k-fold"), pytest.param(splits_plan, id="splits")],
)
def test_settings_share_the_seed_of_their_fold_and_of_no_other(planned: Any) -> None:
    plan, places = planned(0)
    found: dict[tuple[int, ...], set[int]] = {}
    for place, seed in zip(places, plan.seed.tolist(), strict=True):
        found.setdefault(place, set()).add(seed)
    assert [len(seeds) for seeds in found.values()] == [1] * (plan.n_fits // 2)
    assert len(set.union(*found.values())) == plan.n_fits // 2
    assert not set(planned(1)[0].seed.tolist()) & set(plan.seed.tolist())


SPLITS = np.array([[True, True, False, False, False, False], [False] * 4 + [True] * 2])


def test_fits_of_splits_are_ordered_by_split_and_then_setting() -> None:
    plan = only_plan(ask_splits(np.arange(6.0), SPLITS, settings=PENALTIES))
    assert plan.members["split"].tolist() == [0, 0, 1, 1]
    assert plan.setting.tolist() == [0, 1, 0, 1]
    assert np.array_equal(plan.train, ~SPLITS[[0, 0, 1, 1]])
    assert plan.score.all()


def test_rows_held_out_are_scored_and_never_trained_on_or_monitored() -> None:
    held_out = np.array([False, False, True, False, False, False])
    plan = only_plan(ask_splits(np.arange(6.0), SPLITS, settings=PENALTIES, held_out=held_out))
    assert np.array_equal(plan.train, ~SPLITS[[0, 0, 1, 1]] & ~held_out)
    assert plan.score[:, 2].all()
    assert plan.monitor is None


def test_monitored_rows_are_watched_by_every_fit_and_never_trained_on() -> None:
    monitor = np.array([False, False, False, True, False, False])
    plan = only_plan(ask_splits(np.arange(6.0), SPLITS, settings=PENALTIES, monitor=monitor))
    assert np.array_equal(plan.train, ~SPLITS[[0, 0, 1, 1]] & ~monitor)
    assert np.array_equal(plan.monitor, np.tile(monitor, (4, 1)))


def test_given_splits_are_left_as_they_were() -> None:
    test, held_out = SPLITS.copy(), np.arange(6) == 2
    only_plan(ask_splits(np.arange(6.0), test, held_out=held_out))
    assert np.array_equal(test, SPLITS)


def test_a_split_equals_one_fit_on_its_training_rows() -> None:
    X, y, _ = drawn_table()
    held_out, test = np.arange(60) >= 50, np.arange(60) < 10
    batch = run_question(ask_splits(y, test[None], held_out=held_out), logistic(), X)
    train = ~test & ~held_out
    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[train], y[train])
    # The same calls on the same rows.
    assert np.array_equal(batch.scores[0], plain.predict_proba(X)[:, 1])


def test_rows_outside_all_folds_are_neither_learned_from_nor_scored() -> None:
    X, y, folds = drawn_table()
    rows = np.arange(60) % 5 != 0
    among = np.where(rows, folds, -1)
    wild = np.where(rows[:, None], X, 1e6)
    whole = run_question(ask_cross_validation(y, among, roc_auc), logistic(), wild)
    alone = run_question(
        ask_cross_validation(y[rows], folds[:, rows], roc_auc), logistic(), X[rows]
    )
    np.testing.assert_array_equal(whole.values, alone.values)
    np.testing.assert_array_equal(whole.scores[:, :, rows], alone.scores)
    assert np.isnan(whole.scores[:, :, ~rows]).all()
