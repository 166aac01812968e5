"""How finely cells are written: decimals and significant digits by class."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from foldwise.arrays import BoolArray, FloatArray
from foldwise.audit.contrast import count_p_values
from foldwise.audit.findings import Finding
from foldwise.errors import first_few

__all__ = ["check_precision", "fits_decimals", "fits_digits"]

_DECIMALS = range(7)
_DIGITS = range(1, 8)
_GIVES_CLASS = 0.9  # difference of shares within a column
_MOSTLY = 0.5  # difference of shares over all cells
_P = 1e-4


@dataclass(frozen=True, eq=False)
class Written:
    """Shares of cells that fit a precision, for the precision at which the classes differ most.

    Attributes
    ----------
    at : int
        Decimals or digits.
    shares : tuple of float
        Of the cells of controls and of cases that need no more.
    p_value : float
        Chance of shares so far apart, were cells drawn one by one.
    apart, p_values : float array of shape (n_features,)
        Difference of shares in each column, and the chance of one as large, times the number of
        precisions looked at.
    """

    at: int
    shares: tuple[float, float]
    p_value: float
    apart: FloatArray
    p_values: FloatArray

    @property
    def difference(self) -> float:
        """Cases minus controls."""
        return self.shares[1] - self.shares[0]


def check_precision(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    names: Sequence[str],
    classes: tuple[str, str],
) -> list[Finding]:
    """Return a finding if the cells of one class are written more coarsely than the other's.

    Decimals depend on abundance where a fixed number of significant digits is written, and
    significant digits where decimals are fixed. Only what differs in both was written
    differently.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.lognormal(2, size=(40, 6)).round(4), np.repeat([0.0, 1.0], 20)
    >>> X[y == 1] = X[y == 1].round(1)
    >>> (found,) = check_precision(X, y, list("abcdef"), ("no", "yes"))
    >>> found.check, found.severity
    ('precision-by-class', 'stops')
    """
    cells = np.where(X == 0, np.nan, X)  # a zero has no digits
    decimals, digits = (
        _written(cells, y, fits_decimals, _DECIMALS),
        _written(cells, y, fits_digits, _DIGITS),
    )
    same_class = np.sign(decimals.apart) == np.sign(digits.apart)
    apart = np.minimum(np.abs(decimals.apart), np.abs(digits.apart)) * same_class
    p_values = np.maximum(decimals.p_values, digits.p_values) * X.shape[1]
    telling = np.flatnonzero((apart >= _GIVES_CLASS) & (p_values < _P)).tolist()
    pooled = min(abs(decimals.difference), abs(digits.difference))
    most = pooled >= _MOSTLY and decimals.difference * digits.difference > 0
    most = most and max(decimals.p_value, digits.p_value) < _P
    if not most and not telling:
        return []
    coarser = int(decimals.apart[telling[0]] > 0) if telling else 0
    columns = tuple(names if most else [names[column] for column in telling])
    said = (
        _say_most(decimals, classes)
        if most
        else f"In {len(columns)} of {X.shape[1]} columns the number of decimals and digits of a "
        f"cell tells the class: {first_few(columns)}; '{classes[coarser]}' is written more coarsely"
        " in the first."
    )
    return [
        Finding(
            "precision-by-class",
            "stops",
            f"{said} The classes were not written by the same hand, or not measured together.",
            "Ask for the values as the instrument gave them, for both classes from one export; "
            "rounding all cells to the coarser precision hides the trace, not its cause.",
            columns=columns,
        )
    ]


def _say_most(decimals: Written, classes: tuple[str, str]) -> str:
    coarser = int(decimals.difference > 0)
    return (
        f"{decimals.shares[coarser]:.0%} of the cells of '{classes[coarser]}' need at most "
        f"{decimals.at} decimals, {decimals.shares[1 - coarser]:.0%} of those of "
        f"'{classes[1 - coarser]}'; the numbers of significant digits differ as well."
    )


def _written(
    cells: FloatArray,
    y: FloatArray,
    fits: Callable[[FloatArray, int], BoolArray],
    precisions: range,
) -> Written:
    present = ~np.isnan(cells)
    n = np.stack([present[y == label].sum(axis=0) for label in (0, 1)])  # (class, feature)
    counts = [fits(cells, at) for at in precisions]
    by_class = np.stack([[one[y == label].sum(axis=0) for label in (0, 1)] for one in counts])
    shares = by_class / np.maximum(n, 1)  # (precision, class, feature)
    apart = shares[:, 1] - shares[:, 0]
    best = np.abs(apart).argmax(axis=0)
    columns = np.arange(cells.shape[1])
    p_values = np.stack([count_p_values(one, y, present) for one in counts])[best, columns]
    pooled = by_class.sum(axis=2) / np.maximum(n.sum(axis=1), 1)  # (precision, class)
    by_cell = np.repeat(y, cells.shape[1])
    at = int(np.abs(pooled[:, 1] - pooled[:, 0]).argmax())
    return Written(
        precisions[at],
        (float(pooled[at, 0]), float(pooled[at, 1])),
        float(count_p_values(counts[at].reshape(-1, 1), by_cell, present.reshape(-1, 1))[0]),
        apart[best, columns],
        p_values * len(precisions),
    )


def fits_decimals(
    cells: Float[np.ndarray, "sample feature"], at: int
) -> Bool[np.ndarray, "sample feature"]:
    """Return which cells need at most ``at`` decimals; missing cells do not.

    Examples
    --------
    >>> fits_decimals(np.array([[0.1 + 0.2, 0.25, np.nan, 1500.0]]), 1)
    array([[ True, False, False,  True]])
    """
    return _whole(cells * 10.0**at)


def fits_digits(
    cells: Float[np.ndarray, "sample feature"], at: int
) -> Bool[np.ndarray, "sample feature"]:
    """Return which cells need at most ``at`` significant digits; missing cells do not.

    Examples
    --------
    >>> fits_digits(np.array([[0.1 + 0.2, 0.25, np.nan, 1500.0]]), 1)
    array([[ True, False, False, False]])
    """
    size = np.abs(np.where(cells == 0, np.nan, cells))
    return _whole(cells * 10.0 ** (at - 1 - np.floor(np.log10(size) + 1e-12)))


def _whole(scaled: FloatArray) -> BoolArray:
    # A float of 16 digits is a whole number only within its own precision.
    return np.asarray(np.abs(scaled - np.rint(scaled)) <= 1e-7 + 1e-14 * np.abs(scaled))
