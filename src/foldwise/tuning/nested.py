"""Nested cross-validation of a grid: search inside every outer fold, score outside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from foldwise.arrays import FloatArray, IntArray
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.questions import Question
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.splits import kfold_among
from foldwise.fits.plan import FitPlan

__all__ = ["NestedSearch", "ask_nested_search", "inner_folds"]


@dataclass(frozen=True, eq=False)
class NestedSearch:
    """What a search finds in each outer fold, and what that is worth on rows it never saw.

    Parameters
    ----------
    chosen : int array of shape (n_outer,)
        Position of the setting with the highest mean over the inner folds.
    inner : float array of shape (n_outer,)
        That mean: what the search believes.
    outer : float array of shape (n_outer,)
        The metric of the chosen setting, refitted, on the outer fold.
    """

    chosen: IntArray
    inner: FloatArray
    outer: FloatArray


def inner_folds(
    outer: Int[np.ndarray, " sample"],
    *,
    n_splits: int = 5,
    seed: int = 0,
    classes: Float[np.ndarray, " sample"] | None = None,
    groups: Shaped[np.ndarray, " sample"] | None = None,
) -> Int[np.ndarray, "outer sample"]:
    """Return folds among the training rows of each outer fold; -1 on all other rows.

    Drawn as by `kfold_assignments`: shuffled, seeded, stratified where ``classes`` is
    given, groups whole where ``groups`` is.
    """
    return np.stack(
        [
            kfold_among(
                (outer >= 0) & (outer != fold),
                n_splits=n_splits,
                seed=child_seed(seed, "inner", fold),
                classes=classes,
                groups=groups,
            )[0]
            for fold in range(int(outer.max()) + 1)
        ]
    )


def ask_nested_search(
    target: Float[np.ndarray, " sample"],
    outer: Int[np.ndarray, " sample"],
    inner: Int[np.ndarray, "outer sample"],
    metric: Callable[[FloatArray, FloatArray], float],
    settings: Sequence[Mapping[str, Any]],
    *,
    seed: int = 0,
) -> Question[NestedSearch]:
    """Ask for the inner folds of all outer folds at once, then for the refits they choose.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        What is predicted.
    outer : int array of shape (n_samples,)
        Outer fold of each sample, counted from 0; -1 where it takes no part.
    inner : int array of shape (n_outer, n_samples)
        Inner folds of each outer fold's training rows; -1 on its held-out rows.
    metric : callable
        Takes target and prediction; higher is better.
    settings : sequence of mappings
        The grid.
    seed : int
        The run's seed.

    References
    ----------
    .. [1] Varma & Simon (2006), BMC Bioinformatics 7, 91.
    """
    found = yield from ask_cross_validation(target, inner, metric, settings=settings, seed=seed)
    means = found.values.mean(axis=2)  # (setting, outer)
    chosen = means.argmax(axis=0)
    n_outer = len(inner)
    held = outer == np.arange(n_outer)[:, None]  # (outer, sample)
    batch = yield FitPlan(
        train=inner >= 0,
        score=held,
        target=target,
        settings=settings,
        setting=chosen,
        seed=np.array([child_seed(seed, "outer fit", fold) for fold in range(n_outer)]),
        members={"outer": np.arange(n_outer)},
    )
    values = [metric(target[rows], batch.at(fold, rows)) for fold, rows in enumerate(held)]
    return NestedSearch(chosen, means[chosen, np.arange(n_outer)], np.array(values))
