"""Figures of single features: volcano, coefficients over splits, SHAP values."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from foldwise.reporting.figures.reading import frame_of, records, rows_of
from foldwise.reporting.figures.rows import beside_row, name_rows
from foldwise.reporting.labels import model_label
from foldwise.reporting.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    new_figure,
    set_message,
    shorten,
)
from foldwise.reporting.summary import Summary

__all__ = ["coefficient_spread", "shap_values", "volcano"]

_Values = npt.NDArray[np.float64]

# The effect a table of some scale has: its axis, cut-off, and the cut-off in words.
_EFFECTS: Mapping[str, tuple[str, float, str]] = {
    "log2_fold_change": ("log₂ fold change, cases over controls", 1.0, "at least twofold"),
    "difference_percentile": (
        "Cases minus controls (percentile points)",
        20.0,
        "by at least 20 points",
    ),
    "difference_z": ("Cases minus controls (sd)", 0.5, "by at least half an sd"),
}
_Q_CUT = 0.05
_NAMED = 8
_FEATURES = 20
_SHAP_FEATURES = 12
_DENSE = 2000  # dots of a cloud that are drawn one by one


def volcano(summary: Summary) -> Figure:
    """Draw effect against q of every feature, with both cut-offs."""
    frame = frame_of(summary, "metabolites")
    key = next(key for key in _EFFECTS if key in frame.columns)
    axis, cut, words = _EFFECTS[key]
    shown = frame.dropna(subset=[key, "q"])
    effect = shown[key].to_numpy()
    # A q of 0 is one that the computer cannot tell from it: it is drawn at the top.
    height = -np.log10(np.maximum(shown["q"].to_numpy(), 1e-300))
    passes = (shown["q"].to_numpy() <= _Q_CUT) & (np.abs(effect) >= cut)
    figure, (ax,) = new_figure("two columns", 92)
    groups = {
        f"higher in cases ({int((passes & (effect > 0)).sum())})": (
            passes & (effect > 0),
            BLUE,
            "^",
        ),
        f"lower in cases ({int((passes & (effect < 0)).sum())})": (
            passes & (effect < 0),
            ORANGE,
            "v",
        ),
        f"not beyond both ({int((~passes).sum())})": (~passes, GREY, "o"),
    }
    for label, (own, colour, marker) in groups.items():
        size = 3 if marker == "o" else 4.5
        ax.plot(
            effect[own],
            height[own],
            marker,
            color=colour,
            markersize=size,
            alpha=0.75,
            mew=0,
            label=label,
            rasterized=len(shown) > _DENSE,
        )
    ax.axhline(-np.log10(_Q_CUT), color=INK, linestyle=":", linewidth=1)
    for side in (-cut, cut):
        ax.axvline(side, color=INK, linestyle=":", linewidth=1)
    reach = 1.9 * max(float(np.abs(effect).max(initial=0.0)), 1.2 * cut)
    top = max(float(height.max(initial=0.0)), 1.5)
    ax.set(xlim=(-reach, reach), ylim=(0, 1.08 * top))
    _name_points(ax, shown["feature"].tolist(), effect, height, passes)
    ax.set(xlabel=axis, ylabel="−log₁₀ q (Mann-Whitney, Benjamini-Hochberg)")
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=3, handlelength=1)
    left_out = len(frame) - len(shown)
    gaps = f"; {left_out} without an effect or q" if left_out else ""
    set_message(
        figure,
        f"{int(passes.sum())} of {len(frame)} features differ at q ≤ {_Q_CUT} and {words}: "
        f"{int((passes & (effect > 0)).sum())} higher, {int((passes & (effect < 0)).sum())} lower "
        f"in cases{gaps}",
    )
    return figure


def _name_points(
    ax: Axes, names: Sequence[str], effect: _Values, height: _Values, passes: npt.NDArray[np.bool_]
) -> None:
    """Name the highest points that pass, in a column outside of them, no name on another."""
    low, top = ax.get_ylim()
    gap = 0.052 * (top - low)
    beyond = 0.03 * float(np.ptp(ax.get_xlim()))
    best = [place for place in np.argsort(-height, kind="stable") if passes[place]][:_NAMED]
    for side in (-1, 1):
        free = top
        own = [one for one in best if np.sign(effect[one]) == side]
        outermost = float((side * effect[passes]).max(initial=0.0))
        column = side * (outermost + beyond)
        for place in own:
            free = min(float(height[place]), free - gap)
            ax.annotate(
                shorten(names[place], 24),
                (effect[place], height[place]),
                (column, free),
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=7,
                arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkB": 2},
            )


def coefficient_spread(summary: Summary, model: str) -> Figure:
    """Draw median and quartiles of the largest coefficients over the splits."""
    own = rows_of(summary, "coefficient_spread", model=model)
    shown = own.assign(size=own["coef_median"].abs())
    shown = shown.sort_values(["size", "share_zero"], ascending=[False, True], kind="stable")
    shown = shown.head(_FEATURES)
    figure, (ax,) = new_figure("two columns", 26 + 4.4 * len(shown))
    for place, row in enumerate(records(shown)):
        steady = row["share_zero"] == 0 and row["sign_consistency"] == 1
        colour = BLUE if steady else GREY
        ax.plot([row["coef_lower"], row["coef_upper"]], [place] * 2, color=INK, linewidth=1.2)
        ax.plot(row["coef_median"], place, "D" if steady else "o", color=colour, mec=INK, ms=4.5)
        beside_row(ax, place, _steadiness(row))
    ax.axvline(0, color=GREY, linestyle=":", linewidth=1)
    name_rows(ax, [shorten(feature) for feature in shown["feature"]])
    ax.set_xlabel("Coefficient (log-odds per sd): median and quartiles over the splits")
    steady = (own["share_zero"] == 0) & (own["sign_consistency"] == 1)
    often = (own["share_zero"] > 0.5).sum()
    message = (
        f"{model_label(model)}: {int(steady.sum()) or 'none'} of {len(own)} coefficients "
        f"{'keeps its' if steady.sum() < 2 else 'keep their'} sign in every split; {int(often)} "
        f"{'is' if often == 1 else 'are'} zero in most splits"
    )
    if len(own) > len(shown):
        message += f" (the {len(shown)} largest shown)"
    set_message(figure, message)
    return figure


def _steadiness(row: Mapping[str, Any]) -> str:
    zero = f"zero in {row['share_zero']:.0%}"
    if pd.isna(row["sign_consistency"]):
        return zero
    return f"{zero}, same sign {row['sign_consistency']:.0%}"


def shap_values(summary: Summary, model: str) -> Figure:
    """Draw the SHAP values of the features that move the output most, a dot per person."""
    own = rows_of(summary, "shap_values", model=model)
    sizes = own.assign(size=own["shap"].abs()).groupby("feature", sort=False)["size"].mean()
    order = list(sizes.sort_values(ascending=False, kind="stable").index[:_SHAP_FEATURES])
    unit = "probability" if model == "forest" else "log-odds"
    figure, (ax,) = new_figure("two columns", 26 + 8.5 * len(order))
    n_dots = sum(int((own["feature"] == feature).sum()) for feature in order)
    for place, feature in enumerate(order):
        rows = own[own["feature"] == feature]
        _swarm(ax, place, rows, dense=n_dots > _DENSE)
        beside_row(ax, place, f"{sizes[feature]:.3g}")
    ax.axvline(0, color=GREY, linestyle=":", linewidth=1)
    name_rows(ax, [shorten(feature) for feature in order])
    ax.set_xlabel(
        f"SHAP value on held-out rows ({unit}; right: towards cases); at the right: mean size"
    )
    ax.legend(
        *_thirds_legend(ax), loc="lower right", bbox_to_anchor=(1, 1.0), ncols=3, handlelength=1
    )
    first = own[own["feature"] == order[0]]
    above = first["standardized"] > first["standardized"].median()
    gap = first.loc[above, "shap"].mean() - first.loc[~above, "shap"].mean()
    says = "points towards cases" if gap > 0 else "points away from cases"
    set_message(
        figure,
        f"{model_label(model)}: {shorten(order[0])} moves the output most, by "
        f"{sizes[order[0]]:.3g} {unit} on average; a high value {says}",
    )
    return figure


# Value of the feature among the people shown: thirds, told apart by colour and shape.
_THIRDS = (("low value", ORANGE, "v"), ("middle", GREY, "o"), ("high value", BLUE, "^"))


def _swarm(ax: Axes, place: int, rows: pd.DataFrame, *, dense: bool) -> None:
    """Draw dots at their SHAP values, piled up where many have nearly the same."""
    low, high = np.nanquantile(rows["standardized"], [1 / 3, 2 / 3])
    value = rows["standardized"].to_numpy()
    third = np.where(value <= low, 0, np.where(value >= high, 2, 1))
    x = rows["shap"]
    width = float(np.ptp(x)) / 60 or 1.0
    binned = (x / width).round()
    turn, height = x.groupby(binned).cumcount(), x.groupby(binned).transform("size")
    step = min(0.1, 0.8 / max(int(height.max()), 1))
    y = (place + (turn - (height - 1) / 2) * step).to_numpy()
    for number, (_, colour, marker) in enumerate(_THIRDS):
        own = third == number
        ax.plot(x[own], y[own], marker, color=colour, ms=3, alpha=0.75, mew=0, rasterized=dense)


def _thirds_legend(ax: Axes) -> tuple[list[Any], list[str]]:
    handles = [
        ax.plot([], [], marker, color=colour, ms=4.5, mew=0)[0] for _, colour, marker in _THIRDS
    ]
    return handles, [label for label, _, _ in _THIRDS]
