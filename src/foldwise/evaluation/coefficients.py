"""What coefficients do over many splits: their middle, spread, sign, zeros and rank."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from foldwise.arrays import BoolArray, FloatArray
from foldwise.errors import DivergedFitError, InvalidInputError, first_few

__all__ = ["CoefficientSpread", "coefficient_spread", "top_five"]


@dataclass(frozen=True, eq=False)
class CoefficientSpread:
    """One entry per feature, each array of shape (n_features,).

    The spread is that of refits on splits of one table, not an error of the coefficient: a
    penalised fit has no p-value.

    Parameters
    ----------
    median, lower_quartile, upper_quartile : float array
        Over the fits, in log-odds per standard deviation of the feature.
    sign_consistency : float array
        Share of the more frequent sign among the coefficients that are not zero, from 1/2 to
        1; NaN where every one is zero.
    share_zero : float array
        Share of fits in which the coefficient is exactly zero.
    rank_low, rank_high : float array
        5 % and 95 % quantile of the rank by size, whichever the sign; 1 is the largest, equal
        sizes share the mean of their ranks.
    top_five_share : float array
        Share of fits in which it is among the five largest positive coefficients.
    """

    median: FloatArray
    lower_quartile: FloatArray
    upper_quartile: FloatArray
    sign_consistency: FloatArray
    share_zero: FloatArray
    rank_low: FloatArray
    rank_high: FloatArray
    top_five_share: FloatArray


def coefficient_spread(coef: Float[np.ndarray, "fit feature"]) -> CoefficientSpread:
    """Return how each coefficient varies over fits.

    Parameters
    ----------
    coef : float array of shape (n_fits, n_features)
        ``batch.stacked("coef")`` of one model over splits, folds or resamples.

    Raises
    ------
    DivergedFitError
        If a coefficient is not finite; the message names the fits.
    InvalidInputError
        If there is no fit.

    Examples
    --------
    >>> spread = coefficient_spread(np.array([[0.5, 0.0], [0.4, 0.2], [0.6, -0.1], [0.5, 0.0]]))
    >>> spread.median.tolist(), spread.share_zero.tolist(), spread.sign_consistency.tolist()
    ([0.5, 0.0], [0.0, 0.5], [1.0, 0.5])
    """
    if not len(coef):
        raise InvalidInputError("There is no fit: coefficients of at least one are needed.")
    broken = np.flatnonzero(~np.isfinite(coef).all(axis=1))
    if broken.size:
        raise DivergedFitError(
            f"{broken.size} of {len(coef)} fits have coefficients that are not finite: fit "
            f"{first_few(broken)}. Standardise X or penalise more."
        )
    lower, median, upper = np.quantile(coef, [0.25, 0.5, 0.75], axis=0)
    rank_low, rank_high = np.quantile(rankdata(-np.abs(coef), axis=1), [0.05, 0.95], axis=0)
    positive, negative = (coef > 0).sum(axis=0), (coef < 0).sum(axis=0)
    kept = positive + negative
    consistency = np.maximum(positive, negative) / np.maximum(kept, 1)
    return CoefficientSpread(
        median=median,
        lower_quartile=lower,
        upper_quartile=upper,
        sign_consistency=np.where(kept > 0, consistency, np.nan),
        share_zero=(coef == 0).mean(axis=0),
        rank_low=rank_low,
        rank_high=rank_high,
        top_five_share=top_five(coef).mean(axis=0),
    )


def top_five(coef: FloatArray) -> BoolArray:
    """Return which features are among the five largest positive coefficients.

    Parameters
    ----------
    coef : float array of shape (..., n_features)

    Returns
    -------
    bool array of the same shape
        Fewer than five where fewer are positive; more where the fifth is tied.

    Examples
    --------
    >>> top_five(np.array([1.0, -9.0, 2.0, 3.0, 0.5, 0.1, 4.0])).astype(int)
    array([1, 0, 1, 1, 1, 0, 1])
    """
    fifth = np.sort(coef, axis=-1)[..., -min(5, coef.shape[-1]), None]
    return (coef >= fifth) & (coef > 0)
