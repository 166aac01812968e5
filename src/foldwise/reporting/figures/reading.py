"""What figures look up in a Summary."""

from typing import Any

import pandas as pd

from foldwise.errors import InvalidInputError, first_few
from foldwise.reporting.summary import Summary

__all__ = ["frame_of", "measured", "records", "rows_of"]


def frame_of(summary: Summary, table: str) -> pd.DataFrame:
    """Return the frame of a table; an error names the tables there are."""
    if table not in summary.tables:
        raise InvalidInputError(
            f"This Summary holds no table {table!r}. It holds {first_few(summary.tables)}."
        )
    return summary.tables[table].frame


def rows_of(summary: Summary, table: str, **wanted: str) -> pd.DataFrame:
    """Return the rows of a table whose columns have the wanted values.

    Raises
    ------
    InvalidInputError
        If no row has them: a figure of nothing would be drawn.
    """
    frame = frame_of(summary, table)
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    if frame.empty:
        known = {column: sorted(set(frame_of(summary, table)[column])) for column in wanted}
        raise InvalidInputError(f"Table {table!r} has no row with {wanted}. It has {known}.")
    return frame


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as mappings of plain values."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def measured(summary: Summary, name: str, **wanted: str) -> dict[str, Any] | None:
    """Return one entry of the metrics, or None where the study gives none."""
    try:
        return summary.metric(name, **wanted)
    except LookupError:
        return None
