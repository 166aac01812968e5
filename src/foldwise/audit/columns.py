"""Checks of feature columns: missing cells, constant and repeated columns, the scale."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from foldwise.audit.findings import Finding, Severity
from foldwise.errors import first_few

__all__ = ["check_columns", "check_scale"]


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
        "Each fit fills them with the median of its own training rows. Check whether cells are "
        "missing at random: below a detection limit they are not.",
        columns=tuple(columns),
    )


def _constant(X: np.ndarray, names: Sequence[str]) -> Finding | None:
    lowest, highest = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    columns = tuple(names[int(column)] for column in np.flatnonzero(lowest == highest))
    if not columns:
        return None
    return Finding(
        "constant-columns",
        "note",
        f"Columns that hold one value only: {first_few(columns)}.",
        "They keep scale 1 and carry nothing; leave them out.",
        columns=columns,
    )


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
