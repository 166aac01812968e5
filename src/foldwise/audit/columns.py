"""Checks of feature columns: missing cells, constant and repeated columns, the scale."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from foldwise.audit.findings import Finding, Severity
from foldwise.errors import first_few

__all__ = ["check_columns", "check_scale", "check_training_columns"]


def check_columns(X: Float[np.ndarray, "sample feature"], names: Sequence[str]) -> list[Finding]:
    """Return findings on missing cells, constant columns and repeated columns.

    Examples
    --------
    >>> X = np.array([[1.0, 2.0], [1.0, np.nan]])
    >>> [finding.check for finding in check_columns(X, ["a", "b"])]
    ['missing-cells', 'constant-columns']
    """
    found = [_missing(X, names), _constant(X, names), _repeated(X, names)]
    return [finding for finding in found if finding is not None]


def _missing(X: np.ndarray, names: Sequence[str]) -> Finding | None:
    missing = np.isnan(X)
    if not missing.any():
        return None
    columns = [names[int(column)] for column in np.flatnonzero(missing.any(axis=0))]
    return Finding(
        "missing-cells",
        "note",
        f"{int(missing.sum())} of {X.size} cells ({missing.mean():.1%}) are missing, in "
        f"{len(columns)} of {X.shape[1]} columns; the emptiest lacks "
        f"{missing.mean(axis=0).max():.0%}.",
        "Each fit fills them from its own training rows (--impute says how). Check whether cells "
        "are missing at random: below a detection limit they are not.",
        columns=tuple(columns),
    )


def _constant(X: np.ndarray, names: Sequence[str]) -> Finding | None:
    columns = tuple(names[int(column)] for column in np.flatnonzero(_is_constant(X)))
    if not columns:
        return None
    return Finding(
        "constant-columns",
        "note",
        f"Columns that hold one value only: {first_few(columns)}.",
        "They keep scale 1 and carry nothing; leave them out.",
        columns=columns,
    )


def check_training_columns(
    X: Float[np.ndarray, "sample feature"], train: Bool[np.ndarray, " sample"], names: Sequence[str]
) -> list[Finding]:
    """Return a finding on columns that vary in the table and not in its training rows.

    Examples
    --------
    >>> X, train = np.array([[1.0, 2.0], [1.0, 3.0], [0.0, 4.0]]), np.array([True, True, False])
    >>> check_training_columns(X, train, ["a", "b"])[0].columns
    ('a',)
    """
    constant = _is_constant(X[train]) & ~_is_constant(X)
    columns = tuple(names[int(column)] for column in np.flatnonzero(constant))
    if not columns:
        return []
    return [
        Finding(
            "constant-in-training",
            "note",
            f"Columns that hold one value in all {int(train.sum())} training rows of the one split "
            f"and vary elsewhere: {first_few(columns)}.",
            "They keep scale 1, so other rows are not standardised there; a linear model gives "
            "them no weight. Leave such columns out, or collect more rows.",
            columns=columns,
        )
    ]


def _is_constant(X: np.ndarray) -> np.ndarray:
    """Return which columns hold one value only, missing cells aside."""
    filled = np.where(np.isnan(X), np.inf, X).min(axis=0)
    return np.asarray(filled == np.where(np.isnan(X), -np.inf, X).max(axis=0))


def _repeated(X: np.ndarray, names: Sequence[str]) -> Finding | None:
    first: dict[bytes, str] = {}
    pairs: list[tuple[str, str]] = []
    for column, name in enumerate(names):
        held = first.setdefault(X[:, column].tobytes(), name)
        if held != name:
            pairs.append((held, name))
    if not pairs:
        return None
    written = first_few(f"{one} = {other}" for one, other in pairs)
    return Finding(
        "repeated-columns",
        "weakens",
        f"Columns that repeat another exactly: {written}.",
        "Keep one of each: repeats split a coefficient and count twice in a panel.",
        columns=tuple(other for _, other in pairs),
    )


def check_scale(scale: str, origin: str) -> list[Finding]:
    """Return what the scale of the features means for the claim."""
    if scale in ("percentile", "z"):
        severity: Severity = "weakens"
        kind = "percentiles" if scale == "percentile" else "standardised values"
        message = (
            f"The values look like {kind}, not abundances ({origin}): whoever made them used "
            "all rows at once, and perhaps the labels."
        )
        remedy = (
            "Ask which rows and labels went into the transform, and start from the raw "
            "abundances where possible; fold changes are not computed."
        )
        return [Finding("transformed-values", severity, message, remedy)]
    return []
