"""Cells without a value by class: missing cells, and zeros or values at a detection limit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import mannwhitneyu

from foldwise.arrays import BoolArray, FloatArray
from foldwise.audit.contrast import count_p_values
from foldwise.audit.findings import Finding, Severity
from foldwise.audit.markers import present_aucs
from foldwise.errors import first_few
from foldwise.evaluation.metrics import roc_auc

__all__ = ["GapPattern", "check_limits", "check_missing", "gap_pattern", "limit_cells"]

_P = 0.01  # over all columns, and for the count per row
_SURE = 1e-4
_TELLING = 0.7  # AUC of a count: below it, a remark would tell nobody what to do
_MOST = 0.5
_PANEL = 10  # columns: a smaller panel of known markers may differ in most of them
_FEWEST_CELLS = 20
_P_EXCLUSIVE = 0.003  # six rows against six reach 0.002
_WIDE, _AGAINST = 0.2, 0.25


@dataclass(frozen=True, eq=False)
class GapPattern:
    """How cells of one kind are spread over the classes.

    Attributes
    ----------
    counts : tuple of int
        Such cells of controls and of cases.
    rates : float array of shape (2, n_features)
        Share of the rows of controls and of cases, by column.
    p_values : float array of shape (n_features,)
        Of each column, times the number of columns.
    auc : float
        Of the number of such cells per row; above 0.5 if cases have more.
    auc_p_value : float
        Mann-Whitney.
    exclusive_p_value : float
        Chance that all rows with such cells belong to one class; 1 if both have some.
    against : float
        Share of the columns with such cells where the class that has more of them is not the
        lower one among the other cells. Detection limits keep this small.
    """

    counts: tuple[int, int]
    rates: FloatArray
    p_values: FloatArray
    auc: float
    auc_p_value: float
    exclusive_p_value: float
    against: float

    @property
    def differing(self) -> BoolArray:
        """Columns whose rates differ beyond chance, at 0.01 over all columns."""
        return np.asarray(self.p_values < _P)

    @property
    def tells_by_row(self) -> bool:
        """Whether the number of such cells in a row separates the classes beyond chance."""
        return max(self.auc, 1 - self.auc) >= _TELLING and self.auc_p_value < _P / 10

    @property
    def spans_most_columns(self) -> bool:
        """Whether half of all columns differ, one by one or as far as their rows tell it."""
        higher = self.rates[1] - self.rates[0]
        one_by_one = np.mean(self.p_values < _SURE * len(self.p_values)) >= _MOST
        toward = max(np.mean(higher > 0.05), np.mean(higher < -0.05))
        by_rows = max(self.auc, 1 - self.auc) >= 0.95 and self.auc_p_value < _SURE
        return len(higher) >= _PANEL and bool(one_by_one or (by_rows and toward >= _MOST))

    @property
    def is_exclusive(self) -> bool:
        """Whether many cells stand in one class alone, and in more columns than markers explain.

        That is in half of all columns, or in a fifth where abundance says otherwise.
        """
        spread = np.mean(self.rates.max(axis=0) > 0)
        wide = spread >= _MOST or (spread >= _WIDE and self.against >= _AGAINST)
        many = sum(self.counts) >= _FEWEST_CELLS and len(self.p_values) >= _PANEL
        return bool(wide and many and self.exclusive_p_value <= _P_EXCLUSIVE)


def check_missing(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    names: Sequence[str],
    classes: tuple[str, str],
) -> list[Finding]:
    """Return a finding if missing cells depend on the class.

    Examples
    --------
    >>> X, y = np.random.default_rng(0).normal(size=(60, 4)), np.repeat([0.0, 1.0], 30)
    >>> X[:15, 1] = np.nan
    >>> [(one.severity, one.columns) for one in check_missing(X, y, list("abcd"), ("no", "yes"))]
    [('weakens', ('b',))]
    """
    return _found(X, np.isnan(X), y, names, classes, "missing-by-class", "missing cells")


def check_limits(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    names: Sequence[str],
    classes: tuple[str, str],
) -> list[Finding]:
    """Return a finding if zeros, or repeated smallest values, depend on the class.

    Examples
    --------
    >>> X, y = np.random.default_rng(0).lognormal(size=(60, 4)), np.repeat([0.0, 1.0], 30)
    >>> X[:15, 1] = 0.0
    >>> [(one.severity, one.columns) for one in check_limits(X, y, list("abcd"), ("no", "yes"))]
    [('weakens', ('b',))]
    """
    what = "zeros or values at the detection limit"
    return _found(X, limit_cells(X), y, names, classes, "zeros-by-class", what)


def limit_cells(X: Float[np.ndarray, "sample feature"]) -> Bool[np.ndarray, "sample feature"]:
    """Return which cells are 0, or the smallest value that two rows or more hold.

    Zero counts only where it is the smallest value of its column. A column of two values is a
    flag, not a measurement, and has no limit.

    Examples
    --------
    >>> X = np.array([[0.5, 1.0, 0.0, 0.0], [0.5, 2.0, 7.0, 0.0], [3.0, 2.0, 8.0, 1.0], [4.0] * 4])
    >>> X[3, 3] = 1.0
    >>> limit_cells(X).sum(axis=0)
    array([2, 0, 1, 0])
    """
    lowest = np.where(np.isnan(X), np.inf, X).min(axis=0)
    at_limit = lowest == X
    others = np.where(at_limit | np.isnan(X), np.nan, X)
    low = np.where(np.isnan(others), np.inf, others).min(axis=0)
    measured = np.where(np.isnan(others), -np.inf, others).max(axis=0) > low
    return np.asarray(at_limit & measured & ((at_limit.sum(axis=0) >= 2) | (lowest == 0)))


def gap_pattern(
    X: Float[np.ndarray, "sample feature"],
    gaps: Bool[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
) -> GapPattern:
    """Return how marked cells of X are spread over the classes."""
    per_row = gaps.sum(axis=1).astype(np.float64)
    rates = np.stack([gaps[y == label].mean(axis=0) for label in (0, 1)])
    rows = per_row > 0
    exclusive = len(np.unique(y[rows])) == 1
    tied = bool(np.ptp(per_row) == 0)
    # A class without any other cell is below the limit as a whole: nothing speaks against that.
    holds = gaps.any(axis=0) & (rates.max(axis=0) < 1)
    aucs = present_aucs(np.where(gaps, np.nan, X)[:, holds], y)
    # The lower class, if abundance explains it: cases below controls have an AUC below 0.5.
    lower = (aucs - 0.5) * (rates[1] - rates[0])[holds] < 0
    return GapPattern(
        (int(per_row[y == 0].sum()), int(per_row[y == 1].sum())),
        rates,
        count_p_values(gaps, y) * gaps.shape[1],
        roc_auc(y, per_row),
        1.0 if tied else float(mannwhitneyu(per_row[y == 1], per_row[y == 0]).pvalue),
        float(count_p_values(rows[:, None], y)[0]) if exclusive else 1.0,
        float(np.mean(~lower)) if holds.any() else 0.0,
    )


def _found(
    X: FloatArray,
    gaps: BoolArray,
    y: FloatArray,
    names: Sequence[str],
    classes: tuple[str, str],
    check: str,
    what: str,
) -> list[Finding]:
    if not gaps.any():
        return []
    pattern = gap_pattern(X, gaps, y)
    stops = pattern.spans_most_columns or pattern.is_exclusive
    if not (stops or pattern.differing.any() or pattern.tells_by_row):
        return []
    listed = pattern.differing if pattern.differing.any() and not stops else gaps.any(axis=0)
    columns = tuple(names[column] for column in np.flatnonzero(listed).tolist())
    severity: Severity = "stops" if stops else "weakens"
    message, remedy = _say(pattern, columns, classes, what), _remedy(stops)
    return [Finding(check, severity, message, remedy, columns=columns)]


def _say(pattern: GapPattern, columns: tuple[str, ...], classes: tuple[str, str], what: str) -> str:
    said = [
        f"{sum(pattern.counts)} {what}: {pattern.counts[0]} in '{classes[0]}', "
        f"{pattern.counts[1]} in '{classes[1]}'"
    ]
    n_differing = int(pattern.differing.sum())
    if n_differing:
        worst = int(np.abs(pattern.rates[1] - pattern.rates[0]).argmax())
        low, high = pattern.rates[:, worst]
        said.append(
            f"they differ beyond chance in {n_differing} of {len(pattern.p_values)} columns, most "
            f"of all {low:.0%} against {high:.0%}"
        )
    if pattern.exclusive_p_value < 1:
        said.append(
            "only one class has any, and in "
            f"{pattern.against:.0%} of the columns it is not the lower one among the other cells"
        )
    # A sentence of its own: a verdict that this stops repeats no score.
    alone = (
        f" Their number per row alone separates the classes with AUC "
        f"{max(pattern.auc, 1 - pattern.auc):.2f}."
        if pattern.auc_p_value < _P
        else ""
    )
    return f"{'; '.join(said)}.{alone} Columns: {first_few(columns)}."


def _remedy(stops: bool) -> str:
    if stops:
        return (
            "A detection limit touches some metabolites; this touches the table. Ask how each "
            "class was exported, filtered and filled, and start from one export of all rows."
        )
    return (
        "A real marker near its detection limit looks like this, and so does a class measured "
        "apart. Compare the abundances of these columns, and ask whether both classes were "
        "measured together; fill cells inside the folds, never class by class."
    )
