"""mwTab files of the Metabolomics Workbench, as text or JSON, their sections joined by key."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data.files import frame_of_rows
from foldwise.data.identifiers import identifiers_of
from foldwise.data.mwtab_lines import NULLS, require_same_factors, require_whole_lines
from foldwise.data.orientation import turned
from foldwise.data.raw_cohort import RawCohort, require_apart, with_known_columns
from foldwise.data.roles import Roles
from foldwise.data.rows import cell_text, extra_needed
from foldwise.data.rules import counted, require_unique_ids
from foldwise.data.study_samples import set_aside
from foldwise.data.tables import SourceFile
from foldwise.errors import InvalidInputError, first_few

__all__ = ["read_mwtab"]

_SUBJECT, _MORE = "Subject ID", "Additional sample data"
_NULL = r"\N"  # how a database writes a missing cell


def read_mwtab(path: Path, text: str, roles: Roles, *, sha256: str, required: bool) -> RawCohort:
    """Read one analysis: values, factors of samples, and what is known of metabolites.

    Raises
    ------
    InvalidInputError
        If the package ``mwtab`` is not installed, the file breaks its format, or its
        sections name other samples.
    """
    where = path.name
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    require_whole_lines(lines, where)
    section, factors = _parsed(path, lines)
    values, nulls = _values(section, where)
    X = frame_of_rows(turned(values, where=where), where=where)
    samples = _samples(factors, where)
    require_same_factors(lines, samples, where)
    known, spare = _factors_of(X, samples, where)
    require_apart(
        list(X.columns),
        list(known.columns),
        X_name=f"The metabolites of {where}",
        y_name="the factors of its samples",
    )
    identifiers, unclear = _identifiers(section.get("Metabolites", []))
    note = (
        f"Read as mwTab: {len(X.columns)} metabolites in {counted(len(X), 'sample')}, with the "
        f"factors of SUBJECT_SAMPLE_FACTORS, joined by sample. Units: "
        f"{section.get('Units') or 'not said'}."
    )
    source = SourceFile(where, sha256, len(X))
    cohort = RawCohort(X, roles, (source,), (note, *spare, *nulls, *unclear), identifiers)
    whole = with_known_columns(cohort, known, required=required)
    return whole if _SUBJECT in roles.named() else _with_subjects(whole)


# ---------------------------------------------------------------- the file


def _parsed(path: Path, text: str) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """Return the section of values and the list of samples."""
    try:
        from mwtab.mwtab import MWTabFile
    except ImportError:
        raise extra_needed(path, "mwTab") from None
    file = MWTabFile(path.name, duplicate_keys=True)
    try:
        file.read_from_str(text)
    except Exception as error:  # the parser raises many kinds, with its traceback as the message
        raise InvalidInputError(
            f"{path.name}: not a readable mwTab file: {_reason(error)}. Correct that line, or "
            "download the file again."
        ) from None
    key = file.data_section_key
    section = {} if key is None else _plain(file[key])
    if not section.get("Data"):
        raise InvalidInputError(
            f"{path.name}: the mwTab file holds no values: no section MS_METABOLITE_DATA, "
            "NMR_METABOLITE_DATA or NMR_BINNED_DATA with rows. Analyses with a results file keep "
            "them there: give that table and one of labels."
        )
    factors = file.get("SUBJECT_SAMPLE_FACTORS")
    if not factors:
        raise InvalidInputError(
            f"{path.name}: the mwTab file has no section SUBJECT_SAMPLE_FACTORS, so no sample has "
            "a label. Give a table of values and one of labels instead."
        )
    return section, factors


def _reason(error: Exception) -> str:
    """Return what the parser says, less its traceback."""
    said = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    line = re.search(r"LINE WITH ERROR:\s*(.+)", said)
    cause = error.__cause__
    parts = [str(cause) if cause is not None else said.strip().splitlines()[-1] if said else ""]
    if line:
        parts.append(f"in the line {line.group(1)[:120]}")
    return " ".join(part for part in parts if part) or type(error).__name__


def _values(section: Mapping[str, Any], where: str) -> tuple[list[list[str]], list[str]]:
    """Return metabolites by samples as rows of text, and a note on nulls."""
    records = [_plain(record) for record in section["Data"]]
    _require_one_value_each(records, where)
    keys = [key for key in records[0] if key not in ("Metabolite", "Bin range(ppm)")]
    rows = [
        [str(record["Metabolite"]), *(cell_text(record[key]) for key in keys)] for record in records
    ]
    rows = [row for row in rows if row[1:] != keys]  # the heading, where no sample is known
    n = sum(row.count(_NULL) for row in rows)
    note = f"{counted(n, 'cell')} of {_NULL} {'was' if n == 1 else 'were'} read as missing."
    cleaned = [["" if cell == _NULL else cell for cell in row] for row in rows]
    return [["Samples", *keys], *cleaned], [note] if n else []


def _require_one_value_each(records: Sequence[Mapping[str, Any]], where: str) -> None:
    """Raise if a metabolite has no name, or not one value for each sample."""
    if not all("Metabolite" in record for record in records):
        raise InvalidInputError(
            f"{where}: a row of values has no name under 'Metabolite'. Download the file again, or "
            "name the metabolite."
        )
    twice = sorted(
        {_unmarked(key) for record in records for key in record if _unmarked(key) != key}
    )
    if twice:
        raise InvalidInputError(
            f"{where}: {counted(len(twice), 'sample')} {'has' if len(twice) == 1 else 'have'} more "
            f"than one column of values: {first_few(twice)}. Rename or remove the repeated ones."
        )
    odd = [str(record["Metabolite"]) for record in records if set(record) != set(records[0])]
    if odd:
        raise InvalidInputError(
            f"{where}: {counted(len(odd), 'metabolite')} with values of other samples than the "
            f"first one: {first_few(odd)}. Each needs one value per sample, or an empty cell."
        )


def _unmarked(key: str) -> str:
    """Return a key as the file has it, without the mark that the parser puts on repeated ones."""
    return re.sub(r"\{\{\{_\d+_\}\}\}$", "", key)


def _plain(record: Any) -> dict[str, Any]:
    """Return a record of the parser as a dictionary, repeated keys marked with ``{{{``."""
    held = getattr(record, "data", record)
    return dict(held) if isinstance(held, Mapping) else {}


# ---------------------------------------------------------------- samples


def _samples(factors: Sequence[Mapping[str, Any]], where: str) -> dict[str, dict[str, str]]:
    """Return what is known of each sample by its id, in columns of text."""
    entries = [_plain(entry) for entry in factors]
    if not all("Sample ID" in entry for entry in entries):
        raise InvalidInputError(
            f"{where}: an entry of SUBJECT_SAMPLE_FACTORS is not of the form Subject ID, Sample "
            "ID, Factors. Download the file again, or correct the entry."
        )
    ids = [str(entry["Sample ID"]).strip() for entry in entries]
    require_unique_ids(ids, where=f"{where}, section SUBJECT_SAMPLE_FACTORS")
    parts = [
        [(_SUBJECT, entry.get(_SUBJECT, "")), *_pairs(entry, "Factors"), *_pairs(entry, _MORE)]
        for entry in entries
    ]
    twice = sorted(
        {key for pairs in parts for key, n in Counter(k for k, _ in pairs).items() if n > 1}
    )
    if twice:
        raise InvalidInputError(
            f"{where}: {counted(len(twice), 'factor')} named twice for one sample: "
            f"{first_few(twice)}. Each factor has one value per sample."
        )
    return {i: _held(dict(pairs)) for i, pairs in zip(ids, parts, strict=True)}


def _pairs(entry: Mapping[str, Any], part: str) -> list[tuple[str, Any]]:
    return [(_unmarked(key).strip(), value) for key, value in _plain(entry.get(part)).items()]


def _held(record: Mapping[str, Any]) -> dict[str, str]:
    cells = {key: str(value).strip() for key, value in record.items()}
    return {key: cell for key, cell in cells.items() if cell not in NULLS}


def _factors_of(
    X: pd.DataFrame, samples: Mapping[str, Mapping[str, str]], where: str
) -> tuple[pd.DataFrame, list[str]]:
    """Return the factors of the samples that have values, and a note on the others."""
    unknown = [str(i) for i in X.index if i not in samples]
    if unknown:
        raise InvalidInputError(
            f"{where}: {counted(len(unknown), 'sample')} with values "
            f"{'has' if len(unknown) == 1 else 'have'} no entry in SUBJECT_SAMPLE_FACTORS: "
            f"{first_few(unknown)}. Sections are joined by sample id: correct the ids, add the "
            "entries, or remove those columns."
        )
    columns = list(dict.fromkeys(key for i in X.index for key in samples[str(i)]))
    rows = [[i, *(samples[i].get(key, "") for key in columns)] for i in map(str, X.index)]
    known = frame_of_rows([["Sample ID", *columns], *rows], where=where)
    known.attrs.clear()  # its rows stand in the order of X here, not of the file
    spare = [i for i in samples if i not in X.index]
    notes = []
    if spare:
        notes.append(
            f"{counted(len(spare), 'sample')} of SUBJECT_SAMPLE_FACTORS "
            f"{'has' if len(spare) == 1 else 'have'} no values in this file: {first_few(spare)}."
        )
    return known, notes


def _with_subjects(cohort: RawCohort) -> RawCohort:
    """Keep samples of one subject together, where subjects return and all are named."""
    roles = cohort.roles
    if roles.group is not None or _SUBJECT not in cohort.frame:
        return cohort
    # A pool has no subject, and must not hide that the others have.
    subjects = cohort.frame.loc[set_aside(cohort.frame, roles).study, _SUBJECT]
    if subjects.nunique() in (0, 1, subjects.notna().sum()):
        return cohort  # one name for all samples names no subject
    if subjects.isna().any():
        note = (
            f"Some subjects have several samples, but '{_SUBJECT}' is missing in "
            f"{counted(int(subjects.isna().sum()), 'sample')}: nothing keeps the samples of one "
            "subject on one side of a split."
        )
        return replace(cohort, notes=(*cohort.notes, note))
    note = (
        f"{len(subjects)} samples come from {subjects.nunique()} subjects: '{_SUBJECT}' was taken "
        "as the groups."
    )
    ignored = tuple(key for key in roles.ignored if key != _SUBJECT)
    roles = replace(roles, group=_SUBJECT, ignored=ignored)
    return replace(cohort, roles=roles, notes=(*cohort.notes, note))


# ---------------------------------------------------------------- metabolites


def _identifiers(records: Sequence[Any]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return identifiers by metabolite name; names with two sets of them are left out."""
    by_name: dict[str, list[dict[str, str]]] = {}
    for record in map(_plain, records):
        cells = {str(key): str(value) for key, value in record.items()}
        name = next(iter(cells.values()), "").strip()
        by_name.setdefault(name, []).append(identifiers_of({name: cells}).get(name, {}))
    unclear = [name for name, held in by_name.items() if any(one != held[0] for one in held)]
    found = {name: held[0] for name, held in by_name.items() if held[0] and name not in unclear}
    if not unclear:
        return found, []
    return found, [
        f"{counted(len(unclear), 'name')} in METABOLITES with more than one set of identifiers, "
        f"which are left out: {first_few(unclear)}."
    ]
