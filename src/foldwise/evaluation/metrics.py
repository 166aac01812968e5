"""Metrics of a study, each with its unit, interval and count."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata
from sklearn import metrics as sk

from foldwise.arrays import FloatArray
from foldwise.errors import InvalidInputError

__all__ = [
    "REGRESSION_METRICS",
    "Metric",
    "column_aucs",
    "confusion_counts",
    "pr_points",
    "roc_auc",
    "roc_points",
]


@dataclass(frozen=True)
class Metric:
    """One number of a study.

    Parameters
    ----------
    name : str
        ``roc_auc``, ``average_precision``, ``r2``, ``mae``, ``rmse``.
    model, encoding, split : str
        What was fitted, on which inputs, and where it was scored.
    value : float
        The number, in ``unit``.
    unit : str
        "" for shares and R2, else such as "eV/atom".
    n : int
        Rows it was computed from.
    low, high : float, optional
        95 % interval; None where none is claimed.
    """

    name: str
    model: str
    encoding: str
    split: str
    value: float
    unit: str
    n: int
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the entry of ``result.metrics``."""
        return asdict(self)


def roc_auc(y: Float[np.ndarray, " sample"], score: Float[np.ndarray, " sample"]) -> float:
    """Return the area under the ROC curve of labels 0/1.

    Raises
    ------
    InvalidInputError
        If ``y`` holds one class only: no pair of a case and a control exists. If a score is NaN.

    Examples
    --------
    >>> roc_auc(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    if np.isnan(score).any():
        raise InvalidInputError(
            f"AUC is undefined: {int(np.isnan(score).sum())} of {len(score)} scores are NaN. Score "
            "rows that were asked for, with a model that has not diverged."
        )
    case = y == 1
    cases, controls = score[case], np.sort(score[~case])
    if not (len(cases) and len(controls)):
        raise InvalidInputError(
            f"AUC is undefined: all {len(y)} rows are of class {y[0] if len(y) else '-'}. "
            "Score rows of both classes."
        )
    # Controls below each case, ties counted one half.
    wins = np.searchsorted(controls, cases, "left") + np.searchsorted(controls, cases, "right")
    return float(wins.sum() / (2 * len(cases) * len(controls)))


def column_aucs(X: FloatArray, y: FloatArray) -> FloatArray:
    """Return the AUC of each column of X (n_samples, n_features) alone, shape (n_features,).

    From the rank sum of the cases; ties count one half. Missing cells must be
    filled before.

    Examples
    --------
    >>> column_aucs(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]), np.array([0.0, 1.0, 1.0]))
    array([1., 0.])
    """
    n_cases = int((y == 1).sum())
    n_controls = len(y) - n_cases
    ranks = rankdata(X, axis=0)[y == 1].sum(axis=0)
    return np.asarray((ranks - n_cases * (n_cases + 1) / 2) / (n_cases * n_controls))


def roc_points(
    y: Float[np.ndarray, " sample"], score: Float[np.ndarray, " sample"]
) -> dict[str, FloatArray]:
    """Return thresholds, false and true positive rates of the ROC curve."""
    false, true, threshold = sk.roc_curve(y, score, drop_intermediate=False)
    # scikit-learn starts at threshold inf, where nobody is called positive.
    threshold[0] = np.nextafter(score.max(), np.inf)
    return {"threshold": threshold, "false_positive_rate": false, "true_positive_rate": true}


def pr_points(
    y: Float[np.ndarray, " sample"], score: Float[np.ndarray, " sample"]
) -> dict[str, FloatArray]:
    """Return thresholds, recall and precision of the precision-recall curve."""
    precision, recall, threshold = sk.precision_recall_curve(y, score)
    return {
        "threshold": np.append(threshold, np.nextafter(score.max(), np.inf)),
        "recall": recall,
        "precision": precision,
    }


def confusion_counts(
    y: Float[np.ndarray, " sample"], score: Float[np.ndarray, " sample"], threshold: float = 0.5
) -> np.ndarray:
    """Return counts of shape (2, 2): rows actual 0/1, columns predicted 0/1.

    Examples
    --------
    >>> confusion_counts(np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.4, 0.9])).tolist()
    [[1, 0], [1, 1]]
    """
    return np.asarray(sk.confusion_matrix(y == 1, score > threshold, labels=[False, True]))


def _rmse(y: FloatArray, prediction: FloatArray) -> float:
    return float(np.sqrt(np.mean((y - prediction) ** 2)))


def _mae(y: FloatArray, prediction: FloatArray) -> float:
    return float(np.mean(np.abs(y - prediction)))


def _r2(y: FloatArray, prediction: FloatArray) -> float:
    """1 - sum of squared errors / sum of squared deviations from the mean."""
    if len(np.unique(y)) < 2:
        raise InvalidInputError(
            f"R2 is undefined: all {len(y)} targets are {y[0] if len(y) else '-'}. Report the "
            "mean absolute error."
        )
    spread = float(np.sum((y - y.mean()) ** 2))
    return 1.0 - float(np.sum((y - prediction) ** 2)) / spread


REGRESSION_METRICS: dict[str, Callable[[FloatArray, FloatArray], float]] = {
    "r2": _r2,
    "mae": _mae,
    "rmse": _rmse,
}
"""Name to function of target and prediction, both of shape (n_samples,)."""
