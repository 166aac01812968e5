"""Permutation importance on held-out rows, against a plain loop and planted markers."""

import pickle

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from foldwise.errors import InvalidInputError
from foldwise.evaluation import importance
from foldwise.evaluation.importance import cluster_importance
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize
from foldwise.fits.sklearn_learner import SklearnLearner

KEEP = ("scores", "estimators", "preprocessing")
FOREST = SklearnLearner(RandomForestClassifier(15, max_depth=3, random_state=0), (MedianFill(),))


def _cohort(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return 90 rows; columns 0 and 1 are one marker twice, column 2 a weaker one."""
    rng = np.random.default_rng(seed)
    y = (np.arange(90) % 2).astype(float)
    X = rng.normal(size=(90, 6))
    X[:, 0] += 2.0 * y
    X[:, 1] = X[:, 0] + 0.05 * rng.normal(size=90)
    X[:, 2] += 0.8 * y
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, y


def _batch(X, y, learner=FOREST, n_repeats=2):
    folds = kfold_assignments(len(y), n_splits=3, n_repeats=n_repeats, seed=1, classes=y)
    test = np.concatenate([of_repeat == np.arange(3)[:, None] for of_repeat in folds])
    return learner.run(X, FitPlan(~test, test, y, seed=np.arange(3 * n_repeats)), keep=KEEP)


def test_drops_are_those_of_a_plain_loop_over_fits_repeats_and_clusters():
    X, y = _cohort()
    batch = _batch(X, y)
    clusters = np.array([4, 4, 9, 2, 2, 7])
    found = cluster_importance(batch, X, clusters, n_repeats=3, seed=5, n_jobs=1)
    names = [2, 4, 7, 9]
    for fit, forest in enumerate(batch.estimators):
        rows = batch.plan.score[fit]
        filled = np.where(np.isnan(X), batch.states[fit]["fill"], X)[rows]
        whole = roc_auc_score(y[rows], forest.predict_proba(filled)[:, 1])
        rng = np.random.default_rng(child_seed(5, "importance", fit))
        order = rng.permuted(np.tile(np.arange(rows.sum()), (12, 1)), axis=1)
        for draw in range(12):
            moved = filled.copy()
            for feature in np.flatnonzero(clusters == names[draw % 4]):
                moved[:, feature] = filled[order[draw], feature]
            auc = roc_auc_score(y[rows], forest.predict_proba(moved)[:, 1])
            assert found.drop[fit, draw // 4, draw % 4] == pytest.approx(whole - auc, abs=1e-12)


def test_two_copies_of_a_marker_hide_each_other_unless_they_are_one_cluster():
    X, y = _cohort()
    batch = _batch(X, y)
    alone = cluster_importance(batch, X, np.arange(6))
    together = cluster_importance(batch, X, np.array([0, 0, 1, 2, 3, 4]))
    assert together.mean[0] > alone.mean[0] + alone.mean[1] + 0.05
    assert together.of_feature.tolist() == [0, 0, 1, 2, 3, 4]


def test_features_without_signal_lose_nothing_on_average():
    X, y = _cohort()
    found = cluster_importance(_batch(X, y), X, np.arange(6), n_repeats=20)
    assert np.abs(found.mean[3:]).max() < 0.05 < found.mean[0]


def test_a_feature_the_estimator_ignores_drops_by_exactly_zero():
    X, y = _cohort()
    X = np.nan_to_num(X)
    lasso = LogisticRegression(C=0.02, l1_ratio=1.0, solver="saga", max_iter=5000)
    batch = _batch(X, y, SklearnLearner(lasso, (Standardize(),)))
    ignored = np.array([estimator.coef_[0] == 0 for estimator in batch.estimators])
    assert ignored[:, 3:].all()
    assert (cluster_importance(batch, X, np.arange(6)).drop[:, :, 3:] == 0).all()


def test_training_rows_take_no_part():
    X, y = _cohort()
    batch = _batch(X, y)
    before = cluster_importance(batch, X, np.arange(6)).drop
    other = X.copy()
    other[batch.plan.train[0]] = 1e6
    assert (cluster_importance(batch, other, np.arange(6)).drop[0] == before[0]).all()


def test_the_order_of_work_and_the_size_of_a_block_change_no_bit(monkeypatch):
    X, y = _cohort()
    batch = _batch(X, y)
    once = cluster_importance(batch, X, np.arange(6), seed=2)

    def backwards_elsewhere(train, jobs, n_jobs):
        train, jobs = pickle.loads(pickle.dumps((train, jobs)))  # as for a worker process
        found = [(job, train(job)) for job in reversed(jobs)]
        return reversed(found)

    monkeypatch.setattr(importance, "finish_in_order", backwards_elsewhere)
    monkeypatch.setattr(importance, "_MOST_CELLS", 1)
    assert (once.drop == cluster_importance(batch, X, np.arange(6), seed=2).drop).all()
    assert (once.drop != cluster_importance(batch, X, np.arange(6), seed=3).drop).any()


def test_the_spread_is_that_over_fits_of_the_means_over_repeats():
    X, y = _cohort()
    found = cluster_importance(_batch(X, y), X, np.arange(6), n_repeats=4)
    np.testing.assert_allclose(found.mean, np.mean([d.mean(axis=0) for d in found.drop], axis=0))
    by_fit = np.array([d.mean(axis=0) for d in found.drop])
    np.testing.assert_allclose(found.spread, by_fit.std(axis=0, ddof=1))


def test_a_batch_without_estimators_is_refused_with_what_to_keep():
    X, y = _cohort()
    test = np.arange(90) < 30
    batch = FOREST.run(X, FitPlan(~test[None], test[None], y))
    with pytest.raises(InvalidInputError, match=r'keep=.*"estimators"'):
        cluster_importance(batch, X, np.arange(6))
    batch = FOREST.run(X, FitPlan(~test[None], test[None], y), keep=("scores", "estimators"))
    with pytest.raises(InvalidInputError, match="did not keep what they learned"):
        cluster_importance(batch, X, np.arange(6))


def test_fits_scored_on_their_own_training_rows_alone_are_refused():
    X, y = _cohort()
    every = np.ones((1, 90), bool)
    batch = FOREST.run(X, FitPlan(every, every, y), keep=KEEP)
    with pytest.raises(InvalidInputError, match="fit 0 has no held-out row"):
        cluster_importance(batch, X, np.arange(6))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clusters": np.arange(5)}, "5 cluster numbers for 6 features"),
        ({"n_repeats": 0}, "n_repeats is 0"),
        ({"X": np.ones((89, 6))}, "X has 89 rows, the batch was trained on 90"),
    ],
    ids=["clusters", "repeats", "rows"],
)
def test_arguments_that_do_not_fit_are_refused(change, message):
    X, y = _cohort()
    with pytest.raises(InvalidInputError, match=message):
        cluster_importance(**{"batch": _batch(X, y), "X": X, "clusters": np.arange(6), **change})


def test_held_out_rows_of_one_class_are_refused_by_the_name_of_the_fit():
    X, y = _cohort()
    test = (y == 1) & (np.arange(90) < 30)
    batch = FOREST.run(X, FitPlan(~test[None], test[None], y), keep=KEEP)
    with pytest.raises(InvalidInputError, match="held-out rows of fit 0 are of one class"):
        cluster_importance(batch, X, np.arange(6))
