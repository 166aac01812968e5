"""Shares agree with scipy, with formulas worked by hand, and with simulated truth."""

from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from foldwise.errors import InvalidInputError
from foldwise.evaluation.proportions import (
    clustered_wilson_interval,
    diagnostic_table,
    predictive_values,
    wilson_interval,
)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counted: tuple[int, int]) -> None:
    count, n = counted
    expected = stats.binomtest(count, n).proportion_ci(0.95, method="wilson")
    # Rounding near 0 and 1.
    assert wilson_interval(count, n) == pytest.approx(tuple(expected), abs=1e-12)


def test_a_share_of_more_than_all_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="5 of 4"):
        wilson_interval(5, 4)
    with pytest.raises(InvalidInputError, match="0 of 0"):
        wilson_interval(0, 0)


def test_equal_rows_of_a_subject_count_about_once() -> None:
    hit = np.random.default_rng(0).uniform(size=40) < 0.8
    subject = np.repeat(np.arange(40), 5)
    clustered = clustered_wilson_interval(np.repeat(hit, 5), subject)
    # The variance between 40 equal subjects is estimated with 39 in the place of 40.
    expected = wilson_interval(float(hit.mean()) * 39, 39)
    assert clustered == pytest.approx(expected, rel=1e-12)


def test_the_design_effect_is_that_of_the_ratio_estimator() -> None:
    rng = np.random.default_rng(1)
    size = rng.integers(1, 6, 30)
    subject = np.repeat(np.arange(30), size)
    hit = rng.uniform(size=len(subject)) < rng.beta(3, 1, 30)[subject]
    p, rows = hit.mean(), len(hit)
    residuals = [hit[subject == one].sum() - p * size[one] for one in range(30)]
    variance = 30 / 29 * sum(r**2 for r in residuals) / rows**2
    effect = variance / (p * (1 - p) / rows)
    assert effect > 1.1
    expected = wilson_interval(p * rows / effect, rows / effect)
    assert clustered_wilson_interval(hit, subject) == pytest.approx(expected, rel=1e-12)


def test_groups_never_narrow_an_interval() -> None:
    # Subjects of two rows that always disagree: the design effect would be 0.
    hit, subject = np.tile([True, False], 20), np.repeat(np.arange(20), 2)
    assert clustered_wilson_interval(hit, subject) == wilson_interval(20, 40)


def test_where_all_rows_agree_subjects_are_counted() -> None:
    hit, subject = np.ones(30, bool), np.repeat(np.arange(6), 5)
    assert clustered_wilson_interval(hit, subject) == wilson_interval(6, 6)


def called_as(tp: int, fn: int, fp: int, tn: int) -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat([1.0, 0.0], [tp + fn, fp + tn])
    return y, np.repeat([True, False, True, False], [tp, fn, fp, tn])


def test_the_table_counts_each_row_once() -> None:
    table = diagnostic_table(*called_as(40, 10, 6, 54))
    counts = table.true_positive, table.false_negative, table.false_positive, table.true_negative
    assert counts == (40, 10, 6, 54)
    assert table.sensitivity.value == pytest.approx(0.8)
    assert (table.sensitivity.low, table.sensitivity.high) == wilson_interval(40, 50)
    assert (table.specificity.low, table.specificity.high) == wilson_interval(54, 60)
    assert (table.sensitivity.n, table.specificity.n) == (50, 60)
    assert predictive_values(table, 0.1)[0].n == 110


