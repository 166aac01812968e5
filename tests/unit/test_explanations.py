"""SHAP values against Shapley's definition over all subsets, and against the package shap."""

import sys
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from scipy.special import logit
from sklearn.ensemble import RandomForestClassifier

from foldwise.errors import InvalidInputError
from foldwise.evaluation.explanations import forest_shap, linear_shap
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.abundance_steps import MissingIndicator
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize
from foldwise.fits.sklearn_learner import SklearnLearner

KEEP = ("scores", "parameters", "preprocessing")


def _cohort(n_features: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = (np.arange(48) % 2).astype(float)
    X = np.exp(rng.normal(size=(48, n_features))) + y[:, None] * np.arange(n_features) * 0.4
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, y


def _plan(y: np.ndarray, n_repeats: int = 1) -> FitPlan:
    folds = kfold_assignments(len(y), n_splits=3, n_repeats=n_repeats, seed=1, classes=y)
    test = np.concatenate([of_repeat == np.arange(3)[:, None] for of_repeat in folds])
    return FitPlan(~test, test, y)


def _shapley(margin, row: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return Shapley values from their definition; absent features take background values."""
    p = len(row)

    def worth(present: tuple[int, ...]) -> float:
        mixed = background.copy()
        mixed[:, list(present)] = row[list(present)]
        return float(margin(mixed).mean())

    values = np.zeros(p)
    for j in range(p):
        others = [k for k in range(p) if k != j]
        for size in range(p):
            share = factorial(size) * factorial(p - size - 1) / factorial(p)
            for subset in combinations(others, size):
                values[j] += share * (worth((*subset, j)) - worth(subset))
    return values


def test_linear_values_are_shapleys_over_all_subsets_of_features():
    X, y = _cohort()
    plan = _plan(y)
    batch = LogisticLearner(C=0.7, l1_ratio=0.5).run(X, plan, keep=KEEP)
    found = linear_shap(batch, X)
    for fit in range(plan.n_fits):
        state = batch.states[fit]
        filled = np.where(np.isnan(X), state["fill"], X)

        def margin(rows, state=state):
            return (rows - state["center"]) / state["scale"] @ state["coef"] + state["intercept"]

        background = filled[plan.train[fit]]
        for row in np.flatnonzero(plan.score[fit])[:4]:
            expected = _shapley(margin, filled[row], background)
            np.testing.assert_allclose(found.values[row], expected, atol=1e-12)
            assert found.base[row] == pytest.approx(margin(background).mean(), abs=1e-12)


def test_values_and_base_add_up_to_the_log_odds_of_the_held_out_score():
    X, y = _cohort(9)
    plan = _plan(y)
    batch = LogisticLearner().run(X, plan, keep=KEEP)
    found = linear_shap(batch, X)
    scores = np.where(plan.score, batch.scores, 0).sum(axis=0)
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), logit(scores), atol=1e-9)
    assert found.rows.all()


def test_columns_that_a_step_added_are_explained_too():
    X, y = _cohort(2)
    learner = LogisticLearner(steps=(MissingIndicator((0, 1)), MedianFill(), Standardize()))
    found = linear_shap(learner.run(X, _plan(y), keep=KEEP), X)
    assert found.values.shape == (48, 4)
    batch = learner.run(X, _plan(y), keep=("scores",))
    score = np.nansum(np.where(batch.plan.score, batch.scores, 0.0), axis=0)
    assert np.allclose(found.base + found.values.sum(axis=1), logit(score))


def test_repeats_are_averaged():
    X, y = _cohort()
    plan = _plan(y, n_repeats=2)
    batch = LogisticLearner().run(X, plan, keep=KEEP)
    halves = [
        linear_shap(LogisticLearner().run(X, plan[part], keep=KEEP), X).values
        for part in (slice(0, 3), slice(3, 6))
    ]
    np.testing.assert_allclose(linear_shap(batch, X).values, np.mean(halves, axis=0), atol=1e-12)


def test_only_rows_that_were_held_out_are_explained():
    X, y = _cohort()
    test = np.arange(48) < 12
    plan = FitPlan(~test[None], np.ones((1, 48), bool), y)
    found = linear_shap(LogisticLearner().run(X, plan, keep=KEEP), X)
    assert found.values.shape == (12, 4)
    np.testing.assert_array_equal(found.rows, test)


def test_a_feature_that_l1_dropped_explains_nothing():
    X, y = _cohort(9)
    batch = LogisticLearner(C=0.2, l1_ratio=1.0).run(X, _plan(y), keep=KEEP)
    dropped = (batch.stacked("coef") == 0).all(axis=0)
    found = linear_shap(batch, X)
    assert 0 < dropped.sum() < 9
    assert (found.mean_size[dropped] == 0).all()
    assert (found.mean_size[~dropped] > 0).all()


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (("scores",), "did not keep 'coef'"),
        (("scores", "parameters"), "did not keep what its preprocessing learned"),
    ],
    ids=["nothing", "no preprocessing"],
)
def test_a_batch_that_kept_too_little_is_refused(keep, message):
    X, y = _cohort()
    batch = LogisticLearner().run(X, _plan(y), keep=keep)
    with pytest.raises(InvalidInputError, match=message):
        linear_shap(batch, X)


def test_fits_without_held_out_rows_are_refused():
    X, y = _cohort()
    every = np.ones((1, 48), bool)
    batch = LogisticLearner().run(X, FitPlan(every, every, y), keep=KEEP)
    with pytest.raises(InvalidInputError, match="fit 0 has no held-out row"):
        linear_shap(batch, X)


def _forest_batch():
    X, y = _cohort()
    forest = RandomForestClassifier(5, max_depth=3, random_state=0)
    learner = SklearnLearner(forest, (MedianFill(),))
    return X, learner.run(X, _plan(y), keep=("scores", "estimators", "preprocessing"))


def test_without_the_package_shap_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    X, batch = _forest_batch()
    with pytest.raises(InvalidInputError, match=r"pip install 'foldwise\[shap\]'"):
        forest_shap(batch, X)


def _path_dependent(tree, row: np.ndarray, present: set[int], node: int = 0) -> float:
    """Return a tree's output where absent features follow the shares of training rows."""
    if tree.children_left[node] < 0:
        shares = tree.value[node][0]
        return float(shares[1] / shares.sum())
    left, right = int(tree.children_left[node]), int(tree.children_right[node])
    feature = int(tree.feature[node])
    if feature in present:
        # A tree compares in single precision.
        below = np.float32(row[feature]) <= tree.threshold[node]
        return _path_dependent(tree, row, present, left if below else right)
    n = tree.weighted_n_node_samples
    return float(
        (
            n[left] * _path_dependent(tree, row, present, left)
            + n[right] * _path_dependent(tree, row, present, right)
        )
        / n[node]
    )


# shap itself calls what matplotlib will drop.
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_forest_values_are_shapleys_over_all_subsets_of_features():
    pytest.importorskip("shap")
    X, batch = _forest_batch()
    found = forest_shap(batch, X)
    for fit, forest in enumerate(batch.estimators):
        filled = np.where(np.isnan(X), batch.states[fit]["fill"], X)
        row = int(np.flatnonzero(batch.plan.score[fit])[0])

        def worth(present, forest=forest, row=filled[row]):
            trees = [one.tree_ for one in forest.estimators_]
            return np.mean([_path_dependent(tree, row, set(present)) for tree in trees])

        expected = np.zeros(4)
        for j in range(4):
            others = [k for k in range(4) if k != j]
            for size in range(4):
                share = factorial(size) * factorial(3 - size) / factorial(4)
                for subset in combinations(others, size):
                    expected[j] += share * (worth((*subset, j)) - worth(subset))
        np.testing.assert_allclose(found.values[row], expected, atol=1e-7)
        assert found.base[row] == pytest.approx(worth(()), abs=1e-7)
        assert found.base[row] + found.values[row].sum() == pytest.approx(
            batch.scores[fit, row], abs=1e-7
        )
