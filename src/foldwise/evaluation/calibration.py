"""Whether probabilities mean what they say."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy import stats
from scipy.special import expit, logit

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.estimates import Estimate
from foldwise.evaluation.proportions import (
    clustered_wilson_interval,
    wilson_interval,
)

__all__ = [
    "IN_THE_LARGE_UNKNOWN",
    "Calibration",
    "ReliabilityCurve",
    "calibration",
    "reliability_curve",
    "require_probabilities",
]

IN_THE_LARGE_UNKNOWN = "not assessable in case-control sampling"
"""What stands in place of calibration-in-the-large where people were drawn by class."""

_EDGE = 1e-6  # probabilities closer to 0 or 1 have no usable logit


@dataclass(frozen=True)
class Calibration:
    """How well probabilities fit labels.

    Parameters
    ----------
    brier : float
        Mean squared error of the probabilities.
    scaled_brier : float
        ``1 - brier / (share (1 - share))``: 1 is perfect, 0 is the share of cases for all.
    log_loss : float
        Mean negative log-likelihood, in nats.
    slope : Estimate
        Of a logistic regression of the label on the logit: below 1 where probabilities are
        too extreme. Not defined where the classes are separated.
    intercept : Estimate
        Of the same regression.
    in_the_large : Estimate
        Intercept with the slope held at 1: above 0 where cases are more frequent than
        said. Of a case-control table print `IN_THE_LARGE_UNKNOWN` instead.
    note : str
        How many probabilities were drawn in from 0 or 1, else "".
    """

    brier: float
    scaled_brier: float
    log_loss: float
    slope: Estimate
    intercept: Estimate
    in_the_large: Estimate
    note: str = ""


def calibration(
    y: Float[np.ndarray, " sample"],
    probability: Float[np.ndarray, " sample"],
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    level: float = 0.95,
) -> Calibration:
    """Return Brier scores, log loss, and the regression of labels on logits.

    Parameters
    ----------
    y : float array of shape (n_samples,)
        Labels 0/1.
    probability : float array of shape (n_samples,)
        Of class 1, for rows the fits have not seen: one repeat.
    groups : array of shape (n_samples,), optional
        Subject of each row: standard errors are then those of subjects (sandwich).
    level : float, default=0.95
        Confidence level.

    Notes
    -----
    Log loss and regressions take probabilities closer to 0 or 1 than 1e-6 at that
    distance, and ``note`` counts them.

    Raises
    ------
    InvalidInputError
        If a probability is outside 0 to 1 or NaN, or a class has no rows.

    References
    ----------
    .. [1] Cox (1958), Biometrika 45, 562.
    .. [2] Van Calster et al. (2016), J. Clin. Epidemiol. 74, 167.
    .. [3] Steyerberg et al. (2010), Epidemiology 21, 128.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(0.1, 0.9, 500)
    >>> found = calibration((rng.uniform(size=500) < p).astype(float), p)
    >>> found.slope.low < 1 < found.slope.high
    True
    """
    require_probabilities(y, probability)
    share = float(y.mean())
    brier = float(np.mean((probability - y) ** 2))
    inner = np.clip(probability, _EDGE, 1.0 - _EDGE)
    score = logit(inner)
    moved = int((inner != probability).sum())
    slope, intercept = _recalibration(y, score, groups, level)
    return Calibration(
        brier,
        1.0 - brier / (share * (1.0 - share)),
        float(-np.mean(np.log(np.where(y == 1, inner, 1.0 - inner)))),
        slope,
        intercept,
        _in_the_large(y, score, groups, level),
        f"{moved} of {len(y)} probabilities closer to 0 or 1 than 1e-6 were taken at that distance."
        if moved
        else "",
    )


def _recalibration(
    y: FloatArray, score: FloatArray, groups: np.ndarray | None, level: float
) -> tuple[Estimate, Estimate]:
    """Return slope and intercept of the labels' logistic regression on a score."""
    case, control = score[y == 1], score[y == 0]
    why = ""
    if case.min() >= control.max() or case.max() <= control.min():
        why = "Not defined: a threshold separates the classes, the slope would be infinite."
    if score.min() == score.max():
        why = "Not defined: all probabilities are equal."
    if why:
        absent = Estimate(None, None, None, _people(y, groups), "wald", why)
        return absent, absent
    columns = np.column_stack([score, np.ones(len(y))])
    slope, intercept = _logistic(y, columns, np.zeros(len(y)), groups, level)
    return slope, intercept


def _in_the_large(
    y: FloatArray, score: FloatArray, groups: np.ndarray | None, level: float
) -> Estimate:
    """Return the intercept of a logistic regression with the score as offset."""
    return _logistic(y, np.ones((len(y), 1)), score, groups, level)[0]


