"""Files of a table: any format in, one data frame of text and numbers out."""

import hashlib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from foldwise.arrays import FloatArray
from foldwise.data.rows import FileRows, Rows, cell_text, listed, read_rows
from foldwise.data.rules import Cell, counted, require_columns, require_unique_ids
from foldwise.data.tables import SourceFile
from foldwise.errors import InvalidInputError, first_few

__all__ = [
    "MISSING",
    "ensure_id_frame",
    "file_sha256",
    "frame_of_file",
    "frame_of_rows",
    "is_number",
    "numbers",
    "read_frame",
]

MISSING = frozenset({"", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "#N/A"})
"""Cells that count as empty. ``None`` is not one: it may be a label."""

_CODE = re.compile(r"[+-]?(0\d+|\d{16,})")  # '007' and long numbers are names, not quantities


def read_frame(
    path: str | Path, *, id_column: str | None = None
) -> tuple[pd.DataFrame, SourceFile]:
    r"""Read a table; its first column, or the one named, holds the ids.

    Parameters
    ----------
    path : path
        CSV, TSV or text, also gzipped; Excel and Parquet with ``foldwise[formats]``.
        Commas, semicolons and tabs are told apart by the first line.
    id_column : str, optional
        The column of row ids, if it is not the first.

    Returns
    -------
    frame : DataFrame
        Indexed by id as text under the name ``id``, sorted by it. A column is float64
        if all its cells are numbers or empty; otherwise it is text, NaN where empty.
        ``attrs["file_orders"]`` keeps the ids as the file has them.
    source : SourceFile
        Name, SHA-256 and number of rows.

    Raises
    ------
    InvalidInputError
        If the file cannot be read as a table; the message names lines, columns or ids.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "y.csv").write_text("SAMPLE,Diagnosis\nP2,case\nP1,control\n")
    >>> frame, source = read_frame(folder / "y.csv")
    >>> frame["Diagnosis"].to_dict(), source.n_rows
    ({'P1': 'control', 'P2': 'case'}, 2)
    """
    return frame_of_file(read_rows(path), id_column=id_column)


def frame_of_file(
    file: FileRows, *, id_column: str | None = None
) -> tuple[pd.DataFrame, SourceFile]:
    """Return the rows of a file as ``read_frame`` returns them."""
    frame = frame_of_rows(file.rows, where=file.name, id_column=id_column)
    return frame, SourceFile(file.name, file.sha256, len(frame))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ensure_id_frame(
    table: Any, *, id_column: str | None = None, name: str = "table"
) -> pd.DataFrame:
    """Return any data frame as ``read_frame`` returns a file.

    Parameters
    ----------
    table : pandas, Polars or PyArrow table
        A pandas index that is not a plain range holds the ids, unless ``id_column``
        names a column; otherwise the first column does.
    id_column : str, optional
        The column of row ids.
    name : str
        What errors call the table.

    Examples
    --------
    >>> ensure_id_frame(pd.DataFrame({"id": ["b", "a"], "glucose": [5.1, 4.2]})).glucose.tolist()
    [4.2, 5.1]
    """
    native = nw.from_native(table, pass_through=True)
    if isinstance(native, nw.LazyFrame):
        native = native.collect()
    if not isinstance(native, nw.DataFrame):
        raise InvalidInputError(
            f"{name}: a {type(table).__name__} is not a table. "
            "Pass a pandas, Polars or PyArrow table, or the path of a file."
        )
    frame = native.to_pandas()
    if id_column is None and not isinstance(frame.index, pd.RangeIndex):
        # The index may bear the name of a column, which reset_index would refuse.
        frame = frame.rename_axis(None)
        frame.insert(0, "", frame.index, allow_duplicates=True)
    rows = [[str(key) for key in frame.columns]]
    rows += [[cell_text(cell) for cell in row] for row in frame.itertuples(index=False, name=None)]
    return frame_of_rows(rows, where=name, id_column=id_column)


