"""Coefficients over splits, against numbers worked out by hand and a plain loop."""

import numpy as np
import pytest

from foldwise.errors import DivergedFitError, InvalidInputError
from foldwise.evaluation.coefficients import coefficient_spread, top_five


def _coefficients() -> np.ndarray:
    rng = np.random.default_rng(0)
    coef = rng.normal(np.linspace(-1, 1, 12), 0.6, (40, 12))
    coef[np.abs(coef) < 0.3] = 0.0
    coef[:, 5] = 0.0
    return coef


def test_middle_and_quartiles_are_those_of_sorted_values():
    coef = np.array([[4.0], [1.0], [3.0], [2.0], [5.0]])
    spread = coefficient_spread(coef)
    assert (spread.lower_quartile[0], spread.median[0], spread.upper_quartile[0]) == (2, 3, 4)


def test_sign_consistency_counts_the_coefficients_that_are_not_zero():
    coef = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, 0.0], [-1.0, 0.0, -2.0], [3.0, 0.0, 0.0]])
    spread = coefficient_spread(coef)
    assert spread.sign_consistency[[0, 2]].tolist() == [0.75, 1.0]
    assert np.isnan(spread.sign_consistency[1])
    assert spread.share_zero.tolist() == [0.0, 1.0, 0.5]


def test_ranks_go_by_size_whichever_the_sign_and_zeros_share_the_last():
    coef = np.array([[-3.0, 2.0, 0.0, 0.0, 0.0]])
    spread = coefficient_spread(coef)
    assert spread.rank_low.tolist() == [1.0, 2.0, 4.0, 4.0, 4.0]
    assert spread.rank_high.tolist() == spread.rank_low.tolist()


def test_the_range_of_ranks_leaves_out_the_outer_twentieths():
    coef = np.zeros((100, 30))
    coef += np.arange(30, 0, -1.0)
    coef[:4, 0] = 0.1  # last in 4 of 100 fits
    spread = coefficient_spread(coef)
    assert (spread.rank_low[0], spread.rank_high[0]) == (1.0, 1.0)
    coef[:6, 0] = 0.1
    assert coefficient_spread(coef).rank_high[0] == 30.0


def test_the_share_among_the_five_largest_is_that_of_a_plain_loop():
    coef = _coefficients()
    counts = np.zeros(12)
    for row in coef:
        counts[[j for j in np.argsort(-row)[:5] if row[j] > 0]] += 1
    np.testing.assert_allclose(coefficient_spread(coef).top_five_share, counts / len(coef))


def test_among_fewer_than_five_features_all_positive_ones_are_the_largest():
    assert top_five(np.array([0.5, -1.0, 0.0])).tolist() == [True, False, False]


def test_fits_that_diverged_are_named_and_not_averaged():
    coef = _coefficients()
    coef[[3, 17], 2] = np.nan, np.inf
    with pytest.raises(DivergedFitError, match=r"2 of 40 fits have .* fit 3, 17"):
        coefficient_spread(coef)


def test_no_fit_is_an_error():
    with pytest.raises(InvalidInputError, match="There is no fit"):
        coefficient_spread(np.zeros((0, 4)))
