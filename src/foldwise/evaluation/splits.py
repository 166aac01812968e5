"""Splits of samples: a test part, k folds, random repeats; always shuffled, always seeded.

Tables are often sorted (by class, by energy): unshuffled folds would then be
different populations. Folds are therefore never taken in file order.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

from foldwise.arrays import BoolArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.seeds import child_seed

__all__ = ["kfold_among", "kfold_assignments", "random_test_masks", "require_both_classes"]

_MOST_FOLDS = 20  # a test part of whole groups is a multiple of 1 / 20 or coarser


def random_test_masks(
    n_samples: int,
    *,
    test_size: float,
    n_splits: int = 1,
    seed: int = 0,
    classes: Float[np.ndarray, " sample"] | None = None,
    groups: Shaped[np.ndarray, " sample"] | None = None,
) -> Bool[np.ndarray, "split sample"]:
    """Return masks of random test parts.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    test_size : float
        Share of rows in the test part, rounded up; with groups the share of groups, and
        with classes too the nearest share of rows that whole groups allow.
    n_splits : int, default=1
        How many independent splits.
    seed : int, default=0
        The run's seed.
    classes : array of shape (n_samples,), optional
        Keeps the share of each class in both parts.
    groups : array of shape (n_samples,), optional
        Rows of one group stay on one side. Classes are then kept as near as
        whole groups allow.

    Returns
    -------
    bool array of shape (n_splits, n_samples)
        True in the test part.

    Raises
    ------
    InvalidInputError
        If there are too few rows, groups or members of a class for both parts.

    Examples
    --------
    >>> random_test_masks(10, test_size=0.2, n_splits=3).sum(axis=1)
    array([2, 2, 2])
    """
    masks = np.zeros((n_splits, n_samples), bool)
    for split in range(n_splits):
        child = child_seed(seed, "split", split)
        masks[split, _test_rows(n_samples, test_size, child, classes, groups)] = True
    return masks


def _test_rows(
    n_samples: int,
    test_size: float,
    seed: int,
    classes: np.ndarray | None,
    groups: np.ndarray | None,
) -> IntArray:
    """Draw one test part; what scikit-learn cannot draw is refused in the user's words."""
    try:
        if groups is not None and classes is not None:
            return _stratified_groups(test_size, seed, classes, groups)
        kind = StratifiedShuffleSplit if classes is not None else ShuffleSplit
        splitter = (kind if groups is None else GroupShuffleSplit)(
            1, test_size=test_size, random_state=seed
        )
        return np.asarray(next(splitter.split(np.zeros(n_samples), classes, groups))[1])
    except InvalidInputError:
        raise
    except ValueError as error:
        of_groups = "" if groups is None else f" in {len(np.unique(groups))} groups"
        raise InvalidInputError(
            f"No test part of {test_size:.3g} can be drawn from {n_samples} rows{of_groups}: "
            f"{error} Use another --test-size, or give more rows."
        ) from error


def _stratified_groups(
    test_size: float, seed: int, classes: np.ndarray, groups: np.ndarray
) -> IntArray:
    """Return some folds of a stratified group k-fold, drawn at random.

    Its folds keep groups whole and classes balanced, but it places the groups in
    order of their spread: the first fold would always hold the same large group.
    """
    n_groups = len(np.unique(groups))
    limit = min(_MOST_FOLDS, n_groups, int(np.unique(classes, return_counts=True)[1].min()))
    if limit < 2:
        raise InvalidInputError(
            f"A test part of whole groups needs 2 groups and 2 rows of each class; there are "
            f"{n_groups} groups and {len(classes)} rows. Add rows, or leave --groups out."
        )
    wanted = Fraction(test_size).limit_denominator(limit)
    share = min(max(wanted, Fraction(1, limit)), Fraction(limit - 1, limit))
    folds = StratifiedGroupKFold(share.denominator, shuffle=True, random_state=seed)
    parts = [test for _, test in folds.split(np.zeros(len(classes)), classes, groups)]
    chosen = np.random.default_rng(seed).permutation(share.denominator)[: share.numerator]
    return np.concatenate([parts[fold] for fold in chosen])