def numbers(cells: pd.Series) -> tuple[pd.Series, list[Cell]]:
    """Return cells as float64, and those that are text where a number should stand.

    Examples
    --------
    >>> values, text = numbers(pd.Series(["1.5", "<LOD", None], index=["a", "b", "c"]))
    >>> values.tolist(), [str(cell) for cell in text]
    ([1.5, nan, nan], ["'<LOD' (row id b)"])
    """
    if pd.api.types.is_numeric_dtype(cells):
        return cells if cells.dtype == np.float64 else cells.astype(np.float64), []
    values, text = [], []
    for row, cell in cells.items():
        number = _number(cell) if isinstance(cell, str) else math.nan
        if number is None:
            text.append(Cell(cell, row))
            number = math.nan
        values.append(number)
    return pd.Series(values, index=cells.index, name=cells.name, dtype=np.float64), text


def is_number(cell: str) -> bool:
    """Whether a cell reads as a number; a missing cell does not.

    Examples
    --------
    >>> is_number("1e-3"), is_number("1,5"), is_number("NA")
    (True, False, False)
    """
    return cell.strip() not in MISSING and _number(cell) is not None


def _number(text: str) -> float | None:
    # float() also reads '1_000', which no spreadsheet means as a number.
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


# ---------------------------------------------------------------- rows to frame


def frame_of_rows(rows: Rows, *, where: str, id_column: str | None = None) -> pd.DataFrame:
    """Return a heading and its rows as a frame of numbers and text, indexed and sorted by id."""
    if len(rows) < 2:
        raise InvalidInputError(
            f"{where}: the table has a heading and no rows. Check that the whole file was saved."
        )
    names = _column_names(rows[0], where)
    at = 0
    if id_column is not None:
        require_columns([id_column], names, where=where, asked_by="named as the id column")
        at = names.index(id_column)
    ids = _ids([row[at] for row in rows[1:]], where, names[at] or "first column")
    columns = list(zip(*rows[1:], strict=True))
    cells = {name: _typed_column(columns[j]) for j, name in enumerate(names) if j != at}
    frame = pd.DataFrame(cells, index=ids).sort_index()
    frame.attrs["file_orders"] = (tuple(map(str, ids)),)
    return frame


def _column_names(header: Sequence[str], where: str) -> list[str]:
    names = [name.strip() for name in header]
    unnamed = [str(j + 1) for j, name in enumerate(names) if not name and j > 0]
    if unnamed:
        raise InvalidInputError(
            f"{where}: {counted(len(unnamed), 'column')} without a name: number "
            f"{listed(unnamed)}. Only the first column may have none: name or delete the others."
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidInputError(
            f"{where}: {counted(len(repeated), 'column name')} "
            f"{'stands' if len(repeated) == 1 else 'stand'} more than once: "
            f"{first_few(repeated)}. Rename or remove the repeated columns."
        )
    return names


def _ids(cells: Sequence[str], where: str, name: str) -> pd.Index:
    ids = [cell.strip() for cell in cells]
    empty = [str(i + 1) for i, text in enumerate(ids) if not text]
    if empty:
        raise InvalidInputError(
            f"{where}: {counted(len(empty), 'row')} without an id in column '{name}': row "
            f"{listed(empty)} below the heading. Give every row an id, or delete empty rows."
        )
    require_unique_ids(ids, where=where)
    return pd.Index(ids, name="id", dtype="str")


def _typed_column(cells: Sequence[str]) -> FloatArray | ExtensionArray:
    text = [cell.strip() for cell in cells]
    values = [math.nan if cell in MISSING else _number(cell) for cell in text]
    if all(value is not None for value in values) and not any(map(_CODE.fullmatch, text)):
        return np.array(values, dtype=np.float64)
    return pd.array([None if cell in MISSING else cell for cell in text], dtype="str")
