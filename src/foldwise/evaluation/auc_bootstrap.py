"""Bootstrap intervals of an AUC and an average precision: by class, by subject, BCa.

Rows of a case-control table were drawn by class, so cases and controls are resampled apart.
With groups, subjects are drawn, apart by what they give: cases, controls, or both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy import stats

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.clustered_auc import subjects_of_smaller_class
from foldwise.evaluation.estimates import Estimate
from foldwise.evaluation.intervals import logit_interval, placements

__all__ = [
    "auc_bootstrap_interval",
    "average_precision",
    "bca_limits",
    "weighted_aucs",
    "weighted_average_precisions",
]

Interval = tuple[float, float]
_MOST_CELLS = 4_000_000  # of resamples x rows at a time: 32 MB


def auc_bootstrap_interval(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return the bias-corrected and accelerated (BCa) bootstrap interval of an AUC.

    Parameters
    ----------
    y, score : float array of shape (n_samples,)
        Labels 0/1 and scores.
    groups : array of shape (n_samples,), optional
        Subject of each row: subjects are then drawn, and left out in the jackknife.
    n_resamples : int, default=2000
        Bootstrap resamples.
    seed : int, default=0
        Of the resamples.
    level : float, default=0.95
        Confidence level.

    Returns
    -------
    tuple of float
        For an AUC of exactly 1 every resample is 1 and BCa is not defined: the lower
        limit is then ``(alpha / 2) ** (1 / m)``, as in `delong_interval`.

    Raises
    ------
    InvalidInputError
        If a score is NaN, or fewer than two rows (or subjects) give cases, or controls.

    References
    ----------
    .. [1] Efron (1987), J. Am. Stat. Assoc. 82, 171.
    .. [2] Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 14.3.

    Examples
    --------
    >>> y = np.repeat([0.0, 1.0], 30)
    >>> low, high = auc_bootstrap_interval(y, np.random.default_rng(0).normal(y))
    >>> 0.5 < low < high < 1
    True
    """
    auc = float(placements(y, score)[0].mean())
    if auc in (0.0, 1.0):
        smaller = int(min((y == 1).sum(), (y == 0).sum()))
        if groups is not None:
            smaller = subjects_of_smaller_class(y, groups)
        return logit_interval(auc, 0.0, quantile=0.0, level=level, smaller=smaller)
    return _bca(weighted_aucs, y, score, groups, n_resamples, seed, level)


