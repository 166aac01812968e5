"""Figures of the network: targets, loss per epoch, predictions against targets."""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from foldwise.reporting.figures.reading import frame_of, measured, records, rows_of
from foldwise.reporting.labels import encoding_label, split_label
from foldwise.reporting.style import (
    BLUE,
    COLOURS,
    GREY,
    INK,
    MARKERS,
    ORANGE,
    new_figure,
    note,
    plain_log_axis,
    set_message,
    signed,
)
from foldwise.reporting.summary import Summary

__all__ = ["loss_curve", "parity", "parity_holdout", "target_histogram"]

_UNIT = "eV/atom"
_DENSE = 300
"""More points than this are drawn as an image: 2000 marks would weigh 200 kB in SVG."""


def target_histogram(summary: Summary) -> Figure:
    """Draw the targets of all rows, and those held out."""
    frame = frame_of(summary, "predictions")
    frame = frame[frame["encoding"] == frame["encoding"].iloc[0]]
    held = frame.loc[frame["part"] == "holdout", "target"]
    rest = frame.loc[frame["part"] != "holdout", "target"]
    figure, (ax,) = new_figure("two columns", 66)
    bins = np.histogram_bin_edges(frame["target"], bins=50)
    ax.hist(rest, bins.tolist(), color=BLUE, label=f"training, validation, test (n = {len(rest)})")
    if len(held):
        ax.hist(
            held,
            bins.tolist(),
            histtype="step",
            color=ORANGE,
            linewidth=1.6,
            label=f"holdout (n = {len(held)})",
        )
    median = float(rest.median())
    ax.axvline(median, color=INK, linestyle="--", linewidth=1, label=f"median {median:.3f} {_UNIT}")
    ax.legend(loc="upper right")
    ax.set(xlabel=f"Target: energy above hull ({_UNIT})", ylabel="Rows")
    message = (
        f"Half of {len(rest)} rows lie below {median:.3f} {_UNIT}; they run from "
        f"{rest.min():.3f} to {rest.max():.3f}"
    )
    if len(held):
        message += f", the median of the {len(held)} holdout rows is {held.median():.3f}"
    set_message(figure, message)
    return figure


def loss_curve(summary: Summary, encoding: str) -> Figure:
    """Draw training and validation loss per epoch on a logarithmic axis."""
    own = rows_of(summary, "loss_curve", encoding=encoding)
    figure, (ax,) = new_figure("two columns", 70)
    ax.plot(own["epoch"], own["train"], color=GREY, label="training")
    message = (
        f"Training loss falls from {own['train'].iloc[0]:.3g} to {own['train'].iloc[-1]:.3g} "
        f"({_UNIT})² in {own['epoch'].iloc[-1]} epochs"
    )
    watched = own.dropna(subset=["validation"])
    if len(watched):
        lowest = records(watched.nsmallest(1, "validation"))[0]
        end = watched["validation"].iloc[-1]
        ax.plot(watched["epoch"], watched["validation"], color=BLUE, label="validation")
        ax.plot(
            lowest["epoch"],
            lowest["validation"],
            "v",
            color=ORANGE,
            markeredgecolor=INK,
            markersize=7,
            label=f"lowest validation loss, epoch {int(lowest['epoch'])}",
        )
        message = (
            f"Validation loss is lowest at epoch {int(lowest['epoch'])} "
            f"({lowest['validation']:.3g}) and ends at {end:.3g} ({_UNIT})², "
            f"{end / own['train'].iloc[-1]:.1f} times the training loss"
        )
    ax.legend(loc="upper right")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="Epoch", ylabel=f"Mean squared error ({_UNIT})²")
    plain_log_axis(ax, "y")
    set_message(figure, f"{_inputs(encoding)}: {_lower(message)}")
    return figure


def _network(summary: Summary) -> str:
    """Return the key of the network whose predictions are drawn."""
    return "mlp-tuned" if summary.study == "tune-perovskites" else "mlp"


