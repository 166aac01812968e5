"""Tables: rows with an id, columns with a role and a unit, features with a scale."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.arrays import BoolArray, FloatArray
from foldwise.data.rules import label_text, require_unique_ids
from foldwise.errors import InvalidInputError, first_few

__all__ = ["Column", "Role", "Scale", "SourceFile", "Table", "guess_scale", "require_scale"]

Role = Literal["feature", "target", "site", "group", "covariate", "batch", "ignored"]
Scale = Literal["raw", "log2", "log10", "ln", "percentile", "z"]


@dataclass(frozen=True)
class Column:
    """What a column is called, what it is for and what its numbers are measured in.

    Examples
    --------
    >>> Column("e_above_hull", "target", "eV/atom").label
    'e_above_hull'
    """

    key: str
    role: Role
    unit: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.key)


@dataclass(frozen=True)
class SourceFile:
    """A file that rows were read from."""

    name: str
    sha256: str
    n_rows: int


@dataclass(frozen=True, eq=False)
class Table:
    """Rows sorted by id, and columns of which each has one role.

    Parameters
    ----------
    frame : DataFrame
        Indexed by unique text ids under the name ``id``, sorted; one column per entry
        of ``columns``, in that order. Features are float64 with NaN for missing cells.
    columns : tuple of Column
        What each column is for.
    sources : tuple of SourceFile
        The files that were read.
    scale : {"raw", "log2", "log10", "ln", "percentile", "z"}
        Scale of the features.
    scale_origin : {"guessed", "declared"}
        Whether the scale was guessed from the numbers.
    notes : tuple of str
        What the reader did and a report must show.
    file_orders : tuple of tuple of str
        Row ids in the order in which each file has them. No fit sees it; an audit asks
        whether the order gives the class away.
    identifiers : mapping of str to mapping of str to str
        What the file says about a feature, by its key: ``{"Glucose": {"HMDB": "HMDB0000122"}}``.
        Features without identifiers have no entry.
    qc : DataFrame or None
        The features of pooled quality-control samples, which are no rows of the table: indexed
        by their ids, one column per feature in the order of ``keys("feature")``, NaN for
        missing cells. None where the file has no such samples.

    Examples
    --------
    >>> frame = pd.DataFrame({"glucose": [1.0, np.nan], "sex": ["F", "M"]}, index=["b", "a"])
    >>> table = Table(frame, (Column("glucose", "feature"), Column("sex", "target")))
    >>> table.ids, table.X().tolist(), table.values("target").tolist()
    (['a', 'b'], [[nan], [1.0]], ['M', 'F'])
    """

    frame: pd.DataFrame
    columns: tuple[Column, ...]
    sources: tuple[SourceFile, ...] = ()
    scale: Scale = "raw"
    scale_origin: str = "guessed"
    notes: tuple[str, ...] = ()
    file_orders: tuple[tuple[str, ...], ...] = ()
    identifiers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    qc: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        keys = [column.key for column in self.columns]
        if list(self.frame.columns) != keys:
            raise ValueError(
                f"the frame has columns {list(self.frame.columns)}, declared are {keys}"
            )
        index = pd.Index([str(i) for i in self.frame.index], name="id", dtype="str")
        require_unique_ids(index, where=self.name)
        object.__setattr__(self, "frame", self.frame.set_axis(index, axis=0).sort_index())

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def name(self) -> str:
        """The names of the files read, or ``table``: how errors call this table."""
        return " and ".join(source.name for source in self.sources) or "table"

    @property
    def ids(self) -> list[str]:
        """Row ids, sorted."""
        return [str(i) for i in self.frame.index]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.frame)

    def keys(self, role: Role) -> list[str]:
        """Return the keys of all columns with a role, in order."""
        return [column.key for column in self.columns if column.role == role]

    def column(self, key: str) -> Column:
        """Return the declaration of a column."""
        for column in self.columns:
            if column.key == key:
                return column
        raise KeyError(key)

    def X(self) -> FloatArray:  # noqa: N802 - the name of the design matrix everywhere
        """Return the features, shape (sample, feature); NaN where a cell is missing."""
        return self.frame[self.keys("feature")].to_numpy(dtype=np.float64)

    def values(self, role: Role) -> pd.Series:
        """Return the one column that has a role.

        Raises
        ------
        InvalidInputError
            If no column has it, or more than one.
        """
        keys = self.keys(role)
        if len(keys) != 1:
            held = f"{len(keys)} columns: {first_few(keys)}" if keys else "no column"
            raise InvalidInputError(
                f"{self.name}: the role '{role}' needs one column but has {held}. "
                f"Name the column when the table is read."
            )
        return self.frame[keys[0]]

    def groups(self) -> npt.NDArray[Any] | None:
        """Return the group of each row as a text array, or None where no column gives groups."""
        if not self.keys("group"):
            return None
        return np.array([label_text(value) for value in self.values("group")], dtype=np.str_)

    def sites(self) -> pd.DataFrame:
        """Return the site columns as canonical text, such as ``La0.5Sr0.5``."""
        return self.frame[self.keys("site")]

    def rows(self, mask_or_ids: BoolArray | pd.Series | Iterable[str]) -> "Table":
        """Return some rows, in the order of this table.

        Parameters
        ----------
        mask_or_ids : bool array of shape (n_rows,), or iterable of str
            Which rows to keep.

        Raises
        ------
        InvalidInputError
            If an id is not in the table; the message names it.
        """
        chosen = np.asarray(
            mask_or_ids if isinstance(mask_or_ids, (np.ndarray, pd.Series)) else list(mask_or_ids)
        )
        if chosen.dtype != np.bool_:
            wanted = pd.Index([str(i) for i in chosen])
            absent = wanted.difference(self.frame.index)
            if len(absent):
                raise InvalidInputError(
                    f"{self.name}: {len(absent)} of {len(wanted)} ids are not in the table: "
                    f"{first_few(map(str, absent))}. Ids are compared as text."
                )
            chosen = self.frame.index.isin(wanted)
        if len(chosen) != self.n_rows:
            raise ValueError(f"a mask of {len(chosen)} rows for a table of {self.n_rows}")
        return replace(self, frame=self.frame[chosen])

    def _without_spare(self, keys: set[str]) -> "Table":
        """Return the table less its ignored columns that are not among ``keys``."""
        kept = tuple(c for c in self.columns if c.role != "ignored" or c.key in keys)
        order = sorted(
            kept, key=lambda c: (c.role == "ignored", c.key if c.role == "ignored" else "")
        )
        return replace(self, frame=self.frame[[c.key for c in order]], columns=tuple(order))

    def stacked(self, other: "Table") -> "Table":
        """Return the rows of two tables with the same columns, such as training and holdout.

        Raises
        ------
        InvalidInputError
            If the columns differ, or an id stands in both tables.
        """
        # Columns that nobody uses need not stand in both files.
        shared_keys = set(self.frame.columns) & set(other.frame.columns)
        self, other = (table._without_spare(shared_keys) for table in (self, other))
        if [(c.key, c.role) for c in self.columns] != [(c.key, c.role) for c in other.columns]:
            mine, theirs = ({f"{c.key} ({c.role})" for c in t.columns} for t in (self, other))
            raise InvalidInputError(
                f"{other.name}: its columns are not those of {self.name}. Only in one of them: "
                f"{first_few(sorted(mine ^ theirs)) or 'none, but the order differs'}. "
                "Give both files the same columns."
            )
        shared = self.frame.index.intersection(other.frame.index)
        if len(shared):
            raise InvalidInputError(
                f"{other.name}: {len(shared)} of {other.n_rows} row ids also stand in {self.name}: "
                f"{first_few(map(str, shared))}. A row may be in one of them only: "
                "remove it from one file, or give the rows other ids."
            )
        return replace(
            self,
            frame=pd.concat([self.frame, other.frame]),
            sources=self.sources + other.sources,
            notes=tuple(dict.fromkeys(self.notes + other.notes)),
            file_orders=self.file_orders + other.file_orders,
        )


def require_scale(scale: str) -> Scale:
    """Return ``scale`` if it is a known one, else raise with the list."""
    for known in get_args(Scale):
        if scale == known:
            return known  # type: ignore[no-any-return]
    raise InvalidInputError(
        f"The scale '{scale}' is not known. Use one of {', '.join(get_args(Scale))}."
    )


def guess_scale(X: FloatArray) -> Scale:
    """Guess the scale of a table of abundances from its numbers.

    Logarithms to different bases cannot be told apart: values up to 12 are taken
    for log10, larger ones for log2. A guess is shown in reports and can be set.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing.

    Examples
    --------
    >>> grid = np.linspace(0.0, 1.0, 50)[:, None]
    >>> guess_scale(100 * grid), guess_scale(4 + grid), guess_scale(5000 * grid)
    ('percentile', 'log10', 'raw')
    """
    X = X[:, np.isfinite(X).any(axis=0)]
    if X.size == 0:
        return "raw"
    low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)  # (feature,)
    mean, spread = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    within = low.min() >= 0 and high.max() <= 100
    reaches_both_ends = bool(np.any((low <= 5) & (high >= 95)))
    if within and reaches_both_ends and np.median(high - low) > 50:
        return "percentile"
    negative = low.min() < 0
    if negative and np.median(np.abs(mean)) < 0.3 and np.median(np.abs(spread - 1)) < 0.3:
        return "z"
    # Logarithms of intensities vary little about their mean; raw abundances are skewed.
    narrow = high.max() < 30 and np.median(spread) < 0.3 * np.median(np.abs(mean))
    if negative or narrow:
        return "log10" if high.max() <= 12 else "log2"
    return "raw"
