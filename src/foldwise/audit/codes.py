"""Numbers that are no measurement: codes such as -99 or 9999 for unknown."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from foldwise.arrays import FloatArray
from foldwise.audit.contrast import count_p_values
from foldwise.audit.findings import Finding
from foldwise.errors import first_few

__all__ = ["check_codes", "code_cells"]

_CODES = (-9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0)
_P = 1e-4


def check_codes(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    names: Sequence[str],
    classes: tuple[str, str],
) -> list[Finding]:
    """Return a finding if a repeated number far outside a column stands among its values.

    Examples
    --------
    >>> X = np.random.default_rng(0).lognormal(size=(40, 5))
    >>> X[:12, 2], y = -99.0, np.repeat([0.0, 1.0], 20)
    >>> [(one.severity, one.columns) for one in check_codes(X, y, list("abcde"), ("no", "yes"))]
    [('stops', ('c',))]
    """
    codes = code_cells(X)
    columns = np.flatnonzero(codes.any(axis=0)).tolist()
    if not columns:
        return []
    by_class = [int(codes[y == label].sum()) for label in (0, 1)]
    # One column at a time, and once over rows: a code in each column may be rare.
    rows = np.asarray(codes.any(axis=1))[:, None]
    telling = count_p_values(codes[:, columns], y).min() * len(columns) < _P
    telling |= count_p_values(rows, y).min() < _P
    held = tuple(names[column] for column in columns)
    values = sorted({f"{value:g}" for value in X[codes]})
    message = (
        f"{int(codes.sum())} cells in {len(held)} columns ({first_few(held)}) hold numbers that "
        f"are no measurements: {first_few(values, quoted=False)}; {by_class[0]} in '{classes[0]}', "
        f"{by_class[1]} in '{classes[1]}'."
    )
    if telling:
        message += " Which class a row has can be read from them."
    return [
        Finding(
            "codes-among-values",
            "stops" if telling else "weakens",
            message,
            "Leave cells empty where nothing was measured, and read the audit again: "
            "missing cells have a check of their own.",
            columns=held,
        )
    ]


def code_cells(X: Float[np.ndarray, "sample feature"]) -> Bool[np.ndarray, "sample feature"]:
    """Return which cells hold the smallest or largest value of a column as a code.

    It is one if it is a whole number outside the others, and the table holds it twice: negative
    where they are not, or below them by more than their range if it is a usual code such as
    -99; or above them by more than their range, if it is a usual code such as 999 or of two
    digits or more in two rows of the column. Zeros and repeated smallest values are left to
    the check of detection limits.

    Examples
    --------
    >>> code_cells(np.array([[1.0, 5.0], [2.0, 6.0], [999.0, 0.0], [999.0, 0.0]])).sum(axis=0)
    array([2, 0])
    """
    low, high = _extremes(X)
    found = np.zeros(X.shape, dtype=bool)
    for end, sign in ((low, -1.0), (high, 1.0)):
        at_end = end == X
        lowest, highest = _extremes(np.where(at_end, np.nan, X))
        span = highest - lowest
        usual = np.isin(end, _CODES)
        if sign < 0:
            beyond = (lowest >= 0) | (usual & (end < lowest - span))
            code = (end < 0) & (end == np.rint(end)) & beyond
        else:
            twice = (end >= 99) & (end == np.rint(end)) & (at_end.sum(axis=0) >= 2)
            code = (usual | twice) & (end > highest + span)
        found |= at_end & code & (span > 0)
    values, counts = np.unique(X[found], return_counts=True)
    return np.asarray(found & np.isin(X, values[counts >= 2]))


def _extremes(X: FloatArray) -> tuple[FloatArray, FloatArray]:
    gaps = np.isnan(X)
    low = np.where(gaps, np.inf, X).min(axis=0)
    return np.asarray(low), np.asarray(np.where(gaps, -np.inf, X).max(axis=0))
