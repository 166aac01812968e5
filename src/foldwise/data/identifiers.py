"""Identifiers of features: what a file says about each, and the name it is shown under."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from foldwise.data.files import MISSING, frame_of_rows
from foldwise.data.rows import Rows
from foldwise.data.rules import counted
from foldwise.errors import InvalidInputError, first_few

__all__ = ["described_rows", "identifiers_of", "require_described", "shown_names"]

Described = Mapping[str, Mapping[str, str]]

_DATABASES = {
    "HMDB": r"hmdb",
    "KEGG": r"kegg(_?compound)?",
    "InChIKey": r"inchi_?key",
    "PubChem": r"pubchem(_?cid)?|cid",
    "ChEBI": r"chebi",
    "CAS": r"cas(_?number|_?rn)?",
    "RefMet": r"refmet(_?name)?",
    "LIPID MAPS": r"lipid_?maps?|lm",
    "MSI level": r"msi_?level",
}
_LABEL = re.compile(
    r"(metabolite|compound|chemical)?[ _.]?(name|label)|metabolite|compound", re.IGNORECASE
)
_EMPTY = MISSING | {"-", "None", "none", "null", "unknown"}


def described_rows(rows: Rows, key_column: str, *, where: str) -> dict[str, dict[str, str]]:
    """Return a table about features by key: ``{"M1": {"Label": "Glucose"}}``.

    Raises
    ------
    InvalidInputError
        If a key is empty or stands twice, or a column has no name or that of another.
    """
    frame_of_rows(rows, where=where, id_column=key_column)  # raises
    heading = [cell.strip() for cell in rows[0]]
    at = heading.index(key_column)
    body = [[cell.strip() for cell in row] for row in rows[1:]]
    return {row[at]: dict(zip(heading, row, strict=True)) for row in body}


def require_described(
    features: Sequence[str], described: Sequence[str], *, X_name: str, V_name: str
) -> None:
    """Raise if a table about features and the table of values hold other features."""
    said = []
    for lonely, held, other in (
        (sorted(set(features) - set(described)), X_name, V_name),
        (sorted(set(described) - set(features)), V_name, X_name),
    ):
        if lonely:
            verb = "is" if len(lonely) == 1 else "are"
            said.append(
                f"{counted(len(lonely), 'feature')} of {held} {verb} not in {other}: "
                f"{first_few(lonely)}"
            )
    if said:
        raise InvalidInputError(
            f"{'. '.join(said)}. Names are compared after trimming spaces, never by position: "
            "correct them, or remove those features from both."
        )


def shown_names(described: Described, label_column: str | None = None) -> dict[str, str]:
    """Return the name each feature is shown under: its label, with its key where it repeats.

    Parameters
    ----------
    described : mapping
        What is known of each feature.
    label_column : str, optional
        Where the labels stand; without it a column called name, label, metabolite or compound.

    Examples
    --------
    >>> peaks = {"M1": {"Label": "Glucose"}, "M2": {"Label": "Hexose"}, "M3": {"Label": "Hexose"}}
    >>> shown_names(peaks)
    {'M1': 'Glucose', 'M2': 'Hexose (M2)', 'M3': 'Hexose (M3)'}
    """
    columns = list(next(iter(described.values()), {}))
    named = [column for column in columns if _LABEL.fullmatch(column)]
    column = label_column or (named[0] if len(named) == 1 else None)
    if column is None:
        return {key: key for key in described}
    labels = {key: cells.get(column, "").strip() for key, cells in described.items()}
    labels = {key: key if label in _EMPTY else label for key, label in labels.items()}
    count = Counter(labels.values())
    shown = {key: f"{x} ({key})" if count[x] > 1 and x != key else x for key, x in labels.items()}
    return shown if len(set(shown.values())) == len(shown) else {key: key for key in described}


def identifiers_of(described: Described) -> dict[str, dict[str, str]]:
    """Return the identifiers among what is known of each feature, under one spelling.

    Examples
    --------
    >>> identifiers_of({"Glucose": {"hmdb_id": "HMDB0000122", "PUBCHEM": "5793", "rt": "1.2"}})
    {'Glucose': {'HMDB': 'HMDB0000122', 'PubChem': '5793'}}
    """
    found = {}
    for key, cells in described.items():
        held = {
            database: value.strip()
            for column, value in cells.items()
            if (database := _database(column)) and value.strip() not in _EMPTY
        }
        if held:
            found[key] = held
    return found


def _database(column: str) -> str | None:
    plain = re.sub(r"[ .\-]+", "_", column.strip().casefold()).removesuffix("_id")
    for database, pattern in _DATABASES.items():
        if re.fullmatch(pattern, plain):
            return database
    return None
