"""How many features a panel of stability selection is expected to hold by chance.

A design of stability selection has three numbers: how many features each half-sample selects
(q), which share of half-samples a feature of the panel needs (threshold), and how many
features that have no claim to a place are expected in it (PFER). Two of them fix the third.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar, get_args

import numpy as np
from scipy.optimize import brentq

from foldwise.arrays import FloatArray
from foldwise.errors import InvalidInputError

__all__ = ["BOUND_MEANINGS", "Bound", "SelectionDesign", "expected_errors", "solve_selection"]

Number = TypeVar("Number", int, float)
Bound = Literal["meinshausen-buhlmann", "shah-samworth", "unimodal", "r-concave"]

_LOW = "features with a selection probability of at most q/p"
BOUND_MEANINGS: dict[Bound, str] = {
    "meinshausen-buhlmann": "noise features, if they are exchangeable and selection is no worse "
    "than guessing; correlated features are not exchangeable",
    "shah-samworth": f"{_LOW}, without any assumption",
    "unimodal": f"{_LOW}, if over pairs of half-samples the share of joint selections of such a "
    "feature has a unimodal distribution",
    "r-concave": f"{_LOW}, if the distribution of their shares is r-concave: r = -1/2 for joint "
    "selections in pairs, r = -1/4 for selections in half-samples",
}
"""What the number expected in a panel counts, and what has to hold for it."""

_ROUND = 1e-9  # shares of half-samples are compared after this much rounding


@dataclass(frozen=True)
class SelectionDesign:
    """The three numbers of a stability selection, and the bound that ties them.

    Parameters
    ----------
    n_features : int
        p, columns that may be selected.
    q : int
        Features each half-sample selects: the first to enter the path.
    threshold : float
        Share of half-samples that a feature of the panel needs, above 1/2.
    pfer : float
        Bound on the expected number of features of the kind that `BOUND_MEANINGS` names in
        the panel, at this q and threshold.
    bound : str
        Which bound; a key of `BOUND_MEANINGS`.
    n_pairs : int
        B, complementary pairs of half-samples.
    """

    n_features: int
    q: int
    threshold: float
    pfer: float
    bound: Bound
    n_pairs: int


def solve_selection(
    n_features: int,
    *,
    q: int | None = None,
    threshold: float | None = None,
    pfer: float | None = None,
    bound: Bound = "shah-samworth",
    n_pairs: int = 50,
) -> SelectionDesign:
    """Return the design in which two of q, threshold and PFER are as given.

    Without ``pfer`` it is computed. Without ``threshold`` it is the smallest share of the
    2 x ``n_pairs`` half-samples whose bound is at most ``pfer``; without ``q`` the largest
    number of features. The design then states the PFER that it reaches, at most the given.

    Parameters
    ----------
    n_features : int
        p, columns that may be selected.
    q : int, optional
        Features each half-sample selects, 1 to p.
    threshold : float, optional
        Above 1/2, at most 1; 0.6 to 0.9 is usual.
    pfer : float, optional
        Above 0 and below p.
    bound : {"meinshausen-buhlmann", "shah-samworth", "unimodal", "r-concave"}
        See `BOUND_MEANINGS`. The first two are the same number with another meaning.
    n_pairs : int, default=50
        Complementary pairs of half-samples.

    Raises
    ------
    InvalidInputError
        If not exactly two of the three are given, one is out of range, or none fits.

    References
    ----------
    .. [1] Meinshausen & Buhlmann (2010), J. R. Stat. Soc. B 72, 417, theorem 1.
    .. [2] Shah & Samworth (2013), J. R. Stat. Soc. B 75, 55, theorems 1 and 2, section 3.4.
    .. [3] Hofner, Boccuto & Goker (2015), BMC Bioinformatics 16, 144 (R package stabs).

    Examples
    --------
    >>> round(solve_selection(128, q=9, threshold=0.9).pfer, 2)
    0.79
    >>> solve_selection(128, q=9, pfer=1.0).threshold
    0.82
    >>> solve_selection(128, threshold=0.9, pfer=1.0, bound="unimodal").q
    17
    """
    _require_two(n_features, q, threshold, pfer, bound, n_pairs)
    errors = partial(expected_errors, n_features, bound=bound, n_pairs=n_pairs)
    if q is None and threshold is not None and pfer is not None:
        q = _last(range(1, n_features + 1), pfer, partial(errors, threshold=threshold))
        if q is None:
            least, fixed = errors(1, threshold), f"threshold {threshold:g}"
            raise _no_design("q", pfer, least, fixed, "raise the threshold")
    if threshold is None and q is not None and pfer is not None:
        shares = [place / (2 * n_pairs) for place in range(2 * n_pairs, n_pairs, -1)]
        threshold = _last(shares, pfer, partial(errors, q))
        if threshold is None:
            least, fixed = errors(q, 1.0), f"q = {q} of {n_features} features"
            raise _no_design("threshold", pfer, least, fixed, "select fewer features")
    assert q is not None
    assert threshold is not None
    return SelectionDesign(n_features, q, threshold, errors(q, threshold), bound, n_pairs)


def _no_design(
    free: str, pfer: float, least: float, fixed: str, otherwise: str
) -> InvalidInputError:
    return InvalidInputError(
        f"No {free} keeps the PFER at {pfer:g} with {fixed}: the least is {least:.3g}. Allow a "
        f"larger PFER, or {otherwise}."
    )


def _require_two(
    n_features: int,
    q: int | None,
    threshold: float | None,
    pfer: float | None,
    bound: str,
    n_pairs: int,
) -> None:
    given = {"q": q, "threshold": threshold, "pfer": pfer}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 2:
        raise InvalidInputError(
            f"Give two of q, threshold and pfer, not {', '.join(named) or 'none'}: the third "
            "follows from them."
        )
    ranges = {
        f"q is {q}; it must lie between 1 and the {n_features} features": (
            q is None or 1 <= q <= n_features
        ),
        f"threshold is {threshold}; it must lie above 0.5 and not above 1": (
            threshold is None or 0.5 < threshold <= 1
        ),
        f"pfer is {pfer}; it must lie above 0 and below the {n_features} features": (
            pfer is None or 0 < pfer < n_features
        ),
        f"bound is {bound!r}; known are {', '.join(get_args(Bound))}": bound in get_args(Bound),
        f"n_pairs is {n_pairs}; at least 2 pairs are needed": n_pairs >= 2,
    }
    wrong = [text for text, holds in ranges.items() if not holds]
    if wrong:
        raise InvalidInputError(f"Stability selection: {'. '.join(wrong)}.")


def _last(items: Sequence[Number], most: float, errors: Callable[[Number], float]) -> Number | None:
    """Return the last item whose errors, which grow along the items, are at most ``most``."""
    end = bisect_right(items, most, key=errors)
    return items[end - 1] if end else None


def expected_errors(
    n_features: int, q: int, threshold: float, *, bound: Bound, n_pairs: int = 50
) -> float:
    """Return the bound on the expected number of errors in a panel, at most ``n_features``.

    Where a bound does not apply (the unimodal one needs a threshold of 1/2 + 1/B and
    q/p up to 0.577, the r-concave one q/p below about a half) it is ``n_features``: it then
    says nothing.

    Examples
    --------
    >>> round(expected_errors(128, 9, 0.9, bound="r-concave"), 4)
    0.045
    """
    share = q / n_features
    if bound == "r-concave":
        needed = int(np.ceil(threshold * 2 * n_pairs - _ROUND))
        joint = _largest_tail(share**2, needed - n_pairs, n_pairs, r=-1 / 2)
        single = _largest_tail(share, needed, 2 * n_pairs, r=-1 / 4)
        return min(joint, single) * n_features
    factor = 1 / (2 * threshold - 1)
    if bound == "unimodal":
        factor = _unimodal_factor(share, threshold, n_pairs)
    return min(q * share * factor, float(n_features))


def _unimodal_factor(share: float, threshold: float, n_pairs: int) -> float:
    """Return C(tau, B) of Shah & Samworth's theorem 2."""
    lowest = 0.5 + min(share**2, 0.5 / n_pairs + 0.75 * share**2)
    if threshold <= lowest or threshold < 0.5 + 1 / n_pairs - _ROUND or share > 3**-0.5:
        return float("inf")
    if threshold <= 0.75:
        return 1 / (2 * (2 * threshold - 1 - 0.5 / n_pairs))
    return 4 * (1 - threshold + 0.5 / n_pairs) / (1 + 1 / n_pairs)


