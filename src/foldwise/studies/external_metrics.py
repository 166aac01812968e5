"""Metrics of a saved model on labelled new rows, each with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.arrays import FloatArray
from foldwise.evaluation.auc_bootstrap import (
    average_precision,
    weighted_average_precisions,
)
from foldwise.evaluation.calibration import Calibration, calibration
from foldwise.evaluation.clustered_auc import obuchowski_interval, subjects_of_smaller_class
from foldwise.evaluation.estimates import Estimate
from foldwise.evaluation.intervals import delong_interval
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.proportions import diagnostic_table
from foldwise.evaluation.resampling import bootstrap_interval, element_weights, row_weights
from foldwise.reporting.labels import INTERVALS
from foldwise.reporting.summary import NamedTable
from foldwise.studies.external_cohort import Comparison
from foldwise.studies.model import Model
from foldwise.studies.sections import named_table
from foldwise.studies.training_record import Threshold, TrainingRecord

__all__ = ["ExternalValidation", "plain_rows", "validate"]

HALF = Threshold(0.5, "no threshold is stored")
_SEED, _RESAMPLES = 0, 2000  # of bootstraps: the same file gives the same limits


@dataclass(frozen=True, eq=False)
class ExternalValidation:
    """Metrics on labelled new rows, and what they may be called.

    Parameters
    ----------
    external : bool
        Whether it was checked that no row, id or file is one of the training rows.
    title : str
        What the numbers are, in words.
    metrics : NamedTable
        One line per metric with its interval and how that was formed.
    threshold : Threshold
        Where rows were called cases.
    notes : tuple of str
        How far the numbers carry.
    """

    external: bool
    title: str
    metrics: NamedTable
    threshold: Threshold
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON holds them."""
        return {
            "external": self.external,
            "title": self.title,
            "threshold": vars(self.threshold),
            "metrics": plain_rows(self.metrics),
            "notes": list(self.notes),
        }


def validate(
    model: Model,
    y: FloatArray,
    scores: FloatArray,
    comparison: Comparison,
    *,
    groups: npt.NDArray[Any] | None = None,
) -> ExternalValidation:
    """Return metrics with intervals of scores against labels 0/1.

    Parameters
    ----------
    model : Model
    y, scores : float array of shape (n_samples,)
        Labels and the model's scores.
    comparison : Comparison
        Whether rows, ids or files overlap with training.
    groups : array of shape (n_samples,), optional
        Person of each row; intervals are then those of people.
    """
    record = TrainingRecord.of(model)
    doubt = _doubt(record, comparison)
    threshold = (record.threshold if record else None) or HALF
    calibrated = calibration(y, scores, groups=groups)
    estimates = _estimates(y, scores, calibrated, threshold, groups)
    n_cases = int(y.sum())
    kind = "Metrics on new rows" if doubt else "External validation"
    title = f"{kind}: {n_cases} cases, {len(y) - n_cases} controls"
    reach = [doubt, *_reach(y, record, threshold, groups), calibrated.note]
    return ExternalValidation(
        not doubt,
        title,
        _table(title, estimates),
        threshold,
        tuple(sentence for sentence in reach if sentence),
    )


def _doubt(record: TrainingRecord | None, comparison: Comparison) -> str:
    """Return why the metrics are not called external validation, or nothing."""
    if record is None:
        why = "the model does not record its training rows, so overlap could not be checked."
    elif comparison.overlaps:
        why = "ids of the training table stand in this one."
    elif not record.rows:
        why = "rows of the training table have equal values, so overlap could not be checked."
    else:
        return ""
    return f"Not called external validation: {why}"


def _estimates(
    y: FloatArray,
    scores: FloatArray,
    found: Calibration,
    threshold: Threshold,
    groups: npt.NDArray[Any] | None,
) -> dict[str, Estimate]:
    """Return every metric by its name in words."""
    shares = diagnostic_table(y, scores > threshold.value, groups=groups)
    return {
        "ROC AUC": _auc(y, scores, groups),
        "Average precision": _average_precision(y, scores, groups),
        "Brier score": _brier(y, scores, groups),
        "Calibration slope": found.slope,
        "Calibration in the large": found.in_the_large,
        f"Sensitivity above {threshold.value:.3f}": shares.sensitivity,
        f"Specificity above {threshold.value:.3f}": shares.specificity,
    }


