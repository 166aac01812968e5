"""Subjects: rows that belong together and are resampled as one."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from foldwise.arrays import IntArray
from foldwise.errors import InvalidInputError

__all__ = ["Subjects"]


@dataclass(frozen=True, eq=False)
class Subjects:
    """Which rows a subject has, and which classes they are of.

    Parameters
    ----------
    of_row : int array of shape (n_samples,)
        Subject of each row, counted from 0.
    kind : int array of shape (n_subjects,)
        0 or 1 where all rows of a subject are of that class, 2 where it has rows of both.
    size : int array of shape (n_subjects,)
        Rows of each subject.

    Examples
    --------
    >>> some = Subjects.of(np.array([0.0, 1.0, 1.0, 0.0]), np.array(["a", "b", "b", "a"]))
    >>> some.kind, some.size
    (array([0, 1]), array([2, 2]))
    """

    of_row: IntArray
    kind: IntArray
    size: IntArray

    @classmethod
    def of(
        cls,
        classes: Float[np.ndarray, " sample"],
        groups: Shaped[np.ndarray, " sample"] | None = None,
    ) -> "Subjects":
        """Return the subjects of labels 0/1; each row its own without ``groups``.

        Raises
        ------
        InvalidInputError
            If a label is neither 0 nor 1.
        """
        other = classes[(classes != 0) & (classes != 1)]
        if len(other):
            raise InvalidInputError(f"A label is {other[0]:g}. Classes are 0 and 1.")
        of_row = np.arange(len(classes))
        if groups is not None:
            of_row = np.unique(groups, return_inverse=True)[1].astype(np.int64)
        size = np.bincount(of_row)
        cases = np.bincount(of_row, weights=classes)
        kind = np.where(cases == 0, 0, np.where(cases == size, 1, 2))
        return cls(of_row, kind, size)

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.size)
