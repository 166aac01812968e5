"""Figures of a search: every setting on its folds, every trial, and what each step gains."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from foldwise.reporting.figures.reading import frame_of, records
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

__all__ = ["attribution", "search_history", "search_settings"]

_MOST_SETTINGS = 30


def _metric(summary: Summary) -> str:
    return "AUC" if summary.study == "tune-biomarkers" else "R²"


def search_settings(summary: Summary) -> Figure:
    """Draw the metric of every fold of the best settings, and their means."""
    every = frame_of(summary, "search")
    shown = every.head(_MOST_SETTINGS)
    folds = frame_of(summary, "search_folds")
    words = dict(zip(folds["trial"], folds["setting"], strict=True))
    figure, (ax,) = new_figure("two columns", 26 + 4.6 * len(shown))
    means = shown["cv_mean"].to_numpy()
    for place, row in enumerate(records(shown)):
        own = folds.loc[folds["trial"] == row["trial"], "cv_value"]
        close = row["behind_low"] <= 0
        colour = BLUE if close else GREY
        ax.plot(own, [place] * len(own), "o", color=colour, markersize=2.8, alpha=0.5, mew=0)
        ax.plot(row["cv_mean"], place, "D", color=colour, mec=INK, markersize=5)
        ax.annotate(
            signed(row["cv_mean"], 3),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            annotation_clip=False,
        )
    # A setting that learned nothing would press all others into a corner.
    values = folds.loc[folds["trial"].isin(shown["trial"]), "cv_value"]
    low = max(values.min(), min(0.0, float(np.median(means)) - 1.0))
    ax.set_xlim(low - 0.02 * (values.max() - low), values.max() + 0.02 * (values.max() - low))
    ax.set_yticks(range(len(shown)), labels=[shorten(words[one], 44) for one in shown["trial"]])
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(f"{_metric(summary)} within a fold; at the right: mean")
    best = records(every)[0]
    n_close = int((every["behind_low"] <= 0).sum()) - 1
    message = (
        f"Best of {len(every)} settings: {words[best['trial']]}, mean {_metric(summary)} "
        f"{signed(best['cv_mean'], 3)}; {n_close} "
        f"{'other' if n_close == 1 else 'others'} cannot be told from it"
    )
    if len(every) > len(shown):
        message += f" (the first {len(shown)} shown)"
    set_message(figure, message)
    return figure


def search_history(summary: Summary) -> Figure:
    """Draw the mean of every trial in the order they were asked, and the best so far."""
    trials = frame_of(summary, "search").sort_values("trial")
    figure, (ax,) = new_figure("two columns", 66)
    ax.plot(trials["trial"], trials["cv_mean"], "o", color=GREY, markersize=4, label="trial")
    ax.step(
        trials["trial"],
        trials["cv_mean"].cummax(),
        where="post",
        color=BLUE,
        label="best so far",
    )
    low = max(trials["cv_mean"].min(), min(0.0, trials["cv_mean"].median() - 1.0))
    top = trials["cv_mean"].max()
    ax.set_ylim(low - 0.05 * (top - low), top + 0.05 * (top - low))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="Trial", ylabel=f"Mean {_metric(summary)} over folds")
    ax.legend(loc="lower right")
    best = records(trials.nlargest(1, "cv_mean"))[0]
    set_message(
        figure,
        f"The best of {len(trials)} trials is the {_ordinal(int(best['trial']))}: mean "
        f"{_metric(summary)} {signed(best['cv_mean'], 3)}",
    )
    return figure


def _ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th.

    Examples
    --------
    >>> [_ordinal(number) for number in (1, 2, 11, 23)]
    ['1st', '2nd', '11th', '23rd']
    """
    tens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if tens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def attribution(summary: Summary) -> Figure:
    """Draw what each step reaches on the test rows, and what it gains over the last."""
    steps = frame_of(summary, "attribution")
    names = [shorten(row["step"], 30) for row in records(steps)]
    figure, (left, right) = new_figure("two columns", 34 + 9 * len(steps), n_cols=2, sharey=True)
    for place, row in enumerate(records(steps)):
        left.plot([row["reached_low"], row["reached_high"]], [place] * 2, color=INK, linewidth=1.2)
        left.plot(row["reached"], place, "D", color=BLUE, mec=INK, markersize=6)
        left.annotate(
            signed(row["reached"], 3),
            (row["reached"], place),
            (0, 6),
            textcoords="offset points",
            ha="center",
            va="bottom",
        )
        if pd.notna(row["gain"]):
            colour = ORANGE if row["says"] in ("improvement", "worse") else GREY
            right.plot([row["gain_low"], row["gain_high"]], [place] * 2, color=INK, linewidth=1.2)
            right.plot(row["gain"], place, "D", color=colour, mec=INK, markersize=6)
            right.annotate(
                f"{row['gain']:+.3f}  {row['says']}",
                (row["gain"], place),
                (0, 6),
                textcoords="offset points",
                ha="center",
                va="bottom",
            )
    right.axvline(0, color=GREY, linestyle=":", linewidth=1)
    left.set_yticks(range(len(steps)), labels=names)
    left.set_ylim(len(steps) - 0.5, -0.7)
    for ax in (left, right):
        ax.tick_params(axis="y", length=0)
        ax.grid(visible=False, axis="y")
        ax.margins(x=0.25)
    left.set_xlabel(f"{_metric(summary)} on the test rows")
    right.set_xlabel("Gain over the line above")
    last = records(steps)[-1]
    set_message(
        figure,
        f"Tuning itself: {last['gain']:+.3f}, {last['says']}; "
        f"from {steps['reached'].iloc[0]:.3f} to {last['reached']:.3f} in all steps",
    )
    return figure
