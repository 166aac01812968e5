"""Curves over samples and features: nested, on the same folds, with the right intervals."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from test_cross_validation import CountingLearner

from foldwise.errors import InvalidInputError
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.learning_curve import (
    LearningCurve,
    ask_learning_curve,
    ask_subset_curve,
)
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan

Y = np.repeat([0.0, 1.0], [40, 60])
FOLDS = kfold_assignments(100, n_splits=4, n_repeats=2, classes=Y)
RIDGE = LogisticLearner(n_jobs=1)


def table(seed: int = 0) -> np.ndarray:
    X = np.random.default_rng(seed).normal(size=(100, 12))
    X[:, :4] += 0.5 * Y[:, None]
    return X


def curve_plan(**asked: object) -> FitPlan:
    return next(ask_learning_curve(Y, FOLDS, **asked))  # type: ignore[arg-type]


def curve(**asked: object) -> LearningCurve:
    question = ask_learning_curve(Y, FOLDS, **asked)  # type: ignore[arg-type]
    return run_question(question, RIDGE, table())


def test_the_last_point_is_the_cross_validation_itself() -> None:
    whole = run_question(ask_cross_validation(Y, FOLDS, roc_auc), RIDGE, table())
    assert np.array_equal(curve().values[-1], whole.values[0])


def test_smaller_training_sets_lie_within_larger_ones_and_within_the_fold() -> None:
    plan = curve_plan(fractions=(0.25, 0.5, 1.0))
    train = plan.train.reshape(3, 8, 100)
    assert not (train[0] & ~train[1]).any()
    assert not (train[1] & ~train[2]).any()
    held = plan.score.reshape(3, 8, 100)
    assert (held == held[0]).all()
    assert np.array_equal(train[2], ~held[2])


def test_shares_of_the_classes_are_kept_and_counts_rounded_up() -> None:
    plan = curve_plan(fractions=(0.1, 0.25))
    train = plan.train.reshape(2, 8, 100)
    # 30 controls and 45 cases in a training part.
    assert (train[..., Y == 0].sum(axis=2) == [[3] * 8, [8] * 8]).all()
    assert (train[..., Y == 1].sum(axis=2) == [[5] * 8, [12] * 8]).all()


def test_subjects_are_taken_or_left_as_a_whole() -> None:
    groups = np.arange(100) // 4
    folds = kfold_assignments(100, n_splits=4, classes=Y, groups=groups)
    plan = next(ask_learning_curve(Y, folds, fractions=(0.3, 0.7), groups=groups))
    for train in plan.train:
        assert set(np.bincount(groups, weights=train)) == {0.0, 4.0}


def test_more_samples_help_where_there_is_more_to_learn() -> None:
    found = curve(fractions=(0.1, 1.0))
    assert found.sizes.tolist() == [8.0, 75.0]
    assert found.means[1] > found.means[0] + 0.05


def test_intervals_use_the_ratio_of_each_points_own_training_rows() -> None:
    found = curve(fractions=(0.2, 1.0))
    for place, n_train in enumerate((15.0, 75.0)):
        values = found.values[place].ravel()
        # Nadeau & Bengio (2003): (1 / J + n_test / n_train) s^2, on the logit of the mean.
        error = np.sqrt((1 / 8 + 25 / n_train) * values.var(ddof=1))
        mean = values.mean()
        half = stats.t.ppf(0.975, 7) * error / (mean * (1 - mean))
        assert found.means[place] == pytest.approx(mean)
        assert found.lows[place] == pytest.approx(expit(logit(mean) - half))
        assert found.highs[place] == pytest.approx(expit(logit(mean) + half))


def test_a_curve_costs_one_plan_and_no_bit_depends_on_threads() -> None:
    counted = CountingLearner(RIDGE)  # type: ignore[arg-type]
    run_question(ask_learning_curve(Y, FOLDS), counted, table())
    assert [plan.n_fits for plan in counted.plans] == [5 * 8]
    question = ask_learning_curve(Y, FOLDS)
    threads = run_question(question, LogisticLearner(n_jobs=2), table())
    assert threads.values.tobytes() == curve().values.tobytes()


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        pytest.param((0.01, 1.0), "fraction 0.01 holds 1 subjects with a control", id="few"),
        pytest.param((0.5, 1.2), "at most 1", id="above"),
        pytest.param((), "at most 1", id="none"),
    ],
)
def test_impossible_fractions_are_refused(fractions: tuple[float, ...], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        curve(fractions=fractions)


def test_the_subset_curve_is_the_l1_path_on_each_fold() -> None:
    X = table()
    learner = LogisticLearner(tol=1e-9, n_jobs=1)
    question = ask_subset_curve(Y, FOLDS[:1], n_penalties=12)
    found = run_question(question, learner, X, keep=("scores", "parameters"))
    for fold in range(4):
        train, test = FOLDS[0] != fold, FOLDS[0] == fold
        scaler = StandardScaler().fit(X[train])
        for place in (4, 8):
            model = LogisticRegression(
                C=found.penalties[place], l1_ratio=1.0, solver="saga", tol=1e-9, max_iter=100_000
            ).fit(scaler.transform(X[train]), Y[train])
            assert found.used[place, 0, fold] == (np.abs(model.coef_) > 1e-6).sum()
            scores = model.decision_function(scaler.transform(X[test]))
            assert found.values[place, 0, fold] == pytest.approx(roc_auc_score(Y[test], scores))


def test_the_subset_curve_begins_without_features_at_one_half() -> None:
    question = ask_subset_curve(Y, FOLDS)
    found = run_question(question, RIDGE, table(), keep=("scores", "parameters"))
    assert found.n_used[0] == 0
    assert (found.means[0], found.lows[0], found.highs[0]) == pytest.approx((0.5, 0.5, 0.5))
    assert found.n_used[-1] == pytest.approx(12, abs=0.5)
    assert (found.lows <= found.means + 1e-12).all()
    assert (found.means <= found.highs + 1e-12).all()
    assert found.used.shape == found.values.shape == (30, 2, 4)


def test_the_limit_of_a_perfect_curve_counts_subjects() -> None:
    """Ten subjects of each class that are never mixed up: 0.025 ** (1 / 10) at the least."""
    y, groups = np.repeat([0.0, 1.0], 100), np.repeat(np.arange(20), 10)
    folds = kfold_assignments(200, n_splits=5, n_repeats=2, seed=0, classes=y, groups=groups)
    X = 9 * y[:, None] + np.random.default_rng(0).normal(size=(200, 1))
    question = ask_learning_curve(y, folds, fractions=(1.0,), groups=groups)
    found = run_question(question, LogisticLearner(n_jobs=1), X)
    assert found.means[0] == 1.0
    assert found.lows[0] == pytest.approx(0.025 ** (1 / 10))
