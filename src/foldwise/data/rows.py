"""Rows of a file: text, Excel or Parquet in, lists of cells as text out."""

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldwise.errors import InvalidInputError

__all__ = [
    "EXCEL",
    "PARQUET",
    "FileRows",
    "Rows",
    "cell_text",
    "decoded",
    "excel_rows",
    "excel_sheets",
    "extra_needed",
    "listed",
    "read_content",
    "read_rows",
    "rows_of",
]

Rows = list[list[str]]
"""A heading and the rows below it, all of one length, every cell as text."""

EXCEL = {".xlsx", ".xlsm"}
PARQUET = {".parquet", ".pq"}
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}


@dataclass(frozen=True)
class FileRows:
    """The cells of one file, and what proves which file it was."""

    name: str
    sha256: str
    rows: Rows


def read_rows(path: str | Path) -> FileRows:
    """Read the cells of a table; of an Excel file, those of its first sheet.

    Raises
    ------
    InvalidInputError
        If the file cannot be read as a table; the message names the lines.
    """
    path = Path(path)
    content = read_content(path)
    return FileRows(path.name, hashlib.sha256(content).hexdigest(), rows_of(path, content))


def rows_of(path: Path, content: bytes) -> Rows:
    """Return the cells of a file whose bytes were read."""
    if path.suffix.lower() in EXCEL:
        return excel_rows(path, content)
    if path.suffix.lower() in PARQUET:
        return _parquet_rows(path, content)
    return _text_rows(path.name, content)


def read_content(path: Path) -> bytes:
    """Return the bytes of a file, or say why there are none."""
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
    text = decoded(name, content).lstrip("\r\n")
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
            f"{name}: the first line has {len(header)} columns, but {listed(odd)}. Columns "
            f"are separated by a {_DELIMITERS[delimiter]} here: quote cells that hold one."
        )
    return [header, *(row for _, row in body)]


def listed(texts: Sequence[str], limit: int = 5) -> str:
    """Return at most ``limit`` texts without quotes, and the count of the rest."""
    rest = len(texts) - limit
    return ", ".join(texts[:limit]) + (f" and {rest} more" if rest > 0 else "")


def decoded(name: str, content: bytes) -> str:
    """Return the text of a file: UTF-8, marked UTF-16, or either of them gzipped."""
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


def excel_rows(path: Path, content: bytes, sheet: str | int = 0) -> Rows:
    """Return the cells of one sheet of an Excel file; those of the first by default."""
    try:
        cells = pd.read_excel(
            io.BytesIO(content),
            sheet_name=sheet,
            header=None,
            dtype=object,
            keep_default_na=False,
            na_values=[],
        )
    except ImportError:
        raise extra_needed(path, "Excel") from None
    except Exception as error:  # openpyxl raises many kinds for files that are not Excel
        raise _not_excel(path, error) from None
    return [[cell_text(cell) for cell in row] for row in cells.itertuples(index=False, name=None)]


def excel_sheets(path: Path, content: bytes) -> list[str]:
    """Return the names of the sheets of an Excel file."""
    try:
        with pd.ExcelFile(io.BytesIO(content)) as book:
            return [str(name) for name in book.sheet_names]
    except ImportError:
        raise extra_needed(path, "Excel") from None
    except Exception as error:
        raise _not_excel(path, error) from None


def _not_excel(path: Path, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"{path.name}: not a readable Excel file ({error}). Save the sheet as CSV."
    )


def _parquet_rows(path: Path, content: bytes) -> Rows:
    try:
        table = pd.read_parquet(io.BytesIO(content))
    except ImportError:
        raise extra_needed(path, "Parquet") from None
    except Exception as error:  # pyarrow raises its own kinds for files that are not Parquet
        raise InvalidInputError(
            f"{path.name}: not a readable Parquet file ({error}). Save the table as CSV."
        ) from None
    if not isinstance(table.index, pd.RangeIndex):
        table = table.reset_index(names=[""])
    body = [[cell_text(cell) for cell in row] for row in table.itertuples(index=False, name=None)]
    return [[str(key) for key in table.columns], *body]


def extra_needed(path: Path, format_name: str) -> InvalidInputError:
    """Return the error that names the extra a format needs."""
    return InvalidInputError(
        f"{path.name}: {format_name} files need an optional package. "
        "Install it with: pip install 'foldwise[formats]', or save the table as CSV."
    )


def cell_text(cell: Any) -> str:
    """Return a cell as text; floats keep every bit, and whole ones lose their decimals."""
    if isinstance(cell, Mapping):
        return json.dumps({k: v for k, v in cell.items() if v is not None})
    if cell is None or cell is pd.NA or cell is pd.NaT or cell != cell:
        return ""
    if isinstance(cell, (float, np.floating)):
        number = float(cell)  # repr keeps every bit; a whole number may be an id: no decimals
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return str(cell)
