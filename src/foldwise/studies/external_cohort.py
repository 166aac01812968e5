"""New rows beside the training rows of a model: overlap, scale and drift."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from foldwise.arrays import BoolArray, FloatArray
from foldwise.audit.findings import Finding
from foldwise.data.rules import MIN_ROWS
from foldwise.data.tables import SourceFile, guess_scale
from foldwise.errors import InvalidInputError, first_few
from foldwise.evaluation.drift import mean_shift, out_of_range
from foldwise.reporting.summary import NamedTable
from foldwise.studies.model import Model
from foldwise.studies.sections import named_table
from foldwise.studies.training_record import TrainingRecord, id_keys, row_keys

__all__ = ["Comparison", "NewRows", "compare_with_training", "require_not_trained_on"]

_OTHER_SCALE = 3.0
"""Training standard deviations by which the median feature is off where the unit is another."""
_DRIFT_LEVEL = 0.025
"""Of either question to a feature; together no more than 5 % of clean cohorts are marked."""
_SCORE_LEVEL = 0.01
OVERLAP = frozenset({"trained-on-this-file", "trained-on-these-rows", "ids-of-training-rows"})
"""Findings after which nothing is called external validation."""


@dataclass(frozen=True, eq=False)
class NewRows:
    """Rows to score: features in the model's order, as read.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing.
    ids : list of str
    sources : tuple of SourceFile
    scale : str, optional
        As the user declared it; guessed when None.
    """

    X: FloatArray
    ids: list[str]
    sources: tuple[SourceFile, ...]
    scale: str | None = None

    @property
    def name(self) -> str:
        """The files, as errors call them."""
        return " and ".join(source.name for source in self.sources)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What new rows share with the training rows, and where they differ.

    Parameters
    ----------
    findings : tuple of Finding
        Warnings in words.
    drift : NamedTable, optional
        One line per feature; None for a bundle without a record of its training rows.
    same_file : bool
        Whether a file is one the model was trained on.
    trained_on : bool array of shape (n_samples,)
        Rows with the values of a training row.
    """

    findings: tuple[Finding, ...]
    drift: NamedTable | None
    same_file: bool
    trained_on: BoolArray

    @property
    def overlaps(self) -> bool:
        """Whether a file, a row or an id is one of the training table's."""
        checks = {finding.check for finding in self.findings}
        return bool(checks & OVERLAP)


def compare_with_training(model: Model, rows: NewRows, scores: FloatArray) -> Comparison:
    """Return overlap and drift of new rows.

    Raises
    ------
    InvalidInputError
        If the values are on another scale than the training rows: every score would be
        meaningless.
    """
    record = TrainingRecord.of(model)
    known = {source["sha256"] for source in model.facts.get("data", [])}
    same_file = any(source.sha256 in known for source in rows.sources)
    if record is None:
        found = [_no_record(), *_other_scale(model, rows, np.array([]))]
        found += _same_file(rows) if same_file else []
        return Comparison(tuple(found), None, same_file, np.zeros(len(rows.ids), bool))
    drift = _drift_table(model, record, rows)
    trained_on = np.array([key in record.rows for key in row_keys(rows.X)])
    found = _overlap(record, rows, same_file=same_file, trained_on=trained_on)
    found += _other_scale(model, rows, drift.frame["shift"].to_numpy())
    found += _drift(drift.frame, len(rows.ids))
    found += _score_drift(record, scores)
    return Comparison(tuple(found), drift, same_file, trained_on)


def require_not_trained_on(comparison: Comparison, rows: NewRows) -> None:
    """Raise if metrics are asked for rows the model was fitted to."""
    seen = [one for one, known in zip(rows.ids, comparison.trained_on, strict=True) if known]
    if not seen and not comparison.same_file:
        return
    what = (
        f"{len(seen)} of {len(rows.ids)} rows are rows the model was trained on: {first_few(seen)}"
        if seen
        else "this is the file the model was trained on"
    )
    raise InvalidInputError(
        f"{rows.name}: {what}. A metric there is no validation: the model has seen the answers. "
        "Remove those rows, or score them without --target and --labels; the run's own report "
        "has the cross-validated numbers."
    )


def _no_record() -> Finding:
    return Finding(
        "no-training-record",
        "note",
        "The model does not say what its training rows looked like: drift and overlap were not "
        "checked.",
        "Rerun the study with this version of foldwise to compare new rows with them.",
    )


def _same_file(rows: NewRows) -> list[Finding]:
    return [
        Finding(
            "trained-on-this-file",
            "weakens",
            f"{rows.name} is a file the model was trained on: these scores flatter it.",
            "Read the cross-validated numbers in the run's report instead.",
        )
    ]


