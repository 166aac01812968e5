"""Ids and the order of rows that give the class away."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import mannwhitneyu

from foldwise.arrays import FloatArray
from foldwise.audit.association import category_association
from foldwise.audit.findings import Finding
from foldwise.data.rules import CONTROL_WORDS
from foldwise.errors import first_few
from foldwise.evaluation.metrics import roc_auc

__all__ = ["check_id_numbers", "check_id_words", "check_row_order", "running_numbers"]

_SEPARATE = 0.9  # AUC of the number from which classes stand in ranges of their own
_LEVEL = 0.001
_RESTARTS = 0.2
"""Share of the smaller class's numbers held by the other class too, above which each class
counts for itself: CTRL-01, CASE-01."""


def running_numbers(ids: Sequence[str]) -> FloatArray | None:
    """Return the running number in each id, or None where ids hold none.

    Of the runs of digits that every id has, the one with most distinct values.

    Examples
    --------
    >>> running_numbers(["HU_011", "HU_014"])
    array([11., 14.])
    >>> running_numbers(["P1-S034-2", "P1-S035"])
    array([34., 35.])
    """
    runs = [re.findall(r"\d+", one) for one in ids]
    n_places = min(map(len, runs))
    if n_places == 0:
        return None
    places = [[float(run[place]) for run in runs] for place in range(n_places)]
    best = max(places, key=lambda values: len(set(values)))
    return np.array(best) if len(set(best)) > len(best) / 2 else None


def check_id_numbers(
    ids: Sequence[str], y: Float[np.ndarray, " sample"], classes: tuple[str, str]
) -> list[Finding]:
    """Return a finding if one running number holds the classes in separate ranges.

    Parameters
    ----------
    ids : sequence of str
        Row ids.
    y : float array of shape (n_samples,)
        1 for cases, 0 for controls.
    classes : pair of str
        Labels of controls and cases.

    Examples
    --------
    >>> ids = [f"PN{i:05d}" for i in range(40)]
    >>> check_id_numbers(ids, np.repeat([1.0, 0.0], 20), ("healthy", "ill"))[0].severity
    'weakens'
    """
    number = running_numbers(ids)
    if number is None or _restarts(number, y) or _shapes_differ(ids, y):
        return []
    auc = roc_auc(y, number)
    if max(auc, 1 - auc) < _SEPARATE or mannwhitneyu(number[y == 1], number[y == 0])[1] > _LEVEL:
        return []
    ranges = [
        f"'{label}' {number[y == value].min():.0f} to {number[y == value].max():.0f}"
        for value, label in zip((1, 0), reversed(classes), strict=True)
    ]
    return [
        Finding(
            "class-by-id-number",
            "weakens",
            f"The running number in the ids separates the classes: AUC {max(auc, 1 - auc):.3f} "
            f"({', '.join(ranges)}). If ids follow time or place of collection, no model can tell "
            "collection from disease.",
            "Ask for dates and places of collection, measurement batches, and how samples were "
            "stored; report them. Without overlap the claim needs a second cohort.",
        )
    ]


def _restarts(number: FloatArray, y: FloatArray) -> bool:
    classes = [set(number[y == value].tolist()) for value in (0, 1)]
    smaller, larger = sorted(classes, key=len)
    return len(smaller & larger) > _RESTARTS * len(smaller)


def _shapes_differ(ids: Sequence[str], y: FloatArray) -> bool:
    """Whether the two classes number their samples each by a rule of its own."""
    return len({_shape(text) for text in _main_texts(ids, y)}) > 1


def _main_texts(ids: Sequence[str], y: FloatArray) -> list[str]:
    """Return the commonest text of the ids of controls and of cases, numbers written as #."""
    texts = [re.sub(r"\d+", "#", one) for one in ids]
    return [_most_common([t for t, v in zip(texts, y, strict=True) if v == k]) for k in (0, 1)]


def _shape(text: str) -> str:
    return re.sub(r"[A-Za-z]+", "A", text)


def check_id_words(
    ids: Sequence[str], y: Float[np.ndarray, " sample"], classes: tuple[str, str]
) -> list[Finding]:
    """Return a finding if the text of the ids, numbers aside, goes with the class.

    Class words (``CTRL-01``) and class letters (``C01`` and ``P01``) are a note. Ids made by
    different rules in the two classes (``INCOV001-BL`` and ``1004596``) weaken the claim: two
    sources of samples.

    Examples
    --------
    >>> ids = [f"CTRL-{i}" for i in range(8)] + [f"CASE-{i}" for i in range(8)]
    >>> check_id_words(ids, np.repeat([0.0, 1.0], 8), ("control", "case"))[0].severity
    'note'
    """
    texts = [re.sub(r"\d+", "#", one) for one in ids]
    found = category_association(texts, y) if 1 < len(set(texts)) <= len(texts) / 2 else None
    if found is None or found.p > _LEVEL or found.strength < 0.5:
        return []
    main = _main_texts(ids, y)
    listed = first_few(dict.fromkeys(main))
    words = {w.lower() for text in main for w in re.findall(r"[A-Za-z]+", text)}
    known = CONTROL_WORDS | {label.lower() for label in classes}
    if words & known or not _shapes_differ(ids, y):
        return [
            Finding(
                "class-in-ids",
                "note",
                f"The ids spell the class: {listed} ({found.text}). Ids are never used as "
                "features.",
                "Nothing to do here; name samples without their class before they are measured, "
                "so that the measurement is blind.",
            )
        ]
    return [
        Finding(
            "id-scheme-by-class",
            "weakens",
            f"The two classes have ids of different make: {listed} ({found.text}). "
            "They seem to come from two sources of samples.",
            "Ask where, when and by whom each class was collected and measured; differences "
            "between the sources look like the class.",
        )
    ]


def _most_common(texts: Sequence[str]) -> str:
    return max(sorted(set(texts)), key=texts.count)


def check_row_order(
    order: Sequence[str], ids: Sequence[str], y: Float[np.ndarray, " sample"]
) -> list[Finding]:
    """Return a note if the order of rows in a file gives the class away.

    Parameters
    ----------
    order : sequence of str
        Ids in the order of the file; those that are not in ``ids`` are passed over.
    ids : sequence of str
        Row ids, in the order of ``y``.
    y : float array of shape (n_samples,)
        1 for cases, 0 for controls.

    Examples
    --------
    >>> ids = [f"s{i}" for i in range(20)]
    >>> check_row_order(ids, ids, np.repeat([0.0, 1.0], 10))[0].severity
    'note'
    """
    place = {one: position for position, one in enumerate(order)}
    held = np.array([one in place for one in ids])
    if min((y[held] == 1).sum(), (y[held] == 0).sum()) < 2:
        return []
    position = np.array([float(place[one]) for one in ids if one in place])
    auc = roc_auc(y[held], position)
    p = mannwhitneyu(position[y[held] == 1], position[y[held] == 0])[1]
    if max(auc, 1 - auc) < _SEPARATE or p > _LEVEL:
        return []
    return [
        Finding(
            "class-by-row-order",
            "note",
            f"Rows of the file stand by class (AUC of the row number {max(auc, 1 - auc):.3f}).",
            "Usual in published files, and harmless here: rows are sorted by id and splits are "
            "drawn at random. Unshuffled folds in other programs would go wrong.",
        )
    ]
