"""What each column says about two classes by itself: effect, tests, AUC with interval."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy import stats
from scipy.special import expit, logit

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.errors import InvalidInputError, first_few

__all__ = ["Effect", "UnivariateTests", "column_moments", "one_row_per_subject", "univariate_tests"]

Effect = Literal["log2 fold change", "difference"]

# log2 per unit of each declared logarithm.
_LOG2_PER_UNIT = {"log2": 1.0, "log10": float(np.log2(10)), "ln": float(np.log2(np.e))}
_SCALES = ("raw", *_LOG2_PER_UNIT, "percentile", "z")
_EXACT_UP_TO = 8  # rows of the smaller class, as scipy.stats.mannwhitneyu chooses


@dataclass(frozen=True, eq=False)
class UnivariateTests:
    """One entry per column of X, each array of shape (n_features,).

    A number that is not defined is NaN, and the counts say why: fewer than two rows of a
    class, no spread in either class (Welch), or a class whose median is not positive (fold
    change of raw abundances).

    Parameters
    ----------
    n_cases, n_controls : int array
        Rows of each class with a value.
    n_missing : int array
        Rows without one; they take no part in the column's numbers.
    n_without_log : int array
        Values of a raw table that are zero or negative: they have no logarithm and are left
        out of the Welch test (and of geometric means), nowhere else.
    effect : float array
        Cases against controls: `effect_kind` says of what kind.
    effect_kind : {"log2 fold change", "difference"}
        A difference is in the table's own units: percentile points or standard deviations.
    welch_p, welch_q : float array
        Welch's t test, on logarithms for raw and logarithmic scales; q after Benjamini and
        Hochberg over the columns that could be tested.
    mann_whitney_p, mann_whitney_q : float array
        Two-sided, exact where the smaller class has at most 8 rows and nothing is tied.
    auc, auc_low, auc_high : float array
        Above 1/2 where cases are higher; interval after DeLong on the logit scale.
    """

    n_cases: IntArray
    n_controls: IntArray
    n_missing: IntArray
    n_without_log: IntArray
    effect: FloatArray
    effect_kind: Effect
    welch_p: FloatArray
    welch_q: FloatArray
    mann_whitney_p: FloatArray
    mann_whitney_q: FloatArray
    auc: FloatArray
    auc_low: FloatArray
    auc_high: FloatArray


def univariate_tests(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    *,
    scale: str = "raw",
    centre: str = "median",
    level: float = 0.95,
) -> UnivariateTests:
    """Return fold change, tests and AUC of every column alone, cases against controls.

    Rows must be independent people: see `one_row_per_subject`. The numbers describe this
    table; a selection inside a model must be made anew in each fold.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing.
    y : float array of shape (n_samples,)
        1 for a case, 0 for a control.
    scale : {"raw", "log2", "log10", "ln", "percentile", "z"}
        A fold change exists for raw abundances and declared logarithms only; percentiles and
        z-scores give a difference in their own units. A logarithm is taken of raw alone.
    centre : {"median", "mean"}
        Of each class. The mean of a raw table is the geometric one.
    level : float, default=0.95
        Of the interval of the AUC.

    Raises
    ------
    InvalidInputError
        If ``y`` does not hold both classes as 0 and 1, X holds an infinite value, or the
        scale is unknown.

    References
    ----------
    .. [1] Welch (1947), Biometrika 34, 28.
    .. [2] Mann & Whitney (1947), Ann. Math. Statist. 18, 50.
    .. [3] Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57, 289.
    .. [4] DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837; with mid-ranks as in
       Sun & Xu (2014), IEEE Signal Process. Lett. 21, 1389.

    Examples
    --------
    >>> X = np.array([[1.0], [2.0], [4.0], [8.0], [8.0], [16.0]])
    >>> found = univariate_tests(X, np.array([0.0, 0, 0, 1, 1, 1]))
    >>> found.effect.tolist(), found.auc.tolist()
    ([2.0], [1.0])
    """
    _require_input(X, y, scale)
    case, present = y == 1, ~np.isnan(X)
    n_cases, n_controls = present[case].sum(axis=0), present[~case].sum(axis=0)
    has_log, tested = present, X
    if scale == "raw":
        has_log = present & (X > 0)
        tested = np.log2(X, where=has_log, out=np.full(X.shape, np.nan))
    placed = _Placed.of(X, case)
    welch_p, mann_whitney_p = _welch(tested[case], tested[~case]), _mann_whitney(X, case, placed)
    low, high = placed.auc_interval(level)
    return UnivariateTests(
        n_cases=n_cases,
        n_controls=n_controls,
        n_missing=(~present).sum(axis=0),
        n_without_log=(present & ~has_log).sum(axis=0),
        effect=_effect(X, tested, case, scale, centre),
        effect_kind="difference" if scale in ("percentile", "z") else "log2 fold change",
        welch_p=welch_p,
        welch_q=_benjamini_hochberg(welch_p),
        mann_whitney_p=mann_whitney_p,
        mann_whitney_q=_benjamini_hochberg(mann_whitney_p),
        auc=placed.auc,
        auc_low=low,
        auc_high=high,
    )


def one_row_per_subject(
    X: Float[np.ndarray, "sample feature"], y: Float[np.ndarray, " sample"], groups: Any
) -> tuple[FloatArray, FloatArray]:
    """Return X and y with one row per subject, the median of the subject's values.

    Several rows of one person are not independent: tests of all rows give p-values that
    are too small.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing; it stays NaN where a subject has no value.
    y : float array of shape (n_samples,)
    groups : array of shape (n_samples,)
        Subject of each row.

    Raises
    ------
    InvalidInputError
        If a subject has rows of both classes: such pairs need a paired test.

    Examples
    --------
    >>> X, y = np.array([[1.0], [3.0], [5.0]]), np.array([0.0, 0.0, 1.0])
    >>> one_row_per_subject(X, y, np.array(["a", "a", "b"]))
    (array([[2.],
           [5.]]), array([0., 1.]))
    """
    names, first, of_row = np.unique(groups, return_index=True, return_inverse=True)
    mixed = sorted(set(np.asarray(groups)[y != y[first][of_row]].tolist()))
    if mixed:
        raise InvalidInputError(
            f"{len(mixed)} of {len(names)} subjects have rows of both classes: "
            f"{first_few(mixed)}. Test differences within subjects instead."
        )
    rows = [_medians(X[of_row == subject]) for subject in range(len(names))]
    return np.stack(rows), y[first]


def _require_input(X: FloatArray, y: FloatArray, scale: str) -> None:
    if scale not in _SCALES:
        raise InvalidInputError(f"The scale {scale!r} is not known. Use one of {_SCALES}.")
    classes = np.unique(y)
    if classes.tolist() != [0.0, 1.0]:
        raise InvalidInputError(
            f"y holds {first_few(classes.tolist())}; the tests need rows of both classes, "
            "1 for a case and 0 for a control."
        )
    infinite = np.flatnonzero(np.isinf(X).any(axis=0))
    if infinite.size:
        raise InvalidInputError(
            f"{infinite.size} of {X.shape[1]} columns hold infinite values: column "
            f"{first_few(infinite)}. Leave the logarithm of zero as a missing cell."
        )


def _effect(
    X: FloatArray, tested: FloatArray, case: BoolArray, scale: str, centre: str
) -> FloatArray:
    """Return how far cases lie above controls, in log2 or in own units."""
    if centre not in ("median", "mean"):
        raise InvalidInputError(f"The centre {centre!r} is not known. Use 'median' or 'mean'.")
    if centre == "mean":
        cases, controls = (column_moments(tested[rows])[1] for rows in (case, ~case))
    else:
        cases, controls = (_medians(X[rows]) for rows in (case, ~case))
        if scale == "raw":  # log2 of a ratio of medians; no ratio where one is not positive
            cases, controls = (
                np.log2(own, where=own > 0, out=np.full(own.shape, np.nan))
                for own in (cases, controls)
            )
    return np.asarray((cases - controls) * _LOG2_PER_UNIT.get(scale, 1.0))


def _medians(values: FloatArray) -> FloatArray:
    """Return the median of each column's values, NaN for a column without any."""
    medians = np.full(values.shape[1], np.nan)
    filled = ~np.isnan(values).all(axis=0)
    medians[filled] = np.nanmedian(values[:, filled], axis=0)
    return medians


