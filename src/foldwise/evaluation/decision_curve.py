"""What acting on probabilities is worth at a stated prevalence."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foldwise.arrays import FloatArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.calibration import require_probabilities
from foldwise.evaluation.proportions import require_prevalence

__all__ = ["DecisionCurve", "decision_curve", "shift_to_prevalence"]


def shift_to_prevalence(
    probability: Float[np.ndarray, " sample"],
    trained_at: float | Float[np.ndarray, " sample"],
    prevalence: float,
) -> Float[np.ndarray, " sample"]:
    r"""Return probabilities with the intercept moved to another prevalence.

    .. math:: logit\,p' = logit\,p - \ln\frac{\bar y}{1 - \bar y} + \ln\frac{\pi}{1 - \pi}

    The slope stays. 0 and 1 stay where they are.

    Parameters
    ----------
    probability : float array of shape (n_samples,)
        As the model gives it.
    trained_at : float or float array of shape (n_samples,)
        Share of cases among the training rows of the fit that scored the row; 1/2 where class
        weights were balanced.
    prevalence : float
        Share of cases where the test would be used.

    References
    ----------
    .. [1] King & Zeng (2001), Polit. Anal. 9, 137, equation 7.

    Examples
    --------
    >>> shift_to_prevalence(np.array([0.5, 0.9]), 0.5, 0.1).round(3)
    array([0.1, 0.5])
    """
    require_prevalence(prevalence)
    share = np.asarray(trained_at, float)
    if not ((share > 0) & (share < 1)).all():
        raise InvalidInputError(
            "The share of cases among training rows lies between 0 and 1; it is "
            f"{_first_outside(share)}."
        )
    odds = prevalence / (1 - prevalence) * (1 - share) / share
    return np.asarray(odds * probability / (odds * probability + (1 - probability)))


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit per person at a stated prevalence, in true positives.

    Parameters
    ----------
    threshold : float array of shape (n_thresholds,)
        Probability from which one would act.
    model, treat_all : float array of shape (n_thresholds,)
        Net benefit of acting on the model, and on everybody. Acting on nobody has 0.
    prevalence : float
        The stated one.
    """

    threshold: FloatArray
    model: FloatArray
    treat_all: FloatArray
    prevalence: float


def decision_curve(
    y: Float[np.ndarray, " sample"],
    probability: Float[np.ndarray, " sample"],
    prevalence: float,
    *,
    thresholds: Float[np.ndarray, " threshold"] | None = None,
) -> DecisionCurve:
    r"""Return the net benefit of acting where the probability is above a threshold.

    .. math:: NB(t) = s(t) \pi - (1 - c(t)) (1 - \pi) \frac{t}{1 - t}

    with sensitivity s and specificity c at the threshold t and the prevalence
    :math:`\pi`, so that the share of cases in the table does not enter.

    Parameters
    ----------
    y : float array of shape (n_samples,)
        Labels 0/1.
    probability : float array of shape (n_samples,)
        Out-of-fold, one repeat, moved to the prevalence by `shift_to_prevalence`.
    prevalence : float
        Share of cases where the test would be used; without one there is no curve.
    thresholds : float array of shape (n_thresholds,), optional
        Between 0 and 1; 0.01 to 0.99 where absent.

    References
    ----------
    .. [1] Vickers & Elkin (2006), Med. Decis. Making 26, 565.

    Examples
    --------
    >>> y, p = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> curve = decision_curve(y, p, 0.5, thresholds=np.array([0.2]))
    >>> curve.model, curve.treat_all
    (array([0.4375]), array([0.375]))
    """
    require_probabilities(y, probability)
    require_prevalence(prevalence)
    at = np.arange(1, 100) / 100 if thresholds is None else thresholds
    if not ((at > 0) & (at < 1)).all():
        raise InvalidInputError(
            f"Thresholds of a decision curve lie between 0 and 1; one is {_first_outside(at)}."
        )
    acted = probability > at[:, None]  # (threshold, sample)
    odds = at / (1 - at)
    sensitivity, alarms = acted[:, y == 1].mean(axis=1), acted[:, y == 0].mean(axis=1)
    model = sensitivity * prevalence - alarms * (1 - prevalence) * odds
    return DecisionCurve(at, model, prevalence - (1 - prevalence) * odds, prevalence)


def _first_outside(values: FloatArray) -> str:
    """Return the first value that is not between 0 and 1, as text."""
    flat = np.atleast_1d(values)
    return f"{flat[~((flat > 0) & (flat < 1))][0]:g}"
