"""Checks of composition tables: outputs of the same calculation, elements without rows."""

from collections.abc import Collection, Mapping, Sequence

from foldwise.audit.findings import Finding
from foldwise.errors import first_few

__all__ = ["check_elements", "check_outputs"]


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
