"""Steps for tables of abundances: zeros, the logarithm, gaps.

Abundances are amounts, so they are positive or zero; what is not there is NaN. Each step
says in its docstring what it learns from the training rows.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError, first_few
from foldwise.fits.preprocessing import Empty, Kind, StepState, filled_where_empty

__all__ = [
    "HalfMinimumFill",
    "KnnFill",
    "Log2",
    "Log2WithOffset",
    "MissingIndicator",
    "ZerosAbsent",
    "ZerosBelowDetection",
]


@dataclass(frozen=True)
class ZerosAbsent:
    """Read a zero as a missing cell.

    Examples
    --------
    >>> ZerosAbsent().apply({}, np.array([[0.0, 3.0]]))
    array([[nan,  3.]])
    """

    kind: Kind = "row"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return nothing: the step needs no other row."""
        return {}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X with gaps for zeros."""
        return np.where(X == 0, np.nan, X)

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return "Zeros were read as missing values."


@dataclass(frozen=True)
class ZerosBelowDetection:
    """Replace a zero by half of the smallest positive value of its column in the training rows.

    A zero then means an amount below the detection limit. A column without a positive
    value in the training rows is constant there whatever stands for zero; it gets 1 and
    carries nothing.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [4.0, 0.0], [6.0, 0.0]])
    >>> step = ZerosBelowDetection()
    >>> step.learn(X)
    {'below_detection': array([2., 1.])}
    >>> step.apply(step.learn(X), np.array([[0.0, 0.5]]))
    array([[2. , 0.5]])
    """

    kind: Kind = "general"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return ``{"below_detection": (n_features,)}``."""
        half = _smallest_positive(X) / 2
        return {"below_detection": np.where(np.isinf(half), 1.0, half)}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X with every zero replaced."""
        return np.where(X == 0, state["below_detection"], X)

    def idle(self, X: Float[np.ndarray, "sample feature"]) -> bool:
        """Whether no cell is zero."""
        return not (X == 0).any()

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return (
            "Zeros were read as values below the limit of detection and replaced by half of the "
            "smallest positive value of the feature in the training samples."
        )


def _smallest_positive(X: FloatArray) -> FloatArray:
    """Return the smallest positive value of each column, infinity where there is none."""
    return np.asarray(np.where(X > 0, X, np.inf).min(axis=0))


@dataclass(frozen=True)
class Log2:
    """Take the logarithm to base 2 of positive cells; gaps stay gaps.

    Raises
    ------
    InvalidInputError
        On a cell that is zero or below: say first what a zero means.

    Examples
    --------
    >>> Log2().apply({}, np.array([[8.0, np.nan]]))
    array([[ 3., nan]])
    """

    kind: Kind = "row"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return nothing: the step needs no other row."""
        return {}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return the logarithms of X."""
        return _log2(X)

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return "Abundances were log2 transformed."


@dataclass(frozen=True)
class Log2WithOffset:
    """Take log2(x + c) with c half of the smallest positive value of the column.

    For tables whose zeros are amounts of their own, which have no logarithm. The offset c
    is learned from the training rows; it is 1 where they hold no positive value.

    Examples
    --------
    >>> X = np.array([[0.0], [2.0], [7.0]])
    >>> step = Log2WithOffset()
    >>> step.apply(step.learn(X), X).ravel()  # c = 1
    array([0.       , 1.5849625, 3.       ])
    """

    kind: Kind = "general"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return ``{"offset": (n_features,)}``."""
        half = _smallest_positive(X) / 2
        return {"offset": np.where(np.isinf(half), 1.0, half)}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return log2(X + offset)."""
        return _log2(X + state["offset"], " even after the offset for zeros")

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return (
            "Abundances x were transformed to log2(x + c), with c half of the smallest positive "
            "value of the feature in the training samples."
        )


def _log2(X: FloatArray, when: str = "") -> FloatArray:
    impossible = X <= 0
    if impossible.any():
        columns = np.flatnonzero(impossible.any(axis=0))
        raise InvalidInputError(
            f"{int(impossible.sum())} of {X.size} cells are zero or below{when}, where no "
            f"logarithm exists, in columns by position: {first_few(columns)}. Say what zeros mean "
            "(--zeros absent|lod|true), correct negative values, or use --transform none."
        )
    return np.asarray(np.log2(X))


@dataclass(frozen=True)
class HalfMinimumFill:
    """Fill missing cells with half of the column's smallest positive value in the training rows.

    For cells that are missing because the amount was too small to see.

    Parameters
    ----------
    halving : float, optional
        On a table of logarithms: the logarithm of 2 to its base (1 for log2), which is
        taken from the smallest value, of either sign. None for abundances.
    empty : {"refuse", "constant"}, default="refuse"
        A column without any value in the training rows is an error, or becomes 0.

    Examples
    --------
    >>> X = np.array([[8.0], [16.0], [np.nan]])
    >>> HalfMinimumFill().learn(X)
    {'fill': array([4.])}
    >>> HalfMinimumFill(halving=1.0).learn(np.log2(X))  # log2(4)
    {'fill': array([2.])}
    """

    halving: float | None = None
    kind: Kind = "fill"
    empty: Empty = "refuse"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return ``{"fill": (n_features,)}``."""
        absent = np.isnan(X).all(axis=0)
        if self.halving is None:
            # A column of zeros alone has half a minimum of zero.
            half = _smallest_positive(X) / 2
            half = np.where(np.isinf(half), 0.0, half)
        else:
            half = np.where(np.isnan(X), np.inf, X).min(axis=0) - self.halving
        return {"fill": filled_where_empty(half, absent, self.empty, len(X))}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X with every missing cell filled."""
        return np.where(np.isnan(X), state["fill"], X)

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        on_logarithms = "" if self.halving is None else " (on the scale of abundances)"
        return (
            "Missing values were replaced by half of the smallest value of the feature in the "
            f"training samples{on_logarithms}."
        )


@dataclass(frozen=True)
class KnnFill:
    """Fill a missing cell with the mean of the nearest training rows that hold the feature.

    As scikit-learn's ``KNNImputer`` does on columns standardised by the training rows: the
    distance of two rows is Euclidean over the features both hold, scaled up to all features
    [1]_; fewer rows than asked for are averaged where no more are comparable, and the
    training mean stands in where none is. Each row is filled on its own, so that no bit
    depends on what else is filled. What the step learns are the training rows themselves,
    so a saved model holds them.

    Parameters
    ----------
    n_neighbors : int, default=5
    empty : {"refuse", "constant"}, default="refuse"
        A column without any value in the training rows is an error, or becomes 0.

    References
    ----------
    .. [1] Troyanskaya et al. (2001), Bioinformatics 17, 520.

    Examples
    --------
    >>> X = np.array([[1.0, 10.0], [1.1, 12.0], [9.0, 50.0], [9.1, 54.0]])
    >>> step = KnnFill(n_neighbors=2)
    >>> step.apply(step.learn(X), np.array([[1.05, np.nan]]))
    array([[ 1.05, 11.  ]])
    """

    n_neighbors: int = 5
    kind: Kind = "general"
    empty: Empty = "refuse"
    fills: ClassVar[bool] = True

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return ``{"donors": (n_train, n_features)}``."""
        absent = np.isnan(X).all(axis=0)
        filled_where_empty(np.zeros(len(absent)), absent, self.empty, len(X))
        return {"donors": X}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X with every missing cell filled."""
        donors = np.asarray(state["donors"], np.float64)
        center, scale = _moments_of_held(donors)
        standard = (donors - center) / scale
        filled = X.copy()
        for row in np.flatnonzero(np.isnan(X).any(axis=1)):
            gaps = np.flatnonzero(np.isnan(X[row]))
            order = _nearest_first((X[row] - center) / scale, standard)
            means = _means_of_first(donors[np.ix_(order, gaps)], self.n_neighbors)
            filled[row, gaps] = np.where(np.isnan(means), center[gaps], means)
        return filled

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return (
            f"Missing values were replaced by the mean of the {self.n_neighbors} nearest training "
            "samples that hold the feature (Euclidean distance on standardised features)."
        )


def _nearest_first(row: FloatArray, donors: FloatArray) -> IntArray:
    """Return the comparable donors by distance from a row, over the features both hold."""
    squares = (donors - row) ** 2  # (donor, feature)
    one_lacks_it = np.isnan(squares)
    count = squares.shape[1] - one_lacks_it.sum(axis=1)
    squares[one_lacks_it] = 0.0
    distance = squares.sum(axis=1) / np.maximum(count, 1)  # in units that all donors share
    order = np.argsort(distance, kind="stable")
    return np.asarray(order[count[order] > 0])


def _means_of_first(ordered: FloatArray, most: int) -> FloatArray:
    """Return the mean of the first values of each column, at most so many; NaN if none."""
    held = ~np.isnan(ordered)
    taken = held & (held.cumsum(axis=0) <= most)
    count = taken.sum(axis=0)
    total = np.where(taken, ordered, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _moments_of_held(X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and deviation of each column's values; 0 and 1 where it holds none."""
    held = ~np.isnan(X)
    count = np.maximum(held.sum(axis=0), 1)
    center = np.where(held, X, 0.0).sum(axis=0) / count
    scale = np.sqrt((np.where(held, X - center, 0.0) ** 2).sum(axis=0) / count)
    return center, np.where(scale == 0, 1.0, scale)


@dataclass(frozen=True)
class MissingIndicator:
    """Add a column of 0 and 1 for each chosen feature: whether its cell is missing.

    Which features is fixed beforehand, so that every fit has the same columns; one without
    a gap in the training rows is constant there and carries nothing.

    Parameters
    ----------
    columns : tuple of int
        Positions of the features.

    Examples
    --------
    >>> step = MissingIndicator((1,))
    >>> step.apply({}, np.array([[5.0, np.nan], [6.0, 7.0]]))
    array([[ 5., nan,  1.],
           [ 6.,  7.,  0.]])
    >>> step.feature_names(("glucose", "lactate"))
    ('glucose', 'lactate', 'lactate is missing')
    """

    columns: tuple[int, ...]
    kind: Kind = "row"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return nothing: the step needs no other row."""
        return {}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X with the new columns at its end."""
        return np.hstack([X, np.isnan(X[:, list(self.columns)])])

    def feature_names(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of the columns, old and new."""
        return (*names, *(f"{names[column]} is missing" for column in self.columns))

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return (
            f"For {len(self.columns)} features with missing values an indicator of missingness "
            "was added."
        )
