"""Permuted labels: subjects as blocks, within strata, pairs flipped or not."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy.special import gammaln

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.errors import InvalidInputError, first_few
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.subjects import Subjects

__all__ = ["count_arrangements", "permuted_labels"]


def permuted_labels(
    target: Float[np.ndarray, " sample"],
    n_permutations: int,
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    strata: Shaped[np.ndarray, " sample"] | None = None,
    seed: int = 0,
) -> Float[np.ndarray, "permutation sample"]:
    """Return permuted labels in which every subject stays one block.

    Subjects of one class exchange their labels: all rows of a subject get the same. With
    subjects of different sizes the number of rows per class changes, the number of subjects
    does not. Labels of a subject that has rows of both classes (a paired design) are permuted
    among its own rows: for a pair, they are flipped or not. With strata, labels move within a
    stratum only.

    Raises
    ------
    InvalidInputError
        If a subject of one class has rows in several strata, or no permutation differs from
        the labels as they are.

    Examples
    --------
    >>> y, pairs = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0, 0, 1, 1])
    >>> permuted_labels(y, 50, groups=pairs).reshape(-1, 2).sum(axis=1).tolist() == [1.0] * 100
    True
    """
    blocks = _Blocks.of(target, groups, strata)
    if blocks.log_arrangements == 0:
        raise InvalidInputError(
            "No permutation differs from the labels as they are: "
            f"{'within every stratum' if strata is not None else 'here'} all subjects of one "
            "class are alike. Leave out strata or groups, or do without a permutation test."
        )
    rng = np.random.default_rng(child_seed(seed, "permutation"))
    labels = np.repeat(target[None], n_permutations, axis=0)
    subjects, whole, mixed = blocks.subjects, blocks.whole, blocks.mixed
    kinds = np.repeat(subjects.kind[None].astype(float), n_permutations, axis=0)
    kinds[:, whole] = _shuffled_within(subjects.kind[whole], blocks.of_whole, n_permutations, rng)
    labels[:, ~mixed] = kinds[:, subjects.of_row[~mixed]]
    labels[:, mixed] = _shuffled_within(target[mixed], blocks.of_mixed, n_permutations, rng)
    return labels


def count_arrangements(
    target: Float[np.ndarray, " sample"],
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    strata: Shaped[np.ndarray, " sample"] | None = None,
) -> float:
    """Return how many label vectors `permuted_labels` can give, ``inf`` beyond 1e300.

    Examples
    --------
    >>> count_arrangements(np.array([0.0, 0.0, 1.0, 1.0])).__round__(6)
    6.0
    """
    found = _Blocks.of(target, groups, strata).log_arrangements
    return float(np.exp(found)) if found < 690 else float("inf")


@dataclass(frozen=True, eq=False)
class _Blocks:
    """What is exchanged with what: whole subjects, or the rows of subjects of both classes."""

    subjects: Subjects
    whole: IntArray  # subjects of one class
    of_whole: IntArray  # their stratum
    mixed: BoolArray  # rows of subjects of both classes, (sample,)
    of_mixed: IntArray  # their subject and stratum, as one number
    log_arrangements: float

    @classmethod
    def of(
        cls, target: FloatArray, groups: np.ndarray | None, strata: np.ndarray | None
    ) -> "_Blocks":
        subjects = Subjects.of(target, groups)
        stratum = np.zeros(len(target), np.int64)
        if strata is not None:
            stratum = np.unique(strata, return_inverse=True)[1].astype(np.int64)
        whole = np.flatnonzero(subjects.kind < 2)
        mixed = subjects.kind[subjects.of_row] == 2
        lowest = np.full(subjects.n_subjects, len(target))
        np.minimum.at(lowest, subjects.of_row, stratum)
        _require_one_stratum(subjects, whole, stratum, lowest, groups)
        of_mixed = subjects.of_row[mixed] * (stratum.max() + 1) + stratum[mixed]
        ways = _log_arrangements(subjects.kind[whole], lowest[whole])
        ways += _log_arrangements(target[mixed], of_mixed)
        return cls(subjects, whole, lowest[whole], mixed, of_mixed, ways)


def _require_one_stratum(
    subjects: Subjects,
    whole: IntArray,
    stratum: IntArray,
    lowest: IntArray,
    groups: np.ndarray | None,
) -> None:
    """Refuse subjects of one class whose rows lie in several strata."""
    apart = np.unique(subjects.of_row[stratum != lowest[subjects.of_row]])
    apart = apart[np.isin(apart, whole)]
    if len(apart) and groups is not None:
        named = np.unique(groups)[apart]
        raise InvalidInputError(
            f"{len(apart)} subjects of one class have rows in several strata: "
            f"{first_few(named.tolist())}. A subject is permuted as one block within a stratum: "
            "leave out strata, or keep each subject in one."
        )


def _log_arrangements(labels: np.ndarray, block: IntArray) -> float:
    """Return the log of the number of ways to place labels within blocks."""
    if not len(labels):
        return 0.0
    size = np.bincount(block).astype(float)
    cases = np.bincount(block, weights=labels.astype(float))
    ways = gammaln(size + 1) - gammaln(cases + 1) - gammaln(size - cases + 1)
    return float(np.where((cases > 0) & (cases < size), ways, 0.0).sum())


def _shuffled_within(
    labels: np.ndarray, block: IntArray, n_permutations: int, rng: np.random.Generator
) -> FloatArray:
    """Return labels permuted within blocks, shape (n_permutations, n_units)."""
    by_block = np.argsort(block, kind="stable")
    drawn = np.argsort(block + rng.random((n_permutations, len(block))), axis=1)
    shuffled = np.empty(drawn.shape)
    shuffled[:, by_block] = labels[drawn]
    return shuffled
