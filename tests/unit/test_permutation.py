"""Permutation tests: uniform on noise, powerful on signal, subjects permuted as blocks."""

import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_cross_validation import CountingLearner

from foldwise.errors import InvalidInputError
from foldwise.evaluation import permutation
from foldwise.evaluation.label_permutations import count_arrangements, permuted_labels
from foldwise.evaluation.permutation import (
    PermutationTest,
    ask_permutation_test,
    dealt_folds,
    require_penalty,
)
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.subjects import Subjects
from foldwise.fits.batch import Learner
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.sklearn_learner import SklearnLearner

LASSO = LogisticLearner(l1_ratio=1.0, n_jobs=1)
Y = np.repeat([0.0, 1.0], [26, 34])


def table(effect: float, seed: int = 0, y: np.ndarray = Y) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(len(y), 10))
    X[:, :2] += effect * y[:, None]
    return X


def answered(X: np.ndarray, learner: Learner = LASSO, **asked: object) -> PermutationTest:
    y = asked.pop("y", Y)
    asked = {"n_permutations": 39} | asked
    question = ask_permutation_test(y, **asked)  # type: ignore[arg-type]
    return run_question(question, learner, X)


def test_p_values_of_noise_are_uniform() -> None:
    found = [answered(table(0.0, seed), n_permutations=19, seed=seed).p_value for seed in range(60)]
    # 60 draws from 1/20, ..., 20/20: Kolmogorov-Smirnov against the midpoints.
    assert stats.kstest(np.array(found) - 0.025, "uniform").pvalue > 0.01


def test_a_signal_reaches_the_floor_and_the_floor_is_not_zero() -> None:
    found = answered(table(2.0))
    assert found.p_value == found.floor == 1 / 40


def test_the_observed_statistic_is_a_plain_cross_validation_on_its_folds() -> None:
    X = table(0.5)
    learner = LogisticLearner(C=0.5, tol=1e-9, n_jobs=1)
    found = answered(X, learner, n_permutations=2, seed=3)
    folds = dealt_folds(Y[None], Subjects.of(Y), 5, seed=3)[0]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, tol=1e-9))
    splits = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(5)]
    expected = cross_val_score(pipeline, X, Y, cv=splits, scoring="roc_auc")
    assert found.fold_values == pytest.approx(expected, abs=1e-12)
    assert found.observed == pytest.approx(expected.mean(), abs=1e-12)


def test_p_counts_the_permutations_that_reach_the_observed_value_ties_included() -> None:
    null = np.array([0.4, 0.7, 0.7 - 1e-13, 0.9])
    assert PermutationTest(0.7, np.array([0.7]), null, 1e9).p_value == 4 / 5


def test_the_test_costs_one_call_of_the_learner() -> None:
    counted = CountingLearner(SklearnLearner(LogisticRegression(), n_jobs=1))
    answered(table(0.0), counted, n_permutations=4)
    assert [plan.n_fits for plan in counted.plans] == [5 * 5]


def test_a_large_test_is_cut_into_plans_and_gives_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = answered(table(0.3), n_permutations=9)
    monkeypatch.setattr(permutation, "_MOST_CELLS", 3 * 5 * len(Y))
    counted = CountingLearner(LASSO)  # type: ignore[arg-type]
    parts = answered(table(0.3), counted, n_permutations=9)
    assert [plan.n_fits for plan in counted.plans] == [15, 15, 15, 5]
    assert np.array_equal(whole.null, parts.null)
    assert whole.observed == parts.observed


def test_threads_change_no_bit_of_the_null() -> None:
    found = [
        answered(table(0.3), LogisticLearner(l1_ratio=1.0, n_jobs=jobs)).null for jobs in (1, 2, 3)
    ]
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()


def test_a_forest_is_tested_like_any_learner() -> None:
    forest = SklearnLearner(RandomForestClassifier(5, max_depth=2), n_jobs=1)
    assert answered(table(2.5), forest, n_permutations=9).p_value == 0.1


