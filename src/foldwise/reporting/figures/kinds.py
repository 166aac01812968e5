"""What a figure is to the registry."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

__all__ = ["FigureKind"]


@dataclass(frozen=True)
class FigureKind:
    """How one figure, or one per model or encoding, is drawn and read.

    Parameters
    ----------
    draw : callable
        Takes the Summary; where ``each`` is set, also the model or encoding.
    caption : str
        One line on how to read it.
    tables : tuple of str
        Tables it needs; the first is the one it shows.
    each : {"", "model", "encoding"}
        Column of that table whose values end the names of the figures.
    """

    draw: Callable[..., Figure]
    caption: str
    tables: tuple[str, ...]
    each: str = ""
