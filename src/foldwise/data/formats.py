"""Formats of the field: which one the files are in, and the raw cohort they hold."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from foldwise.data.cimcb import cimcb_sheets, read_cimcb
from foldwise.data.files import frame_of_file
from foldwise.data.mwtab_files import read_mwtab
from foldwise.data.mwtab_lines import is_mwtab
from foldwise.data.orientation import (
    Orientation,
    orientation_by_ids,
    orientation_by_labels,
    turned,
)
from foldwise.data.raw_cohort import RawCohort, joined
from foldwise.data.roles import Roles
from foldwise.data.rows import (
    EXCEL,
    PARQUET,
    FileRows,
    decoded,
    excel_sheets,
    read_content,
    read_rows,
    rows_of,
)
from foldwise.data.w4m import read_w4m
from foldwise.errors import InvalidInputError

__all__ = ["read_cohort"]


def read_cohort(
    paths: Sequence[str | Path],
    roles: Roles,
    *,
    id_column: str | None = None,
    orientation: Orientation | None = None,
    required: bool = True,
) -> RawCohort:
    """Recognise files by their content and read them.

    Parameters
    ----------
    paths : sequence of one to three paths
        One table, mwTab file or workbook of cimcb; features and labels; or the three
        tables of Workflow4Metabolomics.
    roles : Roles
        Roles the user gave.
    id_column : str, optional
        The column of sample ids.
    orientation : {"rows", "columns"}, optional
        Where the samples of a plain table of features stand; told by its content if not given.
    required : bool, default=True
        Whether a target must be found.

    Raises
    ------
    InvalidInputError
        If the files are in no known format, or break theirs.
    """
    if not 1 <= len(paths) <= 3:
        raise InvalidInputError(
            f"{len(paths)} files were given. Give one file that holds the label column, "
            "two: features and labels, or the three tables of Workflow4Metabolomics."
        )
    if orientation not in (None, "rows", "columns"):
        raise InvalidInputError(
            f"The orientation '{orientation}' is not known. Use one of rows, columns."
        )
    if len(paths) == 1:
        return _of_one(Path(paths[0]), roles, id_column, orientation, required)
    files = [_plain_table(Path(path)) for path in paths]
    if len(files) == 2:
        return _of_two(files[0], files[1], roles, id_column, orientation)
    _require_no(orientation, "--orientation", files[0].name, "the tables of Workflow4Metabolomics")
    return read_w4m(files, roles, id_column=id_column, required=required)


def _require_no(option: object, name: str, where: str, format_name: str) -> None:
    if option is not None:
        raise InvalidInputError(
            f"{where}: {name} says how to read a plain table, and this is {format_name}, which "
            "declares it itself. Leave the option out."
        )


def _is_text(path: Path) -> bool:
    return path.suffix.lower() not in EXCEL | PARQUET


def _plain_table(path: Path) -> FileRows:
    if _is_text(path) and is_mwtab(decoded(path.name, read_content(path))):
        raise InvalidInputError(
            f"{path.name}: an mwTab file holds values and factors of its samples: give it alone."
        )
    return read_rows(path)


def _of_one(
    path: Path,
    roles: Roles,
    id_column: str | None,
    orientation: Orientation | None,
    required: bool,
) -> RawCohort:
    content = read_content(path)
    sha256 = hashlib.sha256(content).hexdigest()
    if _is_text(path) and is_mwtab(text := decoded(path.name, content)):
        _require_no(orientation, "--orientation", path.name, "an mwTab file")
        _require_no(id_column, "--id", path.name, "an mwTab file")
        return read_mwtab(path, text, roles, sha256=sha256, required=required)
    if path.suffix.lower() in EXCEL and (sheets := cimcb_sheets(excel_sheets(path, content))):
        _require_no(orientation, "--orientation", path.name, "a workbook of cimcb")
        return read_cimcb(
            path, content, sheets, roles, sha256=sha256, id_column=id_column, required=required
        )
    file = FileRows(path.name, sha256, rows_of(path, content))
    side = orientation
    if side is None:
        declared = id_column is not None and id_column in [key.strip() for key in file.rows[0]]
        side = (
            "rows"
            if declared
            else orientation_by_labels(file.rows, target=roles.target, where=path.name)
        )
    file, notes = _with_samples_in_rows(file, side)
    frame, source = frame_of_file(file, id_column=id_column)
    return RawCohort(frame, roles, (source,), notes)


def _of_two(
    features: FileRows,
    labels: FileRows,
    roles: Roles,
    id_column: str | None,
    orientation: Orientation | None,
) -> RawCohort:
    y, y_source = frame_of_file(labels, id_column=id_column)
    side = orientation or orientation_by_ids(features.rows, set(y.index), where=features.name)
    features, notes = _with_samples_in_rows(features, side)
    X, X_source = frame_of_file(features, id_column=id_column if side == "rows" else None)
    frame, roles = joined(X, X_source, y, y_source, roles)
    return RawCohort(frame, roles, (X_source, y_source), notes)


def _with_samples_in_rows(file: FileRows, side: Orientation) -> tuple[FileRows, tuple[str, ...]]:
    if side == "rows":
        return file, ()
    rows = turned(file.rows, where=file.name)
    note = (
        f"{file.name} was read with samples in columns and features in rows: "
        f"{len(rows) - 1} samples of {len(rows[0]) - 1} rows."
    )
    return replace(file, rows=rows), (note,)
