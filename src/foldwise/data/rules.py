"""Rules that a table must keep: one function per rule, all culprits in one message."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldwise.arrays import FloatArray
from foldwise.errors import InvalidInputError, first_few

__all__ = [
    "CONTROL_WORDS",
    "MIN_PER_CLASS",
    "MIN_ROWS",
    "BinaryTarget",
    "Cell",
    "binary_target",
    "counted",
    "label_text",
    "require_columns",
    "require_enough_per_class",
    "require_enough_rows",
    "require_finite",
    "require_no_missing",
    "require_same_ids",
    "require_two_classes",
    "require_unique_ids",
]

_LARGEST = 1e100  # no measurement is larger, and squares of such numbers still exist
MIN_ROWS = 10  # fewer rows leave folds of one row each
MIN_PER_CLASS = 4  # two in training and two in test are the least that an AUC can be asked of

_CONTROL_WORDS = """
    0 false no n none negative neg - control controls ctrl ctl healthy healthies normal normals
    benign reference ref baseline unaffected untreated noncase non-case non-cases
    healthy_donor healthy_donors healthy_control healthy_controls no_disease
"""
CONTROL_WORDS = frozenset(word.replace("_", " ") for word in _CONTROL_WORDS.split())
"""Labels that name the controls by themselves, in lower case."""


@dataclass(frozen=True)
class Cell:
    """A value and the row it stands in, as errors write it.

    Examples
    --------
    >>> str(Cell("Xx", 4))
    "'Xx' (row id 4)"
    >>> str(Cell("La0.5Sr0.4", "p1", "sums to 0.9"))
    "'La0.5Sr0.4' sums to 0.9 (row id p1)"
    """

    value: object
    row: object
    remark: str = ""

    def __str__(self) -> str:
        missing = self.value is None or self.value is pd.NA or self.value != self.value
        shown = repr("" if missing else str(self.value))
        return f"{shown}{' ' if self.remark else ''}{self.remark} (row id {self.row})"


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(3, "row"), counted(2, "entry", "entries")
    ('1 row', '3 rows', '2 entries')
    """
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def label_text(value: object) -> str:
    """Return a label as text; whole numbers lose their decimals.

    Examples
    --------
    >>> label_text(1.0), label_text(" case "), label_text(0.5)
    ('1', 'case', '0.5')
    """
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and "." in text else text


# ---------------------------------------------------------------- rows and ids


def require_unique_ids(ids: Sequence[str] | pd.Index, *, where: str) -> None:
    """Raise if an id stands twice, naming the ids."""
    index = pd.Index(ids)
    repeated = index[index.duplicated()].unique()
    if len(repeated):
        raise InvalidInputError(
            f"{where}: {counted(len(repeated), 'id')} "
            f"{'stands' if len(repeated) == 1 else 'stand'} in more than one row: "
            f"{first_few(map(str, repeated))}. "
            "Every row needs its own id: rename or remove the repeated rows."
        )


def require_same_ids(X_ids: pd.Index, y_ids: pd.Index, *, X_name: str, y_name: str) -> None:
    """Raise if one of two files holds ids that the other lacks, naming them."""
    problems = []
    for held, held_name, other, other_name in (
        (y_ids, y_name, X_ids, X_name),
        (X_ids, X_name, y_ids, y_name),
    ):
        lonely = held.difference(other)
        if len(lonely):
            problems.append(
                f"{len(lonely)} of {counted(len(held), 'sample')} in {held_name} "
                f"{'has' if len(lonely) == 1 else 'have'} no row in {other_name}: "
                f"{first_few(map(str, lonely))}"
            )
    if problems:
        raise InvalidInputError(
            ". ".join(problems) + ". Ids are compared after trimming spaces; no row is dropped "
            "silently. Correct the ids, remove those rows, or name the id column with --id."
        )


def require_enough_rows(n_rows: int, *, where: str, needed: int = MIN_ROWS) -> None:
    """Raise if a table has fewer rows than a study can split."""
    if n_rows < needed:
        raise InvalidInputError(
            f"{where}: {counted(n_rows, 'row')} cannot be split into training and test parts; "
            f"at least {needed} rows are needed. Add rows, or check that the whole file was saved."
        )


# ---------------------------------------------------------------- columns and cells


def require_columns(
    wanted: Iterable[str], present: Sequence[str], *, where: str, asked_by: str = ""
) -> None:
    """Raise if named columns do not exist, offering names that look alike."""
    absent = [key for key in wanted if key not in present]
    if not absent:
        return
    alike = {
        name
        for key in absent
        for name in difflib.get_close_matches(key, present, n=3, cutoff=0.6)
        + [name for name in present if name.casefold() == key.casefold()]
    }
    hint = f"Did you mean {first_few(sorted(alike))}?" if alike else f"It has {first_few(present)}."
    raise InvalidInputError(
        f"{where}: there is no column {first_few(absent)}{asked_by and f' ({asked_by})'}. {hint}"
    )


def require_no_missing(values: pd.Series, *, where: str, what: str, remedy: str) -> None:
    """Raise if cells of a column that must be complete are empty, naming the rows."""
    empty = values.index[values.isna()]
    if len(empty):
        raise InvalidInputError(
            f"{where}: {what} '{values.name}' is missing in {counted(len(empty), 'row')}: "
            f"{first_few(map(str, empty))}. {remedy}"
        )


