"""Nested cross-validation chooses inside every outer fold, as scikit-learn's loop does."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from test_cross_validation import CountingLearner

from foldwise.evaluation.metrics import REGRESSION_METRICS
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.sklearn_learner import SklearnLearner
from foldwise.tuning.nested import NestedSearch, ask_nested_search, inner_folds
from foldwise.tuning.refits import ask_refits

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 12))
Y = X[:, 0] - X[:, 1] + 1.5 * RNG.normal(size=90)
ALPHAS = (0.1, 30.0, 1000.0)
OUTER = kfold_assignments(90, n_splits=4, seed=1)[0]
INNER = inner_folds(OUTER, n_splits=3)


def nested(learner: SklearnLearner | CountingLearner, y: np.ndarray = Y) -> NestedSearch:
    settings = [{"alpha": alpha} for alpha in ALPHAS]
    question = ask_nested_search(y, OUTER, INNER, REGRESSION_METRICS["r2"], settings)
    return run_question(question, learner, X)


def test_choices_and_scores_equal_a_loop_over_grid_searches() -> None:
    found = nested(SklearnLearner(Ridge()))
    for fold in range(4):
        train = fold != OUTER
        search = GridSearchCV(
            Ridge(), {"alpha": ALPHAS}, cv=PredefinedSplit(INNER[fold][train]), scoring="r2"
        ).fit(X[train], Y[train])
        assert ALPHAS[found.chosen[fold]] == search.best_params_["alpha"]
        assert found.inner[fold] == pytest.approx(search.best_score_)
        expected = r2_score(Y[~train], search.predict(X[~train]))
        assert found.outer[fold] == pytest.approx(expected)


def test_nested_cross_validation_calls_the_learner_twice() -> None:
    counting = CountingLearner(SklearnLearner(Ridge()))
    nested(counting)
    assert [plan.n_fits for plan in counting.plans] == [4 * 3 * 3, 4]


def test_targets_of_an_outer_fold_change_nothing_that_is_chosen_for_it() -> None:
    before = nested(SklearnLearner(Ridge()))
    wild = Y.copy()
    wild[OUTER == 2] = 1e6 * np.random.default_rng(3).normal(size=(OUTER == 2).sum())
    after = nested(SklearnLearner(Ridge()), wild)
    assert after.chosen[2] == before.chosen[2]
    assert after.inner[2] == before.inner[2]


def test_refits_share_seeds_and_see_only_their_rows() -> None:
    from foldwise.fits.mlp import MlpLearner

    learner = MlpLearner(epochs=2, device="cpu", n_jobs=1)
    train = np.arange(90) < 60
    wild = np.where(train, Y, 1e6)
    one, two = (
        run_question(ask_refits(y, train, {"hidden": (4,)}, n_seeds=3, seed=7), learner, X)
        for y in (Y, wild)
    )
    np.testing.assert_array_equal(one.scores, two.scores)
    assert len({row.tobytes() for row in one.scores}) == 3  # seeds differ


def test_inner_folds_are_drawn_among_the_rows_outside_the_fold_and_the_test_part() -> None:
    outer = OUTER.copy()
    outer[:9] = -1  # rows of no part
    groups = np.arange(90) // 3
    inner = inner_folds(outer, n_splits=3, groups=groups)
    for fold, own in enumerate(inner):
        np.testing.assert_array_equal(own == -1, (outer == fold) | (outer == -1))
        assert sorted(set(own[own >= 0])) == [0, 1, 2]
        for group in np.unique(groups[own >= 0]):
            assert len(set(own[(groups == group) & (own >= 0)])) == 1
