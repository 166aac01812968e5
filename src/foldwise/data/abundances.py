"""Tables of abundances: features and labels, in one file or joined by id from two."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data.files import ensure_id_frame, numbers, read_frame
from foldwise.data.rules import (
    Cell,
    counted,
    label_text,
    require_columns,
    require_enough_per_class,
    require_enough_rows,
    require_finite,
    require_no_missing,
    require_same_ids,
    require_two_classes,
)
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

_TARGET_NAME = re.compile(
    r"diagnos[ei]s|labels?|class|groups?|outcome|target|y|condition|status|disease|phenotype",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


@dataclass(frozen=True)
class Roles:
    """Columns that the user gave a role."""

    target: str | None
    group: str | None
    covariates: tuple[str, ...]
    batch: str | None
    ignored: tuple[str, ...]

    def named(self) -> list[str]:
        """Return the columns with a role."""
        single = [key for key in (self.target, self.group, self.batch) if key is not None]
        return [*single, *self.covariates, *self.ignored]

    def of(self, key: str) -> Role | None:
        """Return the role of a column, or None if it was given none."""
        if key == self.target:
            return "target"
        if key == self.group:
            return "group"
        if key == self.batch:
            return "batch"
        if key in self.covariates:
            return "covariate"
        return "ignored" if key in self.ignored else None


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
    require_target: bool = True,
) -> Table:
    r"""Read a table of abundances with a label per sample.

    Parameters
    ----------
    paths : path or sequence of one or two paths
        One file that holds features and labels, or features and labels apart; two
        files are joined by id, so the order of rows never matters.
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
    if not 1 <= len(files) <= 2:
        raise InvalidInputError(
            f"{len(files)} files were given. Give one file that holds the label column, "
            "or two: features and labels."
        )
    roles = Roles(target, groups, tuple(covariates), batch, tuple(ignore))
    frame, source = read_frame(files[0], id_column=id_column)
    sources: tuple[SourceFile, ...] = (source,)
    if len(files) == 2:
        labels, label_source = read_frame(files[1], id_column=id_column)
        frame, roles = joined(frame, source, labels, label_source, roles)
        sources += (label_source,)
    return abundance_table(frame, roles, sources, scale, require_target)


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


def joined(
    X: pd.DataFrame, X_source: SourceFile, y: pd.DataFrame, y_source: SourceFile, roles: Roles
) -> tuple[pd.DataFrame, Roles]:
    """Join features and labels by id; label columns without a role are left out."""
    require_same_ids(X.index, y.index, X_name=X_source.name, y_name=y_source.name)
    both = [str(key) for key in X.columns if key in y.columns]
    if both:
        raise InvalidInputError(
            f"{X_source.name} and {y_source.name} both hold {counted(len(both), 'column')} "
            f"named {first_few(both)}. Remove or rename them in one file."
        )
    free = [str(key) for key in y.columns if key not in roles.named()]
    target = roles.target
    if target is None:
        if len(free) != 1:
            raise InvalidInputError(
                f"{y_source.name}: which column is the target? It holds {first_few(free)}. "
                "Name it with --target."
            )
        target = free[0]
    spare = tuple(key for key in free if key != target)
    joined = pd.concat([X, y.loc[X.index]], axis=1)
    return joined, Roles(target, roles.group, roles.covariates, roles.batch, roles.ignored + spare)


def abundance_table(
    frame: pd.DataFrame,
    roles: Roles,
    sources: tuple[SourceFile, ...],
    scale: str | None,
    require_target: bool,
) -> Table:
    """Return the table of an id-indexed frame; columns without a role go by their cells."""
    where = " and ".join(source.name for source in sources) or "table"
    require_columns(roles.named(), list(frame.columns), where=where)
    twice = sorted({key for key in roles.named() if roles.named().count(key) > 1})
    if twice:
        raise InvalidInputError(
            f"{where}: {first_few(twice)} is given two roles. A column is either the target, the "
            "groups, the batch, a covariate or left out: name different columns."
        )
    converted = {str(key): numbers(frame[key]) for key in frame.columns}
    notes: list[str] = []
    if roles.target is None:
        roles, note = _with_target(frame, converted, roles, where, require_target)
        notes += note
    codes = [
        key for key in converted if roles.of(key) is None and _is_code(frame[key], *converted[key])
    ]
    if codes:
        notes.append(
            f"Left out as codes, for a cell starts with 0 or has 16 digits: {first_few(codes)}."
        )
    kinds = {
        key: roles.of(key) or ("ignored" if key in codes else _role_by_cells(*converted[key]))
        for key in converted
    }
    _require_numbers(
        [converted[key][1] for key in kinds if kinds[key] == "feature"],
        [key for key in kinds if kinds[key] == "feature"],
        where,
    )
    built = pd.DataFrame(
        {
            key: converted[key][0] if kind == "feature" else _as_text(frame[key], kind)
            for key, kind in kinds.items()
        },
        index=frame.index,
    )
    table = Table(built, tuple(Column(key, kind) for key, kind in kinds.items()), sources)
    _require_study_rows(table, where, require_target)
    return _with_scale_and_notes(table, frame, scale, notes)


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
    called = [key for key in free if _TARGET_NAME.fullmatch(key)]
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
    return Table(
        table.frame,
        table.columns,
        table.sources,
        known,
        "guessed" if scale is None else "declared",
        tuple(notes),
    )
