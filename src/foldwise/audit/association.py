"""How strongly one column goes with the class: an AUC or Cramer's V, and a p value."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from foldwise.arrays import BoolArray, FloatArray
from foldwise.evaluation.intervals import delong_interval
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.seeds import child_seed

__all__ = ["Association", "category_association", "holm", "number_association"]

_N_TABLES = 9999
"""Random tables behind a p value of Cramer's V: its floor is 1/10000."""


@dataclass(frozen=True)
class Association:
    """How strongly a column goes with the class.

    Parameters
    ----------
    strength : float
        Between 0 (none) and 1 (the column gives the class away): ``|2 AUC - 1|`` of
        numbers, Cramer's V of categories.
    p : float
        Two-sided p value of no association.
    text : str
        The measure with its interval, for a message.
    """

    strength: float
    p: float
    text: str


def number_association(
    values: Float[np.ndarray, " sample"], y: Float[np.ndarray, " sample"]
) -> Association:
    """Return the AUC of a column of numbers, with DeLong's interval and Mann-Whitney's p.

    Parameters
    ----------
    values : float array of shape (n_samples,)
        Without missing values.
    y : float array of shape (n_samples,)
        1 for cases, 0 for controls; at least two of each.

    Examples
    --------
    >>> number_association(np.arange(8.0), np.repeat([0.0, 1.0], 4)).strength
    1.0
    """
    auc = roc_auc(y, values)
    low, high = delong_interval(y, values)
    p = float(stats.mannwhitneyu(values[y == 1], values[y == 0]).pvalue)
    return Association(abs(2 * auc - 1), p, f"AUC {auc:.2f}, 95 % interval {low:.2f} to {high:.2f}")


def category_association(values: Sequence[object], y: Float[np.ndarray, " sample"]) -> Association:
    """Return Cramer's V of a column of categories against two classes.

    The p value counts random tables with the same margins whose chi-squared is as large:
    categories of one or two rows, where the asymptotic p value fails, need no care.

    References
    ----------
    .. [1] Cramer (1946), Mathematical Methods of Statistics, section 21.9.

    Examples
    --------
    >>> category_association(["a"] * 6 + ["b"] * 6, np.repeat([0.0, 1.0], 6)).strength
    1.0
    """
    _, codes = np.unique(np.asarray(values, dtype=np.str_), return_inverse=True)
    sizes = np.bincount(codes)  # (category,)
    case = y == 1
    observed = _chi_squared(np.bincount(codes[case], minlength=len(sizes)), sizes, case)
    rng = np.random.default_rng(child_seed(0, "random tables"))
    drawn = rng.multivariate_hypergeometric(
        sizes, int(case.sum()), size=_N_TABLES, method="marginals"
    )
    as_large = _chi_squared(drawn, sizes, case) >= observed * (1 - 1e-12)
    v = float(np.sqrt(observed / len(y)))
    return Association(v, float((as_large.sum() + 1) / (_N_TABLES + 1)), f"Cramer's V {v:.2f}")


def _chi_squared(cases: np.ndarray, sizes: np.ndarray, case: BoolArray) -> FloatArray:
    """Return Pearson's chi-squared of 2 x k tables from the cases of each category (..., k)."""
    share = case.mean()
    # sum over both classes of (observed - expected)^2 / expected, with expected = size * share
    return np.asarray(((cases - sizes * share) ** 2 / sizes).sum(axis=-1) / (share * (1 - share)))


def holm(p: Sequence[float]) -> list[float]:
    """Return p values adjusted by Holm's step-down method, in the order given.

    References
    ----------
    .. [1] Holm (1979), Scand. J. Statist. 6, 65.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]
