"""Thresholds are those of a search over all cuts, and never see the rows they are judged on."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, roc_curve
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_cross_validation import CountingLearner

from foldwise.errors import InvalidInputError
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.proportions import wilson_interval
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.splits import kfold_among, kfold_assignments
from foldwise.evaluation.threshold_rules import (
    ClosestToCorner,
    Cost,
    FixedSensitivity,
    FixedSpecificity,
    ThresholdRule,
    Youden,
)
from foldwise.evaluation.thresholds import OperatingPoint, ask_operating_points, choose_threshold
from foldwise.fits.sklearn_learner import SklearnLearner

RNG = np.random.default_rng(0)
Y = np.repeat([1.0, 0.0], [30, 50])[RNG.permutation(80)]
X = RNG.normal(size=(80, 4)) + 0.8 * Y[:, None]
SCORE = (X[:, 0] + X[:, 1]).round(1)
OUTER = kfold_assignments(80, n_splits=4, seed=1, classes=Y)[0]
INNER = np.stack(
    [kfold_among(fold != OUTER, n_splits=3, seed=fold, classes=Y)[0] for fold in range(4)]
)
RULES = [Youden(), FixedSensitivity(0.9), FixedSpecificity(0.9), Cost(5.0, 0.1), ClosestToCorner()]


def rates(threshold: float) -> tuple[float, float]:
    called = threshold < SCORE
    return float(called[Y == 1].mean()), float((~called[Y == 0]).mean())


def all_cuts() -> list[float]:
    distinct = sorted(set(SCORE.tolist()))
    return [(low + high) / 2 for low, high in pairwise(distinct)]


def test_youden_is_the_largest_distance_of_the_roc_curve_to_its_diagonal() -> None:
    false, true, _ = roc_curve(Y, SCORE)
    found = choose_threshold(Y, SCORE, Youden())
    assert found is not None
    assert sum(rates(found)) - 1 == pytest.approx((true - false).max())


def test_a_fixed_sensitivity_is_reached_at_the_least_cost_of_specificity() -> None:
    found = choose_threshold(Y, SCORE, FixedSensitivity(0.9))
    assert found is not None
    reached = [rates(cut)[1] for cut in all_cuts() if rates(cut)[0] >= 0.9]
    assert rates(found)[0] >= 0.9
    assert rates(found)[1] == max(reached)


def test_a_fixed_specificity_mirrors_a_fixed_sensitivity() -> None:
    found = choose_threshold(Y, SCORE, FixedSpecificity(0.9))
    assert found is not None
    reached = [rates(cut)[0] for cut in all_cuts() if rates(cut)[1] >= 0.9]
    assert rates(found)[1] >= 0.9
    assert rates(found)[0] == max(reached)


def test_a_share_that_is_reached_exactly_counts_as_reached() -> None:
    # 9 of 10 cases above the cut; 0.9 and 1 - 1/10 differ in the last bit.
    y = np.repeat([1.0, 0.0], [10, 5])
    score = np.concatenate([[0.0], np.arange(2.0, 11.0), np.ones(5)])
    assert choose_threshold(y, score, FixedSensitivity(0.9)) == 1.5


def test_the_cost_rule_has_the_lowest_expected_cost() -> None:
    found = choose_threshold(Y, SCORE, Cost(5.0, 0.1))
    assert found is not None

    def cost(cut: float) -> float:
        sensitivity, specificity = rates(cut)
        return 5 * 0.1 * (1 - sensitivity) + 0.9 * (1 - specificity)

    assert cost(found) == pytest.approx(min(map(cost, all_cuts())))
    # Dearer misses lower the threshold.
    dearer = choose_threshold(Y, SCORE, Cost(50.0, 0.1))
    assert dearer is not None
    assert dearer < found


def test_the_closest_to_the_corner_is_closest() -> None:
    found = choose_threshold(Y, SCORE, ClosestToCorner())
    assert found is not None
    distances = [np.hypot(1 - rates(cut)[0], 1 - rates(cut)[1]) for cut in all_cuts()]
    assert np.hypot(1 - rates(found)[0], 1 - rates(found)[1]) == pytest.approx(min(distances))


def test_tied_rows_are_never_parted_and_the_highest_of_equal_cuts_is_taken() -> None:
    y = np.array([0.0, 1, 0, 1, 1])
    score = np.array([0.2, 0.2, 0.4, 0.4, 0.8])
    # J: between 0.2 and 0.4 it is 2/3 - 1/2, between 0.4 and 0.8 it is 1/3 - 0.
    assert choose_threshold(y, score, Youden()) == pytest.approx(0.6)
    # J = 1/2 at both cuts of these.
    assert choose_threshold(np.array([0.0, 1, 0, 1]), np.arange(4.0), Youden()) == 2.5


@pytest.mark.parametrize(
    ("score", "rule"),
    [
        pytest.param(np.zeros(6), ClosestToCorner(), id="all-scores-equal"),
        pytest.param(np.array([0.0, 1, 2, 3, 4, 5]), Youden(), id="worse-than-chance"),
        pytest.param(np.array([0.0, 0, 2, 2, 0, 0]), FixedSensitivity(0.9), id="only-everybody"),
        pytest.param(np.array([0.0, 3, 4, 3, 3, 4]), FixedSpecificity(0.9), id="only-nobody"),
    ],
)
def test_where_no_cut_is_an_answer_there_is_none(score: np.ndarray, rule: ThresholdRule) -> None:
    assert choose_threshold(np.array([1.0, 1, 1, 0, 0, 0]), score, rule) is None


def test_scores_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="1 have no finite score"):
        choose_threshold(np.array([0.0, 1, 1]), np.array([0.1, np.nan, 0.3]), Youden())


@pytest.mark.parametrize(
    "wrong",
    [lambda: FixedSensitivity(90.0), lambda: FixedSpecificity(0.0), lambda: Cost(0.0, 0.1)],
)
def test_rules_that_cannot_be_are_refused(wrong: object) -> None:
    with pytest.raises(InvalidInputError):
        wrong()


LEARNER = SklearnLearner(make_pipeline(StandardScaler(), LogisticRegression()))


def asked(
    y: np.ndarray = Y, X: np.ndarray = X, learner: object = LEARNER, **more: object
) -> list[OperatingPoint]:
    return run_question(ask_operating_points(y, OUTER, INNER, RULES, **more), learner, X)


def test_thresholds_and_calls_equal_a_loop_over_scikit_learn() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    found = asked()[0]
    called = np.zeros(80, bool)
    for fold in range(4):
        train = fold != OUTER
        inside = cross_val_predict(
            model,
            X[train],
            Y[train],
            cv=PredefinedSplit(INNER[fold][train]),
            method="predict_proba",
        )[:, 1]
        false, true, cuts = roc_curve(Y[train], inside, drop_intermediate=False)
        best = (true - false).argmax()
        # scikit-learn calls from the score upwards; ours lies between it and the one below.
        below = np.sort(inside[inside < cuts[best]])[-1]
        assert below < found.thresholds[fold] < cuts[best]
        scores = model.fit(X[train], Y[train]).predict_proba(X[~train])[:, 1]
        called[~train] = scores > found.thresholds[fold]
    np.testing.assert_array_equal(found.called, called)
    (tn, fp), (fn, tp) = confusion_matrix(Y, called)
    table = found.table
    assert table is not None
    counts = table.true_positive, table.false_negative, table.false_positive, table.true_negative
    assert counts == (tp, fn, fp, tn)
    assert (table.sensitivity.low, table.sensitivity.high) == wilson_interval(int(tp), 30)


def test_all_rules_and_folds_are_one_plan() -> None:
    counting = CountingLearner(LEARNER)
    asked(learner=counting)
    assert [plan.n_fits for plan in counting.plans] == [4 * 3 + 4]


def test_the_rows_of_an_outer_fold_change_nothing_that_is_chosen_for_it() -> None:
    before = asked()
    wild_X, wild_y = X.copy(), Y.copy()
    held = OUTER == 2
    wild_X[held] = 1e6
    wild_y[held] = 1 - wild_y[held]
    for one, other in zip(before, asked(wild_y, wild_X), strict=True):
        assert other.thresholds[2] == one.thresholds[2]
        assert not np.array_equal(other.thresholds, one.thresholds)


def test_held_out_rows_are_scored_by_the_fits_of_the_first_repeat_of_cross_validation() -> None:
    counting = CountingLearner(LEARNER)
    asked(learner=counting, seed=9)
    run_question(ask_cross_validation(Y, OUTER[None], roc_auc, seed=9), counting, X)
    first, second = counting.plans
    np.testing.assert_array_equal(first.seed[-4:], second.seed)
    np.testing.assert_array_equal(first.train[-4:], second.train)


def test_each_outer_fold_may_have_a_setting_of_its_own() -> None:
    counting = CountingLearner(LEARNER)
    settings = [{"logisticregression__C": one} for one in (0.1, 1.0)]
    asked(learner=counting, settings=settings, chosen=np.array([0, 1, 1, 0]))
    plan = counting.plans[0]
    np.testing.assert_array_equal(plan.setting, np.array([0, 1, 1, 0])[plan.members["outer"]])


def test_a_fold_without_a_threshold_leaves_no_table_and_says_why() -> None:
    # Scores that are all equal: no cut lies between two of them.
    found = asked(learner=SklearnLearner(DummyClassifier(strategy="uniform")))
    assert all(one.table is None for one in found)
    assert "outer fold 1, 2, 3, 4" in found[1].note
    assert "sensitivity of at least 0.9" in found[1].note


def test_rows_of_no_outer_fold_are_neither_called_nor_counted() -> None:
    outer = np.where(np.arange(80) < 10, -1, OUTER)
    inner = np.where(outer == -1, -1, INNER)
    question = ask_operating_points(Y, outer, inner, RULES[:1])
    found = run_question(question, LEARNER, X)[0]
    assert found.table is not None
    assert found.table.sensitivity.n + found.table.specificity.n == 70
    assert not found.called[:10].any()


def test_inner_folds_that_hold_held_out_rows_are_refused() -> None:
    leaky = INNER.copy()
    leaky[1, np.flatnonzero(OUTER == 1)[0]] = 0
    question = ask_operating_points(Y, OUTER, leaky, RULES)
    with pytest.raises(InvalidInputError, match="outer fold 2 do not hold exactly"):
        run_question(question, LEARNER, X)


def test_subjects_in_several_folds_are_refused_by_name() -> None:
    groups = np.array([f"P{one}" for one in range(80)], dtype="U8")
    asked(groups=groups)  # one row each: nothing to part
    pair = np.flatnonzero(OUTER == 0)[0], np.flatnonzero(OUTER == 1)[0]
    groups[list(pair)] = "twice"
    with pytest.raises(
        InvalidInputError, match=r"1 of 79 subjects .* several outer folds: 'twice'"
    ):
        asked(groups=groups)
    training = np.flatnonzero(OUTER == 1)
    inside = training[INNER[0][training] == 0][0], training[INNER[0][training] == 1][0]
    groups = np.array([f"P{one}" for one in range(80)], dtype="U8")
    groups[list(inside)] = "twice"
    with pytest.raises(InvalidInputError, match="several inner folds: 'twice'"):
        asked(groups=groups)


def test_with_groups_the_intervals_are_those_of_subjects() -> None:
    groups = np.arange(80) // 2
    outer = kfold_assignments(80, n_splits=4, seed=1, classes=Y, groups=groups)[0]
    inner = np.stack(
        [
            kfold_among(fold != outer, n_splits=3, seed=fold, classes=Y, groups=groups)[0]
            for fold in range(4)
        ]
    )
    question = ask_operating_points(Y, outer, inner, [Youden()], groups=groups)
    table = run_question(question, LEARNER, X)[0].table
    assert table is not None
    assert table.sensitivity.method == "clustered wilson"
    assert table.sensitivity.n == len(np.unique(groups[Y == 1]))
