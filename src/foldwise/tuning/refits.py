"""Refits of one setting from several seeds, so that the luck of initial weights shows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from foldwise.evaluation.questions import Question
from foldwise.evaluation.seeds import child_seed
from foldwise.fits.batch import FitBatch
from foldwise.fits.plan import FitPlan

__all__ = ["ask_refits"]


def ask_refits(
    target: Float[np.ndarray, " sample"],
    train: Bool[np.ndarray, " sample"],
    setting: Mapping[str, Any],
    *,
    n_seeds: int = 1,
    seed: int = 0,
) -> Question[FitBatch]:
    """Ask for one setting on one set of rows, from several seeds, scored on all rows.

    Refits of other settings or rows by the same ``seed`` start from the same weights
    where their shapes agree, so that they can be compared seed by seed.

    Returns
    -------
    FitBatch
        One fit per seed, with ``members`` ``draw``.
    """
    draws = np.arange(n_seeds)
    return (
        yield FitPlan(
            train=np.tile(train, (n_seeds, 1)),
            score=np.ones((n_seeds, len(train)), bool),
            target=target,
            settings=[setting],
            seed=np.array([child_seed(seed, "fit", int(draw)) for draw in draws]),
            members={"draw": draws},
        )
    )
