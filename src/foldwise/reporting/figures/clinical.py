"""Figures for the use of a model: calibration, decision curve, operating points."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from foldwise.reporting.figures.reading import frame_of, measured, records, rows_of
from foldwise.reporting.figures.rows import beside_row, name_rows
from foldwise.reporting.labels import model_label
from foldwise.reporting.style import (
    BLUE,
    COLOURS,
    GREY,
    INK,
    ORANGE,
    new_figure,
    set_message,
    shorten,
)
from foldwise.reporting.summary import Summary

__all__ = ["calibration", "decision_curve", "operating_points"]


def calibration(summary: Summary, model: str) -> Figure:
    """Draw observed shares of cases against predicted probabilities, and who had them."""
    own = rows_of(summary, "calibration", model=model)
    own = own[own["n"] > 0].sort_values("predicted")
    figure, (ax, bars) = new_figure(
        "one column", 112, n_rows=2, sharex=True, height_ratios=[3.2, 1]
    )
    ax.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    ax.fill_between(own["predicted"], own["low"], own["high"], color=BLUE, alpha=0.12, lw=0)
    ax.vlines(own["predicted"], own["low"], own["high"], color=BLUE, linewidth=1)
    ax.plot(own["predicted"], own["observed"], "o-", color=BLUE, markersize=4.5)
    ax.set(xlim=(0, 1), ylim=(0, 1), ylabel="Observed share of cases, 95 %")
    ax.set_xlabel("Predicted probability, mean of a bin")
    ax.tick_params(labelbottom=True)
    nearest = float(own["predicted"].diff().min()) if len(own) > 1 else 1.0
    bars.bar(own["predicted"], own["n"], min(0.035, max(0.008, 0.8 * nearest)), color=GREY)
    bars.set(xlabel="Predicted probability", ylabel="Rows")
    bars.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    held = (own["low"] <= own["predicted"]) & (own["predicted"] <= own["high"])
    text = f"{model_label(model)}: "
    slope = measured(summary, "calibration_slope", model=model, split="cv")
    if slope is not None:
        text += f"calibration slope {slope['value']:.2f}"
        if slope.get("low") is not None and slope.get("high") is not None:
            text += f" ({slope['low']:.2f} to {slope['high']:.2f})"
        text += "; "
    set_message(
        figure,
        f"{text}the interval holds the prediction in {int(held.sum())} of {len(own)} bins",
    )
    return figure


def decision_curve(summary: Summary) -> Figure:
    """Draw the net benefit of models against treating everyone and no one."""
    frame = frame_of(summary, "decision_curve").sort_values("threshold", kind="stable")
    models = list(dict.fromkeys(frame["model"]))
    prevalence = float(frame["prevalence"].iloc[0])
    figure, (ax,) = new_figure("two columns", 78)
    base = frame[frame["model"] == models[0]]
    ax.plot(base["threshold"], base["treat_all"], color=INK, linestyle="--", label="treat all")
    ax.plot(base["threshold"], base["treat_none"], color=GREY, linestyle=":", label="treat none")
    for model, colour in zip(models, COLOURS, strict=False):
        own = frame[frame["model"] == model]
        ax.plot(own["threshold"], own["net_benefit"], color=colour, label=model_label(model))
    top = max(float(frame["net_benefit"].max()), prevalence)
    ax.set(xlim=(0, frame["threshold"].max()), ylim=(-0.25 * top, 1.1 * top))
    ax.set(xlabel="Probability at which one would act", ylabel="Net benefit per person")
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1.02))
    better = base[base["net_benefit"] > np.maximum(base["treat_all"], base["treat_none"])]
    stated = f"At a stated prevalence of {100 * prevalence:.3g}% {model_label(models[0])}"
    if better.empty:
        message = f"{stated} is nowhere better than treating everyone or no one"
    else:
        message = (
            f"{stated} is better than treating everyone or no one where one would act between "
            f"{better['threshold'].min():.0%} and {better['threshold'].max():.0%}"
        )
        whole = base["threshold"].between(better["threshold"].min(), better["threshold"].max())
        if whole.sum() > len(better):
            message += f", but for {int(whole.sum()) - len(better)} thresholds in between"
    set_message(figure, message)
    return figure


def operating_points(summary: Summary, model: str) -> Figure:
    """Draw sensitivity and specificity at each rule's threshold, with the counts behind them."""
    own = records(rows_of(summary, "operating_points", model=model))
    figure, (ax,) = new_figure("two columns", 32 + 13 * len(own))
    for place, row in enumerate(own):
        for offset, key, colour, marker in (
            (-0.16, "sensitivity", BLUE, "D"),
            (0.16, "specificity", ORANGE, "s"),
        ):
            limits = [row[f"{key}_low"], row[f"{key}_high"]]
            ax.plot(limits, [place + offset] * 2, color=INK, linewidth=1.2)
            ax.plot(row[key], place + offset, marker, color=colour, mec=INK, markersize=6)
        cases, controls = row["tp"] + row["fn"], row["tn"] + row["fp"]
        beside_row(ax, place - 0.17, f"{row['tp']} of {cases} cases found")
        beside_row(ax, place + 0.17, f"{row['fp']} of {controls} controls called")
    for key, colour, marker in (("sensitivity", BLUE, "D"), ("specificity", ORANGE, "s")):
        ax.plot([], [], marker, color=colour, mec=INK, markersize=6, label=key)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=2, handlelength=1)
    name_rows(ax, [f"{shorten(row['rule'])}, at {row['threshold']:.2f}" for row in own])
    low = min(min(row["sensitivity_low"], row["specificity_low"]) for row in own)
    ax.set_xlim(max(0.0, low - 0.05), 1.02)
    ax.set_xlabel("Share of the class, 95 % interval after Wilson")
    first = own[0]
    set_message(
        figure,
        f"{model_label(model)}, {first['rule']}: sensitivity {first['sensitivity']:.2f} "
        f"({first['sensitivity_low']:.2f} to {first['sensitivity_high']:.2f}) at specificity "
        f"{first['specificity']:.2f} ({first['specificity_low']:.2f} to "
        f"{first['specificity_high']:.2f}), threshold {first['threshold']:.2f}",
    )
    return figure
