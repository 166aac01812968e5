"""Orientation: whether the samples of a table stand in its rows or in its columns."""

from collections.abc import Collection
from typing import Literal

from foldwise.data.files import MISSING, is_number
from foldwise.data.roles import TARGET_NAME
from foldwise.data.rows import Rows
from foldwise.data.rules import counted
from foldwise.errors import InvalidInputError, first_few

__all__ = ["Orientation", "orientation_by_ids", "orientation_by_labels", "turned"]

Orientation = Literal["rows", "columns"]


def orientation_by_labels(rows: Rows, *, target: str | None, where: str) -> Orientation:
    """Tell where the samples of a table stand by where its labels stand.

    Labels are a column in a table with samples in rows, and a row in one with samples in
    columns: the one that is called like a label, or the first one if it holds words, beside
    numbers everywhere else.

    Raises
    ------
    InvalidInputError
        If both a row and a column read as the labels.

    Examples
    --------
    >>> rows = [["Sample", "S1", "S2"], ["Label", "case", "control"], ["glucose", "5.1", "4.2"]]
    >>> orientation_by_labels(rows, target=None, where="t.csv")
    'columns'
    """
    if not _holds_labels(rows, target, first=True):
        return "rows"
    if _holds_labels([list(cells) for cells in zip(*rows, strict=True)], target, first=False):
        raise _asked(where, "Both a row and a column look like the labels")
    return "columns"


def orientation_by_ids(rows: Rows, ids: Collection[str], *, where: str) -> Orientation:
    """Tell where the samples of a table stand by where their ids stand.

    Examples
    --------
    >>> rows = [["", "S1", "S2"], ["glucose", "5.1", "4.2"]]
    >>> orientation_by_ids(rows, {"S1", "S2"}, where="X.csv")
    'columns'
    """
    in_heading = len({cell.strip() for cell in rows[0][1:]} & set(ids))
    in_rows = len({row[0].strip() for row in rows[1:]} & set(ids))
    if in_heading and in_heading == in_rows:
        raise _asked(where, f"{in_rows} sample ids stand both in rows and in columns")
    return "columns" if in_heading > in_rows else "rows"


def _asked(where: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{where}: {why}, so it cannot be told where the samples stand. Say it with "
        "--orientation rows or --orientation columns."
    )


def _holds_labels(rows: Rows, target: str | None, *, first: bool) -> bool:
    """Whether a row reads as the labels, by its name or its words, and the others as numbers.

    With ``first`` only the first row may hold words of any name.
    """
    body = rows[1:]
    names = [row[0].strip() for row in body]
    called = [name == target if target else bool(TARGET_NAME.fullmatch(name)) for name in names]
    wordy = [_is_wordy(row[1:]) for row in (body[:1] if first else body)]
    wordy += [False] * (len(body) - len(wordy))
    labels = called if target or any(called) else wordy
    others = [row[1:] for row, label in zip(body, labels, strict=True) if not label]
    return any(labels) and _mostly_numbers(others)


def _is_wordy(cells: list[str]) -> bool:
    held = [cell for cell in cells if cell.strip() not in MISSING]
    return bool(held) and not any(map(_number_like, held))


def _mostly_numbers(rows: Rows) -> bool:
    held = [cell for row in rows for cell in row if cell.strip() not in MISSING]
    return bool(held) and sum(map(_number_like, held)) > len(held) / 2


def _number_like(cell: str) -> bool:
    """Whether a cell is a number, also one with a decimal comma: that has an error of its own."""
    return is_number(cell.replace(",", "."))


def turned(rows: Rows, *, where: str) -> Rows:
    """Return a table with features in rows as one with samples in rows.

    Raises
    ------
    InvalidInputError
        If a feature or a sample stands twice, named as the file has it, or if the heading
        holds measurements where the names of samples should stand.

    Examples
    --------
    >>> turned([["", "S1", "S2"], ["glucose", "5.1", "4.2"]], where="X.csv")
    [['', 'glucose'], ['S1', '5.1'], ['S2', '4.2']]
    """
    _require_once([row[0] for row in rows[1:]], "row", where)
    _require_once(rows[0][1:], "column", where)
    fractions = [cell for cell in rows[0][1:] if is_number(cell) and not cell.strip().isdigit()]
    if fractions and all(map(is_number, rows[0][1:])):
        raise InvalidInputError(
            f"{where}: the first line holds numbers where the names of the samples should stand: "
            f"{first_few(fractions)}. Put the line of names first."
        )
    return [list(cells) for cells in zip(*rows, strict=True)]


def _require_once(names: list[str], kind: str, where: str) -> None:
    stripped = [name.strip() for name in names]
    unnamed = [str(j + 1) for j, name in enumerate(stripped) if not name]
    if unnamed:
        raise InvalidInputError(
            f"{where}: {counted(len(unnamed), kind)} without a name: number "
            f"{first_few(unnamed, quoted=False)} after the first {kind}. Name or delete them."
        )
    repeated = sorted({name for name in stripped if stripped.count(name) > 1})
    if repeated:
        raise InvalidInputError(
            f"{where}: {counted(len(repeated), 'name')} "
            f"{'stands' if len(repeated) == 1 else 'stand'} in more than one {kind}: "
            f"{first_few(repeated)}. Names are compared after trimming spaces: rename or remove "
            f"the repeated {kind}s."
        )