def test_folds_are_redrawn_as_stratified_k_fold_draws_them() -> None:
    labels = permuted_labels(Y, 300)
    folds = dealt_folds(labels, Subjects.of(Y), 5)
    for y, fold in zip(labels, folds, strict=True):
        counts = np.array([[((fold == one) & (y == c)).sum() for one in range(5)] for c in (0, 1)])
        reference = StratifiedKFold(5, shuffle=True, random_state=0).split(Y[:, None], y)
        expected = [[(y[test] == c).sum() for _, test in reference] for c in (0,)]
        assert sorted(counts[0]) == sorted(expected[0])
        assert np.ptp(counts, axis=1).max() <= 1
        assert np.ptp(counts.sum(axis=0)) <= 1
    # Two cases are equally likely to be any two places of the folds' 34.
    sizes = np.array([7, 7, 7, 7, 6])
    expected_share = (sizes * (sizes - 1)).sum() / (34 * 33)
    together = [fold[np.flatnonzero(y)[:2]] for y, fold in zip(labels, folds, strict=True)]
    share = np.mean([one == two for one, two in together])
    assert abs(share - expected_share) < 4 * np.sqrt(expected_share / 300)


REPEATED = np.repeat(np.arange(30), 2)  # 30 subjects of two rows
OF_SUBJECTS = np.repeat(np.repeat([0.0, 1.0], [13, 17]), 2)


def test_all_rows_of_a_subject_get_one_label() -> None:
    labels = permuted_labels(OF_SUBJECTS, 50, groups=REPEATED)
    assert np.array_equal(labels[:, ::2], labels[:, 1::2])
    assert (labels.sum(axis=1) == 34).all()
    assert len(np.unique(labels, axis=0)) > 40


def test_subjects_of_different_sizes_keep_the_number_of_subjects_per_class() -> None:
    sizes = np.arange(1, 13)
    groups = np.repeat(np.arange(12), sizes)
    y = (groups % 3 == 0).astype(float)
    labels = permuted_labels(y, 100, groups=groups)
    firsts = np.r_[0, sizes.cumsum()[:-1]]
    assert (labels[:, firsts].sum(axis=1) == 4).all()
    for label in labels:
        assert np.array_equal(label, label[firsts][groups])
    # Any subject may be a case: each is one in about a third of the permutations.
    assert labels[:, firsts].mean(axis=0) == pytest.approx(np.full(12, 1 / 3), abs=0.2)


def test_constant_labels_within_subjects_leave_the_test_its_power() -> None:
    X = table(2.0, y=OF_SUBJECTS)
    found = answered(X, y=OF_SUBJECTS, groups=REPEATED)
    assert found.p_value == found.floor
    assert len(np.unique(found.null)) > 20


def test_rows_of_one_subject_do_not_make_a_signal() -> None:
    """Rows permuted alone would call the likeness of a subject's rows a difference of classes."""
    rng = np.random.default_rng(0)
    found, naive = [], []
    for seed in range(25):
        X = np.repeat(rng.normal(size=(30, 10)), 2, axis=0) + 0.1 * rng.normal(size=(60, 10))
        asked = {"y": OF_SUBJECTS, "seed": seed, "n_permutations": 19}
        found.append(answered(X, groups=REPEATED, **asked).p_value)
        naive.append(answered(X, **asked).p_value)
    assert np.mean(np.array(naive) <= 0.1) > 0.5
    # Binomial(25, 0.1): 8 or more of 25 have a probability of 0.2 %.
    assert np.sum(np.array(found) <= 0.1) < 8


def test_folds_of_every_permutation_keep_subjects_whole_and_hold_both_classes() -> None:
    groups = np.repeat(np.arange(24), np.tile([1, 2, 5], 8))
    y = (groups % 2).astype(float)
    labels = permuted_labels(y, 60, groups=groups)
    folds = dealt_folds(labels, Subjects.of(y, groups), 5)
    for label, fold in zip(labels, folds, strict=True):
        assert all(len(set(fold[groups == one])) == 1 for one in range(24))
        assert all(set(label[fold == one]) == {0.0, 1.0} for one in range(5))


