"""A number with its interval, how many it rests on, and what must be said beside it."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Estimate"]


@dataclass(frozen=True)
class Estimate:
    """One estimate.

    Parameters
    ----------
    value : float or None
        The number; None where it is not defined, and ``note`` says why.
    low, high : float or None
        Limits of the interval; None where none is claimed.
    n : int
        People, or rows where all are independent, that it rests on.
    method : str
        Name of the interval, as `foldwise.evaluation.coverage.coverage_label` knows it.
    note : str
        What a reader must know beside it, else "".

    Examples
    --------
    >>> Estimate(0.9, 0.8, 0.95, 40, "wilson").as_dict()["low"]
    0.8
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the entry of a summary."""
        return asdict(self)
