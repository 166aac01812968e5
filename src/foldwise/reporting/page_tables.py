"""Tables and numbers as a page prints them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from foldwise.reporting.labels import model_label
from foldwise.reporting.style import signed
from foldwise.reporting.summary import NamedTable, TableColumn
from foldwise.reporting.table_csv import column_type

__all__ = ["PageColumn", "PageTable", "cell_text", "page_table", "plain_table"]

_SHOWN = 15
_LONGEST = 400
"""A page holds no longer table; the CSV file does."""
_SIGNIFICANT = 4
_MOST_DIGITS = 6  # of a number with declared decimals: 360496.216 is printed as 360,496
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class PageColumn:
    """Heading of a column and whether its cells are numbers."""

    label: str
    unit: str
    numeric: bool


@dataclass(frozen=True)
class PageTable:
    """A table ready to be printed: cells are text.

    Parameters
    ----------
    name, title : str
        Anchor and caption.
    columns : list of PageColumn
    rows : list of list of str
        The first rows.
    all_rows : list of list of str
        Every row where the table is longer than ``rows`` and not too long for a page.
    n_rows : int
    file : str
        Its CSV file, relative to the page; empty where there is none.
    """

    name: str
    title: str
    columns: list[PageColumn]
    rows: list[list[str]]
    all_rows: list[list[str]]
    n_rows: int
    file: str


def cell_text(value: Any, digits: int | None = None) -> str:
    """Return one value as a reader wants it.

    Parameters
    ----------
    value : object
        Text, number or truth value; None and NaN give the empty text.
    digits : int, optional
        Decimals of a number; four significant digits when None.

    Examples
    --------
    >>> cell_text(0.93127, 3), cell_text(1841), cell_text(float("nan")), cell_text(True)
    ('0.931', '1,841', '', 'yes')
    """
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}".replace("-", _MINUS)
    if isinstance(value, float | np.floating):
        return _float_text(float(value), digits)
    return str(value)


def _float_text(value: float, digits: int | None) -> str:
    size = abs(value)
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else f"{_MINUS}\N{INFINITY}"
    if size >= 1e6 or (digits is None and 0 < size < 1e-4):
        mantissa, power = f"{value:.2e}".split("e")
        return f"{mantissa}e{int(power)}".replace("-", _MINUS)
    if size >= 1e4:
        return f"{value:,.0f}".replace("-", _MINUS)
    if digits is None:
        return f"{value:.{_SIGNIFICANT}g}".replace("-", _MINUS)
    return signed(value, max(0, min(digits, _MOST_DIGITS - len(str(int(size))))))


def page_table(table: NamedTable) -> PageTable:
    """Return a table of the Summary ready to be printed."""
    frame = table.frame
    columns = [
        PageColumn(
            column.label,
            column.unit,
            numeric=column_type(frame[column.key]) in ("number", "integer"),
        )
        for column in table.columns
    ]
    n_rows = len(frame)
    kept = frame if n_rows <= _LONGEST else frame.head(_SHOWN)
    cells = [_column_cells(kept[column.key], column) for column in table.columns]
    rows = [list(row) for row in zip(*cells, strict=True)]
    return PageTable(
        table.name,
        table.title,
        columns,
        rows if n_rows <= _SHOWN + 3 else rows[:_SHOWN],
        rows if _SHOWN + 3 < n_rows <= _LONGEST else [],
        n_rows,
        table.file,
    )


def _column_cells(values: Iterable[Any], column: TableColumn) -> list[str]:
    if column.key in ("model", "over"):
        return [model_label(str(value)) for value in values]
    return [cell_text(value, column.digits) for value in values]


def plain_table(name: str, title: str, rows: Iterable[Mapping[str, Any]]) -> PageTable:
    """Return a list of mappings ready to be printed; keys become headings."""
    rows = list(rows)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    columns = [
        PageColumn(
            key[:1].upper() + key[1:].replace("_", " "),
            "",
            numeric=all(isinstance(row.get(key), int | float | None) for row in rows),
        )
        for key in keys
    ]
    cells = [[cell_text(_flat(row.get(key))) for key in keys] for row in rows]
    return PageTable(name, title, columns, cells, [], len(cells), "")


def _flat(value: Any) -> Any:
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else value
