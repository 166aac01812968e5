"""The words for axes, the array types that carry them, and the input of a learner.

Axes always stand in this order and under these names:
``fit, sample, feature, target``; also ``site, element, fold, repeat, resample,
permutation, setting, epoch``. Sizes are ``n_fits``, ``n_samples`` and so on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int

__all__ = [
    "BoolArray",
    "Design",
    "FloatArray",
    "IntArray",
    "RealArray",
    "SiteLookup",
    "as_dense",
]

FloatArray = npt.NDArray[np.float64]
RealArray = npt.NDArray[np.floating[Any]]
"""Of either precision: networks learn in float32, everything else in float64."""
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SiteLookup:
    """One-hot site fractions kept as look-ups instead of mostly zero columns.

    Parameters
    ----------
    index : int array of shape (n_samples, n_sites, n_slots)
        Position in the vocabulary of each element on each site. Slots that a
        sample does not need hold 0 with fraction 0.
    fraction : float array of shape (n_samples, n_sites, n_slots)
        Share of that element on the site, between 0 and 1.
    n_elements : int
        Size of the vocabulary, the same for every site.

    Examples
    --------
    >>> lookup = SiteLookup(np.array([[[1], [0]]]), np.ones((1, 2, 1)), n_elements=3)
    >>> lookup.to_dense()
    array([[0., 1., 0., 1., 0., 0.]])
    """

    index: Int[np.ndarray, "sample site slot"]
    fraction: Float[np.ndarray, "sample site slot"]
    n_elements: int

    def __len__(self) -> int:
        return len(self.index)

    @property
    def n_features(self) -> int:
        """Columns of the dense matrix: sites times elements."""
        return int(self.index.shape[1]) * self.n_elements

    def to_dense(self) -> FloatArray:
        """Return the matrix of shape (n_samples, n_sites * n_elements)."""
        n_samples, n_sites, n_slots = self.index.shape
        dense = np.zeros((n_samples, n_sites, self.n_elements))
        row, site, _ = np.indices((n_samples, n_sites, n_slots))
        np.add.at(dense, (row, site, self.index), self.fraction)
        return dense.reshape(n_samples, -1)  # (sample, site * element)


Design = FloatArray | SiteLookup


def as_dense(design: Design) -> FloatArray:
    """Return ``design`` as a float matrix of shape (n_samples, n_features)."""
    return design.to_dense() if isinstance(design, SiteLookup) else design
