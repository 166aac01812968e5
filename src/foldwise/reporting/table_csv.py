"""Tables as CSV files that give every bit back."""

import csv
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any, Literal

import numpy as np
import pandas as pd

__all__ = ["ColumnType", "column_type", "frame_to_csv", "read_csv_frame"]

ColumnType = Literal["text", "number", "integer", "boolean"]


def column_type(values: "pd.Series[Any]") -> ColumnType:
    """Return which of the four kinds of column a file keeps this one as.

    Examples
    --------
    >>> column_type(pd.Series([1, 2])), column_type(pd.Series([1.0, None]))
    ('integer', 'number')
    """
    whole = not values.isna().any()
    if pd.api.types.is_bool_dtype(values.dtype) and whole:
        return "boolean"
    if pd.api.types.is_integer_dtype(values.dtype) and whole:
        return "integer"
    return "number" if pd.api.types.is_numeric_dtype(values.dtype) else "text"


def frame_to_csv(frame: pd.DataFrame) -> bytes:
    r"""Return ``frame`` as CSV in UTF-8, floats as the shortest text that gives them back.

    The index is left out. A missing text is written as the empty text.

    Examples
    --------
    >>> frame_to_csv(pd.DataFrame({"id": ["a", "b"], "value": [0.1, None]}))
    b'id,value\na,0.1\nb,\n'
    """
    written = pd.DataFrame({key: _writable(frame[key]) for key in frame.columns})
    text = "".join(cell for key in written if written[key].dtype == object for cell in written[key])
    # Python's csv leaves a lone carriage return unquoted, which a reader takes for a row's end.
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if "\r" in text else csv.QUOTE_MINIMAL
    content: str = written.to_csv(index=False, lineterminator="\n", quoting=quoting)
    return content.encode()


def _writable(values: "pd.Series[Any]") -> "pd.Series[Any]":
    kind = column_type(values)
    if kind == "number":
        return values.astype("float64")
    if kind == "text":
        missing = values.isna()
        cells = ["" if gap else str(cell) for cell, gap in zip(values, missing, strict=True)]
        return pd.Series(cells, index=values.index, dtype=object)
    return values


def _as_numbers(cells: tuple[str, ...]) -> Any:
    return np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)


def _as_integers(cells: tuple[str, ...]) -> Any:
    return np.array([int(cell) for cell in cells], dtype=np.int64)


def _as_booleans(cells: tuple[str, ...]) -> Any:
    return np.array([cell == "True" for cell in cells], dtype=bool)


def _as_texts(cells: tuple[str, ...]) -> Any:
    return pd.Series(list(cells), dtype=str)


_READERS: Mapping[str, Callable[[tuple[str, ...]], Any]] = {
    "number": _as_numbers,
    "integer": _as_integers,
    "boolean": _as_booleans,
    "text": _as_texts,
}


def read_csv_frame(content: bytes, types: Mapping[str, ColumnType]) -> pd.DataFrame:
    r"""Return the frame that `frame_to_csv` wrote.

    ``float`` of Python reads every number exactly; pandas' own parsers differ in the
    last bit between versions. "NA" in a text column stays a text.

    Parameters
    ----------
    content : bytes
        A CSV file in UTF-8.
    types : mapping of str to {"text", "number", "integer", "boolean"}
        Kind of each column, in the order of the file.

    Examples
    --------
    >>> read_csv_frame(b"id,value\nNA,0.1\n", {"id": "text", "value": "number"})
       id  value
    0  NA    0.1
    """
    rows = csv.reader(StringIO(content.decode(), newline=""))
    header = next(rows)
    # A table of one empty text column has blank lines, which csv reads as rows of no cell.
    columns = list(zip(*(row or [""] for row in rows), strict=True)) or [()] * len(header)
    return pd.DataFrame(
        {key: _READERS[types[key]](cells) for key, cells in zip(header, columns, strict=True)}
    )
