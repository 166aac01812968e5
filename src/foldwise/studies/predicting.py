"""Score the rows of a new table with a saved model."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldwise.arrays import FloatArray
from foldwise.audit.findings import Finding
from foldwise.data.composition import parse_site
from foldwise.data.files import numbers, read_frame
from foldwise.data.held_elements import formulas
from foldwise.data.readers import read_compositions
from foldwise.data.rules import Cell, counted
from foldwise.data.tables import Column, SourceFile, Table, require_scale
from foldwise.errors import FoldwiseWarning, InvalidInputError, first_few
from foldwise.fits.abundance_steps import Log2, Log2WithOffset
from foldwise.fits.preprocessing import describe_steps, fills_gaps
from foldwise.reporting.summary import NamedTable
from foldwise.studies.encoding import encode_sites
from foldwise.studies.external_cohort import (
    NewRows,
    compare_with_training,
    require_not_trained_on,
)
from foldwise.studies.external_labels import LabelsAsked, match_labels, read_labels
from foldwise.studies.external_metrics import ExternalValidation, plain_rows, validate
from foldwise.studies.model import Model, load_model
from foldwise.studies.preparation import require_not_negative
from foldwise.studies.training_record import TrainingRecord

__all__ = ["REPORT_SCHEMA", "Predicted", "predict_table"]

REPORT_SCHEMA = "foldwise.external/1"


@dataclass(frozen=True, eq=False)
class Predicted:
    """Scores of new rows, and what a reader must know about them.

    Parameters
    ----------
    frame : DataFrame
        One line per row, ``id`` first.
    notes : tuple of str
        What was filled, ignored or never seen in training.
    findings : tuple of Finding
        Rows that were trained on, another scale, drift.
    drift : NamedTable, optional
        One line per feature, for a model of features by name that recorded its training.
    validation : ExternalValidation, optional
        Metrics with intervals, where labels were given.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    drift: NamedTable | None = None
    validation: ExternalValidation | None = None

    def document(self) -> dict[str, Any]:
        """Return findings, metrics and drift as plain values: what ``--report`` writes."""
        return {
            "schema": REPORT_SCHEMA,
            "n_rows": len(self.frame),
            "notes": list(self.notes),
            "findings": [finding.as_dict() for finding in self.findings],
            "validation": None if self.validation is None else self.validation.as_dict(),
            "drift": None if self.drift is None else plain_rows(self.drift),
        }


def predict_table(
    model: Model | Path,
    path: Path,
    *,
    id_column: str | None = None,
    target: str | None = None,
    positive: str | None = None,
    labels: Path | None = None,
    groups: str | None = None,
    scale: str | None = None,
) -> Predicted:
    """Return the scores of a new table, and how they hold where labels are given.

    Parameters
    ----------
    model : Model or Path
        A model, a bundle, or the folder of a run.
    path : Path
        Table with the model's features (matched by name, order free) or with
        compositions. Labels are not needed for scores.
    id_column : str, optional
        The column of row ids, if it is not the first.
    target : str, optional
        The column of labels: asks for metrics. Not used for scores.
    positive : str, optional
        The label that means the model's case, where it is another word.
    labels : Path, optional
        File of labels, joined by id; asks for metrics.
    groups : str, optional
        Column that names the person of each row, where there are several rows of one:
        intervals are then those of people.
    scale : str, optional
        Scale of the new values; compared with the model's, and guessed when None.

    Raises
    ------
    InvalidInputError
        If a feature is missing, a cell is text or infinite, an element has no place in
        the model's encoding, the values are on another scale, or metrics are asked for
        rows the model was trained on.
    """
    if isinstance(model, Path):
        model = load_model(model)
    asked = LabelsAsked(target, positive, labels, groups)
    if model.encoder["kind"] == "columns":
        declared = None if scale is None else require_scale(scale)
        return _abundances(model, path, id_column, asked, declared)
    if asked or positive or groups or scale:
        raise InvalidInputError(
            "Labels and scales belong to models of cases and controls; this one predicts "
            f"{model.target['name']} from compositions. Leave --target, --positive, --labels, "
            "--groups and --scale out."
        )
    return _compositions(model, path, id_column)


def _abundances(
    model: Model, path: Path, id_column: str | None, asked: LabelsAsked, scale: str | None
) -> Predicted:
    frame, source = read_frame(path, id_column=id_column)
    _require_features(model, list(frame.columns), source.name)
    X = np.column_stack([_feature(frame, name, source.name) for name in model.features])
    if any(isinstance(step, Log2 | Log2WithOffset) for step in model.steps or ()):
        require_not_negative(X, model.features, source.name)
    sources: tuple[SourceFile, ...] = (source,)
    if asked:
        read = read_labels(frame, source, asked, model, id_column=id_column)
        sources = read.sources
    elif asked.positive is not None or asked.groups is not None:
        raise InvalidInputError(
            "--positive and --groups belong to labels, and none were given. Add --target or "
            "--labels."
        )
    rows = NewRows(X, [str(one) for one in frame.index], sources, scale)
    scores = model.predict(X)
    comparison = compare_with_training(model, rows, scores)
    with_a_role = (asked.target, asked.groups)
    notes = _notes(model, X, [str(name) for name in frame.columns if name not in with_a_role])
    validation = None
    if asked:
        require_not_trained_on(comparison, rows)
        matched = match_labels(read.labels, model, asked.positive, where=rows.name)
        notes.append(matched.note)
        validation = validate(model, matched.y, scores, comparison, groups=read.groups)
    return Predicted(
        _scored(model, rows.ids, scores),
        tuple(notes),
        comparison.findings,
        comparison.drift,
        validation,
    )


def _scored(model: Model, ids: list[str], scores: FloatArray) -> pd.DataFrame:
    """Return scores and classes: at 0.5, and at the threshold that training chose."""
    positive, negative = model.target["positive"], model.target["negative"]
    columns = {
        "id": ids,
        f"score_{positive}": scores,
        "class_at_0.5": np.where(scores > 0.5, positive, negative),
    }
    record = TrainingRecord.of(model)
    if record is not None and record.threshold is not None:
        called = np.where(scores > record.threshold.value, positive, negative)
        columns[f"class_at_{record.threshold.value:.6g}"] = called
    return pd.DataFrame(columns)


def _require_features(model: Model, present: list[str], where: str) -> None:
    absent = [name for name in model.features if name not in present]
    if not absent:
        return
    spelled = {" ".join(name.casefold().split()): name for name in present}
    alike = [
        spelled[key] for name in absent if (key := " ".join(name.casefold().split())) in spelled
    ]
    hint = f" Written differently there: {first_few(alike)}." if alike else ""
    raise InvalidInputError(
        f"{where}: {len(absent)} of the model's {len(model.features)} features have no "
        f"column: {first_few(absent)}.{hint} Features are matched by name; give every one of them."
    )


def _notes(model: Model, X: FloatArray, present: list[str]) -> list[str]:
    notes = []
    if np.isnan(X).any():
        notes.append(
            f"{int(np.isnan(X).sum())} of {X.size} cells are missing. "
            + " ".join(describe_steps([step for step in model.steps or () if fills_gaps([step])]))
        )
    extra = [name for name in present if name not in model.features]
    if extra:
        verb = "is no feature" if len(extra) == 1 else "are no features"
        notes.append(f"{counted(len(extra), 'column')} {verb} of the model: {first_few(extra)}.")
    return notes


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
