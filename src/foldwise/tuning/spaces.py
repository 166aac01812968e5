"""Spaces of settings: what a search may try, and how Optuna is told so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from foldwise.errors import InvalidInputError, first_few

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["LogRange", "Range", "Space"]


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, all equally likely at first.

    Parameters
    ----------
    low, high : float
        The ends, both of which may be drawn.

    Raises
    ------
    InvalidInputError
        If ``low`` is not below ``high``, or one of them is not finite.

    Examples
    --------
    >>> Range(0.0, 1.0)
    Range(low=0.0, high=1.0)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not -inf < self.low < self.high < inf:
            raise InvalidInputError(f"{self}: low must be below high, and both finite.")


@dataclass(frozen=True)
class LogRange:
    """Numbers above 0 between two ends, all orders of magnitude equally likely at first.

    Parameters
    ----------
    low, high : float
        The ends, both of which may be drawn.

    Raises
    ------
    InvalidInputError
        If ``low`` is not above 0 and below ``high``, or ``high`` is not finite.

    Examples
    --------
    >>> LogRange(1e-4, 1e-1)
    LogRange(low=0.0001, high=0.1)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < inf:
            raise InvalidInputError(
                f"{self}: low must be above 0 and below high, and both finite. "
                "Use Range for numbers of 0 or less."
            )


Space = Mapping[str, Range | LogRange | Sequence[Any]]
"""By name of the setting: a range, or the choices, which may be tuples such as widths."""


def require_space(space: Space) -> None:
    """Refuse a space with nothing to choose from.

    Raises
    ------
    InvalidInputError
        If the space is empty, or a setting has no choices, or one choice twice.
    """
    if not space:
        raise InvalidInputError("The space is empty. Name a setting, such as C=LogRange(0.01, 10).")
    for name, values in space.items():
        if isinstance(values, Range | LogRange):
            continue
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise InvalidInputError(
                f"space[{name!r}] is {values!r}. Give a Range, a LogRange or a list of choices."
            )
        labels = _labels(values)
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if not labels or twice:
            found = f"holds {first_few(twice, quoted=False)} twice" if twice else "has no choices"
            raise InvalidInputError(f"space[{name!r}] {found}. List each choice once.")


def described_space(space: Space) -> dict[str, str]:
    """Return what tells two spaces apart, as text by setting."""
    return {
        f"space[{name!r}]": str(values)
        if isinstance(values, Range | LogRange)
        else f"one of {', '.join(_labels(values))}"
        for name, values in space.items()
    }


def optuna_distributions(space: Space) -> dict[str, "BaseDistribution"]:
    """Return the space in Optuna's words, by sorted names.

    Optuna draws in the order of the names: sorted, the same space gives the same settings
    whatever order it was written in.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    found: dict[str, BaseDistribution] = {}
    for name, values in sorted(space.items()):
        if isinstance(values, Range | LogRange):
            log = isinstance(values, LogRange)
            found[name] = FloatDistribution(values.low, values.high, log=log)
        else:
            found[name] = CategoricalDistribution(_labels(values))
    return found


def decoded_setting(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a setting of learners from the parameters of a trial."""
    return {
        name: params[name]
        if isinstance(values, Range | LogRange)
        else values[_labels(values).index(params[name])]
        for name, values in space.items()
    }


def _labels(choices: Sequence[Any]) -> list[str]:
    """Return choices as text: Optuna stores no tuples."""
    return [repr(choice) for choice in choices]
