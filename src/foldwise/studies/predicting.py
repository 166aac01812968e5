"""Score the rows of a new table with a saved model."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from foldwise.data.composition import parse_site
from foldwise.data.files import numbers, read_frame
from foldwise.data.held_elements import formulas
from foldwise.data.readers import read_compositions
from foldwise.data.rules import Cell
from foldwise.data.tables import Column, Table
from foldwise.errors import FoldwiseWarning, InvalidInputError, first_few
from foldwise.studies.encoding import encode_sites
from foldwise.studies.model import Model, load_model

__all__ = ["Predicted", "predict_table"]


@dataclass(frozen=True, eq=False)
class Predicted:
    """Scores of new rows, and what a reader must know about them.

    Parameters
    ----------
    frame : DataFrame
        One line per row, ``id`` first.
    notes : tuple of str
        What was filled, ignored or never seen in training.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]


def predict_table(model: Model | Path, path: Path, *, id_column: str | None = None) -> Predicted:
    """Return the scores of a new table.

    Parameters
    ----------
    model : Model or Path
        A model, a bundle, or the folder of a run.
    path : Path
        Table with the model's features (matched by name, order free) or with
        compositions. A target column is not needed and not used.
    id_column : str, optional
        The column of row ids, if it is not the first.

    Raises
    ------
    InvalidInputError
        If a feature is missing, a cell is text or infinite, or an element has no
        place in the model's encoding.
    """
    if isinstance(model, Path):
        model = load_model(model)
    if model.encoder["kind"] == "columns":
        return _abundances(model, path, id_column)
    return _compositions(model, path, id_column)


def _abundances(model: Model, path: Path, id_column: str | None) -> Predicted:
    frame, source = read_frame(path, id_column=id_column)
    absent = [name for name in model.features if name not in frame.columns]
    if absent:
        raise InvalidInputError(
            f"{source.name}: {len(absent)} of the model's {len(model.features)} features have no "
            f"column: {first_few(absent)}. Features are matched by name; give every one of them."
        )
    X = np.column_stack([_feature(frame, name, source.name) for name in model.features])
    notes = []
    if np.isnan(X).any():
        notes.append(
            f"{int(np.isnan(X).sum())} of {X.size} cells are missing and were filled with the "
            "medians of the training rows."
        )
    extra = [str(name) for name in frame.columns if name not in model.features]
    if extra:
        notes.append(f"{len(extra)} columns are not features of the model: {first_few(extra)}.")
    scores = model.predict(X)
    positive, negative = model.target["positive"], model.target["negative"]
    columns = {
        "id": frame.index,
        f"score_{positive}": scores,
        "class_at_0.5": np.where(scores > 0.5, positive, negative),
    }
    return Predicted(pd.DataFrame(columns), tuple(notes))


def _feature(frame: pd.DataFrame, name: str, where: str) -> np.ndarray:
    values, text = numbers(frame[name])
    infinite = [Cell(v, row, "is infinite") for row, v in values.items() if np.isinf(v)]
    if text or infinite:
        raise InvalidInputError(
            f"{where}: column '{name}' holds cells that are no finite number: "
            f"{first_few([*text, *infinite])}. Write numbers, or leave the cell empty."
        )
    return values.to_numpy(dtype=np.float64)


def _compositions(model: Model, path: Path, id_column: str | None) -> Predicted:
    table = read_compositions(path, id_column=id_column, holdout=True, require_target=False)
    table = _with_sites_of_training(table, model)
    sites = table.frame[list(model.encoder["sites"])]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FoldwiseWarning)
        X, features = encode_sites(model.encoder, sites)
    if features != model.features:
        raise InvalidInputError(
            f"{path.name}: the table encodes to other columns than the model was trained on. "
            "Rerun the study with this version of foldwise."
        )
    trained = set(model.facts["training_elements"])
    unseen = [
        sorted({e for cell in row for e, _ in parse_site(cell)} - trained)
        for row in sites.itertuples(index=False, name=None)
    ]
    columns = {
        "id": table.ids,
        "formula": formulas(table),
        f"{model.target['name']}_predicted": model.predict(X),
        "unit": model.target["unit"],
        "elements_not_in_training": [" ".join(row) for row in unseen],
    }
    n_unseen = sum(bool(row) for row in unseen)
    notes = [str(warning.message) for warning in caught]
    if n_unseen:
        notes.append(f"{n_unseen} of {table.n_rows} rows hold an element without a training row.")
    return Predicted(pd.DataFrame(columns), (*notes, *table.notes))


def _with_sites_of_training(table: Table, model: Model) -> Table:
    """Return the table with the sites that were alike in all training rows, such as X = O.

    Such a site is not encoded: another element there would change no prediction, so it
    is refused.
    """
    absent = [site for site in model.encoder["sites"] if site not in table.keys("site")]
    if absent:
        raise InvalidInputError(
            f"{table.name}: the model encodes the site {first_few(absent)}, for which there is no "
            "column. Add it."
        )
    fixed: dict[str, str] = model.facts["fixed_sites"]
    for site, cell in fixed.items():
        if site not in table.keys("site"):
            frame = table.frame.assign(**{site: cell})
            table = replace(table, frame=frame, columns=(*table.columns, Column(site, "site")))
        other = table.frame.index[table.frame[site] != cell]
        if len(other):
            raise InvalidInputError(
                f"{table.name}: the model was trained on {site} = {cell} alone and knows nothing "
                f"of other elements there: {first_few(map(str, other))}. Remove those rows."
            )
    return table
