"""Columns scaled with the labels: a statistic of one class, or of each, is the same everywhere."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float

from foldwise.arrays import BoolArray, FloatArray
from foldwise.audit.contrast import beats_mixed_labels, overlapping_columns, rounding_unit
from foldwise.audit.findings import Finding

__all__ = ["check_scaling", "pinned_columns"]

_FEWEST_COLUMNS = 5
_MOST = 0.9

_STATISTICS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "mean": lambda rows: np.asarray(np.nanmean(rows, axis=0)),
    "median": lambda rows: np.asarray(np.nanmedian(rows, axis=0)),
    "standard deviation (n)": lambda rows: np.asarray(np.nanstd(rows, axis=0)),
    "standard deviation (n - 1)": lambda rows: np.asarray(np.nanstd(rows, axis=0, ddof=1)),
    "smallest value": lambda rows: np.asarray(np.nanmin(rows, axis=0)),
    "largest value": lambda rows: np.asarray(np.nanmax(rows, axis=0)),
}


def check_scaling(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    names: Sequence[str],
    classes: tuple[str, str],
) -> list[Finding]:
    """Return a finding if columns were centred or scaled within a class.

    Each class scaled by itself stops the claim: rows of different classes went through different
    transforms. All rows scaled by one class weaken it: the transform is one per column, and a
    model that scales again undoes it, but labels of test rows went into it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 9)), np.repeat([0.0, 1.0], 20)
    >>> (X[y == 0].mean(axis=0) != 0).all()
    np.True_
    >>> referred = X - X[y == 0].mean(axis=0)
    >>> check_scaling(referred, y, list("abcdefghi"), ("no", "yes"))[0].severity
    'weakens'
    >>> referred[y == 1] -= referred[y == 1].mean(axis=0)
    >>> check_scaling(referred, y, list("abcdefghi"), ("no", "yes"))[0].severity
    'stops'
    """
    overlap = overlapping_columns(X, y)
    if overlap.sum() < _FEWEST_COLUMNS:
        return []
    X, names = X[:, overlap], [n for n, one in zip(names, overlap, strict=True) if one]
    unit = rounding_unit(X)
    found = {statistic: _pinning(X, y, unit, statistic) for statistic in _STATISTICS}
    pinned = {statistic: held for statistic, held in found.items() if held}
    if not pinned:
        return []
    said = [
        f"the {statistic} of '{classes[label]}' is {_value(X, y == label, statistic):.6g}"
        for statistic, held in pinned.items()
        for label in held
    ]
    seen = f"In at least {_MOST:.0%} of {X.shape[1]} columns {'; '.join(said)}."
    if any(len(held) == 2 for held in pinned.values()):
        return [
            Finding(
                "scaled-by-class",
                "stops",
                f"{seen} Each class was scaled by itself: the same abundance became different "
                "numbers in different classes, and the difference between them is an artefact.",
                "Start again from the table before this scaling, and scale inside each fold.",
                columns=tuple(names),
            )
        ]
    return [
        Finding(
            "scaled-by-class",
            "weakens",
            f"{seen} All rows were scaled by one class, test rows included.",
            "Start from the table before this scaling. Models that standardise each column "
            "inside the folds undo it; fold changes and distances do not.",
            columns=tuple(names),
        )
    ]


def pinned_columns(
    X: Float[np.ndarray, "sample feature"],
    rows: Bool[np.ndarray, " sample"],
    unit: Float[np.ndarray, " feature"],
    statistic: str,
) -> Bool[np.ndarray, " feature"]:
    """Return in which columns a statistic of some rows has the value it has in most others.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        A column with fewer than two values in these rows is not pinned.
    rows : bool array of shape (n_samples,)
        The class.
    unit : float array of shape (n_features,)
        What cells are rounded to; a rounded cell may be off by half of it.
    statistic : str
        "mean", "median", "standard deviation (n)", "standard deviation (n - 1)", "smallest
        value" or "largest value".

    Notes
    -----
    A value that two or more of the rows hold themselves does not count for the median and the
    ends: zeros below a detection limit are the median of many columns.
    """
    pinned = np.zeros(X.shape[1], dtype=bool)
    enough = (~np.isnan(X[rows])).sum(axis=0) >= 2
    if not enough.any():
        return pinned
    block, unit = X[rows][:, enough], unit[enough]
    values = _STATISTICS[statistic](block)
    middle = float(np.quantile(values, 0.5, method="lower"))
    spread = np.nanstd(X[:, enough], axis=0)
    ends = statistic in ("median", "smallest value", "largest value")
    # Half a unit for a cell; errors of n cells average out, and four deviations cover 128 columns.
    error = 1.01 * unit / 2 if ends else 4 * unit / np.sqrt(12 * len(block))
    close = np.abs(values - middle) <= np.maximum(1e-6 * spread, error)
    if ends:
        close &= (np.abs(block - middle) <= 1e-9 * spread).sum(axis=0) < 2
    pinned[enough] = close
    return pinned


def _pinning(X: FloatArray, y: FloatArray, unit: FloatArray, statistic: str) -> list[int]:
    """Return the classes that hold a statistic in nearly all columns, mixed labels aside."""

    def shares(labels: FloatArray) -> list[float]:
        classes = (labels == label for label in (0, 1))
        return [float(pinned_columns(X, rows, unit, statistic).mean()) for rows in classes]

    held = [label for label, share in enumerate(shares(y)) if share >= _MOST]
    if not held:
        return []
    if len(held) == 2:
        # Two rows hold the end of each column: mixed labels part half of these pairs.
        clear = beats_mixed_labels(lambda labels: min(shares(labels)), y, margin=0.8)
    else:
        # The end of all rows falls to one of two mixed groups: the larger share is half or more.
        clear = beats_mixed_labels(lambda labels: max(shares(labels)), y, margin=0.49)
    return held if clear else []


def _value(X: FloatArray, rows: BoolArray, statistic: str) -> float:
    value = float(np.quantile(_STATISTICS[statistic](X[rows]), 0.5, method="lower"))
    return 0.0 if abs(value) < 1e-9 else value