def _auc(y: FloatArray, scores: FloatArray, groups: npt.NDArray[Any] | None) -> Estimate:
    value, n, few = roc_auc(y, scores), _people(y, groups), _no_spread(y, scores, groups)
    if few:
        return Estimate(value, None, None, n, "", few)
    if groups is None:
        return Estimate(value, *delong_interval(y, scores), n, "DeLong on the logit scale")
    limits = obuchowski_interval(y, scores, groups)
    return Estimate(value, *limits, n, "Obuchowski on the logit scale, by person")


def _average_precision(
    y: FloatArray, scores: FloatArray, groups: npt.NDArray[Any] | None
) -> Estimate:
    """Return it without an interval where nothing shows the spread; its baseline is a note."""
    few = _no_spread(y, scores, groups)
    if few:
        value = float(weighted_average_precisions(y, scores, np.ones((1, len(y))))[0])
        return Estimate(value, None, None, _people(y, groups), "", few)
    found = average_precision(y, scores, groups=groups, seed=_SEED)
    separated = found.low is None
    return replace(found, note="no interval where the classes are separated" if separated else "")


def _brier(y: FloatArray, scores: FloatArray, groups: npt.NDArray[Any] | None) -> Estimate:
    """Return the Brier score; its resamples draw rows, or people with all their rows."""

    def squared(labels: FloatArray, probability: FloatArray) -> float:
        return float(np.mean((probability - labels) ** 2))

    if groups is None:
        weights = row_weights(len(y), n_resamples=_RESAMPLES, seed=_SEED)
    else:
        membership = groups[:, None] == np.unique(groups)
        weights = element_weights(membership, n_resamples=_RESAMPLES, seed=_SEED)
    low, high = bootstrap_interval(squared, y, scores, weights) or (None, None)
    return Estimate(squared(y, scores), low, high, _people(y, groups), "percentile bootstrap")


def _no_spread(y: FloatArray, scores: FloatArray, groups: npt.NDArray[Any] | None) -> str:
    """Return why no interval between rows (or people) of a class can be formed, or nothing."""
    if scores.min() == scores.max():
        return "all scores are equal: nothing shows the spread"
    units = np.arange(len(y)) if groups is None else groups
    smallest = subjects_of_smaller_class(y, units)
    return "fewer than two of a class: nothing shows the spread" if smallest < 2 else ""


def _people(y: FloatArray, groups: npt.NDArray[Any] | None) -> int:
    return len(y) if groups is None else len(np.unique(groups))


def _table(title: str, estimates: Mapping[str, Estimate]) -> NamedTable:
    found = list(estimates.values())
    values = [np.nan if one.value is None else one.value for one in found]
    columns = {
        "metric": list(estimates),
        "estimate": values,
        "low": [np.nan if one.low is None else one.low for one in found],
        "high": [np.nan if one.high is None else one.high for one in found],
        "n": [one.n for one in found],
        "method": [one.note or INTERVALS.get(one.method, one.method) for one in found],
    }
    return named_table("external_metrics", title, columns)


def _reach(
    y: FloatArray,
    record: TrainingRecord | None,
    threshold: Threshold,
    groups: npt.NDArray[Any] | None,
) -> list[str]:
    """Return how far the numbers carry, one sentence each."""
    found = []
    found.append(
        "The model stores no threshold: sensitivity and specificity are those at 0.5, which "
        "nothing chose."
        if threshold is HALF
        else f"The threshold was chosen in training by {threshold.rule}."
    )
    trained = f", and {100 * record.n_positive / record.n_rows:.0f} % in training" if record else ""
    found.append(
        f"Cases are {100 * y.mean():.0f} % of these rows{trained}. Where the share was set by how "
        "people were drawn, calibration in the large is not assessable, and average precision and "
        "Brier score hold for this share alone."
    )
    found.append(
        f"A score that knows nothing reaches an average precision of {y.mean():.3f}. Ideal are a "
        "calibration slope of 1 and 0 in the large."
    )
    if groups is None:
        found.append(
            "Rows are taken as independent: with several rows of one person name the column of "
            "persons with --groups."
        )
    return found


def plain_rows(table: NamedTable) -> list[dict[str, Any]]:
    """Return a table as a list of mappings; what is not finite becomes None.

    Examples
    --------
    >>> plain_rows(named_table("t", "T", {"metric": ["AUC"], "low": [np.nan]}))
    [{'metric': 'AUC', 'low': None}]
    """
    frame = table.frame.astype(object)
    frame = frame.mask(table.frame.map(_not_finite), None)
    return [
        {str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")
    ]


def _not_finite(value: Any) -> bool:
    return isinstance(value, float) and not np.isfinite(value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
