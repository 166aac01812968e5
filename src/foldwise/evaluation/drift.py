"""Do new rows look like the training rows? Shifts of means, and values out of range.

Both answers are tested against what chance does to rows of the same population, for every
feature at once.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from foldwise.evaluation.univariate import column_moments

__all__ = ["Moments", "OutOfRange", "Shift", "mean_shift", "moments", "out_of_range"]

SMALLEST_SHIFT = 0.25
"""Standard deviations; in a large cohort chance allows less, and less changes no reading."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean, standard deviation (n - 1) and median of each feature's values."""

    n: Int[np.ndarray, " feature"]
    mean: Float[np.ndarray, " feature"]
    sd: Float[np.ndarray, " feature"]
    median: Float[np.ndarray, " feature"]


def moments(X: Float[np.ndarray, "sample feature"]) -> Moments:
    """Return the moments of each column; missing cells (NaN) are left out, not filled.

    A column without values has mean and median NaN, one with fewer than two values sd NaN.

    Examples
    --------
    >>> found = moments(np.array([[1.0, np.nan], [3.0, 2.0], [8.0, np.nan]]))
    >>> found.n.tolist(), found.mean.tolist(), found.sd.round(3).tolist(), found.median.tolist()
    ([3, 1], [4.0, 2.0], [3.606, nan], [3.0, 2.0])
    """
    n, mean, variance = column_moments(X)
    median = np.full(X.shape[1], np.nan)
    median[n > 0] = np.nanmedian(X[:, n > 0], axis=0)
    return Moments(n, mean, np.sqrt(variance), median)


@dataclass(frozen=True, eq=False)
class Shift:
    """How far each feature's new mean lies from the training mean.

    Parameters
    ----------
    shift : float array of shape (n_features,)
        In training standard deviations; NaN where either side has too few values, or the
        training values do not vary and the new mean is theirs.
    threshold : float array of shape (n_features,)
        Largest shift that chance explains at this number of rows and features, never
        below `SMALLEST_SHIFT`.
    drifted : bool array of shape (n_features,)
        Where the shift exceeds the threshold and the values lie on one side of the
        training median more often than chance explains.
    """

    shift: Float[np.ndarray, " feature"]
    threshold: Float[np.ndarray, " feature"]
    drifted: Bool[np.ndarray, " feature"]


def mean_shift(
    train: Moments, X: Float[np.ndarray, "sample feature"], *, level: float = 0.05
) -> Shift:
    """Return the standardised shift of each feature's mean, and whether chance explains it.

    For rows of one population the shift has variance ``1 / n_new + 1 / n_train``. The
    threshold is the quantile of Student's t with ``n_train - 1`` degrees of freedom times
    its root, at ``level / (2 * n_features)``: Bonferroni, however features are correlated.

    Means of heavy-tailed abundances pass such a threshold by chance, so the values must
    also lie on that side of the training median too often. The share of the population
    beyond the k-th of n training values has a Beta distribution whatever its shape, and
    the count among new values is beta-binomial: this bounds the chance of any alarm by
    ``level`` for every continuous distribution. Ties make it smaller. A few new rows of
    many features can not pass it; `out_of_range` can.

    Parameters
    ----------
    train : Moments
        Of the training values.
    X : float array of shape (n_samples, n_features)
        New rows; NaN where a cell is missing.
    level : float, default=0.05
        Largest chance of any alarm where nothing drifted.

    Notes
    -----
    A constant training feature whose new mean differs has an infinite shift.

    References
    ----------
    .. [1] Dunn (1961), J. Am. Stat. Assoc. 56, 52, for the bound over all features.
    .. [2] Mathisen (1943), Ann. Math. Stat. 14, 188, for counts beyond the other's median.

    Examples
    --------
    >>> train = moments(np.linspace(0.0, 1.0, 60)[:, None])
    >>> new = np.linspace(0.0, 1.0, 40)[:, None]
    >>> [bool(mean_shift(train, new + by).drifted[0]) for by in (0.0, 0.1, 0.3)]
    [False, False, True]
    >>> float(mean_shift(train, new + 0.3).shift[0].round(2))
    1.01
    """
    new = moments(X)
    testable = (train.n > 1) & (new.n > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.where(testable, (new.mean - train.mean) / train.sd, np.nan)
        width = np.sqrt(1.0 / new.n + 1.0 / train.n)
    quantile = stats.t.isf(level / (2 * len(shift)), np.maximum(train.n - 1, 1))
    threshold = np.maximum(SMALLEST_SHIFT, np.where(testable, quantile * width, np.nan))
    beyond = np.where(shift > 0, train.median < X, train.median > X).sum(axis=0)
    k = np.maximum((train.n + 1) // 2, 1)  # the lower median: a bound where n is even
    chance = stats.betabinom.sf(beyond - 1, new.n, np.maximum(train.n, 1) - k + 1, k)
    large = np.nan_to_num(np.abs(shift)) > np.nan_to_num(threshold)
    return Shift(shift, threshold, testable & large & (chance < level / (2 * len(shift))))


@dataclass(frozen=True, eq=False)
class OutOfRange:
    """How many new values lie outside the range of the training values.

    Parameters
    ----------
    n : int array of shape (n_features,)
        Values below the training minimum or above its maximum.
    share : float array of shape (n_features,)
        Of the values that are there; NaN where none is.
    unusual : bool array of shape (n_features,)
        Where there are more than chance explains.
    """

    n: Int[np.ndarray, " feature"]
    share: Float[np.ndarray, " feature"]
    unusual: Bool[np.ndarray, " feature"]


def out_of_range(
    X: Float[np.ndarray, "sample feature"],
    low: Float[np.ndarray, " feature"],
    high: Float[np.ndarray, " feature"],
    n_train: Int[np.ndarray, " feature"],
    *,
    level: float = 0.05,
) -> OutOfRange:
    """Return how many new values lie outside each feature's training range.

    For continuous values of one population the share of the population beyond the
    extremes of n training values has a Beta(2, n - 1) distribution, whatever the shape of
    the values; the count among new values is then beta-binomial. A feature is unusual
    where such a count has probability below ``level / n_features``. Ties make the test
    conservative.

    References
    ----------
    .. [1] Wilks (1941), Ann. Math. Stat. 12, 91, for the coverage between order statistics.

    Examples
    --------
    >>> new = np.linspace(0.0, 2.0, 20)[:, None]
    >>> found = out_of_range(new, np.array([0.0]), np.array([1.0]), np.array([30]))
    >>> found.n.tolist(), found.share.tolist(), found.unusual.tolist()
    ([10], [0.5], [True])
    """
    there = ~np.isnan(X)
    n_new = there.sum(axis=0)
    n_out = (there & ((low > X) | (high < X))).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = n_out / n_new
    chance = stats.betabinom.sf(n_out - 1, n_new, 2, np.maximum(n_train - 1, 1))
    return OutOfRange(n_out, share, (n_out > 0) & (chance < level / len(low)))
