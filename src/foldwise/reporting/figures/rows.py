"""Panels whose rows have names: models, features, rules, the first on top."""

from collections.abc import Sequence

from matplotlib.axes import Axes

__all__ = ["beside_row", "name_rows"]


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Give every name a row, the first on top."""
    ax.set_yticks(range(len(names)), labels=list(names))
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")


def beside_row(ax: Axes, place: float, text: str) -> None:
    """Write a text to the right of a row."""
    ax.annotate(
        text,
        (1.01, place),
        xycoords=("axes fraction", "data"),
        va="center",
        annotation_clip=False,
    )