def kfold_assignments(
    n_samples: int,
    *,
    n_splits: int = 5,
    n_repeats: int = 1,
    seed: int = 0,
    classes: Float[np.ndarray, " sample"] | None = None,
    groups: Shaped[np.ndarray, " sample"] | None = None,
) -> Int[np.ndarray, "repeat sample"]:
    """Return the fold of every sample, once per repeat.

    Shuffled and seeded; stratified where ``classes`` is given, and groups kept
    whole where ``groups`` is.

    Raises
    ------
    InvalidInputError
        If there are more folds than samples, groups or members of a class.

    Examples
    --------
    >>> folds = kfold_assignments(6, n_splits=3, n_repeats=2)
    >>> folds.shape, np.bincount(folds[0]).tolist()
    ((2, 6), [2, 2, 2])
    """
    _require_enough(n_samples, n_splits, classes, groups)
    folds = np.zeros((n_repeats, n_samples), np.int64)
    for repeat in range(n_repeats):
        splitter = _kfold(n_splits, child_seed(seed, "folds", repeat), classes, groups)
        rows = np.zeros((n_samples, 1))
        for fold, (_, test) in enumerate(splitter.split(rows, classes, groups)):
            folds[repeat, test] = fold
    return folds


def kfold_among(
    rows: Bool[np.ndarray, " sample"],
    *,
    n_splits: int = 5,
    n_repeats: int = 1,
    seed: int = 0,
    classes: Float[np.ndarray, " sample"] | None = None,
    groups: Shaped[np.ndarray, " sample"] | None = None,
) -> Int[np.ndarray, "repeat sample"]:
    """Return the folds of some rows, as `kfold_assignments` draws them; -1 elsewhere.

    Examples
    --------
    >>> folds = kfold_among(np.array([True, True, False, True]), n_splits=3)
    >>> sorted(folds[0].tolist()), folds[0, 2]
    ([-1, 0, 1, 2], np.int64(-1))
    """
    folds = np.full((n_repeats, len(rows)), -1, np.int64)
    folds[:, rows] = kfold_assignments(
        int(rows.sum()),
        n_splits=n_splits,
        n_repeats=n_repeats,
        seed=seed,
        classes=None if classes is None else classes[rows],
        groups=None if groups is None else groups[rows],
    )
    return folds


def _kfold(
    n_splits: int, seed: int, classes: np.ndarray | None, groups: np.ndarray | None
) -> KFold | GroupKFold | StratifiedKFold | StratifiedGroupKFold:
    kinds = {
        (False, False): KFold,
        (True, False): StratifiedKFold,
        (False, True): GroupKFold,
        (True, True): StratifiedGroupKFold,
    }
    kind = kinds[classes is not None, groups is not None]
    return kind(n_splits, shuffle=True, random_state=seed)


def _require_enough(
    n_samples: int, n_splits: int, classes: np.ndarray | None, groups: np.ndarray | None
) -> None:
    if n_splits < 2:
        raise InvalidInputError(f"Cross-validation needs at least 2 folds, not {n_splits}.")
    counts = {"samples": n_samples}
    if groups is not None:
        counts["groups"] = len(np.unique(groups))
    if classes is not None:
        counts["members of the smallest class"] = int(
            np.unique(classes, return_counts=True)[1].min()
        )
    for what, count in counts.items():
        if count < n_splits:
            fewer = f"Use --folds {count} or fewer, or collect" if count > 1 else "Collect"
            raise InvalidInputError(
                f"{n_splits} folds need at least {n_splits} {what}; there are {count}. "
                f"{fewer} more rows."
            )


def require_both_classes(
    folds: Int[np.ndarray, "repeat sample"],
    classes: Float[np.ndarray, " sample"],
    names: Sequence[str] = ("control", "case"),
) -> None:
    """Refuse folds in which an AUC would be undefined.

    Parameters
    ----------
    folds : int array of shape (n_repeats, n_samples)
        As from `kfold_assignments`, `kfold_among` or a user's file.
    classes : float array of shape (n_samples,)
        0 for ``names[0]``, 1 for ``names[1]``.
    names : pair of str
        What the message calls the classes.

    Raises
    ------
    InvalidInputError
        Naming the first fold that holds only one class.
    """
    for repeat, assigned in enumerate(folds):
        n_folds = int(assigned.max()) + 1
        for fold in range(n_folds):
            held: BoolArray = assigned == fold
            for side in (held, (assigned >= 0) & ~held):
                absent = [name for value, name in enumerate(names) if value not in classes[side]]
                if absent:
                    part = "holds" if side is held else "leaves for training"
                    where = f" of repeat {repeat + 1}" if len(folds) > 1 else ""
                    raise InvalidInputError(
                        f"Fold {fold + 1} of {n_folds}{where} {part} no {absent[0]}: AUC is "
                        "undefined there. Use stratified folds (the default) or fewer folds."
                    )
