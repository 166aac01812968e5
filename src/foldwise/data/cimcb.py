"""Sheets of cimcb: ``Data`` with samples in rows, ``Peak`` with what is known of each peak."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from foldwise.data.files import MISSING, frame_of_rows
from foldwise.data.identifiers import described_rows, identifiers_of, shown_names
from foldwise.data.raw_cohort import RawCohort, require_apart, with_named_target
from foldwise.data.roles import Roles
from foldwise.data.rows import Rows, excel_rows
from foldwise.data.rules import counted, require_columns
from foldwise.data.tables import SourceFile
from foldwise.errors import InvalidInputError, first_few

__all__ = ["cimcb_sheets", "read_cimcb"]


def cimcb_sheets(names: Sequence[str]) -> tuple[str, str] | None:
    """Return the sheets ``Data`` and ``Peak`` of a file that has both, in any case.

    Examples
    --------
    >>> cimcb_sheets(["Data", "Peak"]), cimcb_sheets(["Sheet1"])
    (('Data', 'Peak'), None)
    """
    by_name = {name.strip().casefold(): name for name in names}
    if "data" in by_name and "peak" in by_name:
        return by_name["data"], by_name["peak"]
    return None


def read_cimcb(
    path: Path,
    content: bytes,
    sheets: tuple[str, str],
    roles: Roles,
    *,
    sha256: str,
    id_column: str | None,
    required: bool,
) -> RawCohort:
    """Read both sheets; peaks are matched by their names, and -99, '.' and blanks are missing.

    Raises
    ------
    InvalidInputError
        If a needed column is not there, or the sheets name other peaks.
    """
    data, peaks = (excel_rows(path, content, sheet) for sheet in sheets)
    data_name, peak_name = (f"{path.name}, sheet '{sheet}'" for sheet in sheets)
    if min(len(data), len(peaks)) < 2:
        raise InvalidInputError(
            f"{path.name}: the sheets '{sheets[0]}' and '{sheets[1]}' need a heading and rows."
        )
    heading = [cell.strip() for cell in data[0]]
    require_columns([id_column or "SampleID"], heading, where=data_name)
    require_columns(["Name", "Label"], [cell.strip() for cell in peaks[0]], where=peak_name)
    described = described_rows(peaks, "Name", where=peak_name)
    _require_same_peaks(heading, list(described), data_name, peak_name)
    data, codes = _without_codes(data, [heading.index(key) for key in described])
    frame = frame_of_rows(data, where=data_name, id_column=id_column or "SampleID")
    shown = shown_names(described, "Label")
    known = [str(key) for key in frame.columns if key not in described]
    require_apart(list(shown.values()), known, X_name=peak_name, y_name=data_name)
    note = (
        f"Read as sheets of cimcb: '{sheets[0]}' holds the samples, '{sheets[1]}' names "
        f"{counted(len(described), 'peak')}, matched by name."
    )
    cohort = RawCohort(
        frame.rename(columns=shown),
        roles,
        (SourceFile(path.name, sha256, len(frame)),),
        (note, *codes),
        identifiers_of({shown[key]: cells for key, cells in described.items()}),
    )
    return with_named_target(cohort, known, required=required)


def _require_same_peaks(
    heading: Sequence[str], peaks: Sequence[str], data_name: str, peak_name: str
) -> None:
    absent = [key for key in peaks if key not in heading]
    # Columns numbered like the peaks are peaks as well: 'M7' beside M1 to M6.
    stems = {re.sub(r"\d+$", "", key) for key in peaks if re.search(r"\d$", key)}
    alike = [re.fullmatch(r"(.*?)\d+", key) for key in heading if key not in peaks]
    extra = [found.group(0) for found in alike if found and found.group(1) in stems]
    if absent or extra:
        said = [f"{data_name} has no column for {first_few(absent)}"] if absent else []
        said += [f"{peak_name} has no row for {first_few(extra)}"] if extra else []
        raise InvalidInputError(
            f"{'; '.join(said)}. Each peak needs a column in the one and a row in the other, of "
            "the same name: correct the names."
        )


def _without_codes(rows: Rows, columns: Sequence[int]) -> tuple[Rows, tuple[str, ...]]:
    """Empty the cells of peaks that hold a code for missing, and count them by code."""
    body = [list(row) for row in rows[1:]]
    count = {"-99": 0, "'.'": 0, "blank": 0}
    for row in body:
        for column in columns:
            code = _missing_code(row[column].strip())
            if code is not None:
                count[code] += 1
                row[column] = ""
    said = ", ".join(f"{n} of {code}" for code, n in count.items() if n)
    notes = (f"Cells of peaks read as missing: {said}.",) if said else ()
    return [rows[0], *body], notes


def _missing_code(cell: str) -> str | None:
    if cell == ".":
        return "'.'"
    if cell in MISSING:
        return "blank"
    try:
        return "-99" if math.isclose(float(cell), -99.0) else None
    except ValueError:
        return None