def _inputs(encoding: str) -> str:
    text = encoding_label(encoding)
    return text[:1].upper() + text[1:]


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def parity(summary: Summary, encoding: str) -> Figure:
    """Draw predictions against targets, training rows left, test rows right."""
    figure, axes = new_figure("two columns", 92, n_cols=2, sharex=True, sharey=True)
    both = rows_of(summary, "predictions", encoding=encoding)
    both = both[both["part"].isin(["train", "test"])]
    limits = _limits(both)
    scores = {}
    for ax, part, colour in zip(axes, ("train", "test"), (GREY, BLUE), strict=True):
        own = both[both["part"] == part]
        _diagonal(ax, limits)
        _cloud(ax, own, colour)
        scores[part] = _scores(summary, own, encoding, part)
        note(ax, _score_text(scores[part], len(own)), "upper left")
        ax.set_title(split_label(part))
        ax.tick_params(labelleft=True)
    test, train = scores["test"], scores["train"]
    set_message(
        figure,
        f"{_inputs(encoding)}: test MAE {test['mae']:.3f} {_UNIT} (R² {signed(test['r2'])}) "
        f"against {train['mae']:.3f} (R² {signed(train['r2'])}) in training",
    )
    return figure


def parity_holdout(summary: Summary, encoding: str) -> Figure:
    """Draw predictions against targets of the holdout rows, marked by unseen element."""
    own = rows_of(summary, "predictions", encoding=encoding, part="holdout")
    figure, (ax,) = new_figure("two columns", 92)
    _diagonal(ax, _limits(own))
    for (name, rows), colour, marker in zip(
        _by_element(summary, own).items(), (*COLOURS, GREY), (*MARKERS, "x"), strict=False
    ):
        _cloud(ax, rows, colour, marker, label=f"{name} (n = {len(rows)})")
    legend = ax.legend(
        loc="upper left", bbox_to_anchor=(1.02, 1), title="Rows with", alignment="left"
    )
    for handle in legend.legend_handles:
        handle.set_alpha(1)  # type: ignore[union-attr]
    scores = _scores(summary, own, encoding, "holdout")
    note(ax, _score_text(scores, len(own)), "upper left")
    message = (
        f"{_inputs(encoding)}, {len(own)} holdout rows: MAE {scores['mae']:.3f} {_UNIT}, "
        f"R² {signed(scores['r2'])}"
    )
    guess = measured(summary, "mae", model="mean", split="holdout")
    if guess is not None:
        message += f"; the training mean gives {guess['value']:.3f} {_UNIT}"
    set_message(figure, message)
    return figure


def _by_element(summary: Summary, own: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the holdout rows by the unseen element they hold; at most four, and the rest."""
    elements: list[str] = []
    if "holdout_elements" in summary.tables:
        counts = frame_of(summary, "holdout_elements").drop_duplicates("element")
        counts = counts.sort_values("n", ascending=False, kind="stable")
        elements = list(counts["element"])[: len(COLOURS)]
    # "C" must not be found in "Ca": a symbol ends where no small letter follows.
    holds = {
        element: own["formula"].str.contains(rf"{re.escape(element)}(?![a-z])", regex=True)
        for element in elements
    }
    several = sum((mask.astype(int) for mask in holds.values()), start=0 * own["target"])
    groups = {element: own[mask & (several == 1)] for element, mask in holds.items()}
    groups["several or others" if elements else "holdout"] = own[several != 1]
    return {name: rows for name, rows in groups.items() if len(rows)}


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    values = frame[["target", "prediction"]].to_numpy()
    margin = 0.04 * float(np.ptp(values)) or 0.1
    return float(values.min()) - margin, float(values.max()) + margin


def _diagonal(ax: Axes, limits: tuple[float, float]) -> None:
    ax.plot(limits, limits, color=INK, linewidth=0.8, linestyle="--")
    ax.set(xlim=limits, ylim=limits, aspect="equal")
    ax.set(xlabel=f"Target ({_UNIT})", ylabel=f"Prediction ({_UNIT})")


def _cloud(
    ax: Axes, rows: pd.DataFrame, colour: str, marker: str = "o", label: str | None = None
) -> None:
    ax.plot(
        rows["target"],
        rows["prediction"],
        marker,
        color=colour,
        markersize=3,
        alpha=0.45,
        markeredgewidth=0.8 if marker == "x" else 0,
        rasterized=len(rows) > _DENSE,
        label=label,
    )


def _scores(summary: Summary, own: pd.DataFrame, encoding: str, part: str) -> dict[str, float]:
    """Return MAE, R2 and RMSE of the network; NaN where the study gives none."""
    found = {
        name: measured(summary, name, model=_network(summary), encoding=encoding, split=part)
        for name in ("mae", "r2", "rmse")
    }
    return {name: np.nan if one is None else one["value"] for name, one in found.items()}


def _score_text(scores: dict[str, float], n_rows: int) -> str:
    return (
        f"R² {signed(scores['r2'])}\nMAE {scores['mae']:.3f} {_UNIT}\n"
        f"RMSE {scores['rmse']:.3f} {_UNIT}\nn = {n_rows}"
    )
