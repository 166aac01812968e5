"""One interval and one p value from the out-of-fold scores of several repeats.

Scores of one repeat come from one model per row; their average over repeats would be those
of an ensemble. Intervals are therefore formed per repeat, and the medians of their
limits are reported: they use every repeat, do not hang on which of them happens to be in
the middle (with an even number none is), hold the median AUC, and turning the AUC
around (or onto the logit scale) turns them around too.
"""

import numpy as np
from jaxtyping import Float, Shaped

from foldwise.errors import InvalidInputError
from foldwise.evaluation.clustered_auc import obuchowski_interval, obuchowski_p_value
from foldwise.evaluation.estimates import Estimate
from foldwise.evaluation.intervals import delong_interval, delong_p_value, placements

__all__ = ["auc_over_repeats", "paired_p_value_over_repeats"]


def auc_over_repeats(
    y: Float[np.ndarray, " sample"],
    scores: Float[np.ndarray, "repeat sample"],
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Return the median over repeats of the out-of-fold AUC and of its limits.

    Parameters
    ----------
    y : float array of shape (n_samples,)
        Labels 0/1.
    scores : float array of shape (n_repeats, n_samples)
        Out-of-fold scores, as in `CrossValidation.scores` of one setting.
    groups : array of shape (n_samples,), optional
        Subject of each row: the limits are then those of `obuchowski_interval`, else of
        `delong_interval`.
    level : float, default=0.95
        Confidence level.

    Raises
    ------
    InvalidInputError
        If a score is NaN, or there are fewer than two rows (subjects) of a class.

    Examples
    --------
    >>> y = np.array([0.0, 0, 1, 1])
    >>> auc_over_repeats(y, np.array([[0.1, 0.4, 0.35, 0.8], [0.1, 0.3, 0.35, 0.8]])).value
    0.875
    """
    _require_repeats(scores)
    aucs = [placements(y, one)[0].mean() for one in scores]
    if groups is None:
        limits = [delong_interval(y, one, level=level) for one in scores]
    else:
        limits = [obuchowski_interval(y, one, groups, level=level) for one in scores]
    low, high = np.median(limits, axis=0)
    return Estimate(
        float(np.median(aucs)),
        float(low),
        float(high),
        len(y) if groups is None else len(np.unique(groups)),
        f"{'delong' if groups is None else 'obuchowski'}, median of repeats",
        _edge_note(aucs, level),
    )


def _edge_note(aucs: list[float], level: float) -> str:
    perfect = sum(auc >= 1.0 for auc in aucs)
    if not perfect:
        return ""
    return (
        f"The AUC is 1 in {perfect} of {len(aucs)} repeats: the lower limit there is "
        f"{(1 - level) / 2:.3g} ** (1 / m) with m the size of the smaller class, which is "
        "conservative."
    )


def paired_p_value_over_repeats(
    y: Float[np.ndarray, " sample"],
    scores: Float[np.ndarray, "repeat sample"],
    others: Float[np.ndarray, "other_repeat sample"],
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
) -> float | None:
    """Return twice the median over repeats of the p value of equal AUCs of two models.

    DeLong's test on the out-of-fold scores of the same rows and folds; over subjects with
    ``groups``. Twice the median is a p value whatever the dependence of the repeats. The
    median itself rejects models that are equally good in 7 to 11 % of simulated tables at
    0.05, because the luck of training is in no repeat's variance; twice the median in
    4 to 8 % (``docs/intervals.md``). Of a single repeat its own p value is returned. A
    repeat without a p value (see `delong_p_value`) counts as 1; None if all are.

    References
    ----------
    .. [1] DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, 837.
    .. [2] Meinshausen, Meier & Buhlmann (2009), J. Am. Stat. Assoc. 104, 1671, with
       gamma = 1/2.
    """
    _require_repeats(scores)
    if scores.shape != others.shape:
        raise InvalidInputError(
            f"The scores of two models have shapes {scores.shape} and {others.shape}; a paired "
            "test needs the same repeats and rows. Use the same folds for both."
        )
    pairs = list(zip(scores, others, strict=True))
    if groups is None:
        found = [delong_p_value(y, one, other) for one, other in pairs]
    else:
        found = [obuchowski_p_value(y, one, other, groups) for one, other in pairs]
    if all(one is None for one in found):
        return None
    factor = 2.0 if len(found) > 1 else 1.0
    return min(1.0, factor * float(np.median([1.0 if one is None else one for one in found])))


def _require_repeats(scores: np.ndarray) -> None:
    if not len(scores):
        raise InvalidInputError("There are no repeats to take a median over. Give at least one.")
