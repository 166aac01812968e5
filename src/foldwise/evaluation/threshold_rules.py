"""What a threshold can be chosen for."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from foldwise.arrays import FloatArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.proportions import require_prevalence

__all__ = [
    "ROUNDING",
    "ClosestToCorner",
    "Cost",
    "FixedSensitivity",
    "FixedSpecificity",
    "ThresholdRule",
    "Youden",
]

ROUNDING = 1e-12
"""Of shares of counts: two that are closer are equal."""


@runtime_checkable
class ThresholdRule(Protocol):
    """What a threshold is chosen for."""

    def merit(
        self, sensitivity: Float[np.ndarray, " cut"], specificity: Float[np.ndarray, " cut"]
    ) -> Float[np.ndarray, " cut"]:
        """Return what is to be large; -inf where a cut is no answer."""
        ...

    def describe(self) -> str:
        """Return the rule in words."""
        ...


@dataclass(frozen=True)
class Youden:
    """Largest sensitivity + specificity - 1 (Youden 1950, Cancer 3, 32); above 0, else none."""

    def merit(self, sensitivity: FloatArray, specificity: FloatArray) -> FloatArray:
        """Return J where it is above 0."""
        j = sensitivity + specificity - 1.0
        return np.where(j > ROUNDING, j, -np.inf)

    def describe(self) -> str:
        """Return the rule in words."""
        return "largest sensitivity + specificity"


@dataclass(frozen=True)
class ClosestToCorner:
    """Smallest distance of the ROC curve to its corner (0, 1)."""

    def merit(self, sensitivity: FloatArray, specificity: FloatArray) -> FloatArray:
        """Return the distance, negative."""
        return -np.hypot(1.0 - sensitivity, 1.0 - specificity)

    def describe(self) -> str:
        """Return the rule in words."""
        return "closest to sensitivity 1 and specificity 1"


@dataclass(frozen=True)
class FixedSensitivity:
    """Highest specificity among thresholds of at least this sensitivity."""

    at_least: float

    def __post_init__(self) -> None:
        _require_share("sensitivity", self.at_least)

    def merit(self, sensitivity: FloatArray, specificity: FloatArray) -> FloatArray:
        """Return the specificity where the sensitivity is reached."""
        return np.where(sensitivity >= self.at_least - ROUNDING, specificity, -np.inf)

    def describe(self) -> str:
        """Return the rule in words."""
        return f"sensitivity of at least {self.at_least:g}"


@dataclass(frozen=True)
class FixedSpecificity:
    """Highest sensitivity among thresholds of at least this specificity."""

    at_least: float

    def __post_init__(self) -> None:
        _require_share("specificity", self.at_least)

    def merit(self, sensitivity: FloatArray, specificity: FloatArray) -> FloatArray:
        """Return the sensitivity where the specificity is reached."""
        return np.where(specificity >= self.at_least - ROUNDING, sensitivity, -np.inf)

    def describe(self) -> str:
        """Return the rule in words."""
        return f"specificity of at least {self.at_least:g}"


@dataclass(frozen=True)
class Cost:
    """Smallest expected cost of errors at a stated prevalence.

    Parameters
    ----------
    miss : float
        Cost of a missed case, in costs of one false alarm.
    prevalence : float
        Share of cases where the test would be used.

    References
    ----------
    .. [1] Zweig & Campbell (1993), Clin. Chem. 39, 561.
    """

    miss: float
    prevalence: float

    def __post_init__(self) -> None:
        require_prevalence(self.prevalence)
        if not (np.isfinite(self.miss) and self.miss > 0):
            raise InvalidInputError(
                f"The cost of a missed case is a number above 0, in false alarms, not {self.miss}."
            )

    def merit(self, sensitivity: FloatArray, specificity: FloatArray) -> FloatArray:
        """Return the expected cost per person, negative."""
        missed = self.miss * self.prevalence * (1.0 - sensitivity)
        return -(missed + (1.0 - self.prevalence) * (1.0 - specificity))

    def describe(self) -> str:
        """Return the rule in words."""
        return (
            f"smallest cost at prevalence {self.prevalence:g}, a missed case costing "
            f"{self.miss:g} false alarms"
        )


def _require_share(what: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise InvalidInputError(f"A fixed {what} is a share between 0 and 1, not {value:g}.")
