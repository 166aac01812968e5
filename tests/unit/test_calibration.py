"""Calibration agrees with statsmodels and scikit-learn; net benefit with counts by hand."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn import metrics as sk

from foldwise.errors import InvalidInputError
from foldwise.evaluation.calibration import calibration, reliability_curve
from foldwise.evaluation.decision_curve import decision_curve, shift_to_prevalence
from foldwise.evaluation.proportions import clustered_wilson_interval, wilson_interval

RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(60), RNG.integers(1, 5, 60))
N = len(GROUPS)
SCORE = RNG.normal(size=N) + RNG.normal(size=60)[GROUPS]
Y = (RNG.uniform(size=N) < expit(0.6 * SCORE - 0.4)).astype(float)
P = expit(SCORE)  # too extreme, and too high


def test_scores_of_probabilities_are_scikit_learns() -> None:
    found = calibration(Y, P)
    assert found.brier == pytest.approx(sk.brier_score_loss(Y, P), rel=1e-12)
    assert found.log_loss == pytest.approx(sk.log_loss(Y, P), rel=1e-12)
    at_share = sk.brier_score_loss(Y, np.full(N, Y.mean()))
    assert found.scaled_brier == pytest.approx(1 - found.brier / at_share, rel=1e-12)


def test_slope_and_intercept_are_those_of_statsmodels() -> None:
    theirs = sm.Logit(Y, sm.add_constant(SCORE)).fit(disp=0, tol=1e-12)
    found = calibration(Y, P)
    for one, place in ((found.intercept, 0), (found.slope, 1)):
        assert one.value == pytest.approx(theirs.params[place], rel=1e-6)
        assert (one.low, one.high) == pytest.approx(tuple(theirs.conf_int()[place]), rel=1e-6)


def test_calibration_in_the_large_is_that_of_statsmodels_with_an_offset() -> None:
    family = sm.families.Binomial()
    theirs = sm.GLM(Y, np.ones((N, 1)), family=family, offset=SCORE).fit(tol=1e-12)
    found = calibration(Y, P).in_the_large
    assert found.value == pytest.approx(theirs.params[0], rel=1e-6)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.conf_int()[0]), rel=1e-6)
    assert found.high < 0  # cases are rarer than said


def test_standard_errors_over_subjects_are_those_of_statsmodels() -> None:
    # HC-type sandwich with the factor G / (G - 1); statsmodels' default adds
    # (n - 1) / (n - k), which has no place in a likelihood.
    theirs = sm.GLM(Y, sm.add_constant(SCORE), family=sm.families.Binomial()).fit(
        tol=1e-12, cov_type="cluster", cov_kwds={"groups": GROUPS}
    )
    surplus = np.sqrt((N - 1) / (N - 2))
    found = calibration(Y, P, groups=GROUPS)
    for one, place in ((found.intercept, 0), (found.slope, 1)):
        half = np.diff(theirs.conf_int()[place])[0] / 2 / surplus
        assert (one.high - one.low) / 2 == pytest.approx(half, rel=1e-6)
        assert one.n == 60
        assert one.method == "clustered wald"


def test_probabilities_that_are_right_have_slope_1_and_intercept_0() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.02, 0.98, 20_000)
    found = calibration((rng.uniform(size=20_000) < p).astype(float), p)
    # Standard errors are near 0.015 and 0.02.
    assert found.slope.value == pytest.approx(1, abs=0.06)
    assert found.in_the_large.value == pytest.approx(0, abs=0.08)


@pytest.mark.parametrize(
    ("p", "why"),
    [
        pytest.param(np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), "separates", id="separated"),
        pytest.param(np.array([0.1, 0.2, 0.5, 0.5, 0.8, 0.9]), "separates", id="but-for-a-tie"),
        pytest.param(np.array([0.9, 0.8, 0.7, 0.3, 0.2, 0.1]), "separates", id="reversed"),
        pytest.param(np.full(6, 0.4), "equal", id="all-equal"),
    ],
)
def test_where_no_slope_exists_it_is_said(p: np.ndarray, why: str) -> None:
    found = calibration(np.repeat([0.0, 1.0], 3), p)
    assert found.slope.value is None
    assert why in found.slope.note
    assert found.in_the_large.value is not None


def test_probabilities_of_0_and_1_are_counted_and_leave_everything_finite() -> None:
    p = P.copy()
    p[:4] = [0.0, 1.0, 1e-9, 0.0]
    found = calibration(Y, p)
    assert found.note.startswith(f"4 of {N} probabilities")
    assert np.isfinite(found.log_loss)
    assert found.slope.value is not None
    assert calibration(Y, P).note == ""


@pytest.mark.parametrize("bad", [1.2, -0.1, np.nan])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    p = P.copy()
    p[7] = bad
    with pytest.raises(InvalidInputError, match=r"1 of .* \(row 7\)"):
        calibration(Y, p)


def test_bins_of_the_reliability_curve_hold_about_equally_many_rows() -> None:
    curve = reliability_curve(Y, P, n_bins=6)
    assert curve.n.sum() == N
    assert curve.n.max() - curve.n.min() <= 1
    order = np.argsort(P)
    first = order[: curve.n[0]]
    assert curve.probability[0] == pytest.approx(P[first].mean())
    assert curve.share[0] == pytest.approx(Y[first].mean())
    limits = wilson_interval(int(Y[first].sum()), int(curve.n[0]))
    assert (curve.low[0], curve.high[0]) == limits
    by_subject = reliability_curve(Y, P, n_bins=6, groups=GROUPS)
    expected = clustered_wilson_interval(Y[first] == 1, GROUPS[first])
    assert (by_subject.low[0], by_subject.high[0]) == expected


def test_equal_probabilities_are_never_parted() -> None:
    p = np.repeat([0.1, 0.5, 0.9], [20, 3, 7])
    curve = reliability_curve((np.arange(30) % 2).astype(float), p, n_bins=5)
    # Quintiles are 0.1, 0.1, 0.1, 0.9: three bins would part nothing, two are left.
    assert curve.n.tolist() == [20, 10]
    assert curve.probability[1] == pytest.approx((3 * 0.5 + 7 * 0.9) / 10)


def test_more_bins_than_rows_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="1 to 4 bins, not 5"):
        reliability_curve(np.array([0.0, 1, 0, 1]), np.full(4, 0.5), n_bins=5)


def test_moving_the_prevalence_moves_the_intercept_alone() -> None:
    moved = shift_to_prevalence(P, 0.64, 0.05)
    # King & Zeng's prior correction of the intercept.
    correction = np.log((1 - 0.05) / 0.05 * 0.64 / (1 - 0.64))
    np.testing.assert_allclose(logit(moved), logit(P) - correction, atol=1e-12)
    np.testing.assert_allclose(shift_to_prevalence(moved, 0.05, 0.64), P, atol=1e-12)
    np.testing.assert_allclose(shift_to_prevalence(P, 0.3, 0.3), P, atol=1e-12)
    edge = shift_to_prevalence(np.array([0.0, 1.0]), 0.5, 0.1)
    np.testing.assert_array_equal(edge, [0.0, 1.0])


def test_the_share_of_training_rows_may_differ_by_row() -> None:
    shares = np.where(np.arange(N) % 2, 0.6, 0.5)
    both = shift_to_prevalence(P, shares, 0.1)
    for share in (0.6, 0.5):
        alone = shift_to_prevalence(P, share, 0.1)
        np.testing.assert_array_equal(both[shares == share], alone[shares == share])
    with pytest.raises(InvalidInputError, match="it is 1"):
        shift_to_prevalence(P, 1.0, 0.1)


def test_probabilities_moved_to_the_population_are_right_there() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=200_000)
    y = (rng.uniform(size=200_000) < expit(x - 3)).astype(float)  # 7 % of people
    chosen = (y == 1) | (rng.uniform(size=200_000) < y.mean() / (1 - y.mean()))
    fit = sm.Logit(y[chosen], sm.add_constant(x[chosen])).fit(disp=0)
    p = expit(fit.params[0] + fit.params[1] * x)
    moved = shift_to_prevalence(p, float(y[chosen].mean()), float(y.mean()))
    found = calibration(y, moved)
    # Standard error of the intercept: 1 / sqrt(200000 * 0.06) = 0.009, of the slope 0.01.
    assert found.in_the_large.value == pytest.approx(0, abs=0.04)
    assert found.slope.value == pytest.approx(1, abs=0.04)


def test_net_benefit_at_the_share_of_the_table_is_vickers_and_elkins() -> None:
    at = np.array([0.1, 0.35, 0.7])
    curve = decision_curve(Y, P, float(Y.mean()), thresholds=at)
    for place, t in enumerate(at):
        true = ((t < P) & (Y == 1)).sum()
        false = ((t < P) & (Y == 0)).sum()
        assert curve.model[place] == pytest.approx(true / N - false / N * t / (1 - t))
        everybody = Y.sum() / N - (1 - Y).sum() / N * t / (1 - t)
        assert curve.treat_all[place] == pytest.approx(everybody)


def test_net_benefit_does_not_hang_on_the_share_of_cases_of_the_table() -> None:
    # Every control twice: the same people at the same stated prevalence.
    rows = np.concatenate([np.arange(N), np.flatnonzero(Y == 0)])
    once, more = (decision_curve(Y[r], P[r], 0.1) for r in (np.arange(N), rows))
    np.testing.assert_allclose(once.model, more.model, atol=1e-12)
    assert len(once.threshold) == 99


def test_treating_all_is_worth_nothing_at_the_prevalence() -> None:
    curve = decision_curve(Y, P, 0.2, thresholds=np.array([0.2]))
    assert curve.treat_all[0] == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("wrong", [{"prevalence": 0.0}, {"thresholds": np.array([0.5, 1.0])}])
def test_a_decision_curve_without_prevalence_or_odds_is_refused(wrong: dict) -> None:
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        decision_curve(Y, P, **{"prevalence": 0.1, **wrong})
