"""Intervals agree with their formulas, with scipy, and with simulated truth."""

from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from foldwise.errors import InvalidInputError
from foldwise.evaluation.intervals import (
    bootstrap_interval,
    corrected_difference,
    corrected_interval,
    corrected_p_value,
    delong_difference,
    delong_interval,
    delong_p_value,
    delong_variance,
    element_weights,
    interval_over_seeds,
    placements,
    row_weights,
)
from foldwise.evaluation.metrics import REGRESSION_METRICS


def drawn_rows(n_cases: int, n_controls: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of one decimal, so that some tie."""
    rng = np.random.default_rng(seed)
    y = np.repeat([1.0, 0.0], [n_cases, n_controls])
    return y, rng.normal(y, 1.0).round(1)


def logit_limits(mean: float, half: float) -> tuple[float, float]:
    """``mean -+ half`` with ``half`` on the logit scale, brought back by hand."""
    centre = log(mean / (1 - mean))
    return 1 / (1 + exp(half - centre)), 1 / (1 + exp(-half - centre))


def test_the_delong_variance_is_that_of_its_u_statistic() -> None:
    y, score = drawn_rows(9, 14)
    cases, controls = score[y == 1].tolist(), score[y == 0].tolist()

    def psi(case: float, control: float) -> float:
        return 1.0 if case > control else 0.5 if case == control else 0.0

    auc = sum(psi(x, z) for x in cases for z in controls) / (9 * 14)
    of_cases = [sum(psi(x, z) for z in controls) / 14 for x in cases]
    of_controls = [sum(psi(x, z) for x in cases) / 9 for z in controls]
    s10 = sum((value - auc) ** 2 for value in of_cases) / (9 - 1)
    s01 = sum((value - auc) ** 2 for value in of_controls) / (14 - 1)
    # Rounding of sums of at most 126 terms.
    assert delong_variance(y, score) == pytest.approx((auc, s10 / 9 + s01 / 14), rel=1e-12)


def test_the_delong_variance_is_near_the_bootstrap_variance() -> None:
    y, score = drawn_rows(60, 80)
    rng = np.random.default_rng(1)
    cases = rng.choice(score[y == 1], size=(4000, 60, 1))
    controls = rng.choice(score[y == 0], size=(4000, 1, 80))
    aucs = np.concatenate(
        [
            (np.sign(x - z) / 2 + 0.5).mean(axis=(1, 2))
            for x, z in zip(np.split(cases, 40), np.split(controls, 40), strict=True)
        ]
    )
    # 4000 resamples know a variance to 2 %; the bootstrap's own bias is of order 1 / 60.
    assert delong_variance(y, score)[1] == pytest.approx(aucs.var(), rel=0.1)


@pytest.mark.parametrize("level", [pytest.param(0.95, id="95"), pytest.param(0.8, id="80")])
def test_the_delong_interval_is_symmetric_on_the_logit_scale(level: float) -> None:
    # Cases 0.35 and 0.8 beat 1 and 2 of 2 controls: AUC 3/4; both spreads are 1/8 over 2.
    y, score = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    half = stats.norm.isf((1 - level) / 2) * sqrt(1 / 8) / (3 / 4 * 1 / 4)
    # A few roundings.
    assert delong_interval(y, score, level=level) == pytest.approx(
        logit_limits(3 / 4, half), rel=1e-12
    )


@pytest.mark.parametrize(
    ("n_cases", "n_controls"),
    [pytest.param(3, 5, id="fewer-cases"), pytest.param(6, 4, id="fewer-controls")],
)
@pytest.mark.parametrize("level", [pytest.param(0.95, id="95"), pytest.param(0.8, id="80")])
def test_an_auc_at_the_edge_has_the_limit_of_the_smaller_class(
    n_cases: int, n_controls: int, level: float
) -> None:
    y = np.repeat([1.0, 0.0], [n_cases, n_controls])
    edge = ((1 - level) / 2) ** (1 / min(n_cases, n_controls))
    # One rounding of 1 - level.
    assert delong_interval(y, y, level=level) == pytest.approx((edge, 1.0), rel=1e-12)
    assert delong_interval(y, -y, level=level) == pytest.approx((0.0, 1.0 - edge), rel=1e-12)


def test_exchanging_the_classes_mirrors_the_delong_interval() -> None:
    y, score = drawn_rows(12, 20)
    low, high = delong_interval(y, score)
    # Rounding of logit and expit.
    assert delong_interval(1 - y, score) == pytest.approx((1 - high, 1 - low), rel=1e-12)


def test_the_delong_interval_covers_the_true_auc_in_95_of_100_samples() -> None:
    truth = stats.norm.cdf(1.2 / sqrt(2))  # two normal classes 1.2 deviations apart
    rng = np.random.default_rng(0)
    y = np.repeat([1.0, 0.0], [40, 60])
    covered = 0
    for _ in range(1000):
        low, high = delong_interval(y, rng.normal(1.2 * y, 1.0))
        covered += low <= truth <= high
    # Four standard errors of a share of 0.95 over 1000 samples are 0.028.
    assert covered / 1000 == pytest.approx(0.95, abs=0.028)


FOLD_AUCS = np.array([0.82, 0.91, 0.77, 1.0, 0.86, 0.94, 0.8, 0.88, 0.73, 0.97])


@pytest.mark.parametrize("level", [pytest.param(0.95, id="95"), pytest.param(0.8, id="80")])
def test_the_corrected_interval_adds_test_over_train_to_the_variance(level: float) -> None:
    # Two repeats of five folds: a fifth is tested and four fifths train.
    mean = FOLD_AUCS.sum() / 10
    spread = ((FOLD_AUCS - mean) ** 2).sum() / 9
    half = stats.t.isf((1 - level) / 2, 9) * sqrt((1 / 10 + 1 / 4) * spread)
    found = corrected_interval(FOLD_AUCS, test_share=0.2, smaller_class=30, level=level)
    # Rounding of sums of 10 terms.
    assert found == pytest.approx(logit_limits(mean, half / (mean * (1 - mean))), rel=1e-12)


# Fold AUCs are shares of pairs, here of 16.
@given(st.lists(st.integers(0, 16), min_size=2, max_size=10))
def test_the_corrected_interval_holds_the_mean_and_stays_within_0_and_1(counts: list[int]) -> None:
    values = np.array(counts) / 16
    low, high = corrected_interval(values, test_share=0.2, smaller_class=10)
    # Equal folds have an interval of no length: logit and expit round in the last bits.
    assert 0.0 <= low <= values.mean() + 1e-12
    assert values.mean() - 1e-12 <= high <= 1.0


def test_folds_of_perfect_auc_have_the_limit_of_the_smaller_class() -> None:
    found = corrected_interval(np.ones(10), test_share=0.2, smaller_class=7)
    assert found == pytest.approx((0.025 ** (1 / 7), 1.0), rel=1e-12)  # rounding of 1 - 0.95


DIFFERENCES = np.array([0.02, 0.05, -0.01, 0.04, 0.03, 0.0])


@pytest.mark.parametrize("level", [pytest.param(0.95, id="95"), pytest.param(0.8, id="80")])
def test_the_corrected_difference_is_a_t_interval_of_larger_variance(level: float) -> None:
    # Two repeats of three folds: a third is tested and two thirds train.
    scale = sqrt((1 / 6 + 1 / 2) * DIFFERENCES.var(ddof=1))
    expected = stats.t.interval(level, 5, loc=DIFFERENCES.mean(), scale=scale)
    found = corrected_difference(DIFFERENCES, test_share=1 / 3, level=level)
    assert found == pytest.approx(expected, rel=1e-12)  # a few roundings


def test_without_shared_rows_the_corrected_difference_is_the_one_sample_t_interval() -> None:
    expected = stats.ttest_1samp(DIFFERENCES, 0.0).confidence_interval(0.95)
    found = corrected_difference(DIFFERENCES, test_share=0.0)
    assert found == pytest.approx(tuple(expected), rel=1e-12)  # a few roundings


def test_each_resample_draws_as_many_rows_as_there_are() -> None:
    drawn = row_weights(30, n_resamples=2000, seed=0)
    assert drawn.shape == (2000, 30)
    assert (drawn.sum(axis=1) == 30).all()
    # Each count has mean 1 and variance 1 - 1/30: a mean of 2000 has deviation 0.022.
    assert drawn.mean(axis=0) == pytest.approx(np.ones(30), abs=0.1)
    assert drawn.var() == pytest.approx(1 - 1 / 30, abs=0.05)


def test_the_seed_decides_the_resamples() -> None:
    first = row_weights(30, n_resamples=5, seed=0)
    assert np.array_equal(first, row_weights(30, n_resamples=5, seed=0))
    assert not np.array_equal(first, row_weights(30, n_resamples=5, seed=1))


# Elements La, Sr, Ba, Ti; every row holds one or two of them.
MEMBERSHIP = np.array(
    [
        [True, False, False, True],
        [True, False, False, True],
        [False, True, False, True],
        [False, False, True, False],
    ]
)


def test_a_row_counts_as_often_as_its_elements_were_drawn() -> None:
    # Rows of one element each show how often every element was drawn.
    drawn = element_weights(np.eye(4, dtype=bool), n_resamples=50, seed=3)
    assert (drawn.sum(axis=1) == 4).all()
    weights = element_weights(MEMBERSHIP, n_resamples=50, seed=3)
    for resample, row in np.ndindex(50, 4):
        expected = sum(drawn[resample, element] for element in np.flatnonzero(MEMBERSHIP[row]))
        assert weights[resample, row] == expected


def test_rows_of_the_same_elements_weigh_the_same_in_every_resample() -> None:
    weights = element_weights(MEMBERSHIP, n_resamples=200, seed=0)
    assert np.array_equal(weights[:, 0], weights[:, 1])
    assert not np.array_equal(weights[:, 0], weights[:, 2])


def test_a_row_is_expected_once_per_element_it_holds() -> None:
    weights = element_weights(MEMBERSHIP, n_resamples=4000, seed=0)
    # A sum of two counts has variance of at most 1: a mean of 4000 has deviation 0.016.
    assert weights.mean(axis=0) == pytest.approx([2, 2, 2, 1], abs=0.08)


def test_the_bootstrap_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(5.0, 2.0, 200)
    weights = row_weights(200, n_resamples=4000, seed=0)
    found = bootstrap_interval(lambda y, _: float(y.mean()), values, values, weights)
    error = values.std() / sqrt(200)
    expected = stats.norm.interval(0.95, values.mean(), error)
    # 4000 resamples know the 2.5 % quantile of a normal to 0.042 standard errors.
    assert found == pytest.approx(expected, abs=0.2 * error)


def test_a_row_of_weight_two_is_counted_twice() -> None:
    y = np.array([0.0, 1.0, 2.0])
    prediction = y + np.array([1.0, 2.0, 6.0])
    weights = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]])
    first, second = (1 + 2) / 2, (2 + 2 + 6) / 3
    low, high = bootstrap_interval(REGRESSION_METRICS["mae"], y, prediction, weights, level=0.5)
    # Quartiles of two values, interpolated between them; a few roundings.
    assert low == pytest.approx(first + 0.25 * (second - first), rel=1e-12)
    assert high == pytest.approx(first + 0.75 * (second - first), rel=1e-12)


def test_resamples_on_which_r2_is_undefined_are_left_out() -> None:
    y, prediction = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])
    weights = np.array([[3.0, 0.0, 0.0], [1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    # Rows 0, 2, 2: errors 0, 1, 1 and deviations 4/3, 2/3, 2/3 from the mean.
    expected = 1 - 2 / (16 / 9 + 4 / 9 + 4 / 9)
    found = bootstrap_interval(REGRESSION_METRICS["r2"], y, prediction, weights)
    assert found == pytest.approx((expected, expected), rel=1e-12)  # a few roundings


def test_a_mean_absolute_error_of_equal_targets_has_an_interval() -> None:
    y, prediction = np.zeros(40), np.random.default_rng(0).normal(size=40)
    weights = row_weights(40, n_resamples=200, seed=0)
    found = bootstrap_interval(REGRESSION_METRICS["mae"], y, prediction, weights)
    assert found is not None
    assert found[0] < np.abs(prediction).mean() < found[1]


@pytest.mark.parametrize(
    ("n_rows", "name"),
    [pytest.param(1, "mae", id="one-row"), pytest.param(5, "r2", id="defined-nowhere")],
)
def test_where_nothing_varies_no_interval_is_claimed(n_rows: int, name: str) -> None:
    weights = row_weights(n_rows, n_resamples=20, seed=0)
    y = np.zeros(n_rows)
    assert bootstrap_interval(REGRESSION_METRICS[name], y, y + 1.0, weights) is None


def test_rows_without_any_element_are_drawn_for_themselves() -> None:
    membership = np.array([[True, False], [False, True], [False, False]])
    weights = element_weights(membership, n_resamples=500, seed=0)
    # Three units of one row each: every row is expected once; sd of a mean of 500 is 0.037.
    np.testing.assert_allclose(weights.mean(axis=0), 1.0, atol=0.15)


def test_an_interval_of_an_auc_with_one_case_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="1 cases and 3 controls"):
        delong_interval(np.array([1.0, 0, 0, 0]), np.arange(4.0))


def test_the_paired_delong_variance_is_that_of_two_aucs_and_their_covariance() -> None:
    rng = np.random.default_rng(4)
    y = np.repeat([1.0, 0.0], [11, 17])
    score = rng.normal(y).round(1)
    other = (0.5 * score + rng.normal(y)).round(1)

    def placements(one: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wins = [
            [1.0 if a > b else 0.5 if a == b else 0.0 for b in one[y == 0]] for a in one[y == 1]
        ]
        return np.mean(wins, axis=1), np.mean(wins, axis=0)

    (v10, v01), (w10, w01) = placements(score), placements(other)
    s10, s01 = np.cov(v10, w10), np.cov(v01, w01)  # equations 5 and 6
    contrast = np.array([1.0, -1.0])
    variance = contrast @ (s10 / 11 + s01 / 17) @ contrast
    difference, low, high = delong_difference(y, score, other)
    assert difference == pytest.approx(v10.mean() - w10.mean())
    assert (high - low) / 2 == pytest.approx(1.959964 * sqrt(variance), rel=1e-6)


def test_the_paired_interval_covers_no_difference_nineteen_times_in_twenty() -> None:
    covered = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = np.repeat([1.0, 0.0], [30, 30])
        shared = rng.normal(y)
        _, low, high = delong_difference(
            y, shared + 0.5 * rng.normal(size=60), shared + 0.5 * rng.normal(size=60)
        )
        covered += low <= 0 <= high
    # 95 % of 400 with a binomial standard deviation of 4.4.
    assert 365 <= covered <= 395


def test_with_one_seed_the_interval_is_the_plain_bootstrap() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=40)
    prediction = y + rng.normal(size=40)
    weights = row_weights(40, n_resamples=200, seed=1)
    r2 = REGRESSION_METRICS["r2"]
    value, limits = interval_over_seeds(r2, y, prediction[None], weights)
    assert value == r2(y, prediction)
    assert limits == bootstrap_interval(r2, y, prediction, weights)


def test_the_paired_gain_is_the_interval_of_differences_on_the_same_rows_and_seeds() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=50)
    old = y + rng.normal(size=(3, 50))
    new = y + 0.5 * (old - y) + 0.1 * rng.normal(size=(3, 1))
    weights = row_weights(50, n_resamples=300, seed=1)
    mae = REGRESSION_METRICS["mae"]
    gain, limits = interval_over_seeds(mae, y, new, weights, against=old)
    assert gain == pytest.approx(
        np.mean([mae(y, a) - mae(y, b) for a, b in zip(new, old, strict=True)])
    )
    # Unpaired, the luck of the rows would count twice.
    apart = [interval_over_seeds(mae, y, one, weights)[1] for one in (new, old)]
    assert limits is not None
    assert all(one is not None for one in apart)
    assert limits[1] < 0
    assert limits[1] - limits[0] < sum(high - low for low, high in apart if high is not None)


def test_seeds_that_disagree_widen_the_interval() -> None:
    y = np.linspace(0, 1, 30)
    alike = np.tile(y + 0.1, (3, 1))
    apart = y + np.array([[0.0], [0.1], [0.2]])
    weights = row_weights(30, n_resamples=200, seed=1)
    mae = REGRESSION_METRICS["mae"]
    widths = []
    for predictions in (alike, apart):
        value, limits = interval_over_seeds(mae, y, predictions, weights)
        assert value == pytest.approx(0.1)
        assert limits is not None
        widths.append(limits[1] - limits[0])
    assert widths[0] == pytest.approx(0)
    assert widths[1] > 0.1


# Scores with ties, and what R 4.2 with pROC 1.18.0 says of them:
#   ra <- roc(y, a, direction = "<", levels = c(0, 1)); rb <- roc(y, b, ...)
#   auc(ra); var(ra); auc(rb); var(rb)
#   roc.test(ra, rb, method = "delong", paired = TRUE)$p.value
PROC_Y = np.repeat([1.0, 0.0], [8, 10])
PROC_A = np.array(
    [2.1, 0.7, 1.9, 0.7, 3.0, -0.2, 1.4, 1.4, 0.1, -1.0, 0.7, -0.4, 1.2, -0.4, 0.9, -2.1, 0.3, 1.4]
)
PROC_B = np.array(
    [1.2, 0.2, 2.2, 1.5, 0.9, 0.3, -0.5, 1.1, 0.4, -0.3, 1.1, -1.2, 0.8, 0.3, -0.7, -1.5, 1.3, 0.2]
)


def test_delong_agrees_with_proc() -> None:
    # R printed 12 digits.
    assert delong_variance(PROC_Y, PROC_A) == pytest.approx((0.825, 0.0100595238095), rel=1e-10)
    assert delong_variance(PROC_Y, PROC_B) == pytest.approx((0.73125, 0.0152591765873), rel=1e-10)


def test_the_paired_delong_test_agrees_with_proc() -> None:
    found = delong_p_value(PROC_Y, PROC_A, PROC_B)
    assert found == pytest.approx(0.504317676829, rel=1e-9)
    difference, low, high = delong_difference(PROC_Y, PROC_A, PROC_B)
    statistic = difference / ((high - low) / 2 / stats.norm.ppf(0.975))
    assert statistic == pytest.approx(0.66771164249, rel=1e-9)


def test_placements_are_the_means_over_all_pairs() -> None:
    case, control = PROC_A[PROC_Y == 1], PROC_A[PROC_Y == 0]
    wins = np.sign(case[:, None] - control) / 2 + 0.5
    of_cases, of_controls = placements(PROC_Y, PROC_A)
    np.testing.assert_allclose(of_cases, wins.mean(axis=1), atol=1e-15)
    np.testing.assert_allclose(of_controls, wins.mean(axis=0), atol=1e-15)


def test_scores_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="1 of 18 scores are NaN"):
        delong_interval(PROC_Y, np.where(np.arange(18) == 3, np.nan, PROC_A))


def test_two_aucs_without_any_variance_have_no_p_value() -> None:
    y = np.repeat([0.0, 1.0], 5)
    assert delong_p_value(y, y, -y) is None
    assert delong_p_value(y, y, y) == 1.0
    assert corrected_p_value(np.full(10, 0.1), test_share=0.2) is None


def test_without_shared_rows_the_corrected_p_value_is_that_of_the_one_sample_t_test() -> None:
    expected = stats.ttest_1samp(DIFFERENCES, 0.0).pvalue
    assert corrected_p_value(DIFFERENCES, test_share=0.0) == pytest.approx(expected, rel=1e-12)


def test_the_corrected_p_value_is_the_level_at_which_the_interval_touches_zero() -> None:
    p = corrected_p_value(DIFFERENCES, test_share=1 / 3)
    assert p is not None
    low, _ = corrected_difference(DIFFERENCES, test_share=1 / 3, level=1 - p)
    assert low == pytest.approx(0.0, abs=1e-12)
