"""Labels of new rows, matched to the classes a model was trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.arrays import FloatArray
from foldwise.data.abundances import Roles, joined
from foldwise.data.files import read_frame
from foldwise.data.rules import (
    label_text,
    require_columns,
    require_no_missing,
    require_two_classes,
)
from foldwise.data.tables import SourceFile
from foldwise.errors import InvalidInputError, first_few
from foldwise.studies.model import Model

__all__ = ["Labels", "LabelsAsked", "ReadLabels", "match_labels", "read_labels"]


@dataclass(frozen=True)
class LabelsAsked:
    """Where the labels of new rows stand, as the user named it.

    Parameters
    ----------
    target : str, optional
        The column; the only one of ``file`` when None.
    positive : str, optional
        The label of the cases, where it is not the model's.
    file : Path, optional
        A second file, joined by id.
    groups : str, optional
        Column that names the person of each row.
    """

    target: str | None = None
    positive: str | None = None
    file: Path | None = None
    groups: str | None = None

    def __bool__(self) -> bool:
        return self.target is not None or self.file is not None


@dataclass(frozen=True, eq=False)
class ReadLabels:
    """Labels as text by id, the person of each row, and the files read."""

    labels: pd.Series
    groups: npt.NDArray[np.str_] | None
    sources: tuple[SourceFile, ...]


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as 0 and 1, in the order of the rows, and what was taken for what."""

    y: FloatArray
    note: str


def read_labels(
    frame: pd.DataFrame,
    source: SourceFile,
    asked: LabelsAsked,
    model: Model,
    *,
    id_column: str | None = None,
) -> ReadLabels:
    """Return the labels of new rows, in the order of ``frame``.

    Raises
    ------
    InvalidInputError
        If a column is not there or a feature of the model, a label is missing, or ids of
        two files differ.
    """
    sources: tuple[SourceFile, ...] = (source,)
    target = asked.target
    if asked.file is not None:
        labels, label_source = read_frame(asked.file, id_column=id_column)
        roles = Roles(target, asked.groups, (), None, ())
        frame, roles = joined(frame, source, labels, label_source, roles)
        sources, target = (source, label_source), roles.target
    where = sources[-1].name
    columns = {"--target": target, "--groups": asked.groups}
    found = {
        option: _column(frame, column, option, model, where)
        for option, column in columns.items()
        if column is not None
    }
    groups = None
    if "--groups" in found:
        groups = found["--groups"].to_numpy(dtype=np.str_)
    return ReadLabels(found["--target"], groups, sources)


def _column(frame: pd.DataFrame, name: str, option: str, model: Model, where: str) -> pd.Series:
    """Return a column of names as text; it must be complete and no feature."""
    require_columns([name], list(frame.columns), where=where, asked_by=f"named by {option}")
    if name in model.features:
        raise InvalidInputError(
            f"{where}: {option} {name} is a feature of the model. Name another column."
        )
    require_no_missing(
        frame[name],
        where=where,
        what=f"the column of {option}",
        remedy="Fill in the cells, or leave those rows out of the file.",
    )
    return frame[name].map(label_text)


def match_labels(labels: pd.Series, model: Model, positive: str | None, *, where: str) -> Labels:
    """Return which rows are cases, in the model's sense of a case.

    Without ``positive`` the labels must be the model's own: nothing is guessed, for a
    guess the wrong way round turns an AUC of 0.9 into 0.1.

    Raises
    ------
    InvalidInputError
        If the case is not clear or contradicts the model, or one class is missing.
    """
    require_two_classes(labels, where=where)
    classes = set(labels)
    case, control = model.target["positive"], model.target["negative"]
    wanted = case if positive is None else label_text(positive)
    counts = ", ".join(f"'{key}' ({n})" for key, n in labels.value_counts().sort_index().items())
    if wanted not in classes or (
        positive is None and not (classes <= {case, control} or control == f"not {case}")
    ):
        raise InvalidInputError(
            f"{where}: which label of '{labels.name}' is the case? It holds {counts}; the model "
            f"was trained on '{case}' against '{control}'. Name the one that means '{case}' with "
            "--positive."
        )
    if wanted == control or (wanted != case and case in classes):
        raise InvalidInputError(
            f"{where}: --positive {wanted} contradicts the model, whose cases are '{case}'. Its "
            f"scores are scores of '{case}': pass --positive with the label that means the same."
        )
    others = sorted(classes - {wanted})
    y = (labels == wanted).to_numpy().astype(np.float64)
    note = (
        f"Cases are '{wanted}' (n = {int(y.sum())}), controls {first_few(others)} "
        f"(n = {int((y == 0).sum())}); the model was trained on '{case}' against '{control}'."
    )
    return Labels(y, note)
