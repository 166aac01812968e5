"""What the audit finds in a table of compositions, and in a network trained on it."""

from collections.abc import Mapping

import numpy as np

from foldwise.arrays import BoolArray
from foldwise.audit.compositions import (
    check_elements,
    check_energies,
    check_outputs,
    check_repeats,
)
from foldwise.audit.findings import Finding
from foldwise.data.compositions import DFT_OUTPUTS
from foldwise.data.held_elements import formulas
from foldwise.errors import first_few
from foldwise.studies.perovskite_evidence import Compositions, EncodingEvidence
from foldwise.studies.perovskite_tables import UNIT

__all__ = ["find_in_encodings", "find_in_rows"]


def find_in_rows(data: Compositions, parts: Mapping[str, BoolArray]) -> list[Finding]:
    """Return findings on the rows, their elements and energies, and how they were split."""
    outputs = [key for key in data.table.keys("ignored") if key.lower() in DFT_OUTPUTS]
    found = check_outputs(outputs)
    trained = data.elements_in(parts["train"])
    held = parts.get("holdout", np.zeros(data.table.n_rows, bool))
    counts = {e: int(data.members[e].to_numpy()[held].sum()) for e in data.elements_in(held)}
    idle = set(data.vocabulary) - set(data.members.columns)
    found += check_elements(trained, counts, idle)
    if data.table.column(data.table.keys("target")[0]).unit == UNIT:
        found += check_energies(data.y, data.table.ids)
    found += check_repeats(formulas(data.table), data.table.ids, parts)
    if data.dataset is not None and data.dataset.caveat:
        found.append(
            Finding(
                "known-limits-of-the-set",
                "weakens",
                data.dataset.caveat,
                f"Read the set's entry: `foldwise datasets show {data.dataset.name}`.",
            )
        )
    return found


def find_in_encodings(
    data: Compositions, train: BoolArray, encodings: Mapping[str, EncodingEvidence]
) -> list[Finding]:
    """Return findings on missing properties, and on networks that learned nothing."""
    found = []
    for kind, own in encodings.items():
        found += _check_descriptors(kind, own)
        found += _check_collapse(data, train, kind, own)
    return found


def _check_descriptors(kind: str, own: EncodingEvidence) -> list[Finding]:
    """Return findings on properties that are not known for every element."""
    found = []
    missing = np.isnan(own.X)
    if missing.any():
        found.append(
            Finding(
                "missing-descriptors",
                "note",
                f"{missing.mean():.1%} of the {kind} cells are empty. {' '.join(own.notes)}",
                "Each fit fills them with the median of its training rows; a property table that "
                "holds them (--descriptors FILE) is better.",
            )
        )
    left_out = tuple(own.encoder.get("left_out", ()))
    if left_out:
        found.append(
            Finding(
                "descriptors-without-values",
                "note",
                f"{len(left_out)} {kind} columns have no value for any element of the training "
                f"rows and are left out: {first_few(left_out)}.",
                "Give a property table that holds them (--descriptors FILE).",
                columns=left_out,
            )
        )
    return found


def _check_collapse(
    data: Compositions, train: BoolArray, kind: str, own: EncodingEvidence
) -> list[Finding]:
    """Return a finding if the network answers with one number, or with nonsense."""
    prediction, y = own.network.at(0, train), data.y[train]
    if prediction.std() <= 0.05 * y.std():
        return [
            Finding(
                "network-predicts-a-constant",
                "stops",
                f"On {kind} the network's predictions of its own training rows vary by "
                f"{prediction.std():.4f} {UNIT}, the target by {y.std():.4f}: it answers every "
                "row with nearly one number.",
                f"Lower the weight decay ({own.learner.weight_decay:g} here; it counts against "
                "the variance of the target), or train longer.",
            )
        ]
    error, variance = float(((prediction - y) ** 2).mean()), float(y.var())
    if error <= 1.01 * variance:
        return []
    return [
        Finding(
            "network-worse-than-a-constant",
            "stops",
            f"On {kind} the network's mean squared error on its own training rows is "
            f"{error:.3g} ({UNIT})², that of their mean {variance:.3g}: it has not learned.",
            f"Lower lr ({own.learner.lr:g} here), or train longer.",
        )
    ]
