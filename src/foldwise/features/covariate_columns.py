"""Covariates and batches as numbers: what a baseline model of them learns from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldwise.arrays import FloatArray
from foldwise.data.files import numbers
from foldwise.data.rules import label_text
from foldwise.data.tables import Role, Table
from foldwise.errors import InvalidInputError, first_few

__all__ = ["EncodedColumns", "encode_columns"]

_MISSING = "(missing)"


@dataclass(frozen=True, eq=False)
class EncodedColumns:
    """Columns of a role as numbers.

    Parameters
    ----------
    X : float array of shape (n_samples, n_encoded)
        Numbers as they are, NaN where missing; one 0/1 column per level of a text.
    names : tuple of str
        Of the columns of ``X``: "age", "sex = F".
    sources : tuple of str
        The column of the table each comes from.
    """

    X: FloatArray
    names: tuple[str, ...]
    sources: tuple[str, ...]


def encode_columns(table: Table, role: Role) -> EncodedColumns | None:
    """Return the columns with a role as numbers, or None where there are none.

    A column of numbers stays one; a column of text gets one 0/1 column per level, its
    missing cells a level of their own. Batches are names even where they are numbers.

    Raises
    ------
    InvalidInputError
        If a column holds one value only, or a text is different in almost every row.

    Examples
    --------
    >>> from foldwise.data.tables import Column
    >>> frame = pd.DataFrame({"age": [31.0, 44.0, 52.0], "sex": ["F", "M", "F"]}, list("abc"))
    >>> columns = (Column("age", "covariate"), Column("sex", "covariate"))
    >>> encoded = encode_columns(Table(frame, columns), "covariate")
    >>> encoded.names, encoded.X[0].tolist()
    (('age', 'sex = F', 'sex = M'), [31.0, 1.0, 0.0])
    """
    keys = table.keys(role)
    if not keys:
        return None
    parts = [_encoded(table.frame[key], key, role, table.name) for key in keys]
    return EncodedColumns(
        np.column_stack([part for part, _ in parts]),
        tuple(name for _, names in parts for name in names),
        tuple(key for key, (_, names) in zip(keys, parts, strict=True) for _ in names),
    )


def _encoded(cells: pd.Series, key: str, role: Role, where: str) -> tuple[FloatArray, list[str]]:
    values, text = numbers(cells)
    if cells.nunique(dropna=False) < 2:
        raise InvalidInputError(
            f"{where}: the {role} '{key}' holds one value only and explains nothing. Leave it out "
            "with --ignore."
        )
    if not text and role != "batch":
        return values.to_numpy(dtype=np.float64)[:, None], [key]
    levels = cells.map(label_text, na_action="ignore").fillna(_MISSING)
    known = sorted(levels.unique())
    if len(known) > max(2, len(cells) // 2):
        raise InvalidInputError(
            f"{where}: the {role} '{key}' holds {len(known)} different texts in {len(cells)} rows: "
            f"{first_few(known)}. A category needs rows that share a value, and a number no text "
            "beside it. Correct the column, or leave it out with --ignore."
        )
    return (
        (levels.to_numpy()[:, None] == np.array(known, dtype=object)).astype(np.float64),
        [f"{key} = {level}" for level in known],
    )
