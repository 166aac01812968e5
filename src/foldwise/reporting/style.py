"""One style for every figure: widths of print, type sizes, and a colour-blind-safe palette."""

import textwrap
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

__all__ = [
    "BLUE",
    "COLOURS",
    "GREEN",
    "GREY",
    "GRID",
    "INK",
    "MARKERS",
    "ORANGE",
    "PURPLE",
    "house_style",
    "new_figure",
    "note",
    "plain_log_axis",
    "set_message",
    "settle",
    "shorten",
    "signed",
]

_MM_PER_INCH = 25.4
_WIDTH_MM: Mapping[str, float] = {"one column": 85.0, "two columns": 180.0}
# Bold 9 pt letters are about 1.9 mm wide on average, also in the wide DejaVu Sans.
_TITLE_LETTERS_PER_MM = 0.52

# Okabe and Ito (2008), the four that also differ in lightness; ink and greys are ours.
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PURPLE = "#9c5a86"
INK = "#1f2933"
GREY = "#7b8794"
GRID = "#d9dee4"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
MARKERS = ("o", "s", "^", "D")
"""Go with `COLOURS`: no series is told apart by colour alone."""

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so layout is the same everywhere
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "figure.titlesize": 9,
    "figure.titleweight": "bold",
    "text.color": INK,
    "text.parse_math": False,  # a feature may be called "$x_1$"
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.handletextpad": 0.5,
    "figure.facecolor": "white",
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "foldwise",  # ids are the same on every run
}


def house_style() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn and saved in the house style.

    Matplotlib reads its settings when a text or line is made and again on saving;
    the caller's own settings come back afterwards.
    """
    return mpl.rc_context(_RC)


def new_figure(
    width: Literal["one column", "two columns"],
    height_mm: float,
    n_rows: int = 1,
    n_cols: int = 1,
    **options: Any,
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure and its axes, row by row; call it in `house_style`.

    Parameters
    ----------
    width : {"one column", "two columns"}
        85 mm or 180 mm in print.
    height_mm : float
        Height in print.
    n_rows, n_cols : int, default=1
        Panels.
    **options
        Passed to ``Figure.subplots``.

    Examples
    --------
    >>> figure, axes = new_figure("two columns", 70, n_cols=2)
    >>> len(axes), round(figure.get_figwidth() * 25.4)
    (2, 180)
    """
    size = (_WIDTH_MM[width] / _MM_PER_INCH, height_mm / _MM_PER_INCH)
    # Letters are laid out as they are printed: at fewer dots their widths are rounded.
    figure = Figure(size, dpi=300)
    axes = figure.subplots(n_rows, n_cols, squeeze=False, **options)
    return figure, [ax for row in axes for ax in row]


def settle(figure: Figure) -> None:
    """Lay the panels out so that no text is cut off, and keep them where they are.

    Panels of equal aspect shrink while they are laid out, and their ticks change with
    that: one pass leaves labels outside the page, the second is right.
    """
    engine = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.05)
    for _ in range(2):
        engine.execute(figure)


def set_message(figure: Figure, message: str) -> None:
    """Write what the figure says above it, flush left, in as many lines as it takes."""
    letters = int(figure.get_figwidth() * _MM_PER_INCH * _TITLE_LETTERS_PER_MM)
    text = textwrap.fill(message, letters)
    figure.suptitle(text, x=0.01, ha="left", linespacing=1.25)


def note(ax: Axes, text: str, place: Literal["upper left", "lower right"]) -> None:
    """Write a short remark into a corner of a panel."""
    top, left = place.startswith("upper"), place.endswith("left")
    lines = text.split("\n")
    # One text per line: a browser with another font would not align the lines of one text.
    for row, line in enumerate(lines if top else reversed(lines)):
        ax.annotate(
            line,
            (0.03 if left else 0.97, 0.97 if top else 0.03),
            (0, (-10.5 if top else 10.5) * row),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="left" if left else "right",
            va="top" if top else "bottom",
            fontsize=7.5,
        )


def shorten(text: object, letters: int = 34) -> str:
    """Return ``text`` on one line, its middle left out where it is too long.

    Long names of metabolites differ at their ends as often as at their starts.

    Examples
    --------
    >>> shorten("1-palmitoyl-2-arachidonoyl-GPC (16:0/20:4n6)", 24)
    '1-palmitoyl-2…0/20:4n6)'
    """
    line = " ".join(str(text).split())
    if len(line) <= letters:
        return line
    head = (letters - 1) * 3 // 5
    return f"{line[:head]}…{line[-(letters - 1 - head - 1) :]}"


def signed(value: float, digits: int = 2) -> str:
    """Return a number with a true minus sign, and no sign where it rounds to zero.

    Examples
    --------
    >>> signed(-0.171), signed(-0.001)
    ('\N{MINUS SIGN}0.17', '0.00')
    """
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        return text.lstrip("-")
    return text.replace("-", "\N{MINUS SIGN}")


def plain_log_axis(ax: Axes, which: str) -> None:
    """Make the axis "x" or "y" logarithmic, its few ticks written as plain numbers."""
    getattr(ax, f"set_{which}scale")("log")
    low, high = sorted(getattr(ax, f"get_{which}lim")())
    decades = np.log10(high / low)
    steps = (1, 2, 5) if decades < 2 else (1, 3) if decades < 4 else (1,)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    every = 1 + int(decades // 5)
    values = [step * 10.0**power for power in powers if power % every == 0 for step in steps]
    shown = [value for value in values if low <= value <= high]
    axis = getattr(ax, f"{which}axis")
    axis.set_ticks(shown, labels=[_tick(value) for value in shown])
    axis.set_ticks([], minor=True)


def _tick(value: float) -> str:
    """Return 0.03, 10 or 10⁵; math text is off, so the raised digits are characters."""
    if 1e-4 <= value < 1e4:
        return f"{value:g}"
    digits, power = f"{value:.0e}".split("e")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}" if digits == "1" else f"{digits}\N{MULTIPLICATION SIGN}10{raised}"
