"""Tables of compositions: which element stands on which site, and the energy to predict."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data.composition import parse_formula, parse_site_column
from foldwise.data.files import ensure_id_frame, numbers, read_frame
from foldwise.data.formula_sites import Sites, sites_of_formulas
from foldwise.data.rules import (
    counted,
    require_columns,
    require_enough_rows,
    require_finite,
    require_no_missing,
)
from foldwise.data.tables import Column, SourceFile, Table
from foldwise.errors import InvalidInputError, first_few

__all__ = ["DFT_OUTPUTS", "TARGET_NAMES", "compositions_from_frame", "read_compositions"]

TARGET_NAMES = ("e_above_hull", "e_hull", "energy_above_hull")

_DFT_OUTPUTS = """
    energy energy_per_atom total_energy formation_energy formation_energy_per_atom e_form
    e_above_hull e_hull energy_above_hull bandgap band_gap dir_bandgap is_gap_direct efermi
    magnetization total_magnetization magmom volume volume_per_atom density cell xyz lattice
    positions forces stress spacegroup space_group
"""
DFT_OUTPUTS = frozenset(_DFT_OUTPUTS.split())
"""Columns that come out of the calculation that gave the target: never inputs."""

_SITE_NAMES = {
    "A": ("A", "A_site", "site_A", "A-site", "A site"),
    "B": ("B", "B_site", "site_B", "B-site", "B site"),
    "X": ("X", "X_site", "site_X", "X-site", "X site"),
}
_FORMULA_NAMES = ("formula", "composition", "reduced_formula", "pretty_formula")
_UNIT = "eV/atom"


def read_compositions(
    path: str | Path,
    *,
    target: str | None = None,
    id_column: str | None = None,
    sites: Sites | None = None,
    holdout: bool = False,
    require_target: bool = True,
) -> Table:
    r"""Read a table of perovskite compositions.

    Parameters
    ----------
    path : path
        Columns ``A``, ``B`` and optionally ``X`` (symbols, ``La0.5Sr0.5``, or mappings of
        symbols to shares as JSON), or one column of formulas such as ``BaTiO3``.
    target : str, optional
        The column to predict; found by name if it is ``e_above_hull``, ``e_hull`` or
        ``energy_above_hull``.
    id_column : str, optional
        The column of row ids, if it is not the first.
    sites : mapping of str to sequence of str, optional
        For formulas: which elements stand on site A and which on B. Without it the
        order written decides, and a note says that this was assumed.
    holdout : bool, default=False
        Whether the rows are never trained on; then any number of rows will do.
    require_target : bool, default=True
        Whether the target must be there. New compositions to predict need none; a column
        of that name is then ignored.

    Returns
    -------
    Table
        Site columns ``A``, ``B`` and, where it is known, ``X``, in canonical text.

    Raises
    ------
    InvalidInputError
        If columns, elements, fractions or targets are not as a study needs them.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> rows = [f"p{i},Ba,Ti,0.{i}" for i in range(10)]
    >>> _ = (folder / "perov.csv").write_text("id,A,B,e_above_hull\n" + "\n".join(rows))
    >>> table = read_compositions(folder / "perov.csv")
    >>> table.sites().iloc[0].to_dict(), table.column("e_above_hull").unit
    ({'A': 'Ba', 'B': 'Ti'}, 'eV/atom')
    """
    frame, source = read_frame(path, id_column=id_column)
    return _composition_table(frame, (source,), target, sites, holdout, require_target)


def compositions_from_frame(
    frame: Any,
    *,
    target: str | None = None,
    id_column: str | None = None,
    sites: Sites | None = None,
    holdout: bool = False,
    require_target: bool = True,
) -> Table:
    """Return a pandas, Polars or PyArrow table as ``read_compositions`` returns a file.

    Examples
    --------
    >>> frame = pd.DataFrame({"id": ["p1"], "formula": ["La0.5Sr0.5MnO3"], "e_hull": [0.02]})
    >>> compositions_from_frame(frame, holdout=True).sites().iloc[0].to_dict()
    {'A': 'La0.5Sr0.5', 'B': 'Mn', 'X': 'O'}
    """
    table = ensure_id_frame(frame, id_column=id_column)
    return _composition_table(table, (), target, sites, holdout, require_target)


def _composition_table(
    frame: pd.DataFrame,
    sources: tuple[SourceFile, ...],
    target: str | None,
    sites: Sites | None,
    holdout: bool,
    require_target: bool,
) -> Table:
    where = " and ".join(source.name for source in sources) or "table"
    target = _target_column(frame, target, where) if require_target else None
    site_frame, used, notes = _site_frame(frame, sites, where)
    columns = [Column(key, "site") for key in site_frame.columns]
    parts = [site_frame]
    if target is not None:
        parts.append(_target_values(frame, target, where).to_frame())
        columns.append(Column(target, "target", _UNIT if target in TARGET_NAMES else ""))
    rest = frame.drop(columns=[*used, *([] if target is None else [target])])
    rest = rest.rename(columns={"id": "id_in_file"})  # the index is the id
    columns += [Column(str(key), "ignored") for key in rest.columns]
    table = Table(pd.concat([*parts, rest], axis=1), tuple(columns), sources)
    if not holdout and require_target:
        require_enough_rows(table.n_rows, where=where)
    notes += _notes_on_ignored([str(key) for key in rest.columns])
    return Table(table.frame, table.columns, sources, notes=tuple(notes))


def _target_column(frame: pd.DataFrame, target: str | None, where: str) -> str:
    if target is not None:
        require_columns([target], list(frame.columns), where=where, asked_by="the target")
        return target
    found = [str(key) for key in frame.columns if str(key).casefold() in TARGET_NAMES]
    if len(found) == 1:
        return found[0]
    held = (
        f"It holds {first_few(found)}" if found else f"None of {', '.join(TARGET_NAMES)} is there"
    )
    raise InvalidInputError(
        f"{where}: which column is the energy above hull? {held}; all columns: "
        f"{first_few(map(str, frame.columns), limit=12)}. Name the column with --target."
    )


def _target_values(frame: pd.DataFrame, target: str, where: str) -> pd.Series:
    values, text = numbers(frame[target])
    if text:
        raise InvalidInputError(
            f"{where}: the target '{target}' has {counted(len(text), 'entry', 'entries')} that "
            f"{'is' if len(text) == 1 else 'are'} text: {first_few(text)}. "
            "Write numbers with a decimal point, in eV/atom."
        )
    require_no_missing(
        values,
        where=where,
        what="the target",
        remedy="Fill in the values or remove those rows; no row is dropped silently.",
    )
    require_finite(values.to_frame(), where=where)
    return values


def _notes_on_ignored(keys: Sequence[str]) -> list[str]:
    outputs = [key for key in keys if key.casefold() in DFT_OUTPUTS]
    others = [key for key in keys if key not in outputs]
    notes = []
    if outputs:
        notes.append(
            "Not used, because they are outputs of the same calculation as the target: "
            f"{', '.join(outputs)}."
        )
    if others:
        notes.append(f"{counted(len(others), 'column')} left out: {first_few(others, limit=12)}.")
    return notes


# ---------------------------------------------------------------- sites


def _site_frame(
    frame: pd.DataFrame, sites: Sites | None, where: str
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Return the sites in canonical text, the columns they came from, and notes."""
    given = {site: _first_present(frame, names) for site, names in _SITE_NAMES.items()}
    if given["A"] is not None and given["B"] is not None:
        held = {site: key for site, key in given.items() if key is not None}
        parsed = {
            site: parse_site_column(frame[key], where=where).rename(site)
            for site, key in held.items()
        }
        return pd.DataFrame(parsed, index=frame.index), list(held.values()), []
    formula = _formula_column(frame)
    if formula is None:
        raise InvalidInputError(
            f"{where}: no columns of sites or formulas were found among "
            f"{first_few(map(str, frame.columns), limit=12)}. Name two columns 'A' and 'B' "
            "(and 'X'), or one column 'formula'."
        )
    table = sites_of_formulas(frame[formula], sites, where=where)
    notes = [f"The sites A and B were taken from the formulas in column '{formula}'."]
    if sites is None:
        notes = [
            f"The sites A and B were assumed from the order of the elements in column "
            f"'{formula}'; name the elements of each site to be sure."
        ]
    return table, [formula], notes


def _first_present(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    return next((name for name in names if name in frame.columns), None)


def _formula_column(frame: pd.DataFrame) -> str | None:
    for key in frame.columns:
        if str(key).casefold() in _FORMULA_NAMES:
            return str(key)
    for key in frame.columns:
        cells = frame[key]
        if pd.api.types.is_string_dtype(cells) and cells.notna().all() and cells.map(_is_abx).all():
            return str(key)
    return None


def _is_abx(cell: str) -> bool:
    try:
        return len(parse_formula(cell)) >= 3
    except InvalidInputError:
        return False
