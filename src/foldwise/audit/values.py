"""What the values of a table say about its labels, beyond abundance."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from foldwise.arrays import BoolArray, FloatArray
from foldwise.audit.codes import check_codes, code_cells
from foldwise.audit.findings import Finding
from foldwise.audit.gaps import check_limits, check_missing
from foldwise.audit.lattices import check_lattices
from foldwise.audit.markers import check_single_columns
from foldwise.audit.precision import check_precision
from foldwise.audit.scaling import check_scaling
from foldwise.audit.ties import check_ties

__all__ = ["check_values"]


def check_values(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    names: Sequence[str],
    ids: Sequence[str],
    classes: tuple[str, str],
) -> list[Finding]:
    """Return findings on values that were made with the labels, or that give them away.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        Values as they stand in the table; NaN where a cell is missing.
    y : float array of shape (n_samples,)
        Labels 0 and 1.
    names, ids : sequence of str
        Of the columns and rows.
    classes : tuple of str
        Words for 0 and 1.

    Returns
    -------
    list of Finding
        Forms that no abundance takes ("stops"), and differences that chance, biology or
        batches may explain ("weakens").

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.lognormal(size=(40, 12)), np.repeat([0.0, 1.0], 20)
    >>> names, ids = [f"m{j}" for j in range(12)], [f"P{i}" for i in range(40)]
    >>> check_values(X, y, names, ids, ("control", "case"))
    []
    """
    codes = check_codes(X, y, names, classes)
    # Cells that are empty in the table: codes, which become gaps below, have their own finding.
    found = [*codes, *check_missing(X, y, names, classes)]
    X = np.where(code_cells(X), np.nan, X) if codes else X
    columns = _with_values(X, y)
    if not columns.any():
        return found
    kept, named = X[:, columns], [n for n, one in zip(names, columns, strict=True) if one]
    # One cause, one finding: ranks within a class also pin its mean and its ties.
    form = (
        check_lattices(kept, y, named, classes)
        or check_scaling(kept, y, named, classes)
        or check_precision(kept, y, named, classes)
        or check_ties(kept, y, named, classes)
    )
    found += [*form, *check_limits(kept, y, named, classes)]
    return [*found, *check_single_columns(kept, y, named, classes)]


def _with_values(X: FloatArray, y: FloatArray) -> BoolArray:
    """Return columns that vary and have two values or more in each class."""
    present = ~np.isnan(X)
    enough = np.minimum(*(present[y == label].sum(axis=0) for label in (0, 1))) >= 2
    varies = np.where(present, X, np.inf).min(axis=0) < np.where(present, X, -np.inf).max(axis=0)
    return np.asarray(enough & varies)
