"""Figures of how far to trust an AUC: permutations, more samples, other models, the design."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from foldwise.reporting.figures.reading import frame_of, records, rows_of
from foldwise.reporting.figures.rows import beside_row, name_rows
from foldwise.reporting.labels import HEADLINES, model_label
from foldwise.reporting.style import (
    BLUE,
    COLOURS,
    GREY,
    INK,
    MARKERS,
    ORANGE,
    new_figure,
    set_message,
)
from foldwise.reporting.summary import Summary

__all__ = ["comparison", "design", "learning_curve", "permutation_null"]


def permutation_null(summary: Summary, model: str) -> Figure:
    """Draw the AUCs of permuted labels and that of the labels as they are."""
    aucs = rows_of(summary, "permutation_null", model=model)["auc"].to_numpy()
    test = records(rows_of(summary, "permutation_test", model=model))[0]
    figure, (ax,) = new_figure("two columns", 66)
    low, high = min(aucs.min(), test["auc"]), max(aucs.max(), test["auc"])
    counts, edges = np.histogram(aucs, np.linspace(low, high, 41))
    ax.stairs(counts, edges, fill=True, color=GREY, alpha=0.8)
    top = 1.3 * float(np.max(counts))
    ax.plot([test["auc"]] * 2, [0, top / 1.12], color=ORANGE, linewidth=2)
    right = test["auc"] > (low + high) / 2
    ax.annotate(
        f"labels as they are: {test['auc']:.3f}",
        (test["auc"], top / 1.12),
        (0, 3),
        textcoords="offset points",
        ha="right" if right else "left",
        va="bottom",
    )
    ax.axvline(0.5, color=INK, linestyle=":", linewidth=1)
    ax.set(ylim=(0, top), ylabel="Permutations")
    ax.set_xlabel("Mean within-fold AUC with permuted labels (dotted: 0.5, guessing)")
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    reached = int((aucs >= test["auc"]).sum())
    who = (
        f"{reached:,} of {len(aucs):,} permutations reach"
        if reached
        else (f"none of {len(aucs):,} permutations reaches")
    )
    floor = ", the least this many can give" if test["p_value"] <= test["p_floor"] else ""
    set_message(
        figure,
        f"{model_label(model)}: {who} the observed AUC of {test['auc']:.3f}: "
        f"p = {test['p_value']:.2g}{floor}; the highest is {aucs.max():.3f}",
    )
    return figure


def learning_curve(summary: Summary) -> Figure:
    """Draw the AUC over the number of training rows, a line with its interval per model."""
    frame = frame_of(summary, "learning_curve").sort_values("n_train", kind="stable")
    figure, (ax,) = new_figure("two columns", 74)
    models = list(dict.fromkeys(frame["model"]))
    for model, colour, marker in zip(models, COLOURS, MARKERS, strict=False):
        own = frame[frame["model"] == model]
        ax.fill_between(own["n_train"], own["low"], own["high"], color=colour, alpha=0.12, lw=0)
        label = model_label(model)
        ax.plot(
            own["n_train"], own["mean"], f"{marker}-", color=colour, markersize=4.5, label=label
        )
    if len(models) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1.02))
    ax.set(xlabel="Training rows", ylabel="Mean within-fold AUC, 95 % interval")
    own = records(frame[frame["model"] == models[0]])
    text = (
        f"{model_label(models[0])}: AUC {own[0]['mean']:.3f} with {own[0]['n_train']} training "
        f"rows, {own[-1]['mean']:.3f} with {own[-1]['n_train']}"
    )
    if len(own) > 1:
        step = own[-1]["mean"] - own[-2]["mean"]
        more = own[-1]["n_train"] - own[-2]["n_train"]
        text += f"; the last {more} rows change it by {step:+.3f}".replace("-", "−")
    set_message(figure, text)
    return figure


def comparison(summary: Summary) -> Figure:
    """Draw every model and baseline with its interval, the best on top."""
    frame = frame_of(summary, "comparison").sort_values("mean", ascending=False, kind="stable")
    figure, (ax,) = new_figure("two columns", 24 + 7 * len(frame))
    rows = records(frame)
    for place, row in enumerate(rows):
        own = row["kind"] != "baseline"
        ax.plot([row["low"], row["high"]], [place] * 2, color=INK, linewidth=1.3)
        colour, marker = (BLUE, "D") if own else (GREY, "s")
        ax.plot(row["mean"], place, marker, color=colour, mec=INK, markersize=6)
        beside_row(ax, place, f"{row['mean']:.3f} ({row['low']:.2f} to {row['high']:.2f})")
    ax.axvline(0.5, color=GREY, linestyle=":", linewidth=1)
    name_rows(ax, [_kind_name(row) for row in rows])
    ax.set_xlabel("Mean within-fold AUC, 95 % interval (dotted: 0.5, guessing)")
    own = [row for row in rows if row["kind"] != "baseline"]
    best = next((row for row in own if row["model"] in HEADLINES), (own or rows)[0])
    text = f"{model_label(best['model'])} reaches AUC {best['mean']:.3f} ({_limits(best)})"
    base = next((row for row in rows if row["kind"] == "baseline"), None)
    if base is not None:
        text += (
            f"; the best baseline, {_lower(model_label(base['model']))}, {base['mean']:.3f} "
            f"({_limits(base)})"
        )
    set_message(figure, text)
    return figure


def _kind_name(row: dict[str, Any]) -> str:
    name = model_label(row["model"])
    return f"{name} (baseline)" if row["kind"] == "baseline" else name


def _limits(row: dict[str, Any]) -> str:
    return f"{row['low']:.2f} to {row['high']:.2f}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def design(summary: Summary) -> Figure:
    """Draw where the classes stand in the file and, where ids hold one, by number."""
    frame = frame_of(summary, "design")
    labels = list(dict.fromkeys(frame.sort_values("case", kind="stable")["label"]))
    axes_of = {"row": "Order of the rows in the file", "number": "Running number in the id"}
    known = {key: frame.dropna(subset=[key]) for key in axes_of if key in frame}
    panels = [
        (key, axes_of[key], own)
        for key, own in known.items()
        if own["label"].nunique() == len(labels)
    ]
    figure, axes = new_figure("two columns", 34 + 26 * len(panels), n_rows=len(panels))
    said = []
    for ax, (key, axis, own) in zip(axes, panels, strict=True):
        _strips(ax, own, key, labels)
        ax.set_xlabel(axis)
        said.append(_apartness(own, key, labels))
    message = "; ".join(said)
    set_message(figure, message[:1].upper() + message[1:])
    return figure


def _strips(ax: Axes, frame: pd.DataFrame, key: str, labels: list[str]) -> None:
    """Draw one upright tick per person, a strip per class."""
    for place, (label, colour) in enumerate(zip(labels, (GREY, BLUE), strict=True)):
        values = frame.loc[frame["label"] == label, key]
        ax.vlines(values, place - 0.33, place + 0.33, color=colour, linewidth=0.9)
    name_rows(ax, [f"{label} (n = {int((frame['label'] == label).sum())})" for label in labels])


def _apartness(frame: pd.DataFrame, key: str, labels: list[str]) -> str:
    """Say how far the two classes occupy separate stretches."""
    what = {"row": "in the file", "number": "by the number in the id"}[key]
    places = {label: frame.loc[frame["label"] == label, key] for label in labels}
    low, high = sorted(labels, key=lambda label: float(places[label].min()))
    if places[low].max() < places[high].min():
        return (
            f"{what} the classes do not overlap: {low} end at {places[low].max():g}, {high} "
            f"begin at {places[high].min():g}"
        )
    first, last = labels
    inside = places[first].between(places[last].min(), places[last].max())
    return (
        f"{what} the classes mix: {int(inside.sum())} of {len(inside)} {first} stand between the "
        f"first and the last {last}"
    )
