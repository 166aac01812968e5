"""Figures that set models beside each other: folds, random splits, errors, elements."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from foldwise.reporting.figures.reading import frame_of, records, rows_of
from foldwise.reporting.figures.rows import name_rows
from foldwise.reporting.labels import BASELINES, HEADLINES, encoding_label, model_label, split_label
from foldwise.reporting.style import (
    BLUE,
    COLOURS,
    GREY,
    INK,
    MARKERS,
    new_figure,
    set_message,
)
from foldwise.reporting.summary import Summary

__all__ = ["cv_aucs", "holdout_elements", "model_comparison", "split_aucs"]


def _colour(model: str) -> str:
    return GREY if model in BASELINES else BLUE


def _name(model: str, encoding: str | None = None) -> str:
    inputs = encoding_label(encoding)
    name = f"{model_label(model)}, {inputs}" if inputs else model_label(model)
    return f"{name} (baseline)" if model in BASELINES else name


def _spread(values: "pd.Series[float]", place: float) -> npt.NDArray[np.float64]:
    """Return heights around ``place`` that pile equal values up instead of hiding them."""
    binned = (values / 0.01).round()
    order = values.groupby(binned).cumcount()
    height = values.groupby(binned).transform("size")
    offset = (order - (height - 1) / 2) * min(0.09, 0.4 / max(int(height.max()), 1))
    return np.asarray(place + offset)


def cv_aucs(summary: Summary) -> Figure:
    """Draw the AUC of every fold, and each model's mean with its interval."""
    folds = frame_of(summary, "cv_folds")
    means = frame_of(summary, "cv_summary").sort_values("mean", ascending=False, kind="stable")
    models = list(means["model"])
    figure, (ax,) = new_figure("two columns", 22 + 11 * len(models))
    for place, row in enumerate(records(means)):
        own = folds.loc[folds["model"] == row["model"], "auc"]
        colour = _colour(row["model"])
        ax.plot(own, _spread(own, place - 0.2), "o", color=colour, markersize=2.8, alpha=0.6, mew=0)
        ax.plot([row["low"], row["high"]], [place + 0.2] * 2, color=INK, linewidth=1.4)
        ax.plot(row["mean"], place + 0.2, "D", color=colour, markeredgecolor=INK, markersize=6)
        ax.annotate(
            f"{row['mean']:.3f}",
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            annotation_clip=False,
        )
    ax.axvline(0.5, color=GREY, linestyle=":", linewidth=1)
    name_rows(ax, [_name(model) for model in models])
    ax.set_xlabel("AUC within a fold (0.5: guessing); at the right: mean")
    set_message(figure, _cv_message(means))
    return figure


def _cv_message(means: pd.DataFrame) -> str:
    ranked = records(means)
    base = [row for row in ranked if row["model"] in BASELINES]
    own = [row for row in ranked if row["model"] not in BASELINES]
    best = next((row for row in own if row["model"] in HEADLINES), (own or ranked)[0])
    text = (
        f"{model_label(best['model'])} reaches a mean AUC of {best['mean']:.3f} "
        f"({best['low']:.2f} to {best['high']:.2f})"
    )
    if base:
        text += f"; {model_label(base[0]['model']).lower()} {base[0]['mean']:.3f}"
    return text


def split_aucs(summary: Summary) -> Figure:
    """Draw training and test AUC of every random split."""
    frame = frame_of(summary, "split_aucs")
    models = list(dict.fromkeys(frame["model"]))
    figure, (ax,) = new_figure("two columns", 26 + 20 * len(models))
    names = []
    for place, model in enumerate(models):
        own = frame[frame["model"] == model]
        for offset, part, colour in ((-0.22, "train", GREY), (0.22, "test", BLUE)):
            values = own[f"{part}_auc"]
            heights = _spread(values, place + offset)
            ax.plot(values, heights, "o", color=colour, markersize=2.6, alpha=0.55, mew=0)
            ax.plot(values.mean(), place + offset, "D", color=colour, mec=INK, markersize=6)
            ax.annotate(
                f"{part} {values.mean():.3f} (sd {values.std():.3f})",
                (1.01, place + offset),
                xycoords=("axes fraction", "data"),
                va="center",
                annotation_clip=False,
            )
        names.append(model_label(model))
    name_rows(ax, names)
    ax.set_xlabel("AUC of one random split; at the right: mean and standard deviation")
    last = frame[frame["model"] == models[-1]]["test_auc"]
    set_message(
        figure,
        f"{model_label(models[-1])}: test AUC runs from {last.min():.2f} to {last.max():.2f} over "
        f"{frame['split'].nunique()} random splits, mean {last.mean():.2f}: one split says little",
    )
    return figure


