"""Columns that were scaled or ranked over all rows, or that are copies of others."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from foldwise.arrays import FloatArray
from foldwise.audit.findings import Finding
from foldwise.errors import first_few

__all__ = ["check_near_columns", "check_transforms"]

_MOST = 0.9  # share of columns that must show the trace
_COPY = 0.9999  # correlation of a copy in another unit
_FEWEST_SHARED = 10  # rows with a value in both, to call one a copy
_LARGEST = 5000  # columns: beyond, the matrix of correlations does not fit a small machine


def check_transforms(X: Float[np.ndarray, "sample feature"]) -> list[Finding]:
    """Return a finding if columns were ranked, standardised or centred over all rows.

    Ranks, percentiles and quantile-normalised columns all hold the same set of values;
    standardised columns have mean 0 and standard deviation 1 over exactly these rows.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(30, 5))
    >>> check_transforms((X - X.mean(axis=0)) / X.std(axis=0))[0].message[:36]
    'The columns were standardised over a'
    >>> check_transforms(X)
    []
    """
    X = X[:, ~np.isnan(X).any(axis=0)]
    varying = X[:, np.ptp(X, axis=0) > 0] if X.size else X
    if varying.shape[1] < 2:
        return []
    how = _ranked(varying) or _scaled(varying)
    if how is None:
        return []
    return [
        Finding(
            "transformed-values",
            "weakens",
            f"The columns were {how} over all rows of this table: {varying.shape[1]} columns "
            "without missing cells show it.",
            "Test rows took part in it, and perhaps the labels. Start from the raw abundances, so "
            "that each fit learns its scale from its own training rows; fold changes are not "
            "computed.",
        )
    ]


def _ranked(X: FloatArray) -> str | None:
    """Return how columns that all hold the same values were made, or None."""
    n = len(X)
    distinct = (np.diff(np.sort(X, axis=0), axis=0) != 0).sum(axis=0) + 1
    # Counts and grades share their values by nature; ranks have nearly as many as rows.
    if np.median(distinct) < 0.5 * n:
        return None
    ordered = np.sort(X, axis=0)
    middle = np.median(ordered, axis=1, keepdims=True)
    span = float(np.ptp(middle))
    same = np.abs(ordered - middle).max(axis=0) <= 1e-6 * span
    if same.mean() >= _MOST:
        return "ranked, or given the same distribution,"
    # Tied ranks differ from column to column, but are ranks of themselves.
    slope = np.ptp(X, axis=0) / np.ptp(rankdata(X, axis=0), axis=0)
    ranks = rankdata(X, axis=0) * slope
    off = np.ptp(X - ranks, axis=0)
    return "ranked" if (off <= 1e-6 * np.ptp(X, axis=0)).mean() >= _MOST else None


def _scaled(X: FloatArray) -> str | None:
    """Return how columns of mean 0 were scaled, or None."""
    mean, spread = X.mean(axis=0), X.std(axis=0)
    tolerance = _rounding(X)
    centred = np.abs(mean) <= tolerance + 1e-9 * spread
    if centred.mean() < _MOST:
        return None
    n = len(X)
    for divisor in (1.0, np.sqrt(n / (n - 1))):
        if (np.abs(spread * divisor - 1) <= tolerance + 1e-9).mean() >= _MOST:
            return "standardised"
    return "centred"


def _rounding(X: FloatArray) -> float:
    """Return how far a mean over all rows may be off because cells were rounded.

    Rounding to a unit has standard deviation ``unit / sqrt(12)``: the mean of n cells is
    off by ``unit / sqrt(12 n)``, and by seven times that in no column of any table.
    """
    cells = X[:20].ravel()[:2000]
    decimals = max(-int(Decimal(repr(float(cell))).as_tuple().exponent) for cell in cells)
    return 2.0 * 10.0 ** -min(max(decimals, 0), 9) / float(np.sqrt(len(X)))


def _follow_each_other(pair: FloatArray) -> bool:
    """Whether two columns agree by value and by rank over the rows where both have a value.

    One sample far from all others makes any two columns correlate: ranks must agree too.
    """
    both = pair[~np.isnan(pair).any(axis=1)]
    if len(both) < _FEWEST_SHARED:
        return False
    by_value, by_rank = (abs(_correlation(one)[0, 1]) for one in (both, rankdata(both, axis=0)))
    return bool(by_value > _COPY and by_rank > 1 - 1e-3)


def check_near_columns(
    X: Float[np.ndarray, "sample feature"], names: Sequence[str]
) -> list[Finding]:
    """Return a note on columns that are another one in another unit.

    Correlated above 0.9999 by value and by rank; exact repeats are told elsewhere.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(30, 3))
    >>> X[:, 2] = 18.0 * X[:, 0] + 1.0
    >>> check_near_columns(X, ["mmol", "other", "mg"])[0].columns
    ('mg',)
    """
    if not 2 <= X.shape[1] <= _LARGEST:
        return []
    filled = np.where(np.isnan(X), _means(X), X)
    correlation = _correlation(filled)
    pairs = [
        (int(i), int(j))
        for i, j in zip(*np.nonzero(np.triu(np.abs(correlation) > _COPY, 1)), strict=True)
        if not np.array_equal(X[:, i], X[:, j], equal_nan=True)
    ]
    copies = [(i, j) for i, j in pairs if _follow_each_other(X[:, [i, j]])]
    if not copies:
        return []
    written = first_few((f"{names[i]} ~ {names[j]}" for i, j in copies), quoted=False)
    return [
        Finding(
            "columns-in-two-units",
            "note",
            f"Columns that follow another one exactly, perhaps in another unit: {written}.",
            "Keep one of each: copies share a coefficient, and count twice in a panel.",
            columns=tuple(dict.fromkeys(names[j] for _, j in copies)),
        )
    ]


def _means(X: FloatArray) -> FloatArray:
    held = ~np.isnan(X)
    return np.asarray(np.where(held, X, 0.0).sum(axis=0) / np.maximum(held.sum(axis=0), 1))


def _correlation(X: FloatArray) -> FloatArray:
    """Return correlations of columns; 0 for a constant one."""
    centred = X - X.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, size, out=np.zeros_like(centred), where=size > 0)
    return np.asarray(unit.T @ unit)
