"""Tables of abundances: features and labels from the files of this field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data.files import ensure_id_frame, numbers
from foldwise.data.formats import read_cohort
from foldwise.data.orientation import Orientation
from foldwise.data.raw_cohort import joined
from foldwise.data.roles import TARGET_NAME, Roles
from foldwise.data.rules import (
    Cell,
    counted,
    label_text,
    require_columns,
    require_enough_per_class,
    require_enough_rows,
    require_finite,
    require_no_missing,
    require_two_classes,
)
from foldwise.data.study_samples import set_aside, with_pairs
from foldwise.data.tables import (
    Column,
    Role,
    SourceFile,
    Table,
    guess_scale,
    require_scale,
)
from foldwise.errors import InvalidInputError, first_few

__all__ = ["Roles", "abundance_table", "abundances_from_frame", "joined", "read_abundances"]

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATE = re.compile(
    rf"\d{{4}}-\d\d-\d\d( 00:00:00)?|\d{{1,2}}-({_MONTH})(-\d\d+)?|({_MONTH})-\d\d+", re.IGNORECASE
)


def read_abundances(
    paths: str | Path | Sequence[str | Path],
    *,
    target: str | None = None,
    id_column: str | None = None,
    groups: str | None = None,
    covariates: Sequence[str] = (),
    batch: str | None = None,
    ignore: Sequence[str] = (),
    scale: str | None = None,
    orientation: Orientation | None = None,
    require_target: bool = True,
) -> Table:
    r"""Read a table of abundances with a label per sample.

    Parameters
    ----------
    paths : path or sequence of one to three paths
        One file that holds features and labels: a plain table or one of MetaboAnalyst, a
        workbook of cimcb, or an mwTab file; features and labels apart; or the three tables
        of Workflow4Metabolomics. Files are joined by id, so their order of rows never matters.
    target : str, optional
        The label column. Without it: the only other column of a labels file; in one
        file a column named like a diagnosis, or the only column of text.
    id_column : str, optional
        The column of sample ids, if it is not the first of each file.
    groups, batch : str, optional
        Columns that name the subject or the batch of a sample.
    covariates : sequence of str
        Columns of known influences, such as age.
    ignore : sequence of str
        Columns to leave out; a note says so.
    scale : str, optional
        Scale of the features; guessed from the numbers if not given.
    orientation : {"rows", "columns"}, optional
        Where the samples of a plain table stand; told by its labels or ids if not given.
    require_target : bool, default=True
        Whether labels must be there. New samples to predict need none.

    Raises
    ------
    InvalidInputError
        If files, ids, labels or cells are not as a study needs them. Each message
        names all culprits of one kind and says what to do.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> rows = [f"P{i},{i / 7},{'case' if i % 2 else 'control'}" for i in range(12)]
    >>> _ = (folder / "t.csv").write_text("id,glucose,Diagnosis\n" + "\n".join(rows))
    >>> table = read_abundances(folder / "t.csv")
    >>> table.keys("feature"), table.values("target").name
    (['glucose'], 'Diagnosis')
    """
    files = [paths] if isinstance(paths, (str, Path)) else list(paths)
    cohort = read_cohort(
        files,
        Roles(target, groups, tuple(covariates), batch, tuple(ignore)),
        id_column=id_column,
        orientation=orientation,
        required=require_target,
    )
    table = abundance_table(
        cohort.frame, cohort.roles, cohort.sources, scale, require_target, notes=cohort.notes
    )
    features = set(table.keys("feature"))
    identifiers = {key: held for key, held in cohort.identifiers.items() if key in features}
    return replace(table, identifiers=identifiers)


def abundances_from_frame(
    frame: Any,
    *,
    target: str | None = None,
    id_column: str | None = None,
    groups: str | None = None,
    covariates: Sequence[str] = (),
    batch: str | None = None,
    ignore: Sequence[str] = (),
    scale: str | None = None,
    require_target: bool = True,
) -> Table:
    """Return a pandas, Polars or PyArrow table as ``read_abundances`` returns a file.

    Examples
    --------
    >>> frame = pd.DataFrame({"id": range(12), "glucose": range(12), "sex": ["F", "M"] * 6})
    >>> abundances_from_frame(frame).keys("target")
    ['sex']
    """
    roles = Roles(target, groups, tuple(covariates), batch, tuple(ignore))
    table = ensure_id_frame(frame, id_column=id_column)
    return abundance_table(table, roles, (), scale, require_target)


def abundance_table(
    frame: pd.DataFrame,
    roles: Roles,
    sources: tuple[SourceFile, ...],
    scale: str | None,
    require_target: bool,
    *,
    notes: Sequence[str] = (),
) -> Table:
    """Return the table of an id-indexed frame; columns without a role go by their cells."""
    where = " and ".join(source.name for source in sources) or "table"
    _require_single_roles(roles, frame, where)
    converted = {str(key): numbers(frame[key]) for key in frame.columns}
    found = list(notes)
    if roles.target is None:
        roles, note = _with_target(frame, converted, roles, where, require_target)
        found += note
    aside = set_aside(frame, roles)
    study, roles, paired = with_pairs(frame[aside.study], roles)
    found += [*aside.notes, *paired]
    kinds, left_out = _kinds(frame, converted, roles)
    found += left_out
    features = [key for key in converted if kinds[key] == "feature"]
    _require_numbers([converted[key][1] for key in features], features, where)
    values = pd.DataFrame({key: converted[key][0] for key in features}, index=frame.index)
    built = pd.DataFrame(
        {
            key: values.loc[aside.study, key] if kind == "feature" else _as_text(study[key], kind)
            for key, kind in kinds.items()
        },
        index=study.index,
    )
    columns = tuple(Column(key, kind) for key, kind in kinds.items())
    table = Table(built, columns, sources, qc=values[aside.pools] if aside.pools.any() else None)
    _require_study_rows(table, where, require_target)
    return _with_scale_and_notes(table, frame, scale, found)


def _require_single_roles(roles: Roles, frame: pd.DataFrame, where: str) -> None:
    require_columns(roles.named(), list(frame.columns), where=where)
    twice = sorted({key for key in roles.named() if roles.named().count(key) > 1})
    if twice:
        raise InvalidInputError(
            f"{where}: {first_few(twice)} is given two roles. A column is either the target, the "
            "groups, the batch, a covariate or left out: name different columns."
        )


def _kinds(
    frame: pd.DataFrame, converted: Mapping[str, tuple[pd.Series, list[Cell]]], roles: Roles
) -> tuple[dict[str, Role], list[str]]:
    """Return the role of each column, given or by its cells, and a note on codes."""
    free = [key for key in converted if roles.of(key) is None]
    codes = [key for key in free if _is_code(frame[key], *converted[key])]
    kinds: dict[str, Role] = {
        key: roles.of(key) or ("ignored" if key in codes else _role_by_cells(*converted[key]))
        for key in converted
    }
    if roles.group is not None:
        kinds[roles.group] = "group"  # the pairs are no column of the file
    if not codes:
        return kinds, []
    return kinds, [
        f"Left out as codes, for a cell starts with 0 or has 16 digits: {first_few(codes)}."
    ]


def _role_by_cells(values: pd.Series, text: list[Cell]) -> Role:
    empty = not text and bool(values.isna().all())
    return "ignored" if empty or _is_wordy(values, text) else "feature"


def _is_code(cells: pd.Series, values: pd.Series, text: list[Cell]) -> bool:
    """Whether the reader kept a column as text although every cell reads as a number."""
    kept_as_text = not pd.api.types.is_numeric_dtype(cells)
    return kept_as_text and not text and bool(values.notna().any())


def _is_wordy(values: pd.Series, text: list[Cell]) -> bool:
    """Whether a column holds words and not one number (a decimal comma is a mistyped number)."""
    commas = any(_DECIMAL_COMMA.fullmatch(str(cell.value)) for cell in text)
    return bool(text) and bool(values.isna().all()) and not commas


def _as_text(cells: pd.Series, role: Role) -> pd.Series:
    if role in ("target", "group", "batch"):
        return cells.map(label_text, na_action="ignore").astype("str")
    return cells


def _with_target(
    frame: pd.DataFrame,
    converted: dict[str, tuple[pd.Series, list[Cell]]],
    roles: Roles,
    where: str,
    required: bool,
) -> tuple[Roles, list[str]]:
    """Find the label column of a table by its name, or as the only column of text."""
    free = [key for key in converted if key not in roles.named()]
    called = [key for key in free if TARGET_NAME.fullmatch(key)]
    wordy = [key for key in free if _is_wordy(*converted[key])]
    found = called or wordy
    if len(found) == 1:
        reason = "by its name" if called else "as the only column of text"
        note = f"The target '{found[0]}' was found {reason}."
        return Roles(found[0], roles.group, roles.covariates, roles.batch, roles.ignored), [note]
    if not required:
        return roles, []
    candidates = found or [key for key in free if frame[key].nunique() == 2]
    listed = f"Candidates: {first_few(candidates)}." if candidates else "No column looks like one."
    raise InvalidInputError(
        f"{where}: which column holds the labels of cases and controls? {listed} "
        "Name it with --target, or give the labels as a second file."
    )


def _require_numbers(text: Sequence[list[Cell]], keys: Sequence[str], where: str) -> None:
    wrong = [
        Cell(cell.value, cell.row, f"in column '{key}'")
        for key, cells in zip(keys, text, strict=True)
        for cell in cells
    ]
    if not wrong:
        return
    commas = [cell for cell in wrong if _DECIMAL_COMMA.fullmatch(str(cell.value))]
    if len(commas) == len(wrong):
        raise InvalidInputError(
            f"{where}: {counted(len(wrong), 'number')} with a decimal comma: {first_few(wrong)}. "
            "Write decimals with a point, such as 1.5 (in a spreadsheet: set the language "
            "of the sheet to English before saving)."
        )
    raise InvalidInputError(
        f"{where}: {counted(len(wrong), 'entry', 'entries')} of feature columns "
        f"{'is' if len(wrong) == 1 else 'are'} text: {first_few(wrong)}. Features are numbers: "
        "correct the cells, leave them empty (or NA) if unknown, or give the column a role "
        "(--target, --groups)."
    )


def _require_study_rows(table: Table, where: str, require_target: bool) -> None:
    if not table.keys("feature"):
        raise InvalidInputError(
            f"{where}: no column of numbers is left for features. Check the separator and the "
            "roles of the columns."
        )
    require_finite(table.frame[table.keys("feature")], where=where)
    if table.qc is not None:
        require_finite(table.qc, where=f"{where}, pooled samples")
    if table.keys("group"):
        require_no_missing(
            table.values("group"),
            where=where,
            what="the group",
            remedy="Name the subject of every sample; a sample alone gets its own name.",
        )
    if not require_target:
        return
    labels = table.values("target")
    require_enough_rows(table.n_rows, where=where)
    require_no_missing(
        labels, where=where, what="the target", remedy="Fill in the labels or remove those rows."
    )
    require_two_classes(labels, where=where)
    if labels.nunique() == 2:
        require_enough_per_class(labels, where=where)


def _mostly_digits(cells: pd.Series) -> bool:
    """Whether a column of text looks like numbers with something beside them: '5.2 mg'."""
    if pd.api.types.is_numeric_dtype(cells) or not numbers(cells)[1]:  # a number, or a code
        return False
    held = cells.dropna().astype(str)
    return len(held) > 0 and bool(held.str.match(r"\s*[<>~]?[+-]?\d").mean() > 0.5)


def _with_scale_and_notes(
    table: Table, frame: pd.DataFrame, scale: str | None, notes: list[str]
) -> Table:
    X = table.X()
    ignored = table.keys("ignored")
    if ignored:
        notes.append(f"{counted(len(ignored), 'column')} left out: {first_few(ignored)}.")
    digits = [key for key in ignored if _mostly_digits(frame[key])]
    if digits:
        cells = [
            Cell(frame[key].dropna().iloc[0], frame[key].dropna().index[0], f"in '{key}'")
            for key in digits
        ]
        notes.append(
            f"Left out as text although most cells hold digits: {first_few(cells)}. Write numbers "
            "without units, spaces or percent signs to use such a column."
        )
    empty = [key for key in ignored if frame[key].isna().all()]
    if empty:
        notes.append(f"Without any value: {counted(len(empty), 'column')}, {first_few(empty)}.")
    dates = [key for key in table.keys("feature") if _DATE.fullmatch(key)]
    if dates:
        notes.append(
            f"{counted(len(dates), 'feature')} with the name of a date: {first_few(dates)}. A "
            "spreadsheet may have made dates of names: compare them with the original table."
        )
    n_missing = int(pd.isna(X).sum())
    if n_missing:
        rows = int(pd.isna(X).any(axis=1).sum())
        notes.append(
            f"{counted(n_missing, 'cell')} of {X.size} are missing ({n_missing / X.size:.1%}), "
            f"in {counted(rows, 'row')}; each fit fills them from its own training rows."
        )
    known = guess_scale(X) if scale is None else require_scale(scale)
    if scale is None:
        notes.append(f"The scale '{known}' of the features is a guess; set it with --scale.")
    ids = set(table.ids)  # a file may hold samples that are no rows of the study
    orders = frame.attrs.get("file_orders", ())
    return replace(
        table,
        scale=known,
        scale_origin="guessed" if scale is None else "declared",
        notes=tuple(notes),
        file_orders=tuple(tuple(one for one in order if one in ids) for order in orders),
    )
