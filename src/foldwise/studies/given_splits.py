"""A user's own assignments of rows to parts and folds, matched to a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldwise.arrays import IntArray
from foldwise.errors import InvalidInputError, first_few

__all__ = ["GivenSplits", "match_splits", "require_whole_groups"]


@dataclass(frozen=True, eq=False)
class GivenSplits:
    """What a splits file says of the rows of a table, in the table's order.

    Parameters
    ----------
    part : str array of shape (n_samples,), or None
        "train", "validation", "test" or "holdout" per row.
    folds : int array of shape (n_repeats, n_samples), or None
        Fold per repeat, counted from 0.
    """

    part: np.ndarray | None = None
    folds: IntArray | None = None


def match_splits(splits: pd.DataFrame, ids: Sequence[str], name: str) -> GivenSplits:
    """Return the assignments of ``splits`` (columns id, part, fold_1, ...) for ``ids``.

    Raises
    ------
    InvalidInputError
        If a row of the table has no assignment or an assignment has no row.
    """
    indexed = splits.set_index("id")
    absent = [one for one in ids if one not in indexed.index]
    extra = sorted(set(indexed.index) - set(ids))
    for rows, what in ((absent, "rows of the table have no line"), (extra, "ids have no row")):
        if rows:
            raise InvalidInputError(
                f"{name}: {len(rows)} {what}: {first_few(rows)}. Every row needs exactly one line."
            )
    ordered = indexed.loc[list(ids)]
    part = ordered["part"].to_numpy(dtype=object) if "part" in ordered else None
    columns = [column for column in ordered if str(column).startswith("fold_")]
    folds = ordered[columns].to_numpy(dtype=np.int64).T if columns else None
    if folds is not None:
        folds = np.stack([np.unique(repeat, return_inverse=True)[1] for repeat in folds])
    return GivenSplits(part, folds)


def require_whole_groups(assigned: np.ndarray, groups: np.ndarray | None, name: str) -> None:
    """Refuse assignments that put rows of one group on two sides.

    Parameters
    ----------
    assigned : array of shape (n_samples,)
        Part or fold of each row.
    groups : array of shape (n_samples,), or None
        Group of each row.
    name : str
        What the message calls the assignments: file and column.
    """
    if groups is None:
        return
    sides = pd.Series(assigned).groupby(np.asarray(groups)).nunique()
    torn = [str(group) for group in sides.index[sides > 1]]
    if torn:
        raise InvalidInputError(
            f"{name}: {len(torn)} groups stand on two sides: {first_few(torn)}. Rows of one group "
            "belong together: give them one assignment, or leave --groups out."
        )
