"""Intervals and paired tests of an AUC where subjects give several rows."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy import stats

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.intervals import logit_interval, placements, two_sided_p_value

__all__ = [
    "obuchowski_difference",
    "obuchowski_interval",
    "obuchowski_p_value",
    "obuchowski_variance",
    "subjects_of_smaller_class",
]

Interval = tuple[float, float]


def obuchowski_variance(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    groups: Shaped[np.ndarray, " sample"],
) -> tuple[float, float]:
    r"""Return the AUC over all rows and its variance between subjects.

    With the placements :math:`V` of `placements`, :math:`M` cases and :math:`N` controls,
    subject i giving :math:`m_i` cases and :math:`n_i` controls, and
    :math:`a_i = \sum_j V_{ij} - m_i A`, :math:`b_i = \sum_k V_{ik} - n_i A`:

    .. math:: var(A) = \frac{I_{10}}{(I_{10} - 1) M^2} \sum_i a_i^2
              + \frac{I_{01}}{(I_{01} - 1) N^2} \sum_i b_i^2
              + \frac{2 I}{(I - 1) M N} \sum_i a_i b_i

    where :math:`I_{10}`, :math:`I_{01}` and :math:`I` subjects give cases, controls and rows.
    With one row per subject it is DeLong's variance.

    Parameters
    ----------
    y, score : float array of shape (n_samples,)
        Labels 0/1 and scores.
    groups : array of shape (n_samples,)
        Subject of each row. A subject may give both cases and controls.

    Raises
    ------
    InvalidInputError
        If fewer than two subjects give cases, or controls.

    References
    ----------
    .. [1] Obuchowski (1997), Biometrics 53, 567.

    Examples
    --------
    >>> y = np.array([0.0, 0, 1, 1])
    >>> obuchowski_variance(y, np.array([0.1, 0.4, 0.35, 0.8]), np.arange(4))
    (0.75, 0.125)
    """
    of_cases, of_controls = placements(y, score)
    auc, variance, _ = _Subjects.of(y, groups).moments(of_cases, of_controls)
    return auc, variance


@dataclass(frozen=True, eq=False)
class _Subjects:
    """Subject of every case and of every control, by number, and what to count."""

    of_cases: IntArray
    of_controls: IntArray
    n_subjects: int

    @classmethod
    def of(cls, y: FloatArray, groups: np.ndarray) -> "_Subjects":
        names, number = np.unique(groups, return_inverse=True)
        found = cls(number[y == 1], number[y == 0], len(names))
        if min(found.n_with_cases, found.n_with_controls) < 2:
            raise InvalidInputError(
                "The variance of an AUC between subjects needs two subjects with rows of each "
                f"class; {found.n_with_cases} have cases and {found.n_with_controls} have "
                "controls. Report the AUC without an interval."
            )
        return found

    @property
    def n_with_cases(self) -> int:
        return len(np.unique(self.of_cases))

    @property
    def n_with_controls(self) -> int:
        return len(np.unique(self.of_controls))

    def moments(self, of_cases: FloatArray, of_controls: FloatArray) -> tuple[float, float, float]:
        """Return mean and variance of placements (or their differences), degrees of freedom."""
        mean = float(of_cases.mean())
        a = np.bincount(self.of_cases, of_cases - mean, self.n_subjects).astype(float)
        b = np.bincount(self.of_controls, of_controls - mean, self.n_subjects).astype(float)
        n_cases, n_controls = len(of_cases), len(of_controls)
        case_part = _corrected_sum(a, a, self.n_with_cases) / n_cases**2
        control_part = _corrected_sum(b, b, self.n_with_controls) / n_controls**2
        shared = 2 * _corrected_sum(a, b, self.n_subjects) / (n_cases * n_controls)
        spread = case_part**2 / (self.n_with_cases - 1)
        spread += control_part**2 / (self.n_with_controls - 1)
        df = (case_part + control_part) ** 2 / spread if spread > 0 else np.inf
        # Where a subject's own cases and controls move together the sum can round below 0.
        return mean, max(case_part + control_part + shared, 0.0), df


def _corrected_sum(left: FloatArray, right: FloatArray, n_subjects: int) -> float:
    return float(left @ right) * n_subjects / (n_subjects - 1)


def subjects_of_smaller_class(
    y: Float[np.ndarray, " sample"], groups: Shaped[np.ndarray, " sample"]
) -> int:
    """Return how many subjects give rows of the class that fewer subjects have.

    Examples
    --------
    >>> subjects_of_smaller_class(np.array([0.0, 0, 1, 1]), np.array(["a", "b", "c", "c"]))
    1
    """
    return min(len(np.unique(groups[y == 1])), len(np.unique(groups[y == 0])))


def obuchowski_interval(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    groups: Shaped[np.ndarray, " sample"],
    *,
    level: float = 0.95,
) -> Interval:
    """Return the interval of an AUC over subjects, formed on the logit scale.

    The quantile is Student's t with Satterthwaite's degrees of freedom from the
    subjects with cases and those with controls, as Brunner & Munzel take it for rows: with
    five to ten subjects of a class it covers 1 to 5 points more than the normal one. An AUC
    of exactly 1 has the lower limit ``(alpha / 2) ** (1 / m)`` with m the subjects of the
    smaller class, which is conservative.

    References
    ----------
    .. [1] Obuchowski (1997), Biometrics 53, 567.
    .. [2] Brunner & Munzel (2000), Biom. J. 42, 17.
    """
    auc, variance, df = _Subjects.of(y, groups).moments(*placements(y, score))
    smaller = subjects_of_smaller_class(y, groups)
    quantile = float(stats.t.ppf(0.5 + level / 2, df))
    return logit_interval(auc, variance, quantile=quantile, level=level, smaller=smaller)


def obuchowski_difference(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    other: Float[np.ndarray, " sample"],
    groups: Shaped[np.ndarray, " sample"],
    *,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Return AUC(score) - AUC(other) on the same rows, with its interval over subjects.

    The variance of the difference is that of `obuchowski_variance` with each row's
    placements compared between the two scores; the quantile is that of `obuchowski_interval`.

    References
    ----------
    .. [1] Obuchowski (1997), Biometrics 53, 567.
    """
    difference, variance, df = _paired(y, score, other, groups)
    half = float(stats.t.ppf(0.5 + level / 2, df) * np.sqrt(variance))
    return difference, difference - half, difference + half


def obuchowski_p_value(
    y: Float[np.ndarray, " sample"],
    score: Float[np.ndarray, " sample"],
    other: Float[np.ndarray, " sample"],
    groups: Shaped[np.ndarray, " sample"],
) -> float | None:
    """Return the two-sided p value of equal AUCs over subjects; None as `delong_p_value`."""
    return two_sided_p_value(*_paired(y, score, other, groups))


def _paired(
    y: FloatArray, score: FloatArray, other: FloatArray, groups: np.ndarray
) -> tuple[float, float, float]:
    own, others = placements(y, score), placements(y, other)
    return _Subjects.of(y, groups).moments(own[0] - others[0], own[1] - others[1])