def test_predictive_values_are_those_of_the_formula_worked_by_hand() -> None:
    table = diagnostic_table(*called_as(40, 10, 6, 54))
    ppv, npv = predictive_values(table, 0.05)
    # Bayes: 0.8 * 0.05 / (0.8 * 0.05 + 0.1 * 0.95) = 0.04 / 0.135.
    assert ppv.value == pytest.approx(0.04 / 0.135)
    assert npv.value == pytest.approx(0.9 * 0.95 / (0.9 * 0.95 + 0.2 * 0.05))
    z = stats.norm.ppf(0.975)
    half = z * sqrt(0.2 / (0.8 * 50) + 0.9 / (0.1 * 60))
    centre = log(0.04 / 0.095)
    assert ppv.low == pytest.approx(1 / (1 + exp(half - centre)))
    assert ppv.high == pytest.approx(1 / (1 + exp(-half - centre)))
    half = z * sqrt(0.8 / (0.2 * 50) + 0.1 / (0.9 * 60))
    centre = log(0.855 / 0.01)
    assert npv.low == pytest.approx(1 / (1 + exp(half - centre)))
    assert npv.high == pytest.approx(1 / (1 + exp(-half - centre)))
    assert (ppv.note, npv.note) == ("", "")


def test_at_the_share_of_cases_of_the_table_they_are_the_plain_shares() -> None:
    ppv, npv = predictive_values(diagnostic_table(*called_as(40, 10, 6, 54)), 50 / 110)
    assert ppv.value == pytest.approx(40 / 46)
    assert npv.value == pytest.approx(54 / 64)


@pytest.mark.parametrize("counts", [(20, 0, 3, 17), (18, 2, 0, 20), (20, 0, 0, 20), (0, 20, 3, 17)])
def test_a_count_of_zero_is_said_and_has_limits(counts: tuple[int, int, int, int]) -> None:
    for one in predictive_values(diagnostic_table(*called_as(*counts)), 0.1):
        assert "count of the table is 0" in one.note
        assert one.low is not None
        assert one.high is not None
        assert 0 <= one.low <= one.value <= one.high <= 1
        assert one.high - one.low > 0.001


def test_where_nobody_is_called_positive_there_is_no_ppv() -> None:
    ppv, npv = predictive_values(diagnostic_table(*called_as(0, 20, 0, 20)), 0.1)
    assert ppv.value is None
    assert "not defined" in ppv.note
    assert npv.value == pytest.approx(0.9)


def test_predictive_limits_cover_the_truth_in_95_of_100_tables() -> None:
    rng = np.random.default_rng(0)
    truth = 0.85 * 0.1 / (0.85 * 0.1 + 0.2 * 0.9)
    covered = 0
    for _ in range(600):
        tp, fp = rng.binomial(80, 0.85), rng.binomial(120, 0.2)
        table = diagnostic_table(*called_as(tp, 80 - tp, fp, 120 - fp))
        ppv, _ = predictive_values(table, 0.1)
        covered += ppv.low <= truth <= ppv.high
    # Four standard errors of a share of 0.95 over 600 tables are 0.036.
    assert covered / 600 == pytest.approx(0.95, abs=0.036)


def test_groups_widen_every_interval_of_a_table() -> None:
    y, called = called_as(32, 8, 6, 34)
    copies = np.repeat(np.arange(80), 3)
    rows = diagnostic_table(y[copies], called[copies])
    people = diagnostic_table(y[copies], called[copies], groups=copies)
    assert people.sensitivity.n == 40
    assert people.sensitivity.method == "clustered wilson"
    for pair in (
        (rows.sensitivity, people.sensitivity),
        (rows.specificity, people.specificity),
        (predictive_values(rows, 0.1)[0], predictive_values(people, 0.1)[0]),
    ):
        widths = [one.high - one.low for one in pair]
        assert 1.5 < widths[1] / widths[0] < 2  # sqrt(3) = 1.73


@pytest.mark.parametrize("prevalence", [0.0, 1.0, 5.0, float("nan")])
def test_a_prevalence_outside_0_to_1_is_refused(prevalence: float) -> None:
    with pytest.raises(InvalidInputError, match="share between 0 and 1"):
        predictive_values(diagnostic_table(*called_as(4, 1, 1, 4)), prevalence)


def test_a_table_of_one_class_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="both classes"):
        diagnostic_table(np.ones(4), np.ones(4, bool))
