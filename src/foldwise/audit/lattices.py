"""Ranks made with the labels: classes on different lattices, and ranks within one class.

A percentile among the rows of one class is a count divided by the size of that class. With the
usual convention a row of that class counts itself by half, any other row does not: one class
then stands on half steps and the other on whole steps, and the decimals of a single cell
give the class. With other conventions both classes share the steps, but the class that was the
reference fills each step once, in every column.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foldwise.arrays import BoolArray, FloatArray
from foldwise.audit.contrast import beats_mixed_labels, overlapping_columns
from foldwise.audit.findings import Finding
from foldwise.evaluation.seeds import child_seed

__all__ = ["check_lattices", "filled_alike", "lattice_phases"]

_FEWEST_COLUMNS = 3
_MOST = 0.5  # of the columns: a transform was applied to the table, not to one marker
_ALIKE = 0.6  # of a class's cells; ties below a detection limit take the rest
_FEWEST_LEVELS = 5
_LARGEST_REFERENCE = 1000
_CELLS_PER_CLASS = 600  # to search the step with: chance reaches 0.1, the limit is 0.35

_REMEDY = (
    "Start again from the abundances before this transform, and learn any transform inside each "
    "fold from training rows alone. No score on this table speaks of the disease."
)


@dataclass(frozen=True)
class Lattice:
    """A step of 1/n of the full scale, and where each class stands between two steps.

    Attributes
    ----------
    n_reference : int
        Steps to the full scale.
    full_scale : float
        100 for percent, 1 for shares.
    phases : tuple of float
        Typical place between two steps of controls and of cases, 0 to 1.
    on_phase : tuple of float
        Share of the cells of controls and of cases within a tenth of a step of it.
    """

    n_reference: int
    full_scale: float
    phases: tuple[float, float]
    on_phase: tuple[float, float]


def check_lattices(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    names: Sequence[str],
    classes: tuple[str, str],
) -> list[Finding]:
    """Return a finding if ranks or percentiles were made with the labels.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing.
    y : float array of shape (n_samples,)
        Labels 0 and 1.
    names : sequence of str
        Of the columns.
    classes : tuple of str
        Words for 0 and 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> controls, cases = rng.normal(size=(20, 5)), rng.normal(size=(15, 5))
    >>> rows = np.concatenate([controls, cases])[:, None]
    >>> X = 100 * ((controls < rows).mean(axis=1) + (controls <= rows).mean(axis=1)) / 2
    >>> y = np.repeat([0.0, 1.0], [20, 15])
    >>> found = check_lattices(X, y, list("abcde"), ("control", "case"))
    >>> [(finding.check, finding.severity) for finding in found]
    [('percentile-lattice', 'stops')]
    """
    columns = overlapping_columns(X, y)
    if columns.sum() < _FEWEST_COLUMNS:
        return []
    kept = X[:, columns]
    said = []
    lattice = lattice_phases(kept, y)
    if lattice is not None and beats_mixed_labels(
        lambda labels: _distance(kept, labels, lattice), y
    ):
        said.append(_say_phases(lattice, y, classes))
    said.extend(_say_alike(kept, y, classes))
    if not said:
        return []
    held = tuple(name for name, one in zip(names, columns, strict=True) if one)
    return [Finding("percentile-lattice", "stops", " ".join(said), _REMEDY, columns=held)]


# ---------------------------------------------------------------- phases


def lattice_phases(
    X: Float[np.ndarray, "sample feature"], y: Float[np.ndarray, " sample"]
) -> Lattice | None:
    """Return the step on which the classes stand apart, or None.

    Each count n of reference rows from 4 to 1000 is tried, so neither the size of a class nor
    a complete table is assumed. With x the share of full scale and z = exp(2 pi i n x), cells on
    whole steps have z = 1 and cells on half steps z = -1; either has z squared = 1.
    """
    cells, full_scale = _percentile_cells(X)
    if full_scale == 0.0:
        return None
    drawn = [_draw(cells[y == label]) for label in (0, 1)]
    if min(map(len, drawn)) < 20:
        return None
    n = np.arange(4, _LARGEST_REFERENCE + 1)
    turns = [2.0 * np.pi * np.outer(one / full_scale, n) for one in drawn]  # (cell, n)
    first = [np.cos(t).mean(axis=0) + 1j * np.sin(t).mean(axis=0) for t in turns]
    second = [np.hypot(np.cos(2 * t).mean(axis=0), np.sin(2 * t).mean(axis=0)) for t in turns]
    apart = np.abs(first[1] - first[0]) / 2
    on_lattice = np.maximum(*second) > 0.8
    # The step itself and its odd multiples do equally well: the first is the step.
    fits = np.flatnonzero(on_lattice & (apart > 0.35))
    if not len(fits):
        return None
    best = int(fits[np.argmax(apart[fits] > 0.95 * apart[fits].max())])
    phases = tuple(float(np.angle(one[best]) / (2 * np.pi) % 1.0) for one in first)
    turned = (cells / full_scale * n[best]) % 1.0
    shares = tuple(
        float(np.mean(_circular(turned[y == label], phase)[~np.isnan(cells[y == label])] < 0.1))
        for label, phase in zip((0, 1), phases, strict=True)
    )
    return Lattice(int(n[best]), full_scale, phases, shares)  # type: ignore[arg-type]


def _percentile_cells(X: FloatArray) -> tuple[FloatArray, float]:
    """Return the columns that may be percentiles, and 100 or 1; 0 if most cannot be."""
    slack = 1e-6
    low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    for full_scale in (1.0, 100.0):
        fits = (low >= -slack) & (high <= full_scale + slack) & (high > full_scale / 2)
        if fits.mean() >= _MOST and fits.sum() >= _FEWEST_COLUMNS:
            return X[:, fits], full_scale
    return X, 0.0


def _draw(cells: FloatArray) -> FloatArray:
    """Return a fixed draw of cells, in which 0 and full scale are left out.

    Ends collect what lies below or above every reference row, in any convention.
    """
    flat = cells[~np.isnan(cells)]
    flat = flat[(flat > flat.min()) & (flat < flat.max())] if len(flat) else flat
    rng = np.random.default_rng(child_seed(0, "lattice cells"))
    return rng.permutation(flat)[:_CELLS_PER_CLASS]


def _circular(turned: FloatArray, phase: float) -> FloatArray:
    return np.asarray(np.abs((turned - phase + 0.5) % 1.0 - 0.5))


def _distance(X: FloatArray, y: FloatArray, lattice: Lattice) -> float:
    """Return how far apart two groups of rows stand on a known lattice, 0 to 1."""
    cells, full_scale = _percentile_cells(X)
    turns = 2j * np.pi * cells / full_scale * lattice.n_reference
    mean = [np.nanmean(np.exp(turns[y == label])) for label in (0, 1)]
    return float(abs(mean[1] - mean[0]) / 2)


def _say_phases(lattice: Lattice, y: FloatArray, classes: tuple[str, str]) -> str:
    step = lattice.full_scale / lattice.n_reference
    fits = [classes[k] for k in (0, 1) if (y == k).sum() == lattice.n_reference]
    whose = f", the number of rows of '{fits[0]}'" if len(fits) == 1 else ""
    whose = ", the number of rows of each class" if len(fits) == 2 else whose
    return (
        f"The values are percentiles in steps of {step:.4g} (full scale / {lattice.n_reference}"
        f"{whose}), and the classes stand on different steps: {lattice.on_phase[0]:.0%} of the "
        f"cells of '{classes[0]}' lie {_place(lattice.phases[0])}, {lattice.on_phase[1]:.0%} of "
        f"those of '{classes[1]}' {_place(lattice.phases[1])}. The decimals of a single cell of "
        "any column tell the class: the labels went into the values."
    )


def _place(phase: float) -> str:
    if _circular(np.array([phase]), 0.0)[0] < 0.1:
        return "on whole steps"
    return "on half steps" if abs(phase - 0.5) < 0.1 else f"{phase:.2f} of a step above one"


# ---------------------------------------------------------------- ranks within one class


def filled_alike(
    X: Float[np.ndarray, "sample feature"], rows: BoolArray
) -> Float[np.ndarray, " feature"]:
    """Return, per column, the share of the given rows' sorted values that other columns hold too.

    Ranks within a group give the same set of values in every column. Columns with the same
    number of missing cells are compared with their middle profile. A column in which fewer than
    60 % of the values differ from each other counts as 0, unless it is the profile to the last
    cell: rounded ranks.

    Examples
    --------
    >>> X = np.array([[1.0, 3.0, 2.0], [2.0, 1.0, 3.0], [3.0, 2.0, 1.0], [0.7, 5.0, 1.1]])
    >>> filled_alike(X, np.array([True, True, True, False]))
    array([1., 1., 1.])
    """
    ordered = np.sort(X[rows], axis=0)  # missing cells come last
    present = (~np.isnan(ordered)).sum(axis=0)
    shares = np.zeros(X.shape[1])
    for n_present in np.unique(present[present >= 3]):
        columns = np.flatnonzero(present == n_present)
        if len(columns) < _FEWEST_COLUMNS:
            continue
        block = ordered[:n_present, columns]
        profile = np.quantile(block, 0.5, axis=1, method="lower")
        near = 1e-6 * (profile[-1] - profile[0])
        alike = (np.abs(block - profile[:, None]) <= near).mean(axis=0)
        distinct = 1 + (np.diff(block, axis=0) > near).sum(axis=0)
        enough = (distinct >= _ALIKE * n_present) | ((alike == 1.0) & (distinct >= _FEWEST_LEVELS))
        shares[columns] = np.where(enough, alike, 0.0)
    return shares


def _share_alike(X: FloatArray, rows: BoolArray, least: float = _ALIKE) -> float:
    """Return the share of columns filled alike; copies of one column count once."""
    alike = np.flatnonzero(filled_alike(X, rows) >= least)
    orders = np.argsort(X[rows], axis=0, kind="stable")
    different = {orders[:, column].tobytes() for column in alike}
    return len(alike) / X.shape[1] if len(different) >= _FEWEST_COLUMNS else 0.0


def _say_alike(X: FloatArray, y: FloatArray, classes: tuple[str, str]) -> list[str]:
    share = [_share_alike(X, y == label) for label in (0, 1)]
    if max(share) < _MOST:
        return []
    # Ranks over all rows leave a large class almost filled where the other class is tiny.
    if _share_alike(X, np.ones(len(y), dtype=bool)) >= _MOST and min(share) < _MOST:
        return []
    fuller = int(np.argmax(share))
    # Six ranks are often alike by four; what counts is to be as alike as this class is.
    usual = max(_ALIKE, float(np.median(filled_alike(X, y == fuller))))
    if not beats_mixed_labels(
        lambda labels: max(_share_alike(X, labels == label, usual) for label in (0, 1)), y
    ):
        return []
    return [
        f"Sorted, the {int((y == label).sum())} rows of '{classes[label]}' hold the same values "
        f"in {share[label]:.0%} of the columns where the classes overlap: they are ranks "
        "within that class."
        for label in (0, 1)
        if share[label] >= _MOST
    ]
