"""Figures of linear models: histograms of coefficients, the largest ones, L1 geometry."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch, Polygon
from scipy.interpolate import RectBivariateSpline

from foldwise.reporting.figures.reading import frame_of, records, rows_of
from foldwise.reporting.labels import model_label
from foldwise.reporting.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    new_figure,
    set_message,
    shorten,
    signed,
)
from foldwise.reporting.summary import Summary

__all__ = ["coefficients", "coefficients_compared", "l1_geometry", "top_features"]

_UNIT = "log-odds per sd"
_Values = npt.NDArray[np.float64]
_Point = Mapping[str, float]


def coefficients(summary: Summary, model: str) -> Figure:
    """Draw the histogram of one model's coefficients."""
    values = rows_of(summary, "coefficients", model=model)["coefficient"].to_numpy()
    figure, (ax,) = new_figure("one column", 68)
    _histogram(ax, values, _bins(values))
    n_zero = int((values == 0).sum())
    set_message(
        figure,
        f"{model_label(model)}: {n_zero or 'none'} of {len(values)} coefficients "
        f"{'are' if n_zero > 1 else 'is'} exactly zero; the largest is "
        f"{np.abs(values).max():.2f} {_UNIT}",
    )
    return figure


def coefficients_compared(summary: Summary) -> Figure:
    """Draw the coefficients without penalty and with L1 side by side, on the same axes."""
    models = ("logistic-none", "logistic-l1")
    found = {
        model: rows_of(summary, "coefficients", model=model)["coefficient"].to_numpy()
        for model in models
    }
    bins = _bins(np.concatenate(list(found.values())))
    figure, axes = new_figure("two columns", 74, n_cols=2, sharex=True, sharey=True)
    for ax, (model, values) in zip(axes, found.items(), strict=True):
        _histogram(ax, values, bins)
        share = (values == 0).mean()
        ax.set_title(f"{model_label(model)}: {share:.0%} exact zeros")
    counts = [int((values == 0).sum()) for values in found.values()]
    set_message(
        figure,
        f"L1 sets {counts[1]} of {len(found[models[1]])} coefficients to exactly "
        f"zero, without penalty {counts[0] or 'none'} of {len(found[models[0]])} "
        f"{'is' if counts[0] < 2 else 'are'}",
    )
    return figure


def _bins(values: _Values) -> list[float]:
    """Return 30 equal bins around zero, zero on an edge's middle so that it has its own bin."""
    reach = float(np.abs(values).max()) or 1.0
    width = 2 * reach / 29
    return [width * (step - 14.5) for step in range(30)]


def _histogram(ax: Axes, values: _Values, bins: list[float]) -> None:
    """Draw non-zero coefficients as bars, exact zeros as a bar of its own colour.

    The axis of counts is logarithmic: hundreds of zeros would else flatten the rest.
    """
    zero = values == 0
    width = bins[1] - bins[0]
    counts, _ = np.histogram(values[~zero], bins)
    centres = np.array(bins[:-1]) + width / 2
    floor = 0.7
    ax.bar(centres, np.maximum(counts, floor) - floor, width * 0.92, bottom=floor, color=BLUE)
    handles = [Patch(color=BLUE, label=f"{int((~zero).sum())} not zero")]
    if zero.any():
        ax.bar(0, zero.sum() - floor, width * 0.5, bottom=floor, color=ORANGE)
        handles.append(Patch(color=ORANGE, label=f"{int(zero.sum())} exactly zero"))
    ax.set_yscale("log")
    top = max(int(counts.max(initial=0)), int(zero.sum()), 2)
    ticks = [tick for power in range(6) for tick in (10**power, 3 * 10**power) if tick <= 2 * top]
    ax.set_yticks(ticks, labels=[f"{tick:,}" for tick in ticks])
    ax.set_yticks([], minor=True)
    ax.set_ylim(floor, max(top * 3.0, ax.get_ylim()[1]))
    ax.legend(handles=handles, loc="upper left", handlelength=1.0)
    ax.set(xlabel=f"Coefficient ({_UNIT})", ylabel="Features (log scale)")
    ax.tick_params(labelleft=True)


