"""Bootstrap intervals agree with scipy's and scikit-learn's numbers on the same resamples."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from foldwise.errors import InvalidInputError
from foldwise.evaluation.auc_bootstrap import (
    auc_bootstrap_interval,
    average_precision,
    bca_limits,
    weighted_aucs,
    weighted_average_precisions,
)
from foldwise.evaluation.clustered_auc import obuchowski_interval

RNG = np.random.default_rng(0)
Y = np.repeat([1.0, 0.0], [14, 22])
SCORE = RNG.normal(1.2 * Y).round(1)  # some tie


def auc(case: np.ndarray, control: np.ndarray, axis: int = -1) -> np.ndarray:
    wins = np.sign(case[..., :, None] - control[..., None, :]) / 2 + 0.5
    return wins.mean(axis=(-2, -1))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param(weighted_aucs, roc_auc_score, id="auc"),
        pytest.param(weighted_average_precisions, average_precision_score, id="precision"),
    ],
)
def test_weighted_statistics_are_scikit_learns(ours: object, theirs: object) -> None:
    weights = RNG.multinomial(36, np.full(36, 1 / 36), size=20).astype(float)
    expected = [theirs(Y, SCORE, sample_weight=one) for one in weights]
    assert ours(Y, SCORE, weights) == pytest.approx(expected, rel=1e-12)


def test_a_resample_without_cases_has_no_auc_and_raises_nothing() -> None:
    found = weighted_aucs(Y, SCORE, np.stack([1 - Y, np.ones(36)]))
    assert np.isnan(found[0])
    assert np.isfinite(found[1])
    assert np.isnan(weighted_average_precisions(Y, SCORE, (1 - Y)[None])[0])


def test_bca_limits_are_scipys_on_the_same_resamples() -> None:
    case, control = SCORE[Y == 1], SCORE[Y == 0]
    theirs = stats.bootstrap(
        (case, control), auc, n_resamples=999, method="BCa", vectorized=True, rng=5
    )
    left_out = [
        np.array([auc(np.delete(case, i), control) for i in range(len(case))]),
        np.array([auc(case, np.delete(control, i)) for i in range(len(control))]),
    ]
    ours = bca_limits(float(auc(case, control)), theirs.bootstrap_distribution, left_out)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), rel=1e-10)


def test_the_whole_interval_is_near_scipys_on_other_resamples() -> None:
    theirs = stats.bootstrap(
        (SCORE[Y == 1], SCORE[Y == 0]), auc, n_resamples=4000, method="BCa", rng=1
    ).confidence_interval
    ours = auc_bootstrap_interval(Y, SCORE, n_resamples=4000, seed=1)
    # Limits of 4000 resamples have a standard error near 0.005 each, at an sd of 0.07.
    assert ours == pytest.approx(tuple(theirs), abs=0.02)


def test_the_same_seed_draws_the_same_interval() -> None:
    one = auc_bootstrap_interval(Y, SCORE, n_resamples=200, seed=3)
    assert one == auc_bootstrap_interval(Y, SCORE, n_resamples=200, seed=3)
    assert one != auc_bootstrap_interval(Y, SCORE, n_resamples=200, seed=4)


def test_perfect_separation_falls_back_to_the_limit_of_the_smaller_class() -> None:
    expected = (0.025 ** (1 / 14), 1.0)
    assert auc_bootstrap_interval(Y, Y) == pytest.approx(expected, rel=1e-12)
    by_subject = auc_bootstrap_interval(Y, Y, groups=np.arange(36) // 2)
    assert by_subject == pytest.approx((0.025 ** (1 / 7), 1.0), rel=1e-12)
    precision = average_precision(Y, Y)
    assert (precision.value, precision.low, precision.high) == (1.0, None, None)


def test_copied_rows_do_not_narrow_an_interval_of_subjects() -> None:
    copies = np.repeat(np.arange(36), 4)
    once = auc_bootstrap_interval(Y, SCORE, seed=1)
    by_subject = auc_bootstrap_interval(Y[copies], SCORE[copies], groups=copies, seed=1)
    # The same subjects are drawn and left out.
    assert by_subject == pytest.approx(once, rel=1e-9)
    by_row = auc_bootstrap_interval(Y[copies], SCORE[copies], seed=1)
    assert by_row[1] - by_row[0] < 0.7 * (once[1] - once[0])


def test_subjects_of_both_classes_have_nearly_the_interval_of_the_formula() -> None:
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(80), 2)
    y = (rng.uniform(size=160) < 0.5).astype(float)
    score = y + rng.normal(size=80)[groups] + rng.normal(size=160)
    found = auc_bootstrap_interval(y, score, groups=groups)
    assert found == pytest.approx(obuchowski_interval(y, score, groups), abs=0.03)


def test_a_lone_subject_of_a_kind_is_drawn_too() -> None:
    # One subject gives cases and controls, two give cases, three controls.
    groups = np.array([0, 0, 1, 2, 3, 4, 5])
    y = np.array([1.0, 0, 1, 1, 0, 0, 0])
    score = np.array([0.1, 0.9, 0.8, 0.7, 0.2, 0.3, 0.4])
    low, high = auc_bootstrap_interval(y, score, groups=groups)
    assert 0.0 <= low < float(auc(score[y == 1], score[y == 0])) < high <= 1.0


def test_a_score_that_knows_nothing_has_an_average_precision_near_the_share_of_cases() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([1.0, 0.0], [60, 240])
    found = average_precision(y, rng.normal(size=300), seed=0)
    assert found.low < 0.25 < found.high + 0.05
    assert found.high < 0.4
    assert "reaches 0.200" in found.note


def test_the_average_precision_and_its_interval_are_scikit_learns_and_scipys() -> None:
    def precision(case: np.ndarray, control: np.ndarray) -> float:
        y = np.repeat([1.0, 0.0], [len(case), len(control)])
        return float(average_precision_score(y, np.concatenate([case, control])))

    theirs = stats.bootstrap(
        (SCORE[Y == 1], SCORE[Y == 0]),
        precision,
        n_resamples=1000,
        method="BCa",
        vectorized=False,
        rng=1,
    ).confidence_interval
    found = average_precision(Y, SCORE, n_resamples=4000, seed=1)
    assert found.value == pytest.approx(average_precision_score(Y, SCORE), rel=1e-12)
    # Limits of 1000 resamples have a standard error near 0.015 each, at an sd of 0.09.
    assert (found.low, found.high) == pytest.approx(tuple(theirs), abs=0.05)


def test_one_subject_with_all_cases_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="1 have cases and 22 have controls"):
        auc_bootstrap_interval(Y, SCORE, groups=np.where(Y == 1, -1, np.arange(36)))
