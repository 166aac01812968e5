"""Readers: a scientist's own files become a table, or one clear error."""

import re
from pathlib import Path

import pandas as pd

from foldwise.data.abundances import abundances_from_frame, read_abundances
from foldwise.data.compositions import DFT_OUTPUTS, compositions_from_frame, read_compositions
from foldwise.data.files import numbers, read_frame
from foldwise.data.rules import Cell, counted, require_columns
from foldwise.errors import InvalidInputError, first_few

__all__ = [
    "DFT_OUTPUTS",
    "abundances_from_frame",
    "compositions_from_frame",
    "read_abundances",
    "read_compositions",
    "read_frame",
    "read_splits",
]

_PARTS = ("train", "validation", "test", "holdout")


def read_splits(path: str | Path) -> pd.DataFrame:
    r"""Read a file that assigns each row to a part of the data.

    Parameters
    ----------
    path : path
        A table with the row id first, then a column ``part`` (``train``, ``validation``,
        ``test`` or ``holdout``) and, optionally, ``fold_1``, ``fold_2`` and so on: the
        fold (0, 1, ...) in which a row is scored in each repeat.

    Returns
    -------
    DataFrame
        Columns ``id`` and ``part`` (text), then the folds (whole numbers); sorted by id.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "s.csv").write_text("id,part,fold_1\nb,test,0\na,train,1\n")
    >>> read_splits(folder / "s.csv").values.tolist()
    [['a', 'train', 1], ['b', 'test', 0]]
    """
    frame, source = read_frame(path)
    folds = [str(key) for key in frame.columns if re.fullmatch(r"fold_\d+", str(key))]
    if "part" not in frame.columns and not folds:
        require_columns(["part"], list(frame.columns), where=source.name)
    strange = [str(key) for key in frame.columns if key != "part" and key not in folds]
    if strange:
        raise InvalidInputError(
            f"{source.name}: {counted(len(strange), 'column')} that "
            f"{'is' if len(strange) == 1 else 'are'} no assignment: {first_few(strange)}. Columns "
            "are the id, 'part', and 'fold_1', 'fold_2' and so on: rename or remove the others."
        )
    if "part" in frame.columns:
        wrong = [Cell(v, row) for row, v in frame["part"].items() if v not in _PARTS]
        if wrong:
            raise InvalidInputError(
                f"{source.name}: column 'part' has {counted(len(wrong), 'entry', 'entries')} "
                f"that {'names' if len(wrong) == 1 else 'name'} no part: {first_few(wrong)}. "
                f"Write one of {', '.join(_PARTS)}."
            )
    for key in folds:
        values, _ = numbers(frame[key])
        wrong = [
            Cell(frame.at[row, key], row)
            for row, v in values.items()
            if not (v >= 0 and float(v).is_integer())
        ]
        if wrong:
            raise InvalidInputError(
                f"{source.name}: column '{key}' has {counted(len(wrong), 'entry', 'entries')} "
                f"that {'is' if len(wrong) == 1 else 'are'} not fold numbers: "
                f"{first_few(wrong)}. Number the folds 0, 1, 2 and so on."
            )
        frame[key] = values.astype("int64")
    return frame[(["part"] if "part" in frame.columns else []) + folds].reset_index()
