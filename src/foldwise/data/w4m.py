"""Workflow4Metabolomics: a data matrix, sample metadata and variable metadata, joined by key."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pandas as pd

from foldwise.data.files import frame_of_rows
from foldwise.data.identifiers import (
    described_rows,
    identifiers_of,
    require_described,
    shown_names,
)
from foldwise.data.orientation import turned
from foldwise.data.raw_cohort import RawCohort, require_apart, with_known_columns
from foldwise.data.roles import Roles
from foldwise.data.rows import FileRows
from foldwise.data.rules import require_same_ids
from foldwise.data.tables import SourceFile
from foldwise.errors import InvalidInputError

__all__ = ["read_w4m"]


def read_w4m(
    files: Sequence[FileRows], roles: Roles, *, id_column: str | None, required: bool
) -> RawCohort:
    """Read three tables in any order; keys tell which is which.

    Parameters
    ----------
    files : sequence of three FileRows
        Features by samples, what is known of samples, what is known of features.
    roles : Roles
        Roles of columns of the sample metadata.
    id_column : str, optional
        The column of sample ids in the sample metadata, if it is not the first.
    required : bool
        Whether a target must be found.

    Raises
    ------
    InvalidInputError
        If the tables cannot be told apart, or samples or features differ between them.
    """
    matrix, samples, variables = _told_apart(files, id_column)
    X = frame_of_rows(turned(matrix.rows, where=matrix.name), where=matrix.name)
    known = frame_of_rows(samples.rows, where=samples.name, id_column=id_column)
    require_same_ids(X.index, known.index, X_name=matrix.name, y_name=samples.name)
    described = described_rows(variables.rows, variables.rows[0][0].strip(), where=variables.name)
    require_described(list(X.columns), list(described), X_name=matrix.name, V_name=variables.name)
    shown = shown_names(described)
    X = X.rename(columns=shown)
    require_apart(list(X.columns), list(known.columns), X_name=variables.name, y_name=samples.name)
    sources = tuple(SourceFile(file.name, file.sha256, len(file.rows) - 1) for file in files)
    identifiers = identifiers_of({shown[key]: cells for key, cells in described.items()})
    note = (
        f"Read as three tables of Workflow4Metabolomics: {matrix.name} (features x samples), "
        f"{samples.name} (samples) and {variables.name} (features), joined by key."
    )
    roles, batched = _with_batch(roles, known)
    cohort = RawCohort(X, roles, sources, (note, *batched), identifiers)
    return with_known_columns(cohort, known, required=required)


def _with_batch(roles: Roles, known: pd.DataFrame) -> tuple[Roles, tuple[str, ...]]:
    """Take the column that the format names ``batch`` as the batch, if it has no role yet."""
    taken = roles.batch is not None or "batch" in roles.named()
    if taken or "batch" not in known or known["batch"].nunique() < 2:
        return roles, ()
    return replace(roles, batch="batch"), ("The column 'batch' was taken as the batch.",)


def _told_apart(
    files: Sequence[FileRows], id_column: str | None
) -> tuple[FileRows, FileRows, FileRows]:
    """Return data matrix, sample metadata and variable metadata by the keys they share."""
    orders = [(a, b, c) for a, b, c in permutations(files)]
    scores = [_shared_keys(a, b, c, id_column) for a, b, c in orders]
    best = max(scores)
    if best == 0 or scores.count(best) > 1:
        names = ", ".join(file.name for file in files)
        raise InvalidInputError(
            f"{names}: three tables were given, and their keys do not tell which is which. "
            "Needed are a data matrix (features in rows, samples in columns), sample metadata "
            "(the samples in its first column) and variable metadata (the features in its first "
            "column). Compare the names in the three files."
        )
    return orders[scores.index(best)]


def _shared_keys(
    matrix: FileRows, samples: FileRows, variables: FileRows, id_column: str | None
) -> int:
    heading = [cell.strip() for cell in samples.rows[0]]
    at = heading.index(id_column) if id_column in heading else 0
    shared_samples = {row[at].strip() for row in samples.rows[1:]} & _stripped(matrix.rows[0][1:])
    shared_features = {row[0].strip() for row in variables.rows[1:]} & _stripped(
        [row[0] for row in matrix.rows[1:]]
    )
    if not shared_samples or not shared_features:
        return 0
    return len(shared_samples) + len(shared_features)


def _stripped(cells: Sequence[str]) -> set[str]:
    return {cell.strip() for cell in cells}
