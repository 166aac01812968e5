"""The AUC of every fit of a batch on the rows it was asked to score."""

import numpy as np
from jaxtyping import Float

from foldwise.evaluation.metrics import roc_auc
from foldwise.fits.batch import FitBatch

__all__ = ["fold_aucs"]


def fold_aucs(batch: FitBatch) -> Float[np.ndarray, " fit"]:
    """Return the AUC of each fit on its scored rows, against its own target.

    Raises
    ------
    InvalidInputError
        If a fit scores rows of one class only.

    Examples
    --------
    >>> from foldwise.fits.plan import FitPlan
    >>> held = np.array([[False, False, True, True]])
    >>> scores = np.array([[np.nan, np.nan, 0.2, 0.9]])
    >>> fold_aucs(FitBatch(FitPlan(~held, held, np.array([0.0, 1.0, 0.0, 1.0])), scores))
    array([1.])
    """
    plan = batch.plan
    asked = enumerate(plan.score)
    return np.array([roc_auc(plan.target_of(fit)[own], batch.at(fit, own)) for fit, own in asked])