def _logistic(
    y: FloatArray, X: FloatArray, offset: FloatArray, groups: np.ndarray | None, level: float
) -> list[Estimate]:
    """Return coefficients of an unpenalised logistic regression with Wald limits.

    Newton's steps, halved while the likelihood falls, for one or two columns.
    """

    def loss(coef: FloatArray) -> float:
        return float(np.logaddexp(0.0, np.where(y == 1, -1, 1) * (offset + X @ coef)).sum())

    coef = np.zeros(X.shape[1])
    for _ in range(100):
        fitted = expit(offset + X @ coef)
        hessian = (X * (fitted * (1 - fitted))[:, None]).T @ X
        step = np.linalg.solve(hessian, X.T @ (y - fitted))
        while loss(coef + step) > loss(coef) + 1e-9 and np.abs(step).max() > 1e-12:
            step = step / 2
        coef = coef + step
        if np.abs(step).max() < 1e-10:
            break
    inverse = np.linalg.inv(hessian)
    if groups is not None:
        inverse = inverse @ _scores_between(X * (y - fitted)[:, None], groups) @ inverse
    half = stats.norm.ppf(0.5 + level / 2) * np.sqrt(np.diag(inverse))
    method = "wald" if groups is None else "clustered wald"
    return [
        Estimate(float(b), float(b - h), float(b + h), _people(y, groups), method)
        for b, h in zip(coef, half, strict=True)
    ]


def _scores_between(scores: FloatArray, groups: np.ndarray) -> FloatArray:
    """Return the sum over subjects of the squared sums of their rows' scores."""
    number = np.unique(groups, return_inverse=True)[1]
    sums = np.column_stack([np.bincount(number, column) for column in scores.T])
    return np.asarray(sums.T @ sums * len(sums) / (len(sums) - 1))


def _people(y: FloatArray, groups: np.ndarray | None) -> int:
    return len(y) if groups is None else len(np.unique(groups))


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Share of cases among rows of similar probability.

    Parameters
    ----------
    probability : float array of shape (n_bins,)
        Mean probability of the rows of a bin.
    share, low, high : float array of shape (n_bins,)
        Share of cases among them, with Wilson limits.
    n : int array of shape (n_bins,)
        Rows of a bin.
    """

    probability: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    n: IntArray


def reliability_curve(
    y: Float[np.ndarray, " sample"],
    probability: Float[np.ndarray, " sample"],
    *,
    n_bins: int = 5,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    level: float = 0.95,
) -> ReliabilityCurve:
    """Return the reliability curve over bins of about equally many rows.

    Rows of equal probability stay in one bin, so ties may leave fewer bins than asked for.

    Examples
    --------
    >>> p = np.array([0.1, 0.1, 0.2, 0.6, 0.7, 0.9])
    >>> curve = reliability_curve(np.array([0.0, 0, 1, 1, 0, 1]), p, n_bins=2)
    >>> curve.share.round(2), curve.n
    (array([0.33, 0.67]), array([3, 3]))
    """
    require_probabilities(y, probability)
    if not 1 <= n_bins <= len(y):
        raise InvalidInputError(f"{len(y)} rows make 1 to {len(y)} bins, not {n_bins}.")
    edges = np.quantile(probability, np.arange(1, n_bins) / n_bins, method="inverted_cdf")
    of_row = np.searchsorted(np.unique(edges), probability, "left")
    members = [of_row == one for one in np.unique(of_row)]
    limits = [
        wilson_interval(float(y[rows].sum()), int(rows.sum()), level=level)
        if groups is None
        else clustered_wilson_interval(y[rows] == 1, groups[rows], level=level)
        for rows in members
    ]
    return ReliabilityCurve(
        np.array([probability[rows].mean() for rows in members]),
        np.array([y[rows].mean() for rows in members]),
        np.array([low for low, _ in limits]),
        np.array([high for _, high in limits]),
        np.array([rows.sum() for rows in members]),
    )


def require_probabilities(
    y: Float[np.ndarray, " sample"], probability: Float[np.ndarray, " sample"]
) -> None:
    """Refuse what is no probability of class 1, and labels of one class.

    Raises
    ------
    InvalidInputError
        With the first value and its row.
    """
    bad = ~((probability >= 0) & (probability <= 1))  # NaN too
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InvalidInputError(
            f"{int(bad.sum())} of {len(y)} probabilities are not between 0 and 1: "
            f"{probability[row]:g} (row {row}). Give probabilities of class 1, not other scores."
        )
    if len(np.unique(y)) < 2:
        raise InvalidInputError(
            f"Calibration needs rows of both classes; all {len(y)} are of one class."
        )