def average_precision(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Return the average precision with its BCa interval and, as a note, its baseline.

    The share of cases is that of the table in every resample (with groups: nearly), so
    the interval speaks of this share: average precision means nothing without it. No
    interval is claimed for a perfect separation. Parameters as `auc_bootstrap_interval`.

    Examples
    --------
    >>> average_precision(np.array([0.0, 0, 1, 1]), np.arange(4.0)).note
    'A score that knows nothing reaches 0.500, the share of cases.'
    """
    perfect = float(placements(y, score)[0].mean()) in (0.0, 1.0)
    statistic = weighted_average_precisions
    limits = None if perfect else _bca(statistic, y, score, groups, n_resamples, seed, level)
    low, high = limits or (None, None)
    return Estimate(
        float(statistic(y, score, np.ones((1, len(y))))[0]),
        low,
        high,
        len(y) if groups is None else len(np.unique(groups)),
        "bca of average precision",
        f"A score that knows nothing reaches {y.mean():.3f}, the share of cases.",
    )


Statistic = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


def _bca(
    statistic: Statistic,
    y: FloatArray,
    score: FloatArray,
    groups: np.ndarray | None,
    n_resamples: int,
    seed: int,
    level: float,
) -> Interval:
    """Return the BCa interval of a statistic of weighted rows."""
    units = _Units.of(y, groups)
    blocks = units.resamples(n_resamples, np.random.default_rng(seed))
    drawn = np.concatenate([statistic(y, score, block) for block in blocks])
    drawn = drawn[np.isfinite(drawn)]  # a resample of few subjects may hold one class only
    left_out = np.concatenate([statistic(y, score, block) for block in units.left_out()])
    value = float(statistic(y, score, np.ones((1, len(y))))[0])
    strata = [left_out[members] for members in units.strata]
    return bca_limits(value, drawn, strata, level=level)


def bca_limits(
    value: float, drawn: FloatArray, left_out: list[FloatArray], *, level: float = 0.95
) -> Interval:
    """Return BCa limits from bootstrap values and jackknife values of each stratum.

    Parameters
    ----------
    value : float
        The statistic of the table.
    drawn : float array of shape (n_resamples,)
        The statistic of each bootstrap resample.
    left_out : list of float arrays
        For each stratum that is resampled apart: the statistic without each of its units.
    level : float, default=0.95
        Confidence level.

    References
    ----------
    .. [1] Efron & Tibshirani (1993), An Introduction to the Bootstrap, equations 14.9-14.15.
    """
    below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    n_resamples = len(drawn)
    # All on one side: the correction would be infinite; half a resample bounds it.
    bias = stats.norm.ppf(np.clip(below, 0.5 / n_resamples, 1 - 0.5 / n_resamples))
    influence = [(len(one) - 1) * (one.mean() - one) for one in left_out]
    cubes = sum(float((one**3).sum()) / len(one) ** 3 for one in influence)
    squares = sum(float((one**2).sum()) / len(one) ** 2 for one in influence)
    skew = cubes / (6 * squares**1.5) if squares > 0 else 0.0
    shifted = bias + stats.norm.ppf([0.5 - level / 2, 0.5 + level / 2])
    low, high = np.quantile(drawn, stats.norm.cdf(bias + shifted / (1 - skew * shifted)))
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class _Units:
    """What is drawn: rows or subjects, and the strata within which they are drawn."""

    of_row: IntArray  # (sample,)
    strata: list[IntArray]  # units of each stratum

    @classmethod
    def of(cls, y: FloatArray, groups: np.ndarray | None) -> "_Units":
        rows = np.arange(len(y)) if groups is None else groups
        of_row = np.unique(rows, return_inverse=True)[1]
        n_cases = np.bincount(of_row, y == 1)
        n_controls = np.bincount(of_row, y == 0)
        if min((n_cases > 0).sum(), (n_controls > 0).sum()) < 2:
            raise InvalidInputError(
                "A bootstrap over subjects needs two subjects with rows of each class; "
                f"{(n_cases > 0).sum()} have cases and {(n_controls > 0).sum()} have controls. "
                "Report the AUC without an interval."
            )
        kind = 2 * (n_cases > 0) + (n_controls > 0)
        size = np.bincount(kind)[kind]
        # Drawn from itself alone a unit would never vary: it joins the largest stratum.
        kind[size == 1] = kind[size.argmax()]
        return cls(of_row, [np.flatnonzero(kind == one) for one in np.unique(kind)])

    @property
    def n_units(self) -> int:
        return sum(map(len, self.strata))

    def _blocks(self, n_rows: int) -> Iterator[slice]:
        step = max(1, _MOST_CELLS // len(self.of_row))
        return (slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step))

    def resamples(self, n_resamples: int, rng: np.random.Generator) -> Iterator[FloatArray]:
        """Yield blocks of weights (resample, sample): how often each row was drawn."""
        for block in self._blocks(n_resamples):
            size = block.stop - block.start
            drawn = np.zeros((size, self.n_units))
            for units in self.strata:
                n = len(units)
                picked = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
                drawn[:, units] = np.bincount(picked.ravel(), minlength=size * n).reshape(size, n)
            yield drawn[:, self.of_row]

    def left_out(self) -> Iterator[FloatArray]:
        """Yield blocks of weights (unit, sample) without one unit each."""
        units = np.arange(self.n_units)
        for block in self._blocks(self.n_units):
            yield (units[block, None] != self.of_row).astype(float)


def weighted_aucs(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    weights: Float[np.ndarray, "resample sample"],
) -> Float[np.ndarray, " resample"]:
    """Return the AUC of each set of row weights; ties count one half.

    NaN where a class has no weight.

    Examples
    --------
    >>> y, score = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> weighted_aucs(y, score, np.array([[1.0, 1, 1, 1], [2, 0, 1, 1]]))
    array([0.75, 1.  ])
    """
    cases, controls = _sums_by_score(y, score, weights)  # (resample, distinct score)
    below = controls.cumsum(axis=1) - controls / 2
    with np.errstate(invalid="ignore"):  # 0 / 0: a class without weight
        return np.asarray((cases * below).sum(axis=1) / (cases.sum(axis=1) * controls.sum(axis=1)))


def weighted_average_precisions(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    weights: Float[np.ndarray, "resample sample"],
) -> Float[np.ndarray, " resample"]:
    """Return the average precision of each set of row weights: precision over gains in recall.

    Examples
    --------
    >>> y, score = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> weighted_average_precisions(y, score, np.ones((1, 4))).round(3)
    array([0.833])
    """
    cases, controls = _sums_by_score(y, -score, weights)  # from the highest score down
    true, false = cases.cumsum(axis=1), controls.cumsum(axis=1)
    called = np.where(true + false > 0, true + false, 1.0)
    with np.errstate(invalid="ignore"):  # 0 / 0: no case has weight
        return np.asarray((cases * true / called).sum(axis=1) / true[:, -1])


def _sums_by_score(
    y: FloatArray, score: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the weight of cases and of controls at each distinct score, upwards."""
    order = np.argsort(score, kind="stable")
    starts = np.unique(score[order], return_index=True)[1]
    ordered = weights[:, order]
    cases = ordered * (y[order] == 1)
    controls = ordered - cases
    if len(starts) == len(score):  # no ties, the usual case, and several times quicker
        return cases, controls
    return np.add.reduceat(cases, starts, axis=1), np.add.reduceat(controls, starts, axis=1)
