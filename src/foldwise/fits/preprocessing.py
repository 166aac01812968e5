"""Preprocessing steps, learned per fit from its training rows and nowhere else.

Each step declares its kind. ``fill`` gives a value per feature for missing
cells, ``affine`` a centre and a scale per feature; both keep a product with
the shared X possible. Other kinds are materialised per block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from foldwise.arrays import FloatArray, RealArray
from foldwise.errors import EmptyColumnError, first_few

__all__ = ["MedianFill", "Standardize", "Step", "apply_steps", "learn_steps"]


Kind = Literal["fill", "affine", "general"]
StepState = Mapping[str, RealArray]


@runtime_checkable
class Step(Protocol):
    """One preprocessing step of a learner."""

    @property
    def kind(self) -> Kind:
        """How the step acts on X."""
        ...

    def learn(self, X: FloatArray) -> dict[str, FloatArray]:
        """Return the state learned from training rows X (n_train, n_features)."""
        ...

    def apply(self, state: StepState, X: FloatArray) -> FloatArray:
        """Return X (n_samples, n_features) as this step leaves it."""
        ...


@dataclass(frozen=True)
class MedianFill:
    """Fill missing cells with the median of the training rows.

    A column without any value in the training rows is an error: no number
    could stand for it.
    """

    kind: Kind = "fill"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return ``{"fill": (n_features,)}``."""
        empty = np.flatnonzero(np.isnan(X).all(axis=0))
        if empty.size:
            raise EmptyColumnError(
                f"Columns without any value in the {len(X)} training rows of a fit, by position: "
                f"{first_few(empty)}. Leave such columns out.",
                tuple(empty.tolist()),
            )
        return {"fill": _medians(X)}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X with every missing cell filled."""
        return np.where(np.isnan(X), state["fill"], X)


def _medians(X: FloatArray) -> FloatArray:
    """Return the median of each column's values; ten times as fast as numpy's for gaps."""
    ordered = np.sort(np.ascontiguousarray(X.T), axis=1)  # gaps go last
    last = (~np.isnan(X)).sum(axis=0) - 1
    columns = np.arange(X.shape[1])
    return np.asarray((ordered[columns, last // 2] + ordered[columns, (last + 1) // 2]) / 2)


@dataclass(frozen=True)
class Standardize:
    """Subtract the training mean and divide by the training standard deviation.

    The population standard deviation (divided by n) is used, as scikit-learn
    does. A column that is constant in the training rows keeps scale 1.
    """

    kind: Kind = "affine"

    def learn(self, X: Float[np.ndarray, "sample feature"]) -> dict[str, FloatArray]:
        """Return ``{"center": (n_features,), "scale": (n_features,)}``."""
        mean = X.mean(axis=0)
        spread = X.std(axis=0, mean=mean[None])
        # Rounding leaves a tiny spread in a constant column: judge by the values.
        tiny = np.flatnonzero(spread <= 1e-6 * np.abs(mean))
        constant = tiny[X[:, tiny].min(axis=0) == X[:, tiny].max(axis=0)]
        spread[constant] = 1.0
        return {"center": mean, "scale": np.where(spread == 0, 1.0, spread)}

    def apply(self, state: StepState, X: Float[np.ndarray, "sample feature"]) -> FloatArray:
        """Return X centred and scaled."""
        return (X - state["center"]) / state["scale"]


def learn_steps(
    steps: Sequence[Step], X: Float[np.ndarray, "sample feature"]
) -> dict[str, FloatArray]:
    """Return the state of all steps, each learned from what the one before leaves.

    Examples
    --------
    >>> state = learn_steps([MedianFill(), Standardize()], np.array([[1.0], [3.0], [np.nan]]))
    >>> float(state["fill"][0]), float(state["center"][0])
    (2.0, 2.0)
    """
    state: dict[str, FloatArray] = {}
    for place, step in enumerate(steps):
        state |= step.learn(X)
        if place < len(steps) - 1:
            X = step.apply(state, X)
    return state


def apply_steps(
    steps: Sequence[Step], state: StepState, X: Float[np.ndarray, "sample feature"]
) -> FloatArray:
    """Return X as all steps leave it, with a learned state."""
    for step in steps:
        X = step.apply(state, X)
    return X
