"""Figures of panels: selection frequencies, selection paths, size of the panel."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from foldwise.reporting.figures.reading import frame_of, records
from foldwise.reporting.figures.rows import beside_row, name_rows
from foldwise.reporting.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    new_figure,
    plain_log_axis,
    set_message,
    shorten,
)
from foldwise.reporting.summary import Summary

__all__ = ["selection", "selection_path", "subset_curve"]

_FEATURES = 25
_NAMED = 12


def selection(summary: Summary) -> Figure:
    """Draw how often the most frequent features are selected, against the threshold."""
    frame = frame_of(summary, "selection")
    threshold = float(frame["threshold"].iloc[0])
    ranked = frame.sort_values("frequency", ascending=False, kind="stable")
    shown = ranked[ranked["frequency"] > 0].head(_FEATURES)
    members = frame["cluster"].value_counts()
    figure, (ax,) = new_figure("two columns", 28 + 4.2 * len(shown))
    for place, row in enumerate(records(shown)):
        colour = BLUE if row["selected"] else GREY
        ax.barh(place, row["frequency"], 0.66, color=colour)
        n = int(members[row["cluster"]])
        if n > 1:
            ax.plot(row["cluster_frequency"], place, "D", color="none", mec=INK, ms=4.5)
            beside_row(
                ax, place, f"{row['frequency']:.2f}, cluster {row['cluster']} ({n} features)"
            )
        else:
            beside_row(ax, place, f"{row['frequency']:.2f}")
    ax.axvline(threshold, color=ORANGE, linestyle="--", linewidth=1.4)
    name_rows(ax, [shorten(feature) for feature in shown["feature"]])
    ax.set(
        xlim=(0, 1.04),
        xticks=np.linspace(0, 1, 6),
        xlabel=f"Share of half-samples (dashed: threshold {threshold:g}; ◇: any member of the "
        "cluster)",
    )
    set_message(figure, _selection_message(frame, threshold))
    return figure


def _selection_message(frame: pd.DataFrame, threshold: float) -> str:
    chosen = frame[frame["selected"]]
    others = frame[~frame["selected"]].nlargest(1, "frequency")
    text = (
        f"{len(chosen) or 'None'} of {len(frame)} features "
        f"{'reaches' if len(chosen) < 2 else 'reach'} selection frequency {threshold:g}"
    )
    if len(others):
        next_one = records(others)[0]
        text += f"; the next is {shorten(next_one['feature'])} at {next_one['frequency']:.2f}"
    return text


def selection_path(summary: Summary) -> Figure:
    """Draw each feature's selection frequency as more features may enter."""
    path = frame_of(summary, "selection_path")
    panel = frame_of(summary, "selection")
    threshold = float(panel["threshold"].iloc[0])
    chosen = set(panel.loc[panel["selected"], "feature"])
    wide = path.pivot_table(index="step", columns="feature", values="frequency", sort=False)
    wide = wide.sort_index()
    figure, (ax,) = new_figure("two columns", 84)
    for feature in sorted(wide.columns, key=lambda one: one in chosen):
        mine = feature in chosen
        ax.plot(
            wide.index,
            wide[feature],
            color=BLUE if mine else GREY,
            linewidth=1.6 if mine else 0.6,
            alpha=1.0 if mine else 0.6,
        )
    ax.axhline(threshold, color=ORANGE, linestyle="--", linewidth=1.4)
    ax.set(xlim=(wide.index.min(), max(wide.index.max(), 2)), ylim=(0, 1.02))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(
        xlabel="Features that may enter on each half-sample",
        ylabel=f"Selection frequency (dashed: threshold {threshold:g})",
    )
    last = wide.iloc[-1]
    ends = {str(one): float(last[one]) for one in wide.columns if one in chosen}
    _name_ends(ax, dict(sorted(ends.items(), key=lambda pair: -pair[1])[:_NAMED]))
    reached = wide.ge(threshold)
    if reached.any(axis=None):
        first = int(np.argmax(reached.any(axis=1)))
        leader = wide.columns[int(np.argmax(wide.iloc[first]))]
        message = (
            f"{_counted(len(chosen))} frequency {threshold:g} by {int(wide.index.max())} "
            f"entered features; first {shorten(leader)}, at {wide.index[first]}"
        )
    else:
        message = (
            f"No feature reaches {threshold:g} by {int(wide.index.max())} entered features; the "
            f"highest is {shorten(last.idxmax())} at {last.max():.2f}"
        )
    set_message(figure, message)
    return figure


def _counted(n: float) -> str:
    return "1 feature reaches" if n == 1 else f"{n:.3g} features reach"


def _averaged(n: float) -> str:
    """Say a number of features that may be a mean over folds."""
    return _counted(n) if n == int(n) else f"On average {n:.2g} features reach"


def _name_ends(ax: Axes, ends: dict[str, float]) -> None:
    """Name lines at the right, from the top, no name on another."""
    free = 1.08
    for name, height in ends.items():
        free = min(height, free - 0.06)
        ax.annotate(
            shorten(name, 28),
            (1, height),
            (1.03, free),
            xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"),
            va="center",
            fontsize=7.5,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0},
        )


def subset_curve(summary: Summary) -> Figure:
    """Draw the AUC over the number of features, each number with its interval."""
    frame = frame_of(summary, "subset_curve").sort_values("n_features")
    best = records(frame.nlargest(1, "mean"))[0]
    close = records(frame[frame["mean"] >= best["low"]])[0]
    counts = frame["n_features"]
    whole = bool((counts == counts.round()).all())
    figure, (ax,) = new_figure("two columns", 70)
    ax.fill_between(frame["n_features"], frame["low"], frame["high"], color=BLUE, alpha=0.15, lw=0)
    ax.plot(frame["n_features"], frame["mean"], "o-", color=BLUE, markersize=4)
    ax.plot(close["n_features"], close["mean"], "D", color=ORANGE, mec=INK, markersize=7)
    if counts.max() > counts.min():
        plain_log_axis(ax, "x")
    words = "Features in the model" if whole else "Features in the model, mean over folds"
    ax.set(xlabel=f"{words} (log scale)", ylabel="Mean within-fold AUC, 95 % interval")
    set_message(
        figure,
        f"{_averaged(close['n_features'])} AUC {close['mean']:.3f}: the smallest number "
        f"inside the interval of the best ({best['n_features']:.3g} features, "
        f"{best['mean']:.3f}, {best['low']:.2f} to {best['high']:.2f})",
    )
    return figure
