"""Files of a table: any format in, one data frame of text and numbers out."""

import csv
import gzip
import hashlib
import io
import json
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from foldwise.arrays import FloatArray
from foldwise.data.rules import Cell, counted, require_columns, require_unique_ids
from foldwise.data.tables import SourceFile
from foldwise.errors import InvalidInputError, first_few

__all__ = ["MISSING", "ensure_id_frame", "file_sha256", "numbers", "read_frame"]

MISSING = frozenset({"", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "#N/A"})
"""Cells that count as empty. ``None`` is not one: it may be a label."""

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_CODE = re.compile(r"[+-]?(0\d+|\d{16,})")  # '007' and long numbers are names, not quantities
_EXCEL, _PARQUET = {".xlsx", ".xlsm"}, {".parquet", ".pq"}

Rows = list[list[str]]


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
    path = Path(path)
    content = _content(path)
    if path.suffix.lower() in _EXCEL:
        rows = _excel_rows(path, content)
    elif path.suffix.lower() in _PARQUET:
        rows = _parquet_rows(path, content)
    else:
        rows = _text_rows(path.name, content)
    frame = _frame_of_rows(rows, where=path.name, id_column=id_column)
    return frame, SourceFile(path.name, hashlib.sha256(content).hexdigest(), len(frame))


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
    rows += [[_cell_text(cell) for cell in row] for row in frame.itertuples(index=False, name=None)]
    return _frame_of_rows(rows, where=name, id_column=id_column)


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


def _number(text: str) -> float | None:
    # float() also reads '1_000', which no spreadsheet means as a number.
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


# ---------------------------------------------------------------- formats


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder. Give the file inside it.")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InvalidInputError(
            f"{path}: there is no such file (looked in {Path.cwd()}). Check the path."
        ) from None
    except OSError as error:
        raise InvalidInputError(
            f"{path}: the file cannot be read: {error.strerror}. Check its permissions."
        ) from None
    if not content.strip():
        raise InvalidInputError(f"{path.name}: the file is empty. Save the table again.")
    return content


def _text_rows(name: str, content: bytes) -> Rows:
    text = _decoded(name, content).lstrip("\r\n")
    if not text.strip():
        raise InvalidInputError(f"{name}: the file is empty. Save the table again.")
    if "\n" not in text:
        text = text.replace("\r", "\n")  # lines as old Macs end them
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a heading may be long
    delimiter = _delimiter(name, text)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        numbered = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise InvalidInputError(
            f"{name}: the file breaks off or has a stray quotation mark ({error}). "
            "Save it again as CSV."
        ) from None
    header, body = numbered[0][1], numbered[1:]
    if body and all(len(row) == len(header) + 1 for _, row in body):
        if all(not row[-1].strip() for _, row in body):
            raise InvalidInputError(
                f"{name}: every row ends with a {_DELIMITERS[delimiter]}, the first line does not: "
                "which name belongs to which column cannot be told. Remove it, or name the column."
            )
        header = ["", *header]  # R's write.table gives the row names no heading
    odd = [f"line {line} has {len(row)}" for line, row in body if len(row) != len(header)]
    if odd:
        raise InvalidInputError(
            f"{name}: the first line has {len(header)} columns, but {_listed(odd)}. Columns "
            f"are separated by a {_DELIMITERS[delimiter]} here: quote cells that hold one."
        )
    return [header, *(row for _, row in body)]


def _listed(texts: Sequence[str], limit: int = 5) -> str:
    rest = len(texts) - limit
    return ", ".join(texts[:limit]) + (f" and {rest} more" if rest > 0 else "")


