"""Normalisation of samples: what dilution or loading did to a whole row is divided out.

A zero says nothing about dilution, and a gap says nothing at all: factors are computed
from positive cells. A row without one is left as it is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foldwise.arrays import FloatArray
from foldwise.fits.preprocessing import Kind, StepState

__all__ = ["MedianNormalize", "ProbabilisticQuotient", "SumNormalize"]


@dataclass(frozen=True)
class SumNormalize:
    """Divide each row by its sum and multiply by 100: percent of the total.

    Examples
    --------
    >>> SumNormalize().apply({}, np.array([[1.0, 3.0, np.nan]]))
    array([[25., 75., nan]])
    """

    kind: Kind = "row"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return nothing: the step needs no other row."""
        return {}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X in percent of each row's sum."""
        return _percent(X)

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return "Samples were normalised to their total abundance."


def _percent(X: FloatArray) -> FloatArray:
    total = np.where(X > 0, X, 0.0).sum(axis=1)
    return np.asarray(X / np.where(total > 0, total / 100, 1.0)[:, None])


@dataclass(frozen=True)
class MedianNormalize:
    """Divide each row by the median of its positive cells.

    Examples
    --------
    >>> MedianNormalize().apply({}, np.array([[2.0, 4.0, 8.0, 0.0]]))
    array([[0.5, 1. , 2. , 0. ]])
    """

    kind: Kind = "row"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return nothing: the step needs no other row."""
        return {}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X in units of each row's median."""
        return np.asarray(X / _row_medians(np.where(X > 0, X, np.nan))[:, None])

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return "Samples were normalised to their median abundance."


@dataclass(frozen=True)
class ProbabilisticQuotient:
    """Divide each row by its most probable dilution against a reference spectrum.

    As [1]_ has it: each row in percent of its sum; the reference is the median of each
    feature over the training rows; the dilution of a row is the median of its quotients to
    the reference, over the features that are positive in both.

    References
    ----------
    .. [1] Dieterle et al. (2006), Analytical Chemistry 78, 4281.

    Examples
    --------
    >>> X = np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0], [1.0, 2.0, 3.0, 40.0]])
    >>> step = ProbabilisticQuotient()
    >>> step.apply(step.learn(X), X)  # the one large peak dilutes nothing
    array([[ 10.,  20.,  30.,  40.],
           [ 10.,  20.,  30.,  40.],
           [ 10.,  20.,  30., 400.]])
    """

    kind: Kind = "general"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return ``{"reference": (n_features,)}``; NaN where no training row is positive."""
        percent = _percent(X)
        return {"reference": _row_medians(np.where(percent > 0, percent, np.nan).T, np.nan)}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X in percent, divided by each row's dilution."""
        percent = _percent(X)
        quotient = np.where(percent > 0, percent, np.nan) / state["reference"]
        return np.asarray(percent / _row_medians(quotient)[:, None])

    def describe(self) -> str:
        """Return the step as a sentence of a methods section."""
        return (
            "Samples were normalised by probabilistic quotients, with the median spectrum of the "
            "training samples as reference."
        )


def _row_medians(rows: FloatArray, without: float = 1.0) -> FloatArray:
    """Return the median of each row's values, gaps aside; ``without`` where it has none."""
    medians = np.full(len(rows), without)
    some = ~np.isnan(rows).all(axis=1)
    medians[some] = np.nanmedian(rows[some], axis=1)
    return medians
