"""Intervals of 95 % (or another level) for the metrics of a study."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats
from scipy.special import expit, logit

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError

__all__ = [
    "bootstrap_interval",
    "corrected_difference",
    "corrected_interval",
    "delong_difference",
    "delong_interval",
    "delong_variance",
    "element_weights",
    "interval_over_seeds",
    "row_weights",
]

Interval = tuple[float, float]


def delong_variance(
    y: Float[np.ndarray, " sample"], score: Float[np.ndarray, " sample"]
) -> tuple[float, float]:
    """Return the AUC and its variance after DeLong, DeLong & Clarke-Pearson.

    The AUC is the mean over pairs of a case and a control; its variance follows
    from the spread of each case's mean over controls, and the other way round.

    Raises
    ------
    InvalidInputError
        If a class has fewer than two rows: nothing shows its spread.

    References
    ----------
    .. [1] DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837, equations 4-6.

    Examples
    --------
    >>> auc, variance = delong_variance(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    >>> auc, variance
    (0.75, 0.125)
    """
    return _mean_and_variance(_wins(y, score))


def _wins(y: FloatArray, score: FloatArray) -> FloatArray:
    """Return 1 where a case scores above a control, 1/2 for ties, as (case, control)."""
    case, control = score[y == 1], score[y == 0]
    if min(len(case), len(control)) < 2:
        raise InvalidInputError(
            f"The variance of an AUC needs two rows of each class; there are {len(case)} cases "
            f"and {len(control)} controls. Report the AUC without an interval."
        )
    return np.asarray(np.sign(case[:, None] - control[None, :]) / 2 + 0.5)


def _mean_and_variance(pairs: FloatArray) -> tuple[float, float]:
    """Return the mean over pairs (case, control) and its variance."""
    of_cases = pairs.mean(axis=1).var(ddof=1) / pairs.shape[0]
    of_controls = pairs.mean(axis=0).var(ddof=1) / pairs.shape[1]
    return float(pairs.mean()), float(of_cases + of_controls)


def delong_difference(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    other: Float[np.ndarray, " sample"],
    *,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Return AUC(score) - AUC(other) on the same rows, with its DeLong interval.

    The variance is that of the paired difference: each case's mean over controls is
    compared between the two scores. Rows must be independent.

    References
    ----------
    .. [1] DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837, equations 4-6.

    Examples
    --------
    >>> y = np.array([0.0, 0, 1, 1])
    >>> delong_difference(y, y, y)
    (0.0, 0.0, 0.0)
    """
    difference, variance = _mean_and_variance(_wins(y, score) - _wins(y, other))
    half = float(stats.norm.ppf(0.5 + level / 2) * np.sqrt(variance))
    return difference, difference - half, difference + half


def delong_interval(
    y: Float[np.ndarray, " sample"], score: Float[np.ndarray, " sample"], *, level: float = 0.95
) -> Interval:
    """Return the DeLong interval of an AUC, formed on the logit scale.

    On that scale no limit passes 0 or 1. An AUC of exactly 1 (or 0) has no logit;
    its limit is then ``(alpha / 2) ** (1 / m)`` with m the size of the smaller
    class, which is conservative.

    Rows must be independent: with several rows per subject it is too narrow.
    """
    auc, variance = delong_variance(y, score)
    smaller = int(min((y == 1).sum(), (y == 0).sum()))
    return _logit_interval(auc, variance, stats.norm.ppf(0.5 + level / 2), level, smaller)


def corrected_interval(
    fold_values: Float[np.ndarray, " fold"],
    *,
    test_share: float,
    smaller_class: int,
    level: float = 0.95,
) -> Interval:
    """Return the interval of a mean within-fold AUC after Nadeau & Bengio.

    Folds of repeated cross-validation share training rows, so the variance of
    their mean is taken as ``(1/J + test/train) * var`` with J values; formed on the logit
    of the mean by the delta method, because single folds reach 1.

    Parameters
    ----------
    fold_values : float array of shape (n_folds,)
        AUC of every fold of every repeat.
    test_share : float
        Share of rows in a test fold: 1 / number of folds.
    smaller_class : int
        Members of the smaller class, for a mean of exactly 1.
    level : float, default=0.95
        Confidence level.

    References
    ----------
    .. [1] Nadeau & Bengio (2003), Machine Learning 52, 239, section 3.
    """
    variance, quantile = _corrected(fold_values, test_share, level)
    return _logit_interval(float(fold_values.mean()), variance, quantile, level, smaller_class)


def corrected_difference(
    differences: Float[np.ndarray, " fold"], *, test_share: float, level: float = 0.95
) -> Interval:
    """Return the interval of a mean difference over folds after Nadeau & Bengio.

    Parameters
    ----------
    differences : float array of shape (n_folds,)
        One model's value minus another's within each fold of each repeat.
    test_share : float
        Share of rows in a test fold.
    level : float, default=0.95
        Confidence level.

    Examples
    --------
    >>> low, high = corrected_difference(np.array([0.1, 0.2, 0.1, 0.2]), test_share=0.25)
    >>> round(low, 3), round(high, 3)
    (0.01, 0.29)
    """
    variance, quantile = _corrected(differences, test_share, level)
    mean, half = float(differences.mean()), quantile * float(np.sqrt(variance))
    return mean - half, mean + half


def _corrected(values: FloatArray, test_share: float, level: float) -> tuple[float, float]:
    """Return the variance of the mean of fold values, and the quantile of Student's t."""
    n_values = len(values)
    ratio = test_share / (1.0 - test_share)
    variance = (1.0 / n_values + ratio) * float(values.var(ddof=1))
    return variance, float(stats.t.ppf(0.5 + level / 2, n_values - 1))


def _logit_interval(
    auc: float, variance: float, quantile: float, level: float, smaller: int
) -> Interval:
    edge = ((1.0 - level) / 2) ** (1.0 / smaller)
    if auc >= 1.0:
        return edge, 1.0
    if auc <= 0.0:
        return 0.0, 1.0 - edge
    half = quantile * np.sqrt(variance) / (auc * (1.0 - auc))  # d logit = d auc / (auc (1 - auc))
    return float(expit(logit(auc) - half)), float(expit(logit(auc) + half))


def row_weights(n_rows: int, *, n_resamples: int, seed: int) -> Float[np.ndarray, "resample row"]:
    """Return how often each row is drawn in each bootstrap resample of rows."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_rows, np.full(n_rows, 1.0 / n_rows), size=n_resamples).astype(float)


def element_weights(
    membership: Bool[np.ndarray, "sample element"], *, n_resamples: int, seed: int
) -> Float[np.ndarray, "resample sample"]:
    """Return row weights of bootstrap resamples that draw elements, not rows.

    Rows that share an element are not independent. A row counts as often as its
    elements were drawn; a row of two drawn elements counts for both. A row with
    none of the elements is drawn for itself.
    """
    alone = np.flatnonzero(~membership.any(axis=1))
    membership = np.hstack([membership, np.arange(len(membership))[:, None] == alone])
    n_elements = membership.shape[1]
    drawn = row_weights(n_elements, n_resamples=n_resamples, seed=seed)  # (resample, element)
    return np.asarray(drawn @ membership.T.astype(float))  # (resample, sample)


def bootstrap_interval(
    metric: Callable[[FloatArray, FloatArray], float],
    y: Float[np.ndarray, " sample"],
    prediction: Float[np.ndarray, " sample"],
    weights: Float[np.ndarray, "resample sample"],
    *,
    level: float = 0.95,
) -> Interval | None:
    """Return the percentile bootstrap interval of a metric of target and prediction.

    Resamples on which the metric raises (an R2 of equal targets) are left out. None
    where nothing varies: fewer than two rows, or a metric defined on no resample.

    Examples
    --------
    >>> y = np.arange(20.0)
    >>> low, high = bootstrap_interval(
    ...     lambda y, p: float(np.abs(y - p).mean()), y, y + 1.0,
    ...     row_weights(20, n_resamples=50, seed=0))
    >>> low, high
    (1.0, 1.0)
    """
    values: list[float] = []
    for weight in weights.astype(int):
        rows = np.repeat(np.arange(len(y)), weight)
        with suppress(InvalidInputError):
            values.append(metric(y[rows], prediction[rows]))
    if len(y) < 2 or not values:
        return None
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def interval_over_seeds(
    metric: Callable[[FloatArray, FloatArray], float],
    y: Float[np.ndarray, " sample"],
    predictions: Float[np.ndarray, "seed sample"],
    weights: Float[np.ndarray, "resample sample"],
    *,
    against: Float[np.ndarray, "seed sample"] | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, Interval | None]:
    """Return the mean of a metric over refits from several seeds, with its interval.

    Each bootstrap resample draws rows and seeds, so that the interval covers the luck of
    the rows and that of the initial weights.

    Parameters
    ----------
    metric : callable
        Takes target and prediction.
    y : float array of shape (n_samples,)
        Target.
    predictions : float array of shape (n_seeds, n_samples)
        One row per seed.
    weights : float array of shape (n_resamples, n_samples)
        As from `row_weights` or `element_weights`.
    against : float array of shape (n_seeds, n_samples), optional
        Predictions of another model from the same seeds: its metric is taken off, on the
        same rows and seeds, and the result is the paired gain over it.
    seed : int
        Of the draws of seeds.
    level : float, default=0.95
        Confidence level.

    Examples
    --------
    >>> y = np.arange(20.0)
    >>> interval_over_seeds(
    ...     lambda y, p: -float(np.abs(y - p).mean()), y, y[None],
    ...     row_weights(20, n_resamples=50, seed=0), against=y[None] + 1.0)
    (1.0, (1.0, 1.0))
    """

    def mean(rows: IntArray, seeds: IntArray) -> float:
        values = [metric(y[rows], predictions[one][rows]) for one in seeds]
        if against is not None:
            others = [metric(y[rows], against[one][rows]) for one in seeds]
            values = [own - other for own, other in zip(values, others, strict=True)]
        return float(np.mean(values))

    rng = np.random.default_rng(seed)
    n_seeds = len(predictions)
    found: list[float] = []
    for weight in weights.astype(int):
        rows = np.repeat(np.arange(len(y)), weight)
        with suppress(InvalidInputError):
            found.append(mean(rows, rng.integers(n_seeds, size=n_seeds)))
    value = mean(np.arange(len(y)), np.arange(n_seeds))
    if len(y) < 2 or not found:
        return value, None
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
    return value, (float(low), float(high))
