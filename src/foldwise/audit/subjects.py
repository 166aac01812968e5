"""Samples of one subject, told from their ids, and groups proposed for the splits."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from foldwise.arrays import FloatArray
from foldwise.audit.duplicates import comparable_columns, row_distances
from foldwise.audit.findings import Finding
from foldwise.data.rules import CONTROL_WORDS, counted
from foldwise.errors import first_few

__all__ = ["check_subjects", "propose_groups"]

_MOST = 10  # ids that one subject may have; a plate, a site or a class has more
_LETTERED = re.compile(r"(.*\d)([A-Za-z])")
_REPEATS = frozenset("abcdABCD")  # S12a to S12d; where other letters follow, they are plate rows
_NO_SUBJECT_WORDS = """
    batch plate run site center centre lab cohort set group pool qc blank chip box case cases
"""
_NO_SUBJECT = CONTROL_WORDS | set(_NO_SUBJECT_WORDS.split())
_DATE = re.compile(r"(19|20)\d\d[-_./]?[01]\d([-_./]?[0-3]\d)?|[0-3]?\d[-_./][01]?\d([-_./]\d+)?")
_VISIT = re.compile(
    r"(t|v|d|w|m|visit|day|week|month|time|tp|timepoint)\d+|bl|fu\d*|baseline|follow|followup"
    r"|pre|post|before|after|screening|end",
    re.IGNORECASE,
)


def propose_groups(ids: Sequence[str]) -> npt.NDArray[np.object_]:
    """Return the subject that each id seems to name, or None where it stands alone.

    A stem is what is left of an id when a part behind a mark (``PN00614-1``), a letter
    behind a number (``S12a``) or a visit in front (``T0_P7``) is taken away. It names a
    subject if it holds a number, and is shared by a few ids: at most ten and at most a
    third of all. The longest such stem is taken. Dates, plates, sites and class words are
    no subjects.

    Parameters
    ----------
    ids : sequence of str
        Row ids.

    Returns
    -------
    object array of shape (n_samples,)
        The stem as text, or None.

    Examples
    --------
    >>> propose_groups(["PN614-1", "PN614-2", "PN7", "PN8", "PN9", "PN10-1"]).tolist()
    ['PN614', 'PN614', None, None, None, None]
    >>> propose_groups(["Case-1", "Case-2", "Case-3", "Control-1", "Control-2"]).tolist()
    [None, None, None, None, None]
    """
    letters = {found[2] for one in ids if (found := _LETTERED.fullmatch(one))}
    stems = [_stems(one, lettered=letters <= _REPEATS) for one in ids]
    counts = Counter(stem for held in stems for stem in held)
    most = min(_MOST, max(2, len(ids) // 3))
    chosen = [next((stem for stem in held if 2 <= counts[stem] <= most), None) for held in stems]
    sizes = Counter(stem for stem in chosen if stem is not None)
    kept = {stem for stem, size in sizes.items() if size >= 2}
    proposed = np.array([stem if stem in kept else None for stem in chosen], dtype=np.object_)
    return np.full(len(ids), None) if _rest_names_rows(ids, proposed) else proposed


def _stems(one: str, *, lettered: bool) -> list[str]:
    """Return the stems that may name a subject, the longest first."""
    stems = [one[: mark.start()] for mark in re.finditer(r"[^A-Za-z0-9]+", one)]
    if lettered and (found := _LETTERED.fullmatch(one)):
        stems.append(found[1])
    front, _, rest = re.sub(r"[^A-Za-z0-9]+", "-", one).partition("-")
    if rest and _VISIT.fullmatch(front):
        stems.append(rest)
    return sorted({*filter(_may_be_subject, [*stems, one])}, key=lambda s: (-len(s), s))


def _may_be_subject(stem: str) -> bool:
    words = {word.lower() for word in re.findall(r"[A-Za-z]+", stem)}
    number = re.search(r"\d", stem) is not None
    return number and not words & _NO_SUBJECT and _DATE.fullmatch(stem) is None


def _rest_names_rows(ids: Sequence[str], proposed: npt.NDArray[np.object_]) -> bool:
    """Whether what follows the stems names most rows by itself: S1-001, S2-002, S1-003.

    The stem is then a site or a plate.
    """
    rests = [one.replace(stem, "", 1) for one, stem in zip(ids, proposed, strict=True) if stem]
    many = len(rests) > len(ids) / 2 and len(rests) > 6
    return many and len(set(rests)) > 0.9 * len(rests)


def check_subjects(
    X: Float[np.ndarray, "sample feature"], ids: Sequence[str], groups: np.ndarray | None = None
) -> list[Finding]:
    """Return a finding if ids say that samples come from the same subject.

    The likeness of their values stands beside it, as a percentile of all pairs; it does not
    decide, for samples of one subject need not be near.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing.
    ids : sequence of str
        Row ids.
    groups : array of shape (n_samples,), optional
        Subjects as declared.

    Examples
    --------
    >>> ids = ["s1-a", "s1-b", *(f"s{i}" for i in range(2, 12))]
    >>> check_subjects(np.random.default_rng(0).normal(size=(12, 3)), ids)[0].rows
    ('s1-a', 's1-b')
    """
    proposed = propose_groups(ids)
    stems = sorted({stem for stem in proposed if stem is not None})
    if not stems:
        return []
    members = {stem: np.flatnonzero(proposed == stem) for stem in stems}
    n_rows = sum(len(rows) for rows in members.values())
    listed = first_few((_of(ids, rows) for rows in members.values()), quoted=False)
    message = (
        f"{n_rows} ids share a stem with another, as samples of "
        f"{counted(len(stems), 'subject')} would: {listed}. "
        f"Of all pairs of rows, {_likeness(X, list(members.values()))}."
    )
    rows = tuple(one for one, stem in zip(ids, proposed, strict=True) if stem is not None)
    covered = groups is not None and all(len(set(groups[one])) == 1 for one in members.values())
    if covered:
        message += " The declared groups keep them together."
    return [
        Finding(
            "same-subject",
            "note" if covered else "weakens",
            message,
            "Nothing to do: --groups is given."
            if covered
            else "If these are samples of one subject, add a column that names the subject (the "
            "stem, and its own id for every other row) and give it with --groups: the rows of a "
            "subject then stay on one side of every split.",
            rows=rows,
        )
    ]


def _of(ids: Sequence[str], rows: np.ndarray) -> str:
    return " = ".join(ids[int(row)] for row in rows[:3]) + (" ..." if len(rows) > 3 else "")


def _likeness(X: FloatArray, members: Sequence[np.ndarray]) -> str:
    """Return how near the rows of one subject are among all pairs, in words."""
    distances = row_distances(comparable_columns(X))
    apart = distances[np.triu_indices(len(X), 1)]
    within = np.array([d for rows in members for d in _apart(distances, rows)])
    within = within[np.isfinite(within)]
    if not len(within):
        return "these cannot be compared: they share too few columns"
    nearer = [100 * float((apart > d).mean()) for d in within]
    return f"these are nearer than {np.median(nearer):.1f} % (median)"


def _apart(distances: FloatArray, rows: np.ndarray) -> FloatArray:
    i, j = np.triu_indices(len(rows), 1)
    return np.asarray(distances[rows[i], rows[j]])
