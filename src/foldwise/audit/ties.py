"""Who shares a value with whom: repeated values that keep to one class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foldwise.arrays import FloatArray
from foldwise.audit.contrast import beats_mixed_labels
from foldwise.audit.findings import Finding

__all__ = ["TiedPairs", "check_ties", "tied_pairs"]

_WINDOW = 5  # rows on either side that say which class lives near a repeated value
_FEWEST_COLUMNS = 5
_FEWEST_PAIRS = 12.0  # one at most where 12 are expected: chance 8e-5
_ABSENT = 0.1


@dataclass(frozen=True, eq=False)
class TiedPairs:
    """Pairs of rows with the same value, and how many its neighbours let expect.

    Attributes
    ----------
    observed, expected : float array of shape (3, n_features)
        Pairs of two controls, of a control and a case, of two cases. A value that m rows share
        counts as m - 1 pairs.
    """

    observed: FloatArray
    expected: FloatArray


def check_ties(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    names: Sequence[str],
    classes: tuple[str, str],
) -> list[Finding]:
    """Return a finding if repeated values keep to one class over many columns.

    Gaps filled with the mean of the own class, ranks against one class under any later
    rescaling, and coarser rounding in one class all leave this trace.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 30)), np.repeat([0.0, 1.0], 20)
    >>> means = np.where(y[:, None] == 1, X[y == 1].mean(axis=0), X[y == 0].mean(axis=0))
    >>> X = np.where(rng.random(X.shape) < 0.2, means, X)
    >>> [found.check for found in check_ties(X, y, [str(j) for j in range(30)], ("no", "yes"))]
    ['ties-by-class']
    """
    X, y = _without_copies(X, y)
    pairs = tied_pairs(X, y)
    kind = _absent_kind(pairs)
    if kind is None or not beats_mixed_labels(lambda labels: _lack(X, labels, kind), y):
        return []
    held = np.flatnonzero(pairs.observed.sum(axis=0) > 0).tolist()
    negative, positive = classes
    which = (
        f"two rows of '{negative}'",
        f"a row of '{negative}' and a row of '{positive}'",
        f"two rows of '{positive}'",
    )
    return [
        Finding(
            "ties-by-class",
            "stops",
            f"Values repeat in {len(held)} of {X.shape[1]} columns, but {which[kind]} share one "
            f"in {pairs.observed[kind].sum():.0f} pairs where the rows next to them let expect "
            f"{pairs.expected[kind].sum():.0f}. Whether a value repeats depends on the class: gaps "
            "filled, values ranked or rounded class by class.",
            "Start from the table before gaps were filled or values transformed, and repeat such "
            "steps without the labels, inside each fold.",
            columns=tuple(names[column] for column in held),
        )
    ]


def _without_copies(X: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Drop rows that repeat another as a whole; they are a finding of their own."""
    first = {row.tobytes(): number for number, row in reversed(list(enumerate(X)))}
    kept = np.sort(np.array(list(first.values())))
    return X[kept], y[kept]


def _absent_kind(pairs: TiedPairs) -> int | None:
    """Return the kind of pair that is expected in many columns and is not there."""
    observed, expected = pairs.observed.sum(axis=1), pairs.expected.sum(axis=1)
    spread = (pairs.expected > 0).sum(axis=1) >= _FEWEST_COLUMNS
    # No single column may speak for the table.
    spread &= pairs.expected.max(axis=1) < expected / 3
    absent = spread & (expected >= _FEWEST_PAIRS) & (observed <= _ABSENT * expected)
    return int(np.argmax(expected * absent)) if absent.any() else None


def _lack(X: FloatArray, y: FloatArray, kind: int) -> float:
    pairs = tied_pairs(X, y)
    expected = pairs.expected[kind].sum()
    return float(max(0.0, 1 - pairs.observed[kind].sum() / expected)) if expected else 0.0


def tied_pairs(
    X: Float[np.ndarray, "sample feature"], y: Float[np.ndarray, " sample"]
) -> TiedPairs:
    """Count pairs of rows with the same value, by class, and what their neighbours let expect.

    The smallest and the largest value of a column are left out: detection limits and
    saturation repeat there, for reasons of abundance. The five rows on either side of a repeated
    value give the share q of cases near it; of its pairs q^2 are expected to be two cases, and
    so on. A marker shifts neighbours and repeated values alike.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [1.0], [1.5], [2.0], [2.0], [9.0]])
    >>> pairs = tied_pairs(X, np.array([0.0, 1, 1, 0, 0, 1, 1]))
    >>> pairs.observed.ravel()
    array([0., 1., 1.])
    """
    n_rows, n_columns = X.shape
    order = np.argsort(X, axis=0)  # missing cells come last
    value, case = np.take_along_axis(X, order, axis=0), y[order]
    n_present = (~np.isnan(value)).sum(axis=0)
    quarters = np.nanquantile(X, [0.25, 0.75], axis=0)
    near = 1e-7 * (quarters[1] - quarters[0])  # jitter that broke ties is still a tie
    starts = np.ones(X.shape, dtype=bool)
    starts[1:] = ~(np.diff(value, axis=0) <= near)  # also where a missing cell begins
    before = np.concatenate([np.zeros((1, n_columns)), np.cumsum(case, axis=0)])

    column, first = np.nonzero(starts.T)
    last = np.append(np.where(np.diff(column) == 0, first[1:], n_rows), n_rows)
    inner = (last - first > 1) & (first > 0) & (last < n_present[column])
    column, first, last = column[inner], first[inner], last[inner]

    size, cases = last - first, before[last, column] - before[first, column]
    low, high = np.maximum(first - _WINDOW, 0), np.minimum(last + _WINDOW, n_present[column])
    near_cases = before[high, column] - before[low, column] - cases
    q = near_cases / (high - low - size)
    weight = 2.0 / size  # size (size - 1) / 2 pairs become size - 1
    controls = size - cases
    observed = np.stack([controls * (controls - 1) / 2, controls * cases, cases * (cases - 1) / 2])
    expected = np.stack([(1 - q) ** 2, 2 * q * (1 - q), q**2]) * (size * (size - 1) / 2)
    return TiedPairs(*(_by_column(one * weight, column, n_columns) for one in (observed, expected)))


def _by_column(kinds: FloatArray, column: np.ndarray, n_columns: int) -> FloatArray:
    return np.stack([np.bincount(column, one, minlength=n_columns) for one in kinds])
