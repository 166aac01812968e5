"""Complementary pairs of half-samples, drawn by subject and stratified by class."""

import numpy as np
from jaxtyping import Bool, Float, Shaped

from foldwise.errors import InvalidInputError
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.subjects import Subjects

__all__ = ["complementary_pairs"]


def complementary_pairs(
    classes: Float[np.ndarray, " sample"],
    *,
    n_pairs: int,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    seed: int = 0,
) -> Bool[np.ndarray, "resample sample"]:
    """Return pairs of half-samples without a common subject.

    Of each class (and of the subjects that have rows of both) half the subjects go into
    either half-sample; where their number is odd, one drawn anew for each pair is left out.

    Parameters
    ----------
    classes : float array of shape (n_samples,)
        Labels 0/1.
    n_pairs : int
        Number of pairs.
    groups : array of shape (n_samples,), optional
        All rows of a subject go the same way.
    seed : int
        The run's seed.

    Returns
    -------
    bool array of shape (2 * n_pairs, n_samples)
        Rows 2i and 2i + 1 are a pair.

    Raises
    ------
    InvalidInputError
        If a half-sample would hold fewer than two subjects of a class.

    References
    ----------
    .. [1] Shah & Samworth (2013), J. R. Stat. Soc. B 75, 55, section 2.

    Examples
    --------
    >>> halves = complementary_pairs(np.array([0.0, 0, 0, 0, 1, 1, 1, 1, 1]), n_pairs=1)
    >>> halves.sum(axis=1), int((halves[0] & halves[1]).sum())
    (array([4, 4]), 0)
    """
    subjects = Subjects.of(classes, groups)
    _require_halves(subjects)
    halves = np.zeros((2 * n_pairs, subjects.n_subjects), bool)
    for pair in range(n_pairs):
        rng = np.random.default_rng(child_seed(seed, "half-samples", pair))
        for kind in range(3):
            drawn = rng.permutation(np.flatnonzero(subjects.kind == kind))
            half = len(drawn) // 2
            halves[2 * pair, drawn[:half]] = True
            halves[2 * pair + 1, drawn[half : 2 * half]] = True
    return np.asarray(halves[:, subjects.of_row])


def _require_halves(subjects: Subjects) -> None:
    halves = np.bincount(subjects.kind, minlength=3) // 2
    for label, name in enumerate(("control", "case")):
        if halves[label] + halves[2] < 2:
            n_subjects = int(np.isin(subjects.kind, (label, 2)).sum())
            raise InvalidInputError(
                f"Half-samples need two subjects with a {name} in each half, four in all; there "
                f"{'is' if n_subjects == 1 else 'are'} {n_subjects}. Collect more rows."
            )
