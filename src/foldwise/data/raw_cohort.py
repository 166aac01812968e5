"""Raw cohorts: what every file format is read into, and how samples meet their labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from foldwise.data.roles import TARGET_NAME, Roles
from foldwise.data.rules import counted, require_same_ids
from foldwise.data.tables import SourceFile
from foldwise.errors import InvalidInputError, first_few

__all__ = ["RawCohort", "joined", "require_apart", "with_known_columns", "with_named_target"]


@dataclass(frozen=True, eq=False)
class RawCohort:
    """Samples in rows by id, features and what is known of the samples in columns.

    Attributes
    ----------
    frame : DataFrame
        Indexed by id as ``read_frame`` returns it. Columns without a role go by their cells.
    roles : Roles
        What is known about the columns.
    sources : tuple of SourceFile
        The files that were read.
    notes : tuple of str
        What was recognised and changed.
    identifiers : mapping of str to mapping of str to str
        By column, what the file says about a feature: ``{"Glucose": {"HMDB": "HMDB0000122"}}``.
    """

    frame: pd.DataFrame
    roles: Roles
    sources: tuple[SourceFile, ...]
    notes: tuple[str, ...] = ()
    identifiers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def require_apart(
    features: Sequence[str], known: Sequence[str], *, X_name: str, y_name: str
) -> None:
    """Raise if a feature and a column about the samples have the same name."""
    both = [key for key in features if key in set(known)]
    if both:
        raise InvalidInputError(
            f"{X_name} and {y_name} both hold {counted(len(both), 'column')} "
            f"named {first_few(both)}. Remove or rename them in one file."
        )


def joined(
    X: pd.DataFrame, X_source: SourceFile, y: pd.DataFrame, y_source: SourceFile, roles: Roles
) -> tuple[pd.DataFrame, Roles]:
    """Join features and labels by id; label columns without a role are left out."""
    names = {"X_name": X_source.name, "y_name": y_source.name}
    require_same_ids(X.index, y.index, **names)
    require_apart([str(key) for key in X.columns], [str(key) for key in y.columns], **names)
    free = [str(key) for key in y.columns if key not in roles.named()]
    if roles.target is None:
        if len(free) != 1:
            raise InvalidInputError(
                f"{y_source.name}: which column is the target? It holds {first_few(free)}. "
                "Name it with --target."
            )
        roles = replace(roles, target=free[0])
    return _beside(X, y), roles.leaving_out(free)


def _beside(X: pd.DataFrame, y: pd.DataFrame) -> pd.DataFrame:
    """Put two frames side by side by id, with the orders of rows that both files have."""
    both = pd.concat([X, y.loc[X.index]], axis=1)
    # concat drops attrs that differ, and those of two files do if their rows stand in other orders.
    both.attrs["file_orders"] = X.attrs.get("file_orders", ()) + y.attrs.get("file_orders", ())
    return both


def with_known_columns(cohort: RawCohort, known: pd.DataFrame, *, required: bool) -> RawCohort:
    """Add what is known of the samples: a target by its name, and the rest left out.

    Parameters
    ----------
    cohort : RawCohort
        Its frame holds features alone.
    known : DataFrame
        One row per sample of the cohort, by id; none of its columns becomes a feature.
    required : bool
        Whether a target must be found.
    """
    frame = _beside(cohort.frame, known)
    keys = [str(key) for key in known.columns]
    return with_named_target(replace(cohort, frame=frame), keys, required=required)


def with_named_target(cohort: RawCohort, known: Sequence[str], *, required: bool) -> RawCohort:
    """Find the target among the columns about samples; those without a role are left out."""
    roles, notes = cohort.roles, cohort.notes
    free = [key for key in known if key not in roles.named()]
    varying = [key for key in free if cohort.frame[key].nunique() > 1]
    called = [key for key in free if TARGET_NAME.fullmatch(key)]
    found = called or varying
    if roles.target is None and len(found) == 1:
        reason = "by its name" if called else "as the only column that varies"
        roles = replace(roles, target=found[0])
        notes = (*notes, f"The target '{found[0]}' was found {reason}.")
    elif roles.target is None and free and required:
        where = " and ".join(source.name for source in cohort.sources)
        raise InvalidInputError(
            f"{where}: which column is the target? The samples have {first_few(found or free)}. "
            "Name it with --target."
        )
    return replace(cohort, roles=roles.leaving_out(known), notes=notes)
