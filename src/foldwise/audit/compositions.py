"""Checks of composition tables: outputs of the same calculation, elements without rows."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from foldwise.arrays import BoolArray, FloatArray
from foldwise.audit.findings import Finding
from foldwise.errors import first_few

__all__ = ["check_elements", "check_energies", "check_outputs", "check_repeats"]

_LARGEST_ENERGY = 5.0
"""eV/atom: compounds that far above the hull are not calculated; meV/atom are larger."""


def check_outputs(outputs: Sequence[str]) -> list[Finding]:
    """Return a finding on columns that the calculation of the target made too."""
    if not outputs:
        return []
    return [
        Finding(
            "outputs-of-the-same-calculation",
            "note",
            "Outputs of the same calculation as the target are not used as features: "
            f"{first_few(outputs)}.",
            "A model that uses them needs the calculation it is meant to save.",
            columns=tuple(outputs),
        )
    ]


def check_elements(
    trained: Collection[str], held_out: Mapping[str, int], idle: Collection[str]
) -> list[Finding]:
    """Return findings on elements that appear without a training row.

    Parameters
    ----------
    trained : collection of str
        Elements of the training rows.
    held_out : mapping of str to int
        Elements of the holdout and their number of rows there.
    idle : collection of str
        Elements of the vocabulary that stand in no row at all.
    """
    findings = []
    unseen = {element: n for element, n in held_out.items() if element not in trained}
    if unseen:
        written = ", ".join(f"{element} ({n} rows)" for element, n in sorted(unseen.items()))
        findings.append(
            Finding(
                "unseen-elements",
                "note",
                f"Elements of the holdout that no training row holds: {written}.",
                "Read the holdout as extrapolation: one-hot columns of these elements never "
                "vary in training.",
            )
        )
    if idle:
        findings.append(
            Finding(
                "idle-vocabulary",
                "note",
                f"Elements of the vocabulary that no row holds: {first_few(sorted(idle))}.",
                "Their columns are zero everywhere; predictions for them mean nothing.",
            )
        )
    return findings


def check_energies(y: FloatArray, ids: Sequence[str]) -> list[Finding]:
    """Return findings on energies above hull that cannot be one, in eV/atom.

    Examples
    --------
    >>> [one.rows for one in check_energies(np.array([0.1, -0.2, 80.0]), ["p1", "p2", "p3"])]
    [('p2',), ('p3',)]
    """
    findings = []
    for wrong, what, remedy in (
        (
            y < 0,
            "Rows with an energy below 0",
            "An energy above hull is never negative: check that the target is no formation energy.",
        ),
        (
            y > _LARGEST_ENERGY,
            f"Rows with an energy above {_LARGEST_ENERGY:g} eV/atom",
            "Check the unit (meV/atom?) and these rows: a few such rows outweigh all others.",
        ),
    ):
        rows = tuple(ids[row] for row in np.flatnonzero(wrong).tolist())
        if rows:
            message = f"{what}, {len(rows)} of {len(y)}: {first_few(rows)}."
            findings.append(Finding("impossible-energies", "weakens", message, remedy, rows=rows))
    return findings


def check_repeats(
    compositions: Sequence[str], ids: Sequence[str], parts: Mapping[str, BoolArray]
) -> list[Finding]:
    """Return a finding on compositions of training rows that are scored again elsewhere.

    Parameters
    ----------
    compositions : sequence of str
        Canonical formula of each row.
    ids : sequence of str
        Row ids.
    parts : mapping of str to bool array of shape (n_samples,)
        Rows of each part; "train" and "validation" are learned from or watched.
    """
    known: dict[str, str] = {}
    for part in ("validation", "train"):
        for row in np.flatnonzero(parts.get(part, np.zeros(len(ids), bool))).tolist():
            known[compositions[row]] = ids[row]
    repeats = [
        (ids[row], known[compositions[row]])
        for part in ("test", "holdout")
        for row in np.flatnonzero(parts.get(part, np.zeros(len(ids), bool))).tolist()
        if compositions[row] in known
    ]
    if not repeats:
        return []
    written = first_few((f"{row} = {other}" for row, other in repeats), quoted=False)
    return [
        Finding(
            "repeated-compositions",
            "weakens",
            f"Test or holdout rows whose composition is also learned from, {len(repeats)}: "
            f"{written}.",
            "Such rows are no test of new compounds: keep one row of each composition, or give "
            "your own --splits.",
            rows=tuple(row for row, _ in repeats),
        )
    ]
