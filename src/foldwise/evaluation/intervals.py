"""Intervals and paired tests of an AUC: DeLong for rows, Nadeau & Bengio for folds.

Rows must be independent. With several rows per subject use `foldwise.evaluation.clustered_auc`.
"""

import numpy as np
from jaxtyping import Float
from scipy import stats
from scipy.special import expit, logit

from foldwise.arrays import FloatArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.resampling import (
    bootstrap_interval,
    element_weights,
    interval_over_seeds,
    row_weights,
)

__all__ = [
    "bootstrap_interval",
    "corrected_difference",
    "corrected_interval",
    "corrected_p_value",
    "delong_difference",
    "delong_interval",
    "delong_p_value",
    "delong_variance",
    "element_weights",
    "interval_over_seeds",
    "logit_interval",
    "placements",
    "row_weights",
    "two_sided_p_value",
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
    return _mean_and_variance(*placements(y, score))


def placements(
    y: Float[np.ndarray, " sample"], score: Float[np.ndarray, " sample"]
) -> tuple[FloatArray, FloatArray]:
    """Return each case's share of controls below it, and each control's share of cases above it.

    Ties count one half; the mean of either array is the AUC. From ranks, in the order of
    the rows, without the table of all pairs.

    Raises
    ------
    InvalidInputError
        If a score is NaN, or a class has fewer than two rows.

    References
    ----------
    .. [1] Sun & Xu (2014), IEEE Signal Process. Lett. 21, 1389.

    Examples
    --------
    >>> placements(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    (array([0.5, 1. ]), array([1. , 0.5]))
    """
    if np.isnan(score).any():
        raise InvalidInputError(
            f"AUC is undefined: {int(np.isnan(score).sum())} of {len(score)} scores are NaN. "
            "Give the rows that were scored."
        )
    case, control = score[y == 1], score[y == 0]
    if min(len(case), len(control)) < 2:
        raise InvalidInputError(
            f"The variance of an AUC needs two rows of each class; there are {len(case)} cases "
            f"and {len(control)} controls. Report the AUC without an interval."
        )
    return _share_below(case, control), 1.0 - _share_below(control, case)


def _share_below(values: FloatArray, others: FloatArray) -> FloatArray:
    """Return the share of ``others`` below each value, ties counted one half."""
    others = np.sort(others)
    twice = np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")
    return np.asarray(twice / (2 * len(others)))


def _mean_and_variance(of_cases: FloatArray, of_controls: FloatArray) -> tuple[float, float]:
    """Return the mean of placements (or of their differences) and its variance."""
    variance = of_cases.var(ddof=1) / len(of_cases) + of_controls.var(ddof=1) / len(of_controls)
    return float(of_cases.mean()), float(variance)


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
    difference, variance = _paired(y, score, other)
    half = float(stats.norm.ppf(0.5 + level / 2) * np.sqrt(variance))
    return difference, difference - half, difference + half


def _paired(y: FloatArray, score: FloatArray, other: FloatArray) -> tuple[float, float]:
    """Return AUC(score) - AUC(other) and its variance."""
    own, others = placements(y, score), placements(y, other)
    return _mean_and_variance(own[0] - others[0], own[1] - others[1])


def delong_p_value(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    other: Float[np.ndarray, " sample"],
) -> float | None:
    """Return the two-sided p value of equal AUCs of two scores of the same rows.

    None where two different AUCs show no variance (one is 1, the other 0): nothing
    tells how large the difference is by chance.

    References
    ----------
    .. [1] DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837.

    Examples
    --------
    >>> y = np.array([0.0, 0, 0, 1, 1, 1])
    >>> delong_p_value(y, y, y)
    1.0
    """
    return two_sided_p_value(*_paired(y, score, other))


def two_sided_p_value(difference: float, variance: float, df: float = np.inf) -> float | None:
    """Return the p value of no difference: normal, or Student's t with ``df`` degrees.

    1 for a difference of 0; None for another one without variance.

    Examples
    --------
    >>> round(two_sided_p_value(1.959964, 1.0), 6)
    0.05
    """
    if difference == 0.0:
        return 1.0
    if variance <= 0.0:
        return None
    return float(2.0 * stats.t.sf(abs(difference) / np.sqrt(variance), df))


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
    quantile = float(stats.norm.ppf(0.5 + level / 2))
    return logit_interval(auc, variance, quantile=quantile, level=level, smaller=smaller)


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

    Where rows come in groups, folds must keep groups whole (`kfold_assignments` does): then
    each value comes from people its fit has not seen, the spread of the values shows the
    spread between people, and the formula stands as it is.

    Parameters
    ----------
    fold_values : float array of shape (n_folds,)
        AUC of every fold of every repeat.
    test_share : float
        Share of rows (with groups: of groups) in a test fold: 1 / number of folds.
    smaller_class : int
        Members (with groups: groups) of the smaller class, for a mean of exactly 1.
    level : float, default=0.95
        Confidence level.

    References
    ----------
    .. [1] Nadeau & Bengio (2003), Machine Learning 52, 239, section 3.
    """
    variance, quantile = _corrected(fold_values, test_share, level)
    mean = float(fold_values.mean())
    return logit_interval(mean, variance, quantile=quantile, level=level, smaller=smaller_class)


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


def corrected_p_value(
    differences: Float[np.ndarray, " fold"], *, test_share: float
) -> float | None:
    """Return the two-sided p value of no mean difference over folds after Nadeau & Bengio.

    Student's t with ``n_folds - 1`` degrees of freedom on the variance of
    `corrected_difference`. None where all differences are equal and not 0.

    References
    ----------
    .. [1] Nadeau & Bengio (2003), Machine Learning 52, 239, section 3.

    Examples
    --------
    >>> round(corrected_p_value(np.array([0.1, 0.2, 0.1, 0.2]), test_share=0.25), 3)
    0.042
    """
    variance, _ = _corrected(differences, test_share, 0.95)
    return two_sided_p_value(float(differences.mean()), variance, float(len(differences) - 1))


def _corrected(values: FloatArray, test_share: float, level: float) -> tuple[float, float]:
    """Return the variance of the mean of fold values, and the quantile of Student's t."""
    n_values = len(values)
    ratio = test_share / (1.0 - test_share)
    variance = (1.0 / n_values + ratio) * float(values.var(ddof=1))
    return variance, float(stats.t.ppf(0.5 + level / 2, n_values - 1))


def logit_interval(
    auc: float, variance: float, *, quantile: float, level: float, smaller: int
) -> Interval:
    """Return ``auc -+ quantile * sd`` formed on the logit scale by the delta method.

    Parameters
    ----------
    auc, variance : float
        A share and its variance.
    quantile : float
        Of the normal or Student's t distribution at ``0.5 + level / 2``.
    level : float
        Confidence level, for a share of exactly 0 or 1.
    smaller : int
        Independent members of the smaller class. A share of exactly 1 has no logit: its
        lower limit is ``(alpha / 2) ** (1 / smaller)``, which is conservative.

    Examples
    --------
    >>> logit_interval(1.0, 0.0, quantile=1.96, level=0.95, smaller=76)[1]
    1.0
    """
    edge = ((1.0 - level) / 2) ** (1.0 / smaller)
    if auc >= 1.0:
        return edge, 1.0
    if auc <= 0.0:
        return 0.0, 1.0 - edge
    half = quantile * np.sqrt(variance) / (auc * (1.0 - auc))  # d logit = d auc / (auc (1 - auc))
    return float(expit(logit(auc) - half)), float(expit(logit(auc) + half))
