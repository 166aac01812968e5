"""How much selected sets of features agree over resamples, corrected for chance."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from scipy.stats import norm

from foldwise.errors import InvalidInputError

__all__ = ["StabilityIndex", "stability_index"]


@dataclass(frozen=True)
class StabilityIndex:
    """Agreement of selected sets: 1 if all are the same, about 0 if drawn by chance.

    Parameters
    ----------
    value : float or None
        The index; None where it is not defined, and ``note`` says why.
    low, high : float or None
        Its interval over resamples of this table; not over new cohorts.
    n_resamples : int
        Number of sets.
    mean_selected : float
        Features in a set on average.
    note : str
        What to say beside the number; empty if nothing.
    """

    value: float | None
    low: float | None
    high: float | None
    n_resamples: int
    mean_selected: float
    note: str = ""


def stability_index(
    selected: Bool[np.ndarray, "resample feature"], *, level: float = 0.95
) -> StabilityIndex:
    r"""Return the index of Nogueira, Sechidis & Brown with its asymptotic interval.

    With M sets of d features, :math:`\hat p_f` the share of sets that hold feature f and
    :math:`\bar k` the mean size of a set,

    .. math:: \hat\Phi = 1 - \frac{\frac1d \sum_f \frac{M}{M-1} \hat p_f (1 - \hat p_f)}
              {\frac{\bar k}{d} \left(1 - \frac{\bar k}{d}\right)} .

    The interval takes the sets as independent draws. Half-samples of one table share rows:
    it speaks of resamples of this table and says nothing of new cohorts.

    Parameters
    ----------
    selected : bool array of shape (n_resamples, n_features)
        One set of features per row.
    level : float, default=0.95
        Confidence level.

    Returns
    -------
    StabilityIndex
        ``value`` lies between -1 / (M - 1) and 1, and so do its limits, which are cut there.

    Raises
    ------
    InvalidInputError
        If there are fewer than two sets, or no features.

    References
    ----------
    .. [1] Nogueira, Sechidis & Brown (2018), J. Mach. Learn. Res. 18 (174), definition 4,
       theorem 7 and corollary 9.

    Examples
    --------
    >>> sets = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0]], bool)
    >>> round(stability_index(sets).value, 3)
    0.333
    >>> stability_index(np.ones((3, 4), bool)).note
    'Not defined: every resample selects all 4 features.'
    """
    n_sets, n_features = selected.shape
    if n_sets < 2 or n_features < 1:
        raise InvalidInputError(
            f"A stability index needs two sets of features; there are {n_sets} of {n_features} "
            "features. Use more resamples."
        )
    sizes = selected.sum(axis=1) / n_features  # k_i / d
    mean = float(sizes.mean())
    about = {"n_resamples": n_sets, "mean_selected": mean * n_features}
    if mean in (0.0, 1.0):
        none = "no feature" if mean == 0 else f"all {n_features} features"
        return StabilityIndex(
            None, None, None, note=f"Not defined: every resample selects {none}.", **about
        )
    share = selected.mean(axis=0)  # (feature,)
    chance = mean * (1 - mean)
    value = 1 - n_sets / (n_sets - 1) * float((share * (1 - share)).mean()) / chance
    overlap = (selected * share).mean(axis=1)  # (resample,)
    own = overlap - sizes * mean + value / 2 * (2 * sizes * mean - sizes - mean + 1)
    variance = 4 / n_sets * float((own / chance).var())
    half = float(norm.ppf(0.5 + level / 2)) * variance**0.5
    low, high = max(value - half, -1 / (n_sets - 1)), min(value + half, 1.0)
    note = "All sets are the same: nothing shows a spread." if value == 1 else ""
    return StabilityIndex(value, low, high, note=note, **about)
