"""Intervals over subjects agree with their formula, with DeLong, and with resampled subjects."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from foldwise.errors import InvalidInputError
from foldwise.evaluation.auc_bootstrap import auc_bootstrap_interval
from foldwise.evaluation.clustered_auc import (
    obuchowski_difference,
    obuchowski_interval,
    obuchowski_p_value,
    obuchowski_variance,
)
from foldwise.evaluation.intervals import (
    delong_difference,
    delong_interval,
    delong_p_value,
    delong_variance,
)
from foldwise.evaluation.repeated_auc import auc_over_repeats, paired_p_value_over_repeats


def subjects(
    n_subjects: int, seed: int = 0, shared: float = 0.7
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, two scores and subjects of 1 to 3 rows; some give cases and controls."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_subjects), rng.integers(1, 4, n_subjects))
    n = len(groups)
    sick = np.arange(n_subjects) % 2
    y = np.where(rng.uniform(size=n) < 0.2, 1 - sick[groups], sick[groups]).astype(float)
    own = shared * rng.normal(size=n_subjects)[groups]
    score = (y + own + rng.normal(size=n)).round(1)
    return y, score, (0.5 * score + rng.normal(y)).round(1), groups


def by_hand(y: np.ndarray, scores: list[np.ndarray], groups: np.ndarray) -> np.ndarray:
    """Covariance matrix of the AUCs of several scores, one subject at a time."""

    def psi(case: float, control: float) -> float:
        return 1.0 if case > control else 0.5 if case == control else 0.0

    cases, controls = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    names = list(dict.fromkeys(groups.tolist()))
    a, b = [], []
    for score in scores:
        v10 = {i: np.mean([psi(score[i], score[j]) for j in controls]) for i in cases}
        v01 = {j: np.mean([psi(score[i], score[j]) for i in cases]) for j in controls}
        auc = np.mean(list(v10.values()))
        a.append([sum(v10[i] - auc for i in cases if groups[i] == name) for name in names])
        b.append([sum(v01[j] - auc for j in controls if groups[j] == name) for name in names])
    a, b = np.array(a), np.array(b)
    i10, i01, i = len(set(groups[cases])), len(set(groups[controls])), len(names)
    m, n = len(cases), len(controls)
    s10 = i10 / ((i10 - 1) * m) * a @ a.T  # Obuchowski's equations for r scores
    s01 = i01 / ((i01 - 1) * n) * b @ b.T
    s11 = i / (i - 1) * a @ b.T
    return s10 / m + s01 / n + (s11 + s11.T) / (m * n)


def test_the_variance_between_subjects_is_that_of_the_formula() -> None:
    y, score, _, groups = subjects(20)
    expected = by_hand(y, [score], groups)[0, 0]
    # Rounding of sums of some hundred terms.
    assert obuchowski_variance(y, score, groups)[1] == pytest.approx(expected, rel=1e-12)


def test_the_paired_difference_between_subjects_is_that_of_the_formula() -> None:
    y, score, other, groups = subjects(20)
    contrast = np.array([1.0, -1.0])
    variance = contrast @ by_hand(y, [score, other], groups) @ contrast
    difference, low, high = obuchowski_difference(y, score, other, groups)
    p = obuchowski_p_value(y, score, other, groups)
    assert p is not None
    # The interval and the p value rest on the same t: read its degrees of freedom from p.
    quantile = (high - low) / 2 / sqrt(variance)
    df = next(df for df in np.arange(2, 40, 0.01) if stats.t.ppf(0.975, df) < quantile)
    assert p == pytest.approx(2 * stats.t.sf(abs(difference) / sqrt(variance), df), rel=1e-2)
    assert 9 < df < 40  # 10 to 20 subjects of each class


@pytest.mark.parametrize(
    "named", [pytest.param(False, id="numbers"), pytest.param(True, id="text")]
)
def test_with_one_row_per_subject_it_is_delong(named: bool) -> None:
    y, score, other, _ = subjects(40)
    groups = np.random.default_rng(0).permutation(len(y))
    ids = np.array([f"P{one}" for one in groups]) if named else groups
    found = obuchowski_variance(y, score, ids)
    assert found == pytest.approx(delong_variance(y, score), rel=1e-12)
    paired = obuchowski_difference(y, score, other, ids)
    expected = delong_difference(y, score, other)
    assert paired[0] == pytest.approx(expected[0], rel=1e-12)
    # Student's t of 30 to 70 degrees is 0.4 % to 6 % wider than the normal.
    assert 1.004 < (paired[2] - paired[1]) / (expected[2] - expected[1]) < 1.06


def test_with_one_row_per_subject_the_degrees_of_freedom_are_brunner_munzels() -> None:
    y = np.repeat([1.0, 0.0], [12, 19])
    score = np.random.default_rng(3).normal(y)
    # scipy's test of P(case > control) = 1/2 uses the same variance and t distribution.
    expected = stats.brunnermunzel(score[y == 0], score[y == 1])
    # An AUC against a score that is constant: its AUC is 1/2 without variance.
    found = obuchowski_p_value(y, score, np.zeros(31), np.arange(31))
    assert found == pytest.approx(expected.pvalue, rel=1e-9)


def test_copies_of_every_row_change_nothing_that_is_said_of_subjects() -> None:
    rng = np.random.default_rng(1)
    y = np.repeat([1.0, 0.0], [15, 25])
    score = rng.normal(y)
    twice = np.repeat(np.arange(40), 3)
    once = obuchowski_interval(y, score, np.arange(40))
    assert obuchowski_interval(y[twice], score[twice], twice) == pytest.approx(once, rel=1e-12)
    copied = delong_interval(y[twice], score[twice])
    assert copied[1] - copied[0] < 0.7 * (once[1] - once[0])


def test_the_variance_is_near_that_of_resampled_subjects() -> None:
    y, score, _, groups = subjects(150, seed=2)
    rng = np.random.default_rng(0)
    rows_of = [np.flatnonzero(groups == one) for one in range(150)]
    aucs = []
    for _ in range(1500):
        rows = np.concatenate([rows_of[one] for one in rng.integers(150, size=150)])
        case, control = score[rows][y[rows] == 1], score[rows][y[rows] == 0]
        aucs.append(stats.mannwhitneyu(case, control).statistic / (len(case) * len(control)))
    # 1500 resamples know a variance to 4 %; the bootstrap's bias is of order 1 / 75.
    assert obuchowski_variance(y, score, groups)[1] == pytest.approx(np.var(aucs), rel=0.15)


def test_names_and_order_of_subjects_do_not_matter() -> None:
    y, score, _, groups = subjects(30)
    order = np.random.default_rng(0).permutation(len(y))
    renamed = np.array([f"S{(7 * one) % 30:02d}" for one in groups])
    found = obuchowski_interval(y[order], score[order], renamed[order])
    assert found == pytest.approx(obuchowski_interval(y, score, groups), rel=1e-12)


def test_perfect_separation_counts_subjects_not_rows() -> None:
    y = np.repeat([1.0, 0.0], [12, 12])
    low, high = obuchowski_interval(y, y, np.arange(24) // 3)
    assert (low, high) == pytest.approx((0.025 ** (1 / 4), 1.0), rel=1e-12)


def test_one_subject_with_all_cases_is_refused() -> None:
    y = np.array([1.0, 1, 0, 0, 0])
    with pytest.raises(InvalidInputError, match="1 have cases and 3 have controls"):
        obuchowski_interval(y, np.arange(5.0), np.array(["a", "a", "b", "c", "d"]))


def test_limits_over_repeats_are_medians_of_the_limits_of_each() -> None:
    y, score, other, groups = subjects(30)
    scores = np.stack([score, other, score + 0.3 * other, score - other])
    found = auc_over_repeats(y, scores, groups=groups)
    limits = np.array([obuchowski_interval(y, one, groups) for one in scores])
    lows = np.sort(limits[:, 0])
    assert found.low == pytest.approx((lows[1] + lows[2]) / 2)
    assert found.value == pytest.approx(np.median([delong_variance(y, one)[0] for one in scores]))
    assert (found.n, found.method, found.note) == (30, "obuchowski, median of repeats", "")
    assert auc_over_repeats(y, scores).n == len(y)


def test_repeats_of_perfect_separation_are_said() -> None:
    y = np.repeat([1.0, 0.0], [6, 9])
    found = auc_over_repeats(y, np.stack([y, y, np.random.default_rng(0).normal(y)]))
    assert "1 in 2 of 3 repeats" in found.note
    assert found.high == 1.0


def test_the_paired_test_over_repeats_is_twice_the_median_p_value() -> None:
    y, score, other, _ = subjects(30)
    rng = np.random.default_rng(0)
    scores = score + 0.1 * rng.normal(size=(3, len(y)))
    others = other + 0.1 * rng.normal(size=(3, len(y)))
    each = sorted(delong_p_value(y, a, b) or 0 for a, b in zip(scores, others, strict=True))
    assert paired_p_value_over_repeats(y, scores, others) == pytest.approx(min(1.0, 2 * each[1]))
    alone = paired_p_value_over_repeats(y, scores[:1], others[:1])
    assert alone == delong_p_value(y, scores[0], others[0])
    assert paired_p_value_over_repeats(y, scores, scores) == 1.0


def test_a_paired_test_of_other_repeats_is_refused() -> None:
    y, score, other, _ = subjects(30)
    with pytest.raises(InvalidInputError, match="same repeats and rows"):
        paired_p_value_over_repeats(y, np.stack([score, score]), other[None])


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 4)), min_size=6, max_size=30
    )
)
def test_limits_hold_the_auc_and_stay_within_0_and_1(
    rows: list[tuple[int, bool, int]],
) -> None:
    groups, y, score = (np.array(column) for column in zip(*rows, strict=True))
    y, score = y.astype(float), score.astype(float)
    assume(min(len(set(groups[y == one])) for one in (0.0, 1.0)) >= 2)
    auc, variance = obuchowski_variance(y, score, groups)
    low, high = obuchowski_interval(y, score, groups)
    assert variance >= 0
    # An interval of no length: logit and expit round in the last bits.
    assert 0 <= low <= auc + 1e-12
    assert auc - 1e-12 <= high <= 1
    low, high = auc_bootstrap_interval(y, score, groups=groups, n_resamples=50)
    assert 0 <= low <= high <= 1
