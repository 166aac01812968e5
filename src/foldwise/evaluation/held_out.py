"""The rows of a fit that are explained: asked for, and not learned from."""

from collections.abc import Iterator

import numpy as np

from foldwise.arrays import BoolArray, Design, FloatArray, as_dense
from foldwise.errors import InvalidInputError
from foldwise.fits.batch import FitBatch

__all__ = ["dense_of_batch", "held_out_rows"]


def held_out_rows(batch: FitBatch) -> Iterator[tuple[int, BoolArray]]:
    """Yield each fit with the rows it scored and neither learned from nor watched.

    Raises
    ------
    InvalidInputError
        If a fit has none: numbers on training rows would show what it learned by heart.
    """
    plan = batch.plan
    for fit in range(plan.n_fits):
        rows = plan.score[fit] & ~plan.train[fit] & ~plan.monitor_of(fit)
        if not rows.any():
            raise InvalidInputError(
                f"{plan.describe(fit)} has no held-out row: every row it scored it also learned "
                "from. Explain the fits of cross-validation, or of splits with a test part."
            )
        yield fit, rows


def dense_of_batch(batch: FitBatch, X: Design) -> FloatArray:
    """Return X as a matrix, refused where it has other rows than the batch.

    Raises
    ------
    InvalidInputError
        If the number of rows differs.
    """
    dense = as_dense(X)
    if len(dense) != batch.plan.n_samples:
        raise InvalidInputError(
            f"X has {len(dense)} rows, the batch was trained on {batch.plan.n_samples}. Give the "
            "X of that training."
        )
    return np.asarray(dense)