def _largest_tail(mean: float, reached: int, n_steps: int, *, r: float) -> float:
    """Return the largest P(X >= reached / n_steps) of an r-concave X with a given mean.

    X lies on 0, 1/n, ..., 1. The extreme distributions have mass (a + i)^(1/r) at i = 0 to
    K - 1 and what is left for the mean at K (Shah & Samworth 2013, section 3.4 and appendix).
    K follows from a: one number is searched, on a grid that closes in on its best point. The
    tail has a kink wherever K changes; a golden section with a tolerance of 1e-4 in a, as in
    R's stabs, stops below the largest: at 0.0447 / p instead of 0.0450 / p for p = 128, q = 9
    and threshold 0.9.
    """
    if reached < np.ceil(2 * mean * n_steps - _ROUND) + 1:
        return 1.0
    lowest = _start_of_mean(mean * n_steps, n_steps, 1 / r)
    highest = _start_of_mean(mean * n_steps, reached - 1, 1 / r)
    for _ in range(5):
        starts = np.geomspace(lowest, highest, 400)
        tails = _tails(starts, mean * n_steps, reached, n_steps, 1 / r)
        best = int(np.argmax(tails))
        lowest, highest = starts[max(best - 1, 0)], starts[min(best + 1, 399)]
    return float(tails[best])


def _start_of_mean(mean: float, end: int, power: float) -> float:
    """Return the a at which mass (a + i)^power on 0 to ``end`` has the mean."""
    place = np.arange(end + 1)

    def excess(log_start: float) -> float:
        mass = (np.exp(log_start) + place) ** power
        return float((place * mass).sum() / mass.sum()) - mean

    # At e^30 the masses are equal to the last bit: no end of its own gives more.
    return float(np.exp(brentq(excess, -30.0, 30.0) if excess(30.0) > 0 else 30.0))


def _tails(starts: FloatArray, mean: float, reached: int, n_steps: int, power: float) -> FloatArray:
    """Return P(X >= reached) for each a, 0 where no end K gives the mean."""
    place = np.arange(n_steps + 1)
    mass = (starts[:, None] + place) ** power  # (start, place)
    total, moment = mass.cumsum(axis=1), (place * mass).cumsum(axis=1)
    far_enough = moment >= mean * total
    end = np.argmax(far_enough, axis=1)  # K, (start,)
    row = np.arange(len(starts))
    below = np.take_along_axis(total, np.minimum(reached, end)[:, None] - 1, axis=1)[:, 0]
    # N (K - mean) = sum over i < K of (K - i) mass_i, with N the sum of all masses.
    before = end * total[row, end - 1] - moment[row, end - 1]
    tail = 1 - (end - mean) * below / before
    return np.where(far_enough.any(axis=1) & (end >= reached), tail, 0.0)