def model_comparison(summary: Summary) -> Figure:
    """Draw the mean absolute error of every model on test and holdout rows."""
    frame = frame_of(summary, "model_comparison")
    parts = [part for part in ("test", "holdout") if (frame["split"] == part).any()]
    test = rows_of(summary, "model_comparison", split=parts[0]).sort_values("mae", kind="stable")
    order = [(row["model"], row["encoding"]) for row in records(test)]
    figure, axes = new_figure("two columns", 26 + 6.2 * len(order), n_cols=len(parts), sharey=True)
    for ax, part in zip(axes, parts, strict=True):
        for row in records(frame[frame["split"] == part]):
            if (row["model"], row["encoding"]) in order:
                _error_bar(ax, order.index((row["model"], row["encoding"])), row)
        name_rows(ax, [_name(*key) for key in order])
        ax.set(xlabel="Mean absolute error (eV/atom)", title=split_label(part), xlim=(0, None))
        ax.margins(x=0.22)
    set_message(figure, _comparison_message(frame, parts))
    return figure


def _error_bar(ax: Axes, place: int, row: Mapping[str, Any]) -> None:
    ax.barh(place, row["mae"], 0.66, color=_colour(row["model"]), alpha=0.85)
    end = row["mae"]
    if pd.notna(row["mae_low"]) and pd.notna(row["mae_high"]):
        ax.plot([row["mae_low"], row["mae_high"]], [place, place], color=INK, linewidth=1.2)
        end = max(end, row["mae_high"])
    ax.annotate(f"{row['mae']:.3f}", (end, place), (4, 0), textcoords="offset points", va="center")


def _comparison_message(frame: pd.DataFrame, parts: list[str]) -> str:
    said = []
    for part in parts:
        best = records(frame[frame["split"] == part].nsmallest(1, "mae"))[0]
        name = _name(best["model"], best["encoding"]).removesuffix(" (baseline)")
        said.append(f"on {part} rows {name} ({best['mae']:.3f} eV/atom)")
    mean = frame[(frame["model"] == "mean") & (frame["split"] == parts[-1])]
    guess = f", training mean {mean['mae'].iloc[0]:.3f}" if len(mean) else ""
    return f"Lowest error: {'; '.join(said)}{guess}"


def holdout_elements(summary: Summary) -> Figure:
    """Draw the error per held-out element, each encoding beside the training mean."""
    frame = frame_of(summary, "holdout_elements")
    encodings = list(dict.fromkeys(frame["encoding"]))
    elements = frame[["element", "n", "mae_mean_predictor"]].drop_duplicates("element")
    elements = elements.sort_values("n", ascending=False, kind="stable")
    figure, (ax,) = new_figure("two columns", 30 + 8 * len(elements))
    place = {element: row for row, element in enumerate(elements["element"])}
    ax.plot(
        elements["mae_mean_predictor"],
        range(len(elements)),
        "|",
        color=INK,
        markersize=16,
        markeredgewidth=2,
        label="training mean",
    )
    for encoding, colour, marker in zip(encodings, COLOURS, MARKERS, strict=False):
        own = frame[frame["encoding"] == encoding]
        rows = [place[element] for element in own["element"]]
        ax.plot(
            own["mae"], rows, marker, color=colour, markersize=6, label=encoding_label(encoding)
        )
    name_rows(ax, [f"{row['element']} ({row['n']} rows)" for row in records(elements)])
    ax.set(xlabel="Mean absolute error (eV/atom)", xlim=(0, ax.get_xlim()[1] * 1.05))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1.02), markerscale=0.7)
    better = frame[frame["mae"] < frame["mae_mean_predictor"]].groupby("encoding").size()
    said = ", ".join(
        f"on {better.get(encoding, 0)} with {encoding_label(encoding)}" for encoding in encodings
    )
    set_message(
        figure, f"Of {len(elements)} unseen elements the network beats the training mean {said}"
    )
    return figure
