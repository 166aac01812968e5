"""What a bundle remembers of its training rows, so that new rows can be compared with them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foldwise.arrays import FloatArray
from foldwise.evaluation.drift import Moments, moments
from foldwise.studies.model import Model

__all__ = ["Threshold", "TrainingRecord", "id_keys", "row_keys", "training_facts"]

_KEY_LENGTH = 16
_DIGITS = 6  # of a value; a table that was saved anew keeps as many
_MOST_REPEATED = 0.05  # of training rows; with more, equal values do not name a row


@dataclass(frozen=True)
class Threshold:
    """A score from which rows are called cases, and the rule that chose it.

    Examples
    --------
    >>> Threshold(0.42, "Youden index of inner out-of-fold scores").value
    0.42
    """

    value: float
    rule: str


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """Everything `training_facts` wrote into a bundle.

    Parameters
    ----------
    n_rows, n_positive : int
        Training rows, and cases among them.
    moments : Moments
        Of each feature, in the unit of the table.
    minimum, maximum : float array of shape (n_features,)
        Range of each feature.
    ids, rows : frozenset of str
        Keys of ids and of rows; ``rows`` is empty where equal values name no row.
    scores : float array of shape (n,), optional
        Out-of-fold scores, sorted: what scores of rows never fitted look like.
    threshold : Threshold, optional
    """

    n_rows: int
    n_positive: int
    moments: Moments
    minimum: FloatArray
    maximum: FloatArray
    ids: frozenset[str]
    rows: frozenset[str]
    scores: FloatArray | None = None
    threshold: Threshold | None = None

    @classmethod
    def of(cls, model: Model) -> "TrainingRecord | None":
        """Return the record of a bundle; None where it was written without one."""
        found: Mapping[str, Any] | None = model.facts.get("training")
        if found is None:
            return None
        n, mean, sd, median, low, high = (
            _column(found, key) for key in ("n", "mean", "sd", "median", "minimum", "maximum")
        )
        threshold = model.facts.get("threshold")
        scores = found.get("out_of_fold_scores")
        return cls(
            found["n_rows"],
            found["n_positive"],
            Moments(n.astype(np.int64), mean, sd, median),
            low,
            high,
            frozenset(found["ids"]),
            frozenset(found["rows"]),
            None if scores is None else np.array(scores, dtype=np.float64),
            None if threshold is None else Threshold(**threshold),
        )


def training_facts(
    X: FloatArray,
    y: FloatArray,
    ids: Sequence[str],
    *,
    out_of_fold_scores: FloatArray | None = None,
    threshold: Threshold | None = None,
) -> dict[str, Any]:
    """Return the facts of a bundle that describe its training rows.

    No value of a row and no id is written down: rows and ids are kept as the first 64 bits
    of their SHA-256. Whoever has a candidate id can look it up; a short id can be guessed.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        Training rows in the order of the model's features, as read; NaN where missing.
    y : float array of shape (n_samples,)
        1 for cases, 0 for controls.
    ids : sequence of str
        Row ids.
    out_of_fold_scores : float array of shape (n,), optional
        Scores of training rows by models that had not seen them.
    threshold : Threshold, optional
        Where the model calls a row a case.

    Returns
    -------
    dict
        ``{"training": {...}}`` and, where given, ``{"threshold": {...}}``: update
        ``Model.facts`` with it.

    Examples
    --------
    >>> facts = training_facts(np.array([[1.0], [3.0]]), np.array([0.0, 1.0]), ["P1", "P2"])
    >>> facts["training"]["mean"], facts["training"]["maximum"], len(facts["training"]["rows"])
    ([2.0], [3.0], 2)
    """
    found = moments(X)
    there = ~np.isnan(X)
    low = np.where(there, X, np.inf).min(axis=0)
    high = np.where(there, X, -np.inf).max(axis=0)
    rows = row_keys(X)
    names_rows = 1 - len(set(rows)) / len(rows) <= _MOST_REPEATED
    training = {
        "n_rows": len(X),
        "n_positive": int(y.sum()),
        "n": found.n.tolist(),
        "mean": _listed(found.mean),
        "sd": _listed(found.sd),
        "median": _listed(found.median),
        "minimum": _listed(low),
        "maximum": _listed(high),
        "ids": sorted(id_keys(ids)),
        "rows": sorted(set(rows)) if names_rows else [],
    }
    if out_of_fold_scores is not None:
        training["out_of_fold_scores"] = np.sort(out_of_fold_scores).tolist()
    facts: dict[str, Any] = {"training": training}
    if threshold is not None:
        facts["threshold"] = vars(threshold)
    return facts


def id_keys(ids: Sequence[str]) -> list[str]:
    """Return a short hash of each id.

    Examples
    --------
    >>> id_keys(["P1", " P1 "]) == 2 * id_keys(["P1"])
    True
    """
    return [_key(one.strip().encode()) for one in ids]


def row_keys(X: FloatArray) -> list[str]:
    """Return a short hash of each row's values, to six significant digits.

    Examples
    --------
    >>> one, same, other = row_keys(np.array([[1.0, np.nan], [1.00000001, np.nan], [1.1, 2.0]]))
    >>> one == same, one == other
    (True, False)
    """
    return [_key(" ".join(f"{value + 0.0:.{_DIGITS}g}" for value in row).encode()) for row in X]


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_KEY_LENGTH]


def _listed(values: FloatArray) -> list[float | None]:
    """Return numbers as JSON holds them; None where there is none."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _column(found: Mapping[str, Any], key: str) -> FloatArray:
    return np.array([np.nan if value is None else value for value in found[key]], dtype=np.float64)