def top_features(summary: Summary, model: str) -> Figure:
    """Draw the five largest positive coefficients and how often each returns."""
    rows = frame_of(summary, "top_features")
    own = rows[rows["model"] == model].sort_values("rank")
    figure, (left, right) = new_figure(
        "two columns", 62, n_cols=2, sharey=True, width_ratios=[1.25, 1]
    )
    places = np.arange(len(own))
    left.barh(places, own["coefficient"], 0.62, color=BLUE)
    left.set_yticks(places, labels=[shorten(feature) for feature in own["feature"]])
    left.invert_yaxis()
    left.set(xlabel=f"Coefficient ({_UNIT})", title="Largest positive coefficients, one split")
    right.barh(places, own["top5_share"], 0.62, color=ORANGE)
    for place, row in enumerate(records(own)):
        text = f"{row['top5_share']:.0%}, AUC alone {row['univariate_auc']:.2f}"
        right.text(row["top5_share"] + 0.02, place, text, va="center", fontsize=7.5)
    right.set(xlim=(0, 1.62), xlabel="Share of random splits (0 to 1)")
    right.set(title="Among the five largest again")
    right.set_xticks(np.linspace(0, 1, 5))
    for ax in (left, right):
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
    set_message(figure, _top_message(summary, model, own))
    return figure


def _top_message(summary: Summary, model: str, own: pd.DataFrame) -> str:
    if own.empty:
        return f"{model_label(model)}: no coefficient is positive"
    often = int((own["top5_share"] >= 0.5).sum())
    n_splits = ""
    if "split_aucs" in summary.tables:
        n_splits = f"{summary.tables['split_aucs'].frame['split'].nunique()} "
    verb = "is" if often == 1 else "are"
    return (
        f"{model_label(model)}: {often} of these {len(own)} features {verb} "
        f"among the five largest in at least half of the {n_splits}random splits; "
        f"{shorten(own['feature'].iloc[0])} in {own['top5_share'].iloc[0]:.0%}"
    )


def l1_geometry(summary: Summary) -> Figure:
    """Draw the loss over two coefficients, and where it first touches diamond and circle."""
    loss = frame_of(summary, "l1_geometry_loss")
    points = {row["kind"]: row for row in records(frame_of(summary, "l1_geometry_points"))}
    names = _feature_names(summary)
    grid = loss.pivot_table(index="w2", columns="w1", values="loss")
    figure, axes = new_figure("two columns", 96, n_cols=2, sharex=True, sharey=True)
    for ax, kind in zip(axes, ("l1", "l2"), strict=True):
        _loss_panel(ax, grid, points, kind)
        ax.set_xlabel(f"w₁ of {shorten(names[0], 30)}\n({_UNIT})")
        ax.set_ylabel(f"w₂ of {shorten(names[1], 30)}\n({_UNIT})")
        ax.tick_params(labelleft=True)
    shapes = {"l1": "L1, |w₁| + |w₂| ≤ r: a diamond", "l2": "L2, w₁² + w₂² ≤ r²: a circle"}
    for ax, (kind, shape) in zip(axes, shapes.items(), strict=True):
        ax.set_title(f"{shape}\ntouched at {_pair(points[kind])}", linespacing=1.3)
    set_message(figure, _geometry_message(points["l1"], points["l2"], names))
    return figure


def _geometry_message(l1: _Point, l2: _Point, names: tuple[str, str]) -> str:
    lost = [place for place, axis in enumerate(("w1", "w2")) if l1[axis] == 0]
    if not lost:
        return (
            f"The lowest loss inside the diamond is at {_pair(l1)}, inside the circle at "
            f"{_pair(l2)}: no corner, no zero"
        )
    return (
        f"The lowest loss inside the diamond is at a corner: w{'₁₂'[lost[0]]} of "
        f"{shorten(names[lost[0]], 26)} is exactly 0; inside the circle it is "
        f"{signed(l2[('w1', 'w2')[lost[0]]], 3)}"
    )