def require_finite(frame: pd.DataFrame, *, where: str) -> None:
    """Raise if numbers are infinite or beyond measure, naming the cells. Missing cells pass."""
    values = np.abs(frame.to_numpy(dtype=np.float64))
    for wrong, what, cause in (
        (np.isinf(values), "infinite value", "a logarithm of 0?"),
        (values > _LARGEST, f"value beyond {_LARGEST:g}", "a code for unknown?"),
    ):
        cells = [
            Cell(frame.iat[i, j], frame.index[i], f"in column '{frame.columns[j]}'")
            for i, j in zip(*(place.tolist() for place in np.nonzero(wrong)), strict=True)
        ]
        if cells:
            raise InvalidInputError(
                f"{where}: {counted(len(cells), what, what.replace('value', 'values'))}: "
                f"{first_few(cells)}. Numbers must be finite: correct the cells ({cause}), or "
                "leave them empty if unknown."
            )


# ---------------------------------------------------------------- labels


def require_two_classes(labels: pd.Series, *, where: str) -> None:
    """Raise if a label column holds one class only, or none."""
    counts = labels.value_counts()
    if len(counts) < 2:
        held = f"one class only: {_class_counts(labels)}" if len(counts) else "no label at all"
        raise InvalidInputError(
            f"{where}: the target '{labels.name}' holds {held}. "
            "Cases and controls are needed: choose another column with --target, or add rows."
        )


def require_enough_per_class(labels: pd.Series, *, where: str) -> None:
    """Raise if a class has too few rows to be split."""
    counts = labels.value_counts()
    small = counts[counts < MIN_PER_CLASS]
    if len(small):
        raise InvalidInputError(
            f"{where}: the target '{labels.name}' has too few rows of a class: "
            f"{_class_counts(labels)}. At least {MIN_PER_CLASS} rows of each class are needed, "
            "so that training and test parts hold both. Add rows of the smaller class."
        )


def _class_counts(labels: pd.Series) -> str:
    counts = labels.value_counts().sort_index()
    listed = (f"{str(key)!r} ({counted(int(n), 'row')})" for key, n in counts.items())
    return first_few(listed, quoted=False)


@dataclass(frozen=True, eq=False)
class BinaryTarget:
    """Labels as 0 and 1, and which label became which.

    Attributes
    ----------
    y : float array of shape (n_samples,)
        1 for cases, 0 for controls, in the order of the labels.
    positive, negative : str
        The labels of cases and controls.
    notes : tuple of str
        What a report must show, for example that several labels form the controls.
    """

    y: FloatArray
    positive: str
    negative: str
    notes: tuple[str, ...] = ()


def binary_target(
    labels: pd.Series, positive: object = None, *, where: str = "table"
) -> BinaryTarget:
    """Return which rows are cases.

    Labels 0 and 1 speak for themselves; otherwise a word such as ``control`` or
    ``healthy`` names the controls. With neither, ``positive`` must be given.

    Parameters
    ----------
    labels : Series
        Indexed by sample id; its name is the target column.
    positive : object, optional
        The label of the cases. With more than two labels, the others form the controls.
    where : str
        The file or table, for errors.

    Raises
    ------
    InvalidInputError
        If labels are missing, if there is one class only, if a class has fewer than
        four rows, if it is not clear which label is the case, or if ``positive`` is no label.

    Examples
    --------
    >>> labels = pd.Series(["case"] * 4 + ["control"] * 6, name="Diagnosis")
    >>> target = binary_target(labels)
    >>> target.positive, target.negative, target.y.sum()
    ('case', 'control', np.float64(4.0))
    """
    require_no_missing(
        labels, where=where, what="the target", remedy="Fill in the labels or remove those rows."
    )
    text = labels.map(label_text)
    require_two_classes(text, where=where)
    classes = sorted(text.unique())
    case = _case_label(text, classes, positive)
    others = [label for label in classes if label != case]
    y = (text == case).to_numpy().astype(np.float64)
    notes: tuple[str, ...] = ()
    negative = others[0]
    if len(others) > 1:
        negative = f"not {case}"
        notes = (f"Controls are the rows of {len(others)} labels together: {first_few(others)}.",)
    either = pd.Series(np.where(y == 1, case, negative), index=text.index, name=text.name)
    require_enough_per_class(either, where=where)
    return BinaryTarget(y, case, negative, notes)


def _case_label(text: pd.Series, classes: list[str], positive: object) -> str:
    if positive is not None:
        wanted = label_text(positive)
        if wanted not in classes:
            raise InvalidInputError(
                f"--positive {wanted} is not a label of '{text.name}', which holds "
                f"{_class_counts(text)}. Write one of them exactly."
            )
        return wanted
    options = " or ".join(f"--positive {_quoted(label)}" for label in classes[:5])
    if len(classes) > 2:
        raise InvalidInputError(
            f"The target '{text.name}' holds {len(classes)} labels: {_class_counts(text)}. "
            f"Two are needed. Name the case, and the others form the controls: pass {options}."
        )
    controls = [label for label in classes if label.casefold().replace("_", " ") in CONTROL_WORDS]
    if len(controls) != 1:
        raise InvalidInputError(
            f"Which label of '{text.name}' is the case? {_class_counts(text)}. Pass {options}."
        )
    return next(label for label in classes if label != controls[0])


def _quoted(label: str) -> str:
    return f'"{label}"' if " " in label else label