def _overlap(
    record: TrainingRecord, rows: NewRows, *, same_file: bool, trained_on: BoolArray
) -> list[Finding]:
    if same_file:
        return _same_file(rows)
    ids = np.array(rows.ids, dtype=object)
    found = []
    if trained_on.any():
        found.append(
            Finding(
                "trained-on-these-rows",
                "weakens",
                f"{int(trained_on.sum())} of {len(ids)} rows are rows the model was trained on: "
                "their scores flatter it.",
                "Leave them out before anything is said of new people.",
                rows=tuple(ids[trained_on]),
            )
        )
    named = np.array([key in record.ids for key in id_keys(rows.ids)]) & ~trained_on
    if named.any():
        found.append(
            Finding(
                "ids-of-training-rows",
                "weakens",
                f"{int(named.sum())} of {len(ids)} ids also stand in the training table, with "
                "other values.",
                "If they are the same people, this is no new cohort: leave them out. If both "
                "files only count their rows, nothing is wrong.",
                rows=tuple(ids[named]),
            )
        )
    return found


def _drift_table(model: Model, record: TrainingRecord, rows: NewRows) -> NamedTable:
    shift = mean_shift(record.moments, rows.X, level=_DRIFT_LEVEL)
    limits = record.minimum, record.maximum, record.moments.n
    outside = out_of_range(rows.X, *limits, level=_DRIFT_LEVEL)
    columns = {
        "feature": list(model.features),
        "shift": shift.shift,
        "shift_threshold": shift.threshold,
        "n_outside": outside.n,
        "share_outside": outside.share,
        "n_missing": np.isnan(rows.X).sum(axis=0),
        "drifted": shift.drifted | outside.unusual,
    }
    title = "New rows against training rows, by feature"
    return named_table("drift", title, columns)


def _other_scale(model: Model, rows: NewRows, shift: FloatArray) -> list[Finding]:
    """Refuse values of another scale; warn where only a guess says so."""
    trained = str(model.facts.get("scale", ""))
    finite = shift[np.isfinite(shift)]
    far = float(np.median(np.abs(finite))) if len(finite) else 0.0
    guessed = guess_scale(rows.X) if len(rows.X) >= MIN_ROWS else None
    found = rows.scale or guessed
    if not trained or found is None or found == trained:
        return _far_off(far) if far > _OTHER_SCALE else []
    origin = "were declared" if rows.scale else "look"
    if rows.scale or far > _OTHER_SCALE:
        distance = f" The median feature is {far:.1f} training sd off." if len(finite) else ""
        raise InvalidInputError(
            f"{rows.name}: the values {origin} {found}, the model was trained on {trained}."
            f"{distance} Bring them to {trained} first; if they are {trained} already, say "
            f"--scale {trained}."
        )
    return [
        Finding(
            "scale-looks-different",
            "weakens",
            f"The new values look {found}, the model was trained on {trained}.",
            f"Check the unit; --scale {trained} says that it is the same.",
        )
    ]


def _far_off(far: float) -> list[Finding]:
    return [
        Finding(
            "far-from-training",
            "weakens",
            f"The mean of the median feature is {far:.1f} training standard deviations from the "
            "training mean: the whole table looks different.",
            "Compare units, normalisation and instrument before any score is read.",
        )
    ]


def _drift(drift: pd.DataFrame, n_rows: int) -> list[Finding]:
    found = []
    empty = drift.loc[drift["n_missing"] == n_rows, "feature"]
    if len(empty):
        found.append(
            Finding(
                "features-without-values",
                "weakens",
                f"{len(empty)} of {len(drift)} features hold no value in any new row; the "
                "values that training fills in stand for them.",
                "A score then rests on the other features alone.",
                columns=tuple(empty),
            )
        )
    moved = drift[drift["drifted"]]
    if len(moved):
        order = moved["shift"].abs().fillna(0.0).sort_values(ascending=False, kind="stable").index
        worst = moved.loc[order]
        listed = [f"{row.feature} ({row.shift:+.1f} sd)" for row in worst.itertuples()]
        found.append(
            Finding(
                "drifted-features",
                "weakens",
                f"{len(moved)} of {len(drift)} features drifted from the training rows: "
                f"{first_few(listed, quoted=False)}.",
                "Another share of cases moves means too; otherwise look for units, batches, "
                "storage and age. Scores are extrapolations where many features drift.",
                columns=tuple(worst["feature"]),
            )
        )
    return found


def _score_drift(record: TrainingRecord, scores: FloatArray) -> list[Finding]:
    """Compare scores with the out-of-fold ones; fitted scores of training rows look too good."""
    if record.scores is None or len(scores) < 2:
        return []
    test = stats.ks_2samp(scores, record.scores)
    if test.pvalue >= _SCORE_LEVEL:
        return []
    return [
        Finding(
            "score-distribution",
            "weakens",
            f"Scores are distributed differently: median {np.median(scores):.2f} here, "
            f"{np.median(record.scores):.2f} out of fold in training (Kolmogorov-Smirnov "
            f"{test.statistic:.2f}, p = {test.pvalue:.2g}).",
            "Another share of cases does this as well as drift; a threshold and a probability "
            "carried over need checking.",
        )
    ]
