"""Two questions: models on given splits, and models on the folds of repeated k-fold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from foldwise.arrays import FloatArray
from foldwise.evaluation.questions import Question
from foldwise.evaluation.seeds import child_seed
from foldwise.fits.batch import FitBatch
from foldwise.fits.plan import FitPlan

__all__ = ["CrossValidation", "ask_cross_validation", "ask_splits"]


def ask_splits(
    target: Float[np.ndarray, " sample"],
    test: Bool[np.ndarray, "split sample"],
    *,
    settings: Sequence[Mapping[str, Any]] = ({},),
    monitor: Bool[np.ndarray, " sample"] | None = None,
    held_out: Bool[np.ndarray, " sample"] | None = None,
    seed: int = 0,
) -> Question[FitBatch]:
    """Ask for every setting on every split, scored on all rows.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        What is predicted.
    test : bool array of shape (n_splits, n_samples)
        Test part of each split; the rest trains.
    settings : sequence of mappings
        One fit per setting and split; fit number = split * n_settings + setting.
    monitor : bool array of shape (n_samples,), optional
        Rows taken from training whose loss is watched.
    held_out : bool array of shape (n_samples,), optional
        Rows never trained on in any split.
    seed : int
        The run's seed; all settings of one split share the fit's seed.

    Returns
    -------
    FitBatch
        With ``members`` ``split``; scores exist for all rows.
    """
    n_splits, n_samples = test.shape
    n_settings = len(settings)
    train = np.repeat(~test, n_settings, axis=0)
    watched = None
    if held_out is not None:
        train &= ~held_out
    if monitor is not None:
        train &= ~monitor
        watched = np.tile(monitor, (len(train), 1))
    split = np.repeat(np.arange(n_splits), n_settings)
    return (
        yield FitPlan(
            train=train,
            score=np.ones((len(train), n_samples), bool),
            target=target,
            monitor=watched,
            settings=settings,
            setting=np.tile(np.arange(n_settings), n_splits),
            seed=np.array([child_seed(seed, "fit", int(one)) for one in split]),
            members={"split": split},
        )
    )


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Out-of-fold scores and the metric of each fold.

    Parameters
    ----------
    scores : float array of shape (n_settings, n_repeats, n_samples)
        Every sample is scored once per repeat, by a fit that did not see it; NaN where it
        takes no part.
    values : float array of shape (n_settings, n_repeats, n_folds)
        The metric within each fold.
    notes : tuple of str
        Distinct remarks of the fits.
    """

    scores: FloatArray
    values: FloatArray
    notes: tuple[str, ...] = ()


def ask_cross_validation(
    target: Float[np.ndarray, " sample"],
    folds: Int[np.ndarray, "repeat sample"],
    metric: Callable[[FloatArray, FloatArray], float],
    *,
    settings: Sequence[Mapping[str, Any]] = ({},),
    seed: int = 0,
) -> Question[CrossValidation]:
    """Ask for out-of-fold scores of every setting; one plan for all folds and repeats.

    All settings of one fold and repeat share the fit's seed, so that they are
    compared on common random numbers.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        What is predicted.
    folds : int array of shape (n_repeats, n_samples)
        Fold of each sample, counted from 0 in every repeat; -1 where a sample takes no
        part: no fit of that repeat learns from it or scores it.
    metric : callable
        Takes target and prediction of the rows of a fold.
    settings : sequence of mappings
        One fit per setting, repeat and fold, in this order.
    seed : int
        The run's seed.
    """
    n_repeats, n_samples = folds.shape
    n_folds, n_settings = int(folds.max()) + 1, len(settings)
    grid = np.indices((n_settings, n_repeats, n_folds)).reshape(3, -1)
    setting, repeat, fold = grid
    held = folds[repeat] == fold[:, None]  # (fit, sample)
    train = (folds[repeat] >= 0) & ~held
    seeds = [child_seed(seed, "fit", int(r), int(f)) for r, f in zip(repeat, fold, strict=True)]
    batch = yield FitPlan(
        train=train,
        score=held,
        target=target,
        settings=settings,
        setting=setting,
        seed=np.array(seeds),
        members={"repeat": repeat, "fold": fold},
    )
    scores = np.full((n_settings, n_repeats, n_samples), np.nan)
    values = np.zeros((n_settings, n_repeats, n_folds))
    for fit in range(batch.plan.n_fits):
        place = setting[fit], repeat[fit]
        found = batch.at(fit, held[fit])
        scores[(*place, held[fit])] = found
        values[(*place, fold[fit])] = metric(target[held[fit]], found)
    return CrossValidation(scores, values, tuple(sorted({text for _, text in batch.notes})))
