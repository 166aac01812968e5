"""A path of L1 penalties, from the strongest on, as one chain of warm-started fits."""

import numpy as np
from jaxtyping import Bool, Float

from foldwise.errors import InvalidInputError
from foldwise.fits.plan import FitPlan

__all__ = ["path_plan", "strongest_penalty"]


def strongest_penalty(
    train: Bool[np.ndarray, "fit sample"], target: Float[np.ndarray, " sample"]
) -> float:
    r"""Return a C at which the L1 logistic model of no training part keeps a feature.

    A standardised feature enters at :math:`C = 1 / |x_j^T (y - \bar y)|`, which is at least
    :math:`1 / (n s_y)`: the size of a correlation is at most 1. Nothing but the labels enters.

    Parameters
    ----------
    train : bool array of shape (n_fits, n_samples)
        Training rows.
    target : float array of shape (n_samples,)
        Labels 0/1.

    References
    ----------
    .. [1] Friedman, Hastie & Tibshirani (2010), J. Stat. Softw. 33 (1), section 2.5.

    Examples
    --------
    >>> strongest_penalty(np.ones((1, 4), bool), np.array([0.0, 0.0, 1.0, 1.0]))
    0.5
    """
    n_rows = train.sum(axis=1)
    share = (train * target).sum(axis=1) / n_rows
    reach = n_rows * np.sqrt(share * (1 - share))
    if not (reach > 0).all():
        raise InvalidInputError("A path needs training rows of both classes in every fit.")
    return float(1 / reach.max())


def path_plan(
    train: Bool[np.ndarray, "part sample"],
    target: Float[np.ndarray, " sample"],
    penalties: Float[np.ndarray, " penalty"],
    *,
    score: Bool[np.ndarray, "part sample"] | None = None,
) -> FitPlan:
    """Return the plan of a path over each training part, each fit from the one before it.

    Parameters
    ----------
    train : bool array of shape (n_parts, n_samples)
        Training rows of each path.
    target : float array of shape (n_samples,)
        Labels 0/1.
    penalties : float array of shape (n_penalties,)
        C, from the strongest penalty (the smallest C) on.
    score : bool array of shape (n_parts, n_samples), optional
        Rows that every fit of a path scores; none where absent.

    Returns
    -------
    FitPlan
        Fit number = part * n_penalties + penalty; ``members`` are ``part`` and ``penalty``.

    Examples
    --------
    >>> plan = path_plan(np.ones((2, 4), bool), np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2]))
    >>> plan.follows, plan.members["part"]
    (array([-1,  0, -1,  2]), array([0, 0, 1, 1]))
    """
    n_parts, n_penalties = len(train), len(penalties)
    part, place = (axis.ravel() for axis in np.indices((n_parts, n_penalties)))
    settings: list[dict[str, float]] = [{"C": float(C), "l1_ratio": 1.0} for C in penalties]
    return FitPlan(
        train=train[part],
        score=np.zeros((len(part), train.shape[1]), bool) if score is None else score[part],
        target=target,
        settings=settings,
        setting=place,
        members={"part": part, "penalty": place},
        follows=np.where(place > 0, np.arange(len(place)) - 1, -1),
    )
