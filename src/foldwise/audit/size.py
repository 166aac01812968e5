"""What a table of this size can show at all."""

import math

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from foldwise.audit.findings import Finding

__all__ = ["check_size", "hanley_mcneil_error", "power_to_tell"]

_EVENTS = 10  # per predictor: the usual rule of thumb, Peduzzi et al. (1996)
_FEW_IN_FOLD = 5
_LOW, _HIGH, _WANTED_POWER = 0.8, 0.9, 0.8


def hanley_mcneil_error(auc: float, n_cases: int, n_controls: int) -> float:
    """Return the standard error of an AUC to be expected, by Hanley & McNeil.

    Exact for exponentially distributed scores; near it for others.

    References
    ----------
    .. [1] Hanley & McNeil (1982), Radiology 143, 29, equations 1 and 2.

    Examples
    --------
    >>> round(hanley_mcneil_error(0.9, 50, 50), 4)
    0.0321
    """
    both_cases = auc / (2 - auc)  # Q1: two cases score above one control
    both_controls = 2 * auc**2 / (1 + auc)  # Q2: one case scores above two controls
    variance = (
        auc * (1 - auc)
        + (n_cases - 1) * (both_cases - auc**2)
        + (n_controls - 1) * (both_controls - auc**2)
    ) / (n_cases * n_controls)
    return math.sqrt(variance)


def power_to_tell(low: float, high: float, n_cases: int, n_controls: int) -> float:
    """Return how often a test part shows an AUC of ``high`` to be above ``low``.

    The two-sided test at 5 % of an AUC of ``low``; normal approximation.

    Examples
    --------
    >>> round(power_to_tell(0.8, 0.9, 10, 10), 2), round(power_to_tell(0.8, 0.9, 80, 80), 2)
    (0.09, 0.89)
    """
    edge = low + norm.ppf(0.975) * hanley_mcneil_error(low, n_cases, n_controls)
    return float(norm.sf((edge - high) / hanley_mcneil_error(high, n_cases, n_controls)))


def check_size(
    y: Float[np.ndarray, " sample"],
    n_features: int,
    classes: tuple[str, str],
    *,
    folds: int = 5,
    test_size: float = 0.2,
) -> list[Finding]:
    """Return notes on events per predictor, cases in a fold, and what the test part can tell.

    Parameters
    ----------
    y : float array of shape (n_samples,)
        1 for cases, 0 for controls.
    n_features : int
        Columns that a model may use.
    classes : pair of str
        Labels of controls and cases.
    folds : int, default=5
        Folds of cross-validation.
    test_size : float, default=0.2
        Share of rows in the test part.

    Examples
    --------
    >>> found = check_size(np.repeat([0.0, 1.0], [76, 135]), 128, ("control", "case"))
    >>> [finding.check for finding in found]
    ['events-per-predictor', 'test-part-too-small']
    """
    sizes = (int((y == 0).sum()), int((y == 1).sum()))
    found = [
        _events(sizes, n_features, classes),
        _smallest_fold(sizes, classes, folds),
        _test_part(sizes, test_size),
    ]
    return [finding for finding in found if finding is not None]


def _events(sizes: tuple[int, int], n_features: int, classes: tuple[str, str]) -> Finding | None:
    smaller = int(np.argmin(sizes))
    events = sizes[smaller] / n_features
    if events >= _EVENTS:
        return None
    return Finding(
        "events-per-predictor",
        "note",
        f"{sizes[smaller]} rows of the smaller class ('{classes[smaller]}') for {n_features} "
        f"features: {events:.2g} per feature, where {_EVENTS} is the rule of thumb without a "
        "penalty.",
        "Trust penalised models only, and how often a feature returns more than its coefficient; "
        "features chosen beforehand from the literature would raise the number.",
    )


def _smallest_fold(sizes: tuple[int, int], classes: tuple[str, str], folds: int) -> Finding | None:
    smaller = int(np.argmin(sizes))
    fewest = sizes[smaller] // folds
    if fewest >= _FEW_IN_FOLD:
        return None
    return Finding(
        "few-rows-in-fold",
        "weakens" if fewest < 2 else "note",
        f"With {folds} folds a fold holds as few as {fewest} rows of '{classes[smaller]}' "
        f"({sizes[smaller]} in all): the AUC within a fold takes few values and scatters.",
        "Read the mean over many repeats and its interval, not single folds; or use fewer folds.",
    )


def _test_part(sizes: tuple[int, int], test_size: float) -> Finding | None:
    controls, cases = (max(1, round(size * test_size)) for size in sizes)
    power = power_to_tell(_LOW, _HIGH, cases, controls)
    if power >= _WANTED_POWER:
        return None
    return Finding(
        "test-part-too-small",
        "note",
        f"A test part of {cases} cases and {controls} controls shows a true AUC of {_HIGH} to be "
        f"above {_LOW} in {power:.0%} of draws.",
        "Judge by repeated cross-validation of all rows; a single test part of this size cannot "
        "tell a fair model from a good one.",
    )