def _decoded(name: str, content: bytes) -> str:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            raise InvalidInputError(
                f"{name}: the gzipped file is damaged or cut off. Copy or download it again."
            ) from None
    if content[:4] == b"PK\x03\x04":
        raise InvalidInputError(
            f"{name}: this is an Excel or zip file, not text. Name it .xlsx, or save it as CSV."
        )
    marked_utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")  # Excel's "Unicode text"
    try:
        return content.decode("utf-16" if marked_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInputError(
            f"{name}: the file is not UTF-8 text: byte 0x{content[error.start]:02x} in line "
            f"{line}. Save it as 'CSV UTF-8' (Excel), or convert it: "
            f"iconv -f latin1 -t utf-8 {name} > new.csv"
        ) from None


def _delimiter(name: str, text: str) -> str:
    lines = text.split("\n", 2)[:2]
    fields = {mark: [len(row) for row in csv.reader(lines, delimiter=mark)] for mark in _DELIMITERS}

    # Names such as '1,2-propanediol' hold delimiters: the true one cuts both lines alike.
    def agreement(mark: str) -> tuple[bool, int]:
        heading, *rows = fields[mark] or [0]
        return heading > 1 and rows in ([heading], [heading + 1]), heading

    best = max(fields, key=agreement)
    if agreement(best)[1] < 2:
        raise InvalidInputError(
            f"{name}: only one column was found, '{lines[0].strip()[:60]}'. A table needs an id "
            "column and others, separated by a comma, a semicolon or a tab: save the file with "
            "one of these."
        )
    return best


def _excel_rows(path: Path, content: bytes) -> Rows:
    try:
        sheet = pd.read_excel(
            io.BytesIO(content), header=None, dtype=object, keep_default_na=False, na_values=[]
        )
    except ImportError:
        raise _extra_needed(path, "Excel") from None
    except Exception as error:  # openpyxl raises many kinds for files that are not Excel
        raise InvalidInputError(
            f"{path.name}: not a readable Excel file ({error}). Save the sheet as CSV."
        ) from None
    return [[_cell_text(cell) for cell in row] for row in sheet.itertuples(index=False, name=None)]


def _parquet_rows(path: Path, content: bytes) -> Rows:
    try:
        table = pd.read_parquet(io.BytesIO(content))
    except ImportError:
        raise _extra_needed(path, "Parquet") from None
    except Exception as error:  # pyarrow raises its own kinds for files that are not Parquet
        raise InvalidInputError(
            f"{path.name}: not a readable Parquet file ({error}). Save the table as CSV."
        ) from None
    if not isinstance(table.index, pd.RangeIndex):
        table = table.reset_index(names=[""])
    body = [[_cell_text(cell) for cell in row] for row in table.itertuples(index=False, name=None)]
    return [[str(key) for key in table.columns], *body]


def _extra_needed(path: Path, format_name: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path.name}: {format_name} files need an optional package. "
        "Install it with: pip install 'foldwise[formats]', or save the table as CSV."
    )


def _cell_text(cell: Any) -> str:
    if isinstance(cell, Mapping):
        return json.dumps({k: v for k, v in cell.items() if v is not None})
    if cell is None or cell is pd.NA or cell is pd.NaT or cell != cell:
        return ""
    if isinstance(cell, (float, np.floating)):
        number = float(cell)  # repr keeps every bit; a whole number may be an id: no decimals
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return str(cell)


# ---------------------------------------------------------------- rows to frame


def _frame_of_rows(rows: Rows, *, where: str, id_column: str | None) -> pd.DataFrame:
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
    return pd.DataFrame(cells, index=ids).sort_index()


def _column_names(header: Sequence[str], where: str) -> list[str]:
    names = [name.strip() for name in header]
    unnamed = [str(j + 1) for j, name in enumerate(names) if not name and j > 0]
    if unnamed:
        raise InvalidInputError(
            f"{where}: {counted(len(unnamed), 'column')} without a name: number "
            f"{_listed(unnamed)}. Only the first column may have none: name or delete the others."
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
            f"{_listed(empty)} below the heading. Give every row an id, or delete empty rows."
        )
    require_unique_ids(ids, where=where)
    return pd.Index(ids, name="id", dtype="str")


def _typed_column(cells: Sequence[str]) -> FloatArray | ExtensionArray:
    text = [cell.strip() for cell in cells]
    values = [math.nan if cell in MISSING else _number(cell) for cell in text]
    if all(value is not None for value in values) and not any(map(_CODE.fullmatch, text)):
        return np.array(values, dtype=np.float64)
    return pd.array([None if cell in MISSING else cell for cell in text], dtype="str")
