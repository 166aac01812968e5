"""Permutation p-value of a pipeline that searches its settings: every search is done again."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.fold_aucs import fold_aucs
from foldwise.evaluation.label_permutations import count_arrangements, permuted_labels
from foldwise.evaluation.permutation import PermutationTest, dealt_folds
from foldwise.evaluation.questions import Question
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.subjects import Subjects
from foldwise.fits.plan import FitPlan
from foldwise.tuning.nested import inner_folds

__all__ = ["ask_permuted_search"]

_MOST_CELLS = 20_000_000  # fits times rows of one plan: 160 MB per array of numbers
Settings = Sequence[Mapping[str, Any]]


def ask_permuted_search(
    target: Float[np.ndarray, " sample"],
    settings: Settings,
    *,
    n_permutations: int = 200,
    n_folds: int = 5,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    strata: Shaped[np.ndarray, " sample"] | None = None,
    seed: int = 0,
) -> Question[PermutationTest]:
    """Ask whether a tuned pipeline separates the classes better than it does permuted labels.

    The statistic is the mean over outer folds of the AUC of the setting that inner folds
    chose, as in `ask_nested_search`. For the labels as they are and for every permutation the
    folds are dealt anew and the whole grid is searched in each outer fold. Permutations
    are cut into plans of up to 20 million fits x rows, two for each part.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        Labels 0/1.
    settings : sequence of mappings
        The grid. Every setting needs a penalty.
    n_permutations : int, default=200
        Each costs n_folds x (n_folds x settings + 1) fits.
    n_folds : int, default=5
        Outer folds, and inner folds of each.
    groups, strata : array of shape (n_samples,), optional
        As in `ask_permutation_test`.
    seed : int
        The run's seed.

    Raises
    ------
    InvalidInputError
        If a setting has no penalty, or no other arrangement of labels exists.

    References
    ----------
    .. [1] Ojala & Garriga (2010), J. Mach. Learn. Res. 11, 1833, test 1.
    .. [2] Varma & Simon (2006), BMC Bioinformatics 7, 91.
    """
    if any(np.isinf(float(one.get("C", 1.0))) for one in settings):
        raise InvalidInputError(
            "A setting of the grid has no penalty: permuted labels are separable then, and a "
            "permutation test means nothing. Leave C = inf out."
        )
    subjects = Subjects.of(target, groups)
    drawn = permuted_labels(target, n_permutations, groups=groups, strata=strata, seed=seed)
    labels = np.concatenate([target[None], drawn])  # (permutation, sample)
    outer = dealt_folds(labels, subjects, n_folds, seed=seed)
    per_permutation = n_folds * n_folds * len(settings) * len(target)
    size = max(1, _MOST_CELLS // per_permutation)
    values: list[FloatArray] = []
    notes: set[str] = set()
    for start in range(0, len(labels), size):
        part = np.arange(start, min(start + size, len(labels)))
        own, folds = labels[part], outer[part]
        inner = _inner(own, folds, n_folds, groups, part, seed)
        searched = yield _search_plan(own, inner, n_folds, settings, part, seed)
        means = fold_aucs(searched).reshape(len(part), n_folds, len(settings), -1).mean(axis=3)
        refits = yield _refit_plan(own, folds, means.argmax(axis=2), settings, part, seed)
        values.append(fold_aucs(refits).reshape(len(part), n_folds))
        notes |= {text for batch in (searched, refits) for _, text in batch.notes}
    found = np.concatenate(values)
    means = found.mean(axis=1)
    return PermutationTest(
        observed=float(means[0]),
        fold_values=found[0],
        null=means[1:],
        n_arrangements=count_arrangements(target, groups=groups, strata=strata),
        notes=tuple(sorted(notes)),
        within_strata=strata is not None,
    )


def _inner(
    labels: FloatArray,
    outer: IntArray,
    n_folds: int,
    groups: np.ndarray | None,
    numbers: IntArray,
    seed: int,
) -> IntArray:
    """Return inner folds of every permutation, shape (permutation, outer, sample)."""
    return np.stack(
        [
            inner_folds(
                folds,
                n_splits=n_folds,
                seed=child_seed(seed, "permuted inner", int(number)),
                classes=own,
                groups=groups,
            )
            for own, folds, number in zip(labels, outer, numbers, strict=True)
        ]
    )


def _search_plan(
    labels: FloatArray,
    inner: IntArray,
    n_folds: int,
    settings: Settings,
    numbers: IntArray,
    seed: int,
) -> FitPlan:
    """Return fits in the order permutation, outer fold, setting, inner fold."""
    shape = len(labels), n_folds, len(settings), n_folds
    place, outer, setting, fold = (axis.ravel() for axis in np.indices(shape))
    own = inner[place, outer]  # (fit, sample)
    held = own == fold[:, None]
    keys = zip(numbers[place].tolist(), outer.tolist(), fold.tolist(), strict=True)
    return FitPlan(
        train=(own >= 0) & ~held,
        score=held,
        target=labels[place],
        settings=settings,
        setting=setting,
        seed=np.array([child_seed(seed, "permuted search", *key) for key in keys]),
        members={"permutation": numbers[place], "outer": outer, "inner": fold},
    )


def _refit_plan(
    labels: FloatArray,
    outer: IntArray,
    chosen: IntArray,
    settings: Settings,
    numbers: IntArray,
    seed: int,
) -> FitPlan:
    """Return one fit per permutation and outer fold, with the setting that was chosen there."""
    place, fold = (axis.ravel() for axis in np.indices(chosen.shape))
    held = outer[place] == fold[:, None]
    keys = zip(numbers[place].tolist(), fold.tolist(), strict=True)
    return FitPlan(
        train=~held,
        score=held,
        target=labels[place],
        settings=settings,
        setting=chosen.ravel(),
        seed=np.array([child_seed(seed, "permuted refit", *key) for key in keys]),
        members={"permutation": numbers[place], "outer": fold},
    )
