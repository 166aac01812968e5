"""Steps for some columns of a table whose other columns stay as they are."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from foldwise.arrays import FloatArray, RealArray
from foldwise.fits.preprocessing import Kind, Step, apply_steps, learn_steps

__all__ = ["OnColumns"]


@dataclass(frozen=True)
class OnColumns:
    """Apply steps to a block of columns of X and leave the others alone.

    Abundances and covariates stand side by side in one model, and a logarithm is for the
    abundances only; features and their decoys stand side by side, and are prepared alike.

    Parameters
    ----------
    start, stop : int
        The columns from ``start`` up to ``stop``, counted in the X that reaches this step.
    steps : tuple of Step
        Learned from the training rows of each fit, as anywhere. They may add columns, which
        stay within the block.

    Examples
    --------
    >>> from foldwise.fits.preprocessing import CenterOnly
    >>> step = OnColumns(0, 1, (CenterOnly(),))
    >>> X = np.array([[1.0, 50.0], [3.0, 60.0]])
    >>> step.apply(step.learn(X), X).tolist()
    [[-1.0, 50.0], [1.0, 60.0]]
    """

    start: int
    stop: int
    steps: tuple[Step, ...]
    kind: Kind = "general"

    @property
    def _prefix(self) -> str:
        return f"columns-{self.start}-{self.stop}."

    def learn(self, X: FloatArray) -> dict[str, FloatArray]:
        """Return what the steps learn, under names that tell blocks apart."""
        learned = learn_steps(self.steps, X[:, self.start : self.stop])
        return {self._prefix + name: value for name, value in learned.items()}

    def apply(self, state: Mapping[str, RealArray], X: FloatArray) -> FloatArray:
        """Return X with its block as the steps leave it."""
        own = {
            name.removeprefix(self._prefix): value
            for name, value in state.items()
            if name.startswith(self._prefix)
        }
        ready = apply_steps(self.steps, own, X[:, self.start : self.stop])
        return np.hstack([X[:, : self.start], ready, X[:, self.stop :]])
