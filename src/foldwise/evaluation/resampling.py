"""Bootstrap of rows, elements and seeds for any metric of target and prediction."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from jaxtyping import Bool, Float

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError

__all__ = ["bootstrap_interval", "element_weights", "interval_over_seeds", "row_weights"]

Interval = tuple[float, float]


def row_weights(n_rows: int, *, n_resamples: int, seed: int) -> Float[np.ndarray, "resample row"]:
    """Return how often each row is drawn in each bootstrap resample of rows."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_rows, np.full(n_rows, 1.0 / n_rows), size=n_resamples).astype(float)


def element_weights(
    membership: Bool[np.ndarray, "sample element"], *, n_resamples: int, seed: int
) -> Float[np.ndarray, "resample sample"]:
    """Return row weights of bootstrap resamples that draw elements, not rows.

    Rows that share an element are not independent. A row counts as often as its
    elements were drawn; a row of two drawn elements counts for both. A row with
    none of the elements is drawn for itself.
    """
    alone = np.flatnonzero(~membership.any(axis=1))
    membership = np.hstack([membership, np.arange(len(membership))[:, None] == alone])
    n_elements = membership.shape[1]
    drawn = row_weights(n_elements, n_resamples=n_resamples, seed=seed)  # (resample, element)
    return np.asarray(drawn @ membership.T.astype(float))  # (resample, sample)


def bootstrap_interval(
    metric: Callable[[FloatArray, FloatArray], float],
    y: Float[np.ndarray, " sample"],
    prediction: Float[np.ndarray, " sample"],
    weights: Float[np.ndarray, "resample sample"],
    *,
    level: float = 0.95,
) -> Interval | None:
    """Return the percentile bootstrap interval of a metric of target and prediction.

    Resamples on which the metric raises (an R2 of equal targets) are left out. None
    where nothing varies: fewer than two rows, or a metric defined on no resample.

    Examples
    --------
    >>> y = np.arange(20.0)
    >>> low, high = bootstrap_interval(
    ...     lambda y, p: float(np.abs(y - p).mean()), y, y + 1.0,
    ...     row_weights(20, n_resamples=50, seed=0))
    >>> low, high
    (1.0, 1.0)
    """
    values: list[float] = []
    for weight in weights.astype(int):
        rows = np.repeat(np.arange(len(y)), weight)
        with suppress(InvalidInputError):
            values.append(metric(y[rows], prediction[rows]))
    if len(y) < 2 or not values:
        return None
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def interval_over_seeds(
    metric: Callable[[FloatArray, FloatArray], float],
    y: Float[np.ndarray, " sample"],
    predictions: Float[np.ndarray, "seed sample"],
    weights: Float[np.ndarray, "resample sample"],
    *,
    against: Float[np.ndarray, "seed sample"] | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, Interval | None]:
    """Return the mean of a metric over refits from several seeds, with its interval.

    Each bootstrap resample draws rows and seeds, so that the interval covers the luck of
    the rows and that of the initial weights.

    Parameters
    ----------
    metric : callable
        Takes target and prediction.
    y : float array of shape (n_samples,)
        Target.
    predictions : float array of shape (n_seeds, n_samples)
        One row per seed.
    weights : float array of shape (n_resamples, n_samples)
        As from `row_weights` or `element_weights`.
    against : float array of shape (n_seeds, n_samples), optional
        Predictions of another model from the same seeds: its metric is taken off, on the
        same rows and seeds, and the result is the paired gain over it.
    seed : int
        Of the draws of seeds.
    level : float, default=0.95
        Confidence level.

    Examples
    --------
    >>> y = np.arange(20.0)
    >>> interval_over_seeds(
    ...     lambda y, p: -float(np.abs(y - p).mean()), y, y[None],
    ...     row_weights(20, n_resamples=50, seed=0), against=y[None] + 1.0)
    (1.0, (1.0, 1.0))
    """

    def mean(rows: IntArray, seeds: IntArray) -> float:
        values = [metric(y[rows], predictions[one][rows]) for one in seeds]
        if against is not None:
            others = [metric(y[rows], against[one][rows]) for one in seeds]
            values = [own - other for own, other in zip(values, others, strict=True)]
        return float(np.mean(values))

    rng = np.random.default_rng(seed)
    n_seeds = len(predictions)
    found: list[float] = []
    for weight in weights.astype(int):
        rows = np.repeat(np.arange(len(y)), weight)
        with suppress(InvalidInputError):
            found.append(mean(rows, rng.integers(n_seeds, size=n_seeds)))
    value = mean(np.arange(len(y)), np.arange(n_seeds))
    if len(y) < 2 or not found:
        return value, None
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
    return value, (float(low), float(high))
