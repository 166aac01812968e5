"""Shares of people with their intervals: sensitivity, specificity, predictive values."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Shaped
from scipy import stats
from scipy.special import expit

from foldwise.arrays import BoolArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.estimates import Estimate

__all__ = [
    "DiagnosticTable",
    "clustered_wilson_interval",
    "diagnostic_table",
    "predictive_values",
    "require_prevalence",
    "wilson_interval",
]

Interval = tuple[float, float]


def wilson_interval(count: float | int, n: float | int, *, level: float = 0.95) -> Interval:
    """Return the Wilson score interval of a share.

    Parameters
    ----------
    count, n : float
        How many of how many people; never rows times repeats. Not whole where a design
        effect has divided them.
    level : float, default=0.95
        Confidence level.

    Raises
    ------
    InvalidInputError
        If ``n`` is not above 0 or ``count`` not within 0 and n.

    References
    ----------
    .. [1] Wilson (1927), J. Am. Stat. Assoc. 22, 209.
    .. [2] Brown, Cai & DasGupta (2001), Stat. Sci. 16, 101.

    Examples
    --------
    >>> low, high = wilson_interval(81, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    if not (n > 0 and 0 <= count <= n):
        raise InvalidInputError(
            f"A share needs 0 <= count <= n and n > 0; there are {count:g} of {n:g}."
        )
    z = float(stats.norm.ppf(0.5 + level / 2))
    share = count / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At 0 of n and n of n the limit is 0 and 1 but for rounding.
    return (
        0.0 if count == 0 else max(float(centre - half), 0.0),
        1.0 if count == n else min(float(centre + half), 1.0),
    )


def clustered_wilson_interval(
    hit: Bool[np.ndarray, " sample"],
    groups: Shaped[np.ndarray, " sample"],
    *,
    level: float = 0.95,
) -> Interval:
    """Return the Wilson interval of a share of rows that come in groups.

    Counts are divided by the design effect: how many times larger the variance of the
    share between subjects is than that of as many independent rows; never below 1.
    Where all rows agree it cannot be seen, and subjects are counted instead of rows.

    References
    ----------
    .. [1] Rao & Scott (1992), Biometrics 48, 577.

    Examples
    --------
    >>> hit = np.repeat([True, False, True, True], 5)  # four subjects, five equal rows each
    >>> low, high = clustered_wilson_interval(hit, np.repeat(np.arange(4), 5))
    >>> round(low, 2), round(high, 2)
    (0.26, 0.96)
    """
    n = _effective_number(hit, groups)
    return wilson_interval(float(hit.mean()) * n, n, level=level)


def _effective_number(hit: BoolArray, groups: np.ndarray | None) -> float:
    """Return the number of rows divided by the design effect of their groups."""
    n_rows = len(hit)
    if groups is None or not n_rows:
        return float(n_rows)
    of_row = np.unique(groups, return_inverse=True)[1]
    size = np.bincount(of_row)
    n_groups, share = len(size), float(hit.mean())
    if n_groups < 2 or share in (0.0, 1.0):
        return float(n_groups)
    residual = np.bincount(of_row, hit) - share * size
    variance = n_groups / (n_groups - 1) * float(residual @ residual) / n_rows**2
    effect = variance / (share * (1 - share) / n_rows)
    return n_rows / max(effect, 1.0)


@dataclass(frozen=True)
class DiagnosticTable:
    """A 2 x 2 table of people, each called once, and the shares that follow from it.

    Parameters
    ----------
    true_positive, false_negative, false_positive, true_negative : int
        Rows of cases called positive and negative, and of controls.
    sensitivity, specificity : Estimate
        With Wilson limits; with groups by `clustered_wilson_interval`.
    n_effective : pair of float
        Cases and controls after division by the design effect; what predictive values
        rest on.
    """

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int
    sensitivity: Estimate
    specificity: Estimate
    n_effective: tuple[float, float]


def diagnostic_table(
    y: Float[np.ndarray, " sample"],
    called: Bool[np.ndarray, " sample"],
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    level: float = 0.95,
) -> DiagnosticTable:
    """Return the 2 x 2 table of labels 0/1 against calls.

    Parameters
    ----------
    y : float array of shape (n_samples,)
        Labels.
    called : bool array of shape (n_samples,)
        True where the row is called positive. Each row once: one repeat.
    groups : array of shape (n_samples,), optional
        Subject of each row.
    level : float, default=0.95
        Confidence level.

    Raises
    ------
    InvalidInputError
        If a class has no rows.

    Examples
    --------
    >>> table = diagnostic_table(np.array([0.0, 0, 1, 1]), np.array([False, True, True, True]))
    >>> table.sensitivity.value, table.specificity.value
    (1.0, 0.5)
    """
    case = y == 1
    if case.all() or not case.any():
        raise InvalidInputError(
            f"Sensitivity and specificity need rows of both classes; all {len(y)} rows are of one."
        )
    shares, numbers = [], []
    for rows, hit in ((case, called[case]), (~case, ~called[~case])):
        within = None if groups is None else groups[rows]
        number = _effective_number(hit, within)
        low, high = wilson_interval(float(hit.mean()) * number, number, level=level)
        people = len(hit) if within is None else len(np.unique(within))
        method = "wilson" if groups is None else "clustered wilson"
        shares.append(Estimate(float(hit.mean()), low, high, people, method))
        numbers.append(number)
    true, false = int(called[case].sum()), int(called[~case].sum())
    return DiagnosticTable(
        true,
        int(case.sum()) - true,
        false,
        int((~case).sum()) - false,
        shares[0],
        shares[1],
        (numbers[0], numbers[1]),
    )


def predictive_values(
    table: DiagnosticTable, prevalence: float, *, level: float = 0.95
) -> tuple[Estimate, Estimate]:
    r"""Return PPV and NPV at a stated prevalence, with limits on the logit scale.

    With sensitivity :math:`s` of :math:`n_1` cases, specificity :math:`c` of :math:`n_0`
    controls and prevalence :math:`\pi`:

    .. math:: logit\,PPV = \ln\frac{s \pi}{(1 - c)(1 - \pi)}, \quad
              var = \frac{1 - s}{s n_1} + \frac{c}{(1 - c) n_0}

    and likewise for the NPV. Where a count is 0 the formulas end; then, and only then, both
    shares are taken from counts with :math:`z^2 / 2` more successes and failures (Agresti &
    Coull), the value is the raw one where it is defined, and the note says so.

    Parameters
    ----------
    table : DiagnosticTable
        From `diagnostic_table`.
    prevalence : float
        Share of cases where the test would be used: never that of a case-control table.
    level : float, default=0.95
        Confidence level.

    Raises
    ------
    InvalidInputError
        If the prevalence is not between 0 and 1.

    References
    ----------
    .. [1] Mercaldo, Lau & Zhou (2007), Stat. Med. 26, 2170.

    Examples
    --------
    >>> y = np.repeat([1.0, 0.0], [100, 100])
    >>> called = np.arange(200) % 100 < np.repeat([80, 10], 100)
    >>> ppv, npv = predictive_values(diagnostic_table(y, called), 0.1)
    >>> round(ppv.value, 3), round(npv.value, 3)
    (0.471, 0.976)
    """
    require_prevalence(prevalence)
    sens, spec = (share.value or 0.0 for share in (table.sensitivity, table.specificity))
    n_cases, n_controls = table.n_effective
    people = table.sensitivity.n + table.specificity.n
    ppv = _predictive(sens, n_cases, spec, n_controls, prevalence, people, level)
    npv = _predictive(spec, n_controls, sens, n_cases, 1 - prevalence, people, level)
    return ppv, npv


def _predictive(
    found: float,
    n_found: float,
    spared: float,
    n_spared: float,
    prior: float,
    people: int,
    level: float,
) -> Estimate:
    """Return P(class | called so): ``found`` of that class are, ``1 - spared`` of the other."""
    hits, errors = found * prior, (1 - spared) * (1 - prior)
    value = hits / (hits + errors) if hits + errors > 0 else None
    note = "" if value is not None else "Nobody is called so: not defined at this threshold."
    z = float(stats.norm.ppf(0.5 + level / 2))
    if not (0 < found < 1 and 0 < spared < 1):
        if value is not None:
            note = "A count of the table is 0: limits from counts with z^2 / 2 added to each."
        found, n_found = (found * n_found + z**2 / 2) / (n_found + z**2), n_found + z**2
        spared, n_spared = (spared * n_spared + z**2 / 2) / (n_spared + z**2), n_spared + z**2
    if value is None:
        return Estimate(None, None, None, people, "predictive value", note)
    centre = float(np.log(found * prior) - np.log((1 - spared) * (1 - prior)))
    variance = (1 - found) / (found * n_found) + spared / ((1 - spared) * n_spared)
    half = z * float(np.sqrt(variance))
    low, high = float(expit(centre - half)), float(expit(centre + half))
    return Estimate(value, min(low, value), max(high, value), people, "predictive value", note)


def require_prevalence(prevalence: float) -> None:
    """Refuse a prevalence that is not a share between 0 and 1, both excluded.

    Raises
    ------
    InvalidInputError
        With the value.
    """
    if not 0.0 < prevalence < 1.0:
        percent = " For 5 % write 0.05." if prevalence >= 1 else ""
        raise InvalidInputError(
            f"A prevalence is a share between 0 and 1, not {prevalence:g}.{percent}"
        )