def column_moments(values: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return count, mean and sample variance of each column's values; NaN where undefined.

    Values are taken from the column's smallest, so that a constant column has variance 0
    exactly, whatever its value.
    """
    n = (~np.isnan(values)).sum(axis=0)
    smallest = np.fmin.reduce(values, axis=0)
    above = values - smallest
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(above, axis=0) / n
        variance = np.nansum((above - mean) ** 2, axis=0) / (n - 1)
    return n, smallest + mean, np.where(n > 1, variance, np.nan)


def _welch(cases: FloatArray, controls: FloatArray) -> FloatArray:
    """Return Welch's two-sided p; NaN where neither class varies or one has no spread."""
    n1, mean1, variance1 = column_moments(cases)
    n0, mean0, variance0 = column_moments(controls)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = stats.ttest_ind_from_stats(
            mean1, np.sqrt(variance1), n1, mean0, np.sqrt(variance0), n0, equal_var=False
        )
    return np.where(variance1 + variance0 > 0, np.asarray(found.pvalue), np.nan)


def _benjamini_hochberg(p: FloatArray) -> FloatArray:
    """Return q over the columns that have a p."""
    q = np.full(p.shape, np.nan)
    tested = ~np.isnan(p)
    if tested.any():
        q[tested] = stats.false_discovery_control(p[tested], method="bh")
    return q


@dataclass(frozen=True, eq=False)
class _Placed:
    """Mid-ranks of the values of each column, and where each row stands in the other class."""

    n_cases: IntArray
    n_controls: IntArray
    wins: FloatArray  # (feature,): pairs in which the case is higher, ties one half
    tie_sum: FloatArray  # (feature,): sum of t^3 - t over ties of t values
    of_cases: FloatArray  # (case, feature): share of controls below, NaN where missing
    of_controls: FloatArray  # (control, feature): share of cases above

    @classmethod
    def of(cls, X: FloatArray, case: BoolArray) -> "_Placed":
        ranks = _ranks(X)
        n_cases, n_controls = ((~np.isnan(X[rows])).sum(axis=0) for rows in (case, ~case))
        below = ranks[case] - _ranks(X[case])  # controls below each case
        above = n_cases - (ranks[~case] - _ranks(X[~case]))
        n = n_cases + n_controls
        # Ranks of ties are averaged: 12 (sum of i^2 - sum of rank^2) is the sum of t^3 - t.
        tie_sum = 2.0 * n * (n + 1) * (2 * n + 1) - 12 * np.nansum(ranks**2, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return cls(
                n_cases,
                n_controls,
                np.nansum(below, axis=0),
                tie_sum,
                below / n_controls,
                above / n_cases,
            )

    @property
    def auc(self) -> FloatArray:
        pairs = self.n_cases * self.n_controls
        return np.where(pairs > 0, self.wins / np.maximum(pairs, 1), np.nan)

    def auc_interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return the limits of `intervals.delong_interval` for all columns at once."""
        n1, _, variance1 = column_moments(self.of_cases)
        n0, _, variance0 = column_moments(self.of_controls)
        auc, quantile = self.auc, stats.norm.ppf(0.5 + level / 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            half = quantile * np.sqrt(variance1 / n1 + variance0 / n0) / (auc * (1 - auc))
            low, high = expit(logit(auc) - half), expit(logit(auc) + half)
            edge = ((1 - level) / 2) ** (1 / np.minimum(n1, n0))
        low = np.select([auc == 1, auc == 0], [edge, 0.0], low)
        high = np.select([auc == 1, auc == 0], [1.0, 1 - edge], high)
        enough = np.minimum(n1, n0) > 1
        return np.where(enough, low, np.nan), np.where(enough, high, np.nan)


def _ranks(values: FloatArray) -> FloatArray:
    """Return mid-ranks within each column, NaN where a cell is missing."""
    gaps = np.isnan(values)
    ranks = stats.rankdata(np.where(gaps, np.inf, values), axis=0)  # gaps rank behind all values
    return np.where(gaps, np.nan, ranks)


def _mann_whitney(X: FloatArray, case: BoolArray, placed: _Placed) -> FloatArray:
    """Return the two-sided p of each column, as scipy chooses between exact and normal."""
    n1, n0 = placed.n_cases, placed.n_controls
    n = n1 + n0
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = n1 * n0 / 12 * (n + 1 - placed.tie_sum / (n * (n - 1.0)))
        above = np.abs(placed.wins - n1 * n0 / 2) - 0.5  # with correction for continuity
        p = np.where(variance > 0, 2 * stats.norm.sf(above / np.sqrt(variance)), 1.0)
    p = np.where(np.minimum(n1, n0) > 0, np.minimum(p, 1.0), np.nan)
    small = (np.minimum(n1, n0) <= _EXACT_UP_TO) & (np.minimum(n1, n0) > 0)
    exact = small & (placed.tie_sum == 0)
    for rows1, rows0 in np.unique(np.stack([n1[exact], n0[exact]], axis=1), axis=0):
        own = exact & (n1 == rows1) & (n0 == rows0)
        # Sorted, missing cells stand last: what stands before them is a block without gaps.
        cases, controls = np.sort(X[case][:, own], axis=0), np.sort(X[~case][:, own], axis=0)
        found = stats.mannwhitneyu(cases[:rows1], controls[:rows0], axis=0, method="exact")
        p[own] = found.pvalue
    return p