def test_pairs_are_flipped_within_their_subject() -> None:
    pairs, y = np.repeat(np.arange(20), 2), np.tile([0.0, 1.0], 20)
    labels = permuted_labels(y, 200, groups=pairs)
    assert (labels.reshape(200, 20, 2).sum(axis=2) == 1).all()
    # Each pair is flipped with probability 1/2, independently of the others.
    flipped = labels[:, ::2]
    assert abs(flipped.mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)
    assert np.abs(np.corrcoef(flipped.T) - np.eye(20)).max() < 4 / np.sqrt(200) + 0.05
    assert count_arrangements(y, groups=pairs) == pytest.approx(2.0**20)


def test_a_paired_difference_is_found_and_folds_keep_the_pairs() -> None:
    pairs, y = np.repeat(np.arange(20), 2), np.tile([0.0, 1.0], 20)
    X = table(2.0, y=y)
    found = answered(X, y=y, groups=pairs)
    assert found.p_value == found.floor
    folds = dealt_folds(y[None], Subjects.of(y, pairs), 5)[0]
    assert np.array_equal(folds[::2], folds[1::2])


def test_labels_stay_within_their_stratum() -> None:
    batch = np.tile([0, 1, 2], 20)
    y = (np.arange(60) < 20 + 5 * batch).astype(float)
    labels = permuted_labels(y, 50, strata=batch)
    for one in range(3):
        assert (labels[:, batch == one].sum(axis=1) == y[batch == one].sum()).all()
    assert len(np.unique(labels, axis=0)) == 50


def test_a_batch_effect_is_no_signal_within_batches() -> None:
    batch = np.repeat([0, 1], 30)
    y = np.concatenate([np.arange(30) < 6, np.arange(30) < 24]).astype(float)
    X = table(0.0) + 3.0 * batch[:, None]
    assert answered(X, y=y).p_value == 1 / 40
    assert answered(X, y=y, strata=batch).p_value > 0.1


def test_arrangements_are_counted_by_hand() -> None:
    y = np.array([0.0, 0, 1, 1, 1, 0, 1])
    groups = np.array([0, 0, 1, 1, 2, 3, 3])
    # Subjects 0 (control), 1 and 2 (cases): 3 ways; subject 3 has both: 2 ways.
    assert count_arrangements(y, groups=groups) == pytest.approx(6)
    drawn = np.unique(permuted_labels(y, 300, groups=groups), axis=0)
    assert len(drawn) == 6
    assert np.isinf(count_arrangements(np.tile([0.0, 1.0], 2000)))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param({"strata": Y}, "No permutation differs", id="batch-is-class"),
        pytest.param(
            {"groups": REPEATED, "y": OF_SUBJECTS, "strata": np.tile([0, 1], 30)},
            "30 subjects of one class have rows in several strata: 0, 1, 2, 3, 4 and 25 more",
            id="subject-in-two-strata",
        ),
        pytest.param({"n_folds": 30}, "holds no control", id="folds"),
        pytest.param({"n_permutations": 0}, "at least 1", id="permutations"),
        pytest.param({"setting": {"C": np.inf}}, "model without penalty", id="no-penalty"),
    ],
)
def test_tests_that_mean_nothing_are_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        answered(table(0.0), **asked)


@pytest.mark.parametrize(
    "learner",
    [
        pytest.param(LogisticLearner(C=np.inf, n_jobs=1), id="own"),
        pytest.param(SklearnLearner(LogisticRegression(C=np.inf), n_jobs=1), id="scikit-learn"),
    ],
)
def test_a_learner_without_penalty_is_refused_before_and_after_training(learner: Learner) -> None:
    with pytest.raises(InvalidInputError, match="model without penalty"):
        require_penalty(learner)
    with pytest.raises(InvalidInputError, match="model without penalty"):
        answered(table(0.0), learner, n_permutations=1)
    require_penalty(learner, {"C": 1.0})
