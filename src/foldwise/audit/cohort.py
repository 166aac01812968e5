"""The whole audit of a table of abundances with two classes, in one call."""

from collections.abc import Iterator

from foldwise.arrays import FloatArray
from foldwise.audit.columns import check_columns, check_scale
from foldwise.audit.confounders import (
    DesignColumn,
    Kind,
    check_confounders,
    check_feature_roles,
    recognise,
)
from foldwise.audit.design import check_id_numbers, check_id_words, check_row_order
from foldwise.audit.duplicates import check_duplicates
from foldwise.audit.findings import Finding, Severity
from foldwise.audit.names import check_foreign_names, check_names
from foldwise.audit.size import check_size
from foldwise.audit.subjects import check_subjects
from foldwise.audit.transforms import check_near_columns, check_transforms
from foldwise.audit.values import check_values
from foldwise.data.rules import BinaryTarget
from foldwise.data.tables import Role, Table

__all__ = ["audit_cohort", "gravest_first"]

_GRAVITY: dict[Severity, int] = {"stops": 0, "weakens": 1, "note": 2}


def audit_cohort(
    table: Table, target: BinaryTarget, *, folds: int = 5, test_size: float = 0.2
) -> list[Finding]:
    """Return every finding on a table and its classes, gravest first.

    Nothing is fitted. A check that fails raises: an audit that is silent for such a reason
    would read as a clean table.

    Parameters
    ----------
    table : Table
        Features, ids, and columns with a role.
    target : BinaryTarget
        Which rows are cases.
    folds : int, default=5
        Folds that a study will use.
    test_size : float, default=0.2
        Share of rows in a study's test part.

    Examples
    --------
    >>> from foldwise.data.registry import load_abundances
    >>> from foldwise.data.rules import binary_target
    >>> table = load_abundances("sacurine").table
    >>> found = audit_cohort(table, binary_target(table.values("target"), "F"))
    >>> [finding.check for finding in found if finding.severity == "stops"]
    []
    """
    X, y, names, ids = table.X(), target.y, table.keys("feature"), table.ids
    classes = (target.negative, target.positive)
    found = check_columns(X, names)
    found += check_transforms(X) or check_scale(table.scale, table.scale_origin)
    found += check_near_columns(X, names)
    found += check_values(X, y, names, ids, classes)
    found += check_duplicates(X, y, ids, table.groups())
    found += check_subjects(X, ids, table.groups())
    found += check_id_numbers(ids, y, classes)
    found += check_id_words(ids, y, classes)
    found += _row_order(table, y)
    found += check_confounders(list(design_columns(table)), y, classes)
    found += check_feature_roles(names)
    found += check_names(X, y, names)
    found += check_foreign_names(names)
    found += check_size(y, len(names), classes, folds=folds, test_size=test_size)
    return gravest_first(found)


def gravest_first(findings: list[Finding]) -> list[Finding]:
    """Return findings by severity, otherwise in their order.

    Examples
    --------
    >>> found = [Finding("a", "note", "", ""), Finding("b", "stops", "", "")]
    >>> [finding.check for finding in gravest_first(found)]
    ['b', 'a']
    """
    return sorted(findings, key=lambda finding: _GRAVITY[finding.severity])


def _row_order(table: Table, y: FloatArray) -> list[Finding]:
    """Return the first finding on the order of a file: two files are mostly ordered alike."""
    for order in table.file_orders:
        if found := check_row_order(order, table.ids, y):
            return found
    return []


def design_columns(table: Table) -> Iterator[DesignColumn]:
    """Yield the columns of the design: by their declared role, else by their name."""
    declared: dict[Role, Kind] = {"batch": "batch", "covariate": "covariate"}
    for column in table.columns:
        named = recognise(column.key)
        if column.role in declared:
            kind = named or declared[column.role]
        elif column.role in ("ignored", "feature") and named is not None:
            kind = named
        else:
            continue
        yield DesignColumn(column.key, kind, table.frame[column.key])
