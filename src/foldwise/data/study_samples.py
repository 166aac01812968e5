"""Samples of the study: which rows are pools or blanks, and which two make a pair."""

import re
from dataclasses import dataclass, replace

import pandas as pd

from foldwise.arrays import BoolArray
from foldwise.data.roles import Roles
from foldwise.data.rules import counted, label_text
from foldwise.errors import first_few

__all__ = ["Aside", "set_aside", "with_pairs"]

_SAMPLE_TYPE = re.compile(r"sample[ _.\-]?(type|kind|class)", re.IGNORECASE)
_SAMPLES = {"sample", "samples", "study sample", "biological", "biological sample"}
_POOLS = {
    *("qc", "qcs", "qc pool", "qc sample", "pool", "pools", "pooled", "pooled qc", "pool qc"),
    *("pooled sample", "quality control"),
}
_BLANKS = {"blank", "blanks", "solvent blank", "process blank", "extraction blank"}


@dataclass(frozen=True, eq=False)
class Aside:
    """Which rows of a table are samples of the study, and which are pools for quality control.

    Attributes
    ----------
    study, pools : bool array of shape (n_rows,)
        No row is both; blanks, dilutions and standards are neither.
    notes : tuple of str
        How many rows were taken out, and by what.
    """

    study: BoolArray
    pools: BoolArray
    notes: tuple[str, ...]


def set_aside(frame: pd.DataFrame, roles: Roles) -> Aside:
    """Tell samples of the study from pools, blanks and standards.

    The label column tells, where a label is ``QC``, ``pool`` or ``blank``, and so does a column
    called sampleType, sample_type and the like. Where that holds the word ``sample``, every row
    with another word is no sample of the study.

    Examples
    --------
    >>> frame = pd.DataFrame({"sampleType": ["sample", "pool", "blank"], "class": ["case", "", ""]})
    >>> aside = set_aside(frame, Roles("class", None, (), None, ()))
    >>> aside.study.tolist(), aside.pools.tolist()
    ([True, False, False], [False, True, False])
    """
    kinds = pd.Series("", index=frame.index, dtype="str")
    by: list[str] = []
    for key in map(str, frame.columns):
        typed = bool(_SAMPLE_TYPE.fullmatch(key)) and roles.of(key) in (None, "ignored")
        if not typed and key != roles.target:
            continue
        found = _no_samples(frame[key], every_other=typed)
        if (found != "").any():
            by.append(key)
            kinds = kinds.where(kinds != "", found)
    study = (kinds == "").to_numpy()
    pools = kinds.map(_plain).isin(_POOLS).to_numpy()
    return Aside(study, pools, _counted_aside(kinds[~study & ~pools], int(pools.sum()), by))


def _counted_aside(others: pd.Series, n_pools: int, by: list[str]) -> tuple[str, ...]:
    notes = []
    column = f"column {first_few(by)}"
    if n_pools:
        notes.append(
            f"{counted(n_pools, 'row')} of pooled samples ({column}) "
            f"{'is' if n_pools == 1 else 'are'} neither case nor control: set aside for "
            "quality control."
        )
    if len(others):
        listed = [f"{kind!r} ({n})" for kind, n in others.value_counts().sort_index().items()]
        notes.append(
            f"{counted(len(others), 'row')} left out as no sample of the study ({column}): "
            f"{first_few(listed, quoted=False)}."
        )
    return tuple(notes)


def _no_samples(cells: pd.Series, *, every_other: bool) -> pd.Series:
    """Return what a row is called that is no sample of the study, and ``""`` for samples."""
    words = cells.map(lambda cell: "" if pd.isna(cell) else label_text(cell))
    plain = words.map(_plain)
    known = plain.isin(_POOLS | _BLANKS)
    if every_other and plain.isin(_SAMPLES).any():
        known = ~plain.isin(_SAMPLES) & (plain != "")
    return words.where(known, "").astype("str")


def _plain(word: str) -> str:
    return re.sub(r"[ _.\-]+", " ", word).strip().casefold()


def with_pairs(frame: pd.DataFrame, roles: Roles) -> tuple[pd.DataFrame, Roles, tuple[str, ...]]:
    """Split paired labels -1, 1, -2, 2 into a class and the pair, which becomes the group.

    Labels are paired if they are whole numbers, and each stands once as it is and once with the
    other sign. Any other table is returned as it came.

    Examples
    --------
    >>> frame = pd.DataFrame({"Label": [-1.0, 1.0, 2.0, -2.0]})
    >>> paired, roles, _ = with_pairs(frame, Roles("Label", None, (), None, ()))
    >>> paired["Label"].tolist(), paired[roles.group].tolist()
    (['-1', '1', '1', '-1'], ['1', '1', '2', '2'])
    """
    pairs = None if roles.target is None else _pairs(frame[roles.target])
    if pairs is None or roles.target is None:
        return frame, roles, ()
    target = roles.target
    signs = pairs.map(lambda value: "1" if value > 0 else "-1").astype("str")
    frame = frame.assign(**{target: signs})
    note = (
        f"The labels '{target}' come in {len(pairs) // 2} pairs, n and -n: the sign was taken as "
        "the class, 1 or -1"
    )
    if roles.group is not None:
        return frame, roles, (f"{note}.",)
    group = "pair" if "pair" not in frame.columns else f"pair of {target}"
    frame = frame.assign(**{group: pairs.abs().map(str).astype("str")})
    return frame, replace(roles, group=group), (f"{note}, and the pair as the group.",)


def _pairs(labels: pd.Series) -> pd.Series | None:
    """Return labels as whole numbers if each stands once with either sign, else None."""
    texts = [label_text(label) for label in labels]
    if len(texts) < 4 or not all(re.fullmatch(r"[+-]?[1-9]\d{0,8}", text) for text in texts):
        return None
    values = [int(text) for text in texts]
    if len(set(values)) < len(values) or {-value for value in values} != set(values):
        return None
    return pd.Series(values, index=labels.index)