def _pair(point: _Point) -> str:
    """Return "(0.50, 0)": an exact zero is written without decimals."""
    w1, w2 = ("0" if point[axis] == 0 else signed(point[axis]) for axis in ("w1", "w2"))
    return f"({w1}, {w2})"


def _feature_names(summary: Summary) -> tuple[str, str]:
    """Return the two features of the figure, from the facts of the section that shows it."""
    facts = {
        fact["key"]: str(fact["value"])
        for section in summary.result.get("sections", [])
        if "l1_geometry" in section["figures"]
        for fact in section["facts"]
    }
    return facts.get("feature_1", "feature 1"), facts.get("feature_2", "feature 2")


def _view(points: Mapping[str, _Point]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return limits that show the whole ball, and the free optimum where it is near."""
    radius = points["l1"]["radius"]
    limits = []
    for axis in ("w1", "w2"):
        free = min(max(points["none"][axis], -4 * radius), 4 * radius)
        low, high = min(-1.2 * radius, free - 0.4 * radius), max(1.2 * radius, free + 0.4 * radius)
        limits.append((low, high))
    half = max(high - low for low, high in limits) / 2
    first, second = ((low + high) / 2 for low, high in limits)
    return (first - half, first + half), (second - half, second + half)


def _inside(view: tuple[float, float], axis: _Values) -> _Values:
    """Return the part of a view that the grid covers, in fine steps."""
    return np.linspace(max(view[0], axis.min()), min(view[1], axis.max()), 121)


def _loss_panel(ax: Axes, grid: pd.DataFrame, points: Mapping[str, _Point], kind: str) -> None:
    """Draw contours, the ball of one penalty, and the solution where they touch."""
    # The loss is smooth: a spline through the grid gives it anywhere, and smooth contours.
    surface = RectBivariateSpline(grid.index, grid.columns, grid.to_numpy())
    x_view, y_view = _view(points)
    w1 = _inside(x_view, grid.columns.to_numpy(float))
    w2 = _inside(y_view, grid.index.to_numpy(float))
    values = surface(w2, w1)
    free, touch = points["none"], points[kind]
    reached = float(surface.ev([touch["w2"]], [touch["w1"]])[0])
    levels = values.min() + np.ptp(values) * np.linspace(0.05, 1, 14) ** 2
    ax.contour(w1, w2, values, levels=levels, colors=GREY, linewidths=0.6, alpha=0.7)
    ax.contour(w1, w2, values, levels=[reached], colors=BLUE, linewidths=1.6)
    _ball(ax, kind, touch["radius"])
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.axvline(0, color=INK, linewidth=0.6)
    near = x_view[0] < free["w1"] < x_view[1] and y_view[0] < free["w2"] < y_view[1]
    if near:
        ax.plot(free["w1"], free["w2"], "P", color=INK, markersize=6)
        ax.annotate(
            "no penalty",
            (free["w1"], free["w2"]),
            (0, 7),
            textcoords="offset points",
            ha="center",
        )
    ax.plot(touch["w1"], touch["w2"], "o", color=ORANGE, markersize=7, markeredgecolor=INK)
    ax.grid(visible=False)
    ax.set(aspect="equal", xlim=x_view, ylim=y_view)


def _ball(ax: Axes, kind: str, radius: float) -> None:
    corners = [(radius, 0), (0, radius), (-radius, 0), (0, -radius)]
    for style in ({"facecolor": ORANGE, "alpha": 0.2}, {"fill": False, "edgecolor": ORANGE}):
        ball = Polygon(corners) if kind == "l1" else Circle((0, 0), radius)
        ball.set(linewidth=1.4, **style)
        ax.add_patch(ball)
