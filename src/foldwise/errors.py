"""Errors a user can cause and fix, and how their lists of culprits are written."""

from collections.abc import Iterable

__all__ = [
    "DivergedFitError",
    "EmptyColumnError",
    "FitError",
    "FoldwiseError",
    "FoldwiseWarning",
    "InvalidInputError",
    "first_few",
]

_LISTED = 5


class FoldwiseError(Exception):
    """Any error that Foldwise raises on purpose."""


class InvalidInputError(FoldwiseError, ValueError):
    """Something the user can fix: a table, a setting, a model file."""


class DivergedFitError(InvalidInputError):
    """A fit ended with numbers that are not finite; the message names it."""


class EmptyColumnError(InvalidInputError):
    """Columns without any value in the training rows of a fit.

    Attributes
    ----------
    columns : tuple of int
        Their positions in X.
    """

    def __init__(self, message: str, columns: tuple[int, ...]) -> None:
        super().__init__(message)
        self.columns = columns

    def __reduce__(self) -> tuple[type, tuple[str, tuple[int, ...]]]:
        """Come back whole from a worker process."""
        return type(self), (str(self), self.columns)


class FitError(FoldwiseError):
    """An estimator raised while it was fitted or asked; the message names the fit."""


class FoldwiseWarning(UserWarning):
    """Something was counted, filled or left out, and the report says so."""


def first_few(items: Iterable[object], *, limit: int = _LISTED, quoted: bool = True) -> str:
    """Return at most ``limit`` items as text, and the count of the rest.

    Strings are quoted unless ``quoted`` is False; everything else is written with ``str``.

    Examples
    --------
    >>> first_few(["Xx", "fe"])
    "'Xx', 'fe'"
    >>> first_few(range(7))
    '0, 1, 2, 3, 4 and 2 more'
    """
    written = [repr(str(item)) if quoted and isinstance(item, str) else str(item) for item in items]
    text = ", ".join(written[:limit])
    return text if len(written) <= limit else f"{text} and {len(written) - limit} more"
