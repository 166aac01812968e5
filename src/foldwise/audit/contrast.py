"""How two classes are compared: counts, random relabellings, and their words."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import hypergeom

from foldwise.arrays import BoolArray, FloatArray
from foldwise.evaluation.seeds import child_seed

__all__ = [
    "beats_mixed_labels",
    "count_p_values",
    "mixed_labels",
    "overlapping_columns",
    "rounding_unit",
]

_N_MIXED = 3


def mixed_labels(y: Float[np.ndarray, " sample"], draw: int = 0) -> FloatArray:
    """Return labels of the same class sizes that say as little as possible about ``y``.

    Each new class takes rows of both old classes in proportion. Random permutations of
    12 rows are often close to ``y`` itself; these never are.

    Examples
    --------
    >>> y = np.repeat([0.0, 1.0], 6)
    >>> mixed = mixed_labels(y)
    >>> int(mixed.sum()), int(mixed[y == 1].sum())
    (6, 3)
    """
    rng = np.random.default_rng(child_seed(draw, "mixed labels"))
    cases, controls = (rng.permutation(np.flatnonzero(y == label)) for label in (1, 0))
    kept = round(len(cases) * len(cases) / len(y))
    mixed = np.zeros(len(y))
    mixed[cases[:kept]] = 1.0
    mixed[controls[: len(cases) - kept]] = 1.0
    return mixed


def beats_mixed_labels(
    statistic: Callable[[FloatArray], float], y: FloatArray, *, margin: float = 0.5
) -> bool:
    """Return whether mixed labels reach no more than a share of a statistic of the labels.

    A form that any two groups of rows show (integers, ranks over all rows, rounded
    values) says nothing about the classes. This comparison is what keeps such tables silent.
    """
    limit = margin * statistic(y)
    return all(statistic(mixed_labels(y, draw)) <= limit for draw in range(_N_MIXED))


def overlapping_columns(
    X: Float[np.ndarray, "sample feature"], y: Float[np.ndarray, " sample"]
) -> Bool[np.ndarray, " feature"]:
    """Return columns that vary and in which the classes overlap.

    Where all cases lie above all controls, ranks over all rows are ranks within the
    classes as well: such columns are no evidence of either.

    Examples
    --------
    >>> X = np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0], [4.0, 4.0]])
    >>> overlapping_columns(X, np.array([0.0, 0, 1, 1]))
    array([False,  True])
    """
    low, high = np.where(np.isnan(X), np.inf, X), np.where(np.isnan(X), -np.inf, X)
    case = y == 1
    below = high[case].max(axis=0) < low[~case].min(axis=0)
    above = high[~case].max(axis=0) < low[case].min(axis=0)
    varies = high.max(axis=0) > low.min(axis=0)
    return np.asarray(varies & ~below & ~above)


def count_p_values(
    mask: Bool[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    among: Bool[np.ndarray, "sample feature"] | None = None,
) -> FloatArray:
    """Return, per column, the two-sided p-value that its marked cells fall on cases by chance.

    Twice the smaller tail of the hypergeometric distribution (Fisher's exact test), at most 1.

    Parameters
    ----------
    mask : bool array of shape (n_samples, n_features)
        Marked cells.
    y : float array of shape (n_samples,)
        Labels 0 and 1.
    among : bool array of shape (n_samples, n_features), optional
        Cells that could have been marked; all of them by default.

    Examples
    --------
    >>> mask = np.array([[True], [True], [True], [False], [False], [False]])
    >>> count_p_values(mask, np.array([1.0, 1, 1, 0, 0, 0])).round(6)
    array([0.1])
    """
    possible = np.ones(mask.shape, dtype=bool) if among is None else among
    marked = mask & possible
    case = y == 1
    counts = [marked[case], possible, possible[case], marked]
    # Columns share few sets of counts: each distribution is asked once.
    asked, back = np.unique([one.sum(axis=0) for one in counts], axis=1, return_inverse=True)
    low, high = hypergeom.cdf(*asked), hypergeom.sf(asked[0] - 1, *asked[1:])
    return np.asarray(np.minimum(1.0, 2.0 * np.minimum(low, high)))[back.reshape(-1)]


def rounding_unit(X: Float[np.ndarray, "sample feature"]) -> FloatArray:
    """Return the power of ten that the cells of each column are written to, or 0 for more than 6.

    Examples
    --------
    >>> rounding_unit(np.array([[1.5, 3.0, 1 / 3], [2.25, np.nan, 0.5]]))
    array([0.01, 1.  , 0.  ])
    """
    unit = np.zeros(X.shape[1])
    left: BoolArray = np.ones(X.shape[1], dtype=bool)
    for decimals in range(7):
        scaled = np.abs(X) * 10.0**decimals
        # A float of 16 digits is a whole number only within its own precision.
        off = np.abs(scaled - np.rint(scaled)) > 1e-9 + 1e-14 * scaled
        whole = left & ~off.any(axis=0)  # NaN compares as not off
        unit[whole] = 10.0**-decimals
        left &= ~whole
    return unit
