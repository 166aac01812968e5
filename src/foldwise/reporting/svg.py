"""Figures as files: SVG and PNG that come out byte for byte the same on every run."""

import os
import re
from collections.abc import Iterable, Mapping
from html import escape
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from foldwise.reporting.figures import draw
from foldwise.reporting.style import (
    BLUE,
    GREEN,
    GREY,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    house_style,
)
from foldwise.reporting.summary import Summary, write_atomically

__all__ = ["draw_figures", "figure_names", "inline_svg", "save_figures", "svg_text"]

_PNG_DPI = 300
_CLOUD_DPI = 200  # of point clouds inside an SVG
_FONTS = "'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_POINTS_PER_INCH = 72
_OPENING = re.compile(r"(<svg[^>]*>)")
_NUMBERS = re.compile(r' (?:d|x|y|points|transform|width|height)="[^"]*"')
_LONG_DECIMALS = re.compile(r"(\.\d\d)\d+")
# Custom properties of the page, so that a figure follows its light or dark scheme.
_PAGE_COLOURS = {
    INK: "var(--fig-ink)",
    GREY: "var(--fig-grey)",
    GRID: "var(--fig-grid)",
    BLUE: "var(--fig-blue)",
    ORANGE: "var(--fig-orange)",
    GREEN: "var(--fig-green)",
    PURPLE: "var(--fig-purple)",
}


def figure_names(summary: Summary) -> list[str]:
    """Return the figures the sections of a Summary name, each once, in their order."""
    sections = summary.result.get("sections", [])
    return list(dict.fromkeys(name for section in sections for name in section["figures"]))


def draw_figures(summary: Summary) -> dict[str, Figure]:
    """Draw every figure that the sections name, once for files and page."""
    return {name: draw(name, summary) for name in figure_names(summary)}


def save_figures(
    summary: Summary,
    folder: str | os.PathLike[str],
    names: Iterable[str] | None = None,
    *,
    drawn: Mapping[str, Figure] | None = None,
) -> list[Path]:
    """Write figures as SVG and as PNG of 300 dots per inch.

    Parameters
    ----------
    summary : Summary
        What is drawn.
    folder : path
        Where the files go; made if it is missing.
    names : iterable of str, optional
        Figures to write; all that the sections name when None.
    drawn : mapping of str to Figure, optional
        Figures that are drawn already, as by `draw_figures`.

    Returns
    -------
    list of pathlib.Path
        The files, two per figure.
    """
    written = []
    for name in figure_names(summary) if names is None else names:
        figure = drawn[name] if drawn is not None else draw(name, summary)
        png = BytesIO()
        with house_style():
            figure.savefig(png, format="png", dpi=_PNG_DPI)
        for suffix, content in (("svg", svg_text(figure).encode()), ("png", png.getvalue())):
            written.append(write_atomically(Path(folder) / f"{name}.{suffix}", content))
    return written


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG: text as text, no date, two decimals of a point."""
    stream = BytesIO()
    with house_style():
        figure.savefig(stream, format="svg", dpi=_CLOUD_DPI, metadata={"Date": None})
    text = stream.getvalue().decode()
    # Layout used DejaVu Sans, the widest of these: in the others every text fits too.
    text = text.replace("'DejaVu Sans'", _FONTS)
    return _NUMBERS.sub(lambda found: _LONG_DECIMALS.sub(r"\1", found[0]), text)


def inline_svg(figure: Figure, name: str) -> str:
    """Return a figure as an ``svg`` element for a page, its title cut off.

    The page prints the title as text. Ids carry ``name``, so that figures on one page
    do not take each other's clip paths; colours are custom properties of the page.
    """
    message = figure.get_suptitle()
    text = _below_title(figure)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"| version="1\.1"', "", text)
    text = text.replace("xlink:href=", "href=")
    text = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    for colour, variable in _PAGE_COLOURS.items():
        text = text.replace(f": {colour}", f": {variable}")
    # Only the page's own colour may lie under a figure.
    text = text.replace("fill: #ffffff", "fill: none", 1)
    label = escape(message.replace("\n", " "), quote=True)
    return text.replace("<svg", f'<svg role="img" focusable="false" aria-label="{label}"', 1)


def _below_title(figure: Figure) -> str:
    """Return the ``svg`` element of what stands below the title, its size left to the page."""
    (title,) = figure.texts
    shown = title.get_window_extent().y0 / figure.dpi * _POINTS_PER_INCH
    width, height = figure.get_size_inches() * _POINTS_PER_INCH
    title.set_visible(False)
    text = svg_text(figure)
    title.set_visible(True)
    view = f'viewBox="0 {height - shown:.2f} {width:.2f} {shown:.2f}"'
    _, opening, inside = _OPENING.split(text, maxsplit=1)
    opening = re.sub(r' (?:width|height)="[^"]*"', "", opening)
    return re.sub(r'viewBox="[^"]*"', view, opening) + inside
