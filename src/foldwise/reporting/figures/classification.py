"""Figures of one split of a classifier: ROC, precision-recall, confusion, scaling."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from foldwise.reporting.figures.reading import frame_of, measured, records, rows_of
from foldwise.reporting.labels import model_label, split_label
from foldwise.reporting.style import (
    BLUE,
    GREY,
    GRID,
    ORANGE,
    new_figure,
    note,
    plain_log_axis,
    set_message,
    signed,
)
from foldwise.reporting.summary import Summary

__all__ = ["confusion", "precision_recall", "roc", "scaling"]

_PARTS = {"train": GREY, "test": BLUE}


def roc(summary: Summary, model: str) -> Figure:
    """Draw the ROC curve of the training rows and of the test rows."""
    areas = {part: _metric_text(summary, "roc_auc", model, part) for part in _PARTS}

    def draw_one(ax: Axes, own: pd.DataFrame, part: str) -> str:
        ax.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
        ax.plot(
            own["false_positive_rate"],
            own["true_positive_rate"],
            color=_PARTS[part],
            clip_on=False,
            solid_joinstyle="round",
        )
        note(ax, f"AUC {areas[part]}\ndotted: guessing", "lower right")
        ax.set(xlabel="False positive rate (share of controls)")
        ax.set(ylabel="True positive rate (share of cases)")
        return split_label(part)

    figure = _two_parts(summary, "roc_curve", model, draw_one)
    set_message(
        figure,
        f"{model_label(model)}: test AUC {_value(areas['test'])} against "
        f"{_value(areas['train'])} in training",
    )
    return figure


def precision_recall(summary: Summary, model: str) -> Figure:
    """Draw the precision-recall curve of the training rows and of the test rows."""
    areas = {part: _metric_text(summary, "average_precision", model, part) for part in _PARTS}
    prevalence: dict[str, float] = {}

    def draw_one(ax: Axes, own: pd.DataFrame, part: str) -> str:
        # At the lowest threshold every row is called a case: precision is the share of cases.
        prevalence[part] = records(own.nsmallest(1, "threshold"))[0]["precision"]
        ax.axhline(prevalence[part], color=GREY, linestyle=":", linewidth=1)
        ax.step(own["recall"], own["precision"], where="post", color=_PARTS[part], clip_on=False)
        ax.set(xlabel="Recall (share of cases found)")
        ax.set(ylabel="Precision (cases among those called)")
        # A curve may pass anywhere inside the square: the numbers stand above it.
        return (
            f"{split_label(part)}: average precision {areas[part]}\n"
            f"dotted: share of cases {prevalence[part]:.2f}"
        )

    figure = _two_parts(summary, "pr_curve", model, draw_one)
    set_message(
        figure,
        f"{model_label(model)}: average precision {_value(areas['test'])} on test rows, where "
        f"{prevalence['test']:.0%} are cases, against {_value(areas['train'])} in training",
    )
    return figure


def _two_parts(
    summary: Summary, table: str, model: str, draw_one: Callable[[Axes, pd.DataFrame, str], str]
) -> Figure:
    """Draw training and test rows side by side on the unit square; ``draw_one`` names them."""
    figure, axes = new_figure("two columns", 88, n_cols=2)
    for ax, part in zip(axes, _PARTS, strict=True):
        own = rows_of(summary, table, model=model, split=part)
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ax.set_xticks(np.linspace(0, 1, 6))
        ax.set_yticks(np.linspace(0, 1, 6))
        ax.set_title(draw_one(ax, own, part))
    return figure


def _metric_text(summary: Summary, name: str, model: str, part: str) -> str:
    """Return "0.931 (0.82 to 1.00)", or a dash where the study gives no such metric."""
    metric = measured(summary, name, model=model, split=part)
    if metric is None:
        return "not given"
    text = f"{metric['value']:.3f}"
    if metric.get("low") is not None and metric.get("high") is not None:
        text += f" ({metric['low']:.2f} to {metric['high']:.2f})"
    return text


def _value(text: str) -> str:
    return text.split(" (")[0]


# Light enough at its dark end for ink to be read on it.
_CELL_INK = "#16202a"  # stays dark where a page turns ink light: the cells stay light
_BLUES = LinearSegmentedColormap.from_list("foldwise blues", ["#f3f6f9", "#7db4d8"])


def confusion(summary: Summary, model: str) -> Figure:
    """Draw the confusion matrices of the training rows and of the test rows."""
    figure, axes = new_figure("two columns", 76, n_cols=2)
    for ax, part in zip(axes, _PARTS, strict=True):
        own = rows_of(summary, "confusion", model=model, split=part)
        classes = list(dict.fromkeys(own["actual"]))
        counts = own.pivot_table(index="actual", columns="predicted", values="n", aggfunc="sum")
        counts = counts.loc[classes, classes].fillna(0).astype(int)
        _matrix(ax, counts.to_numpy(), classes)
        ax.set_title(f"{split_label(part)} (n = {counts.to_numpy().sum()})")
    test = counts.to_numpy()
    set_message(
        figure,
        f"{model_label(model)} on test rows: {test[-1, -1]} of {test[-1].sum()} {classes[-1]} "
        f"found, {test[0, -1]} of {test[0].sum()} {classes[0]} called {classes[-1]}",
    )
    return figure


def _matrix(
    ax: Axes, counts: "np.ndarray[tuple[int, int], np.dtype[np.int64]]", classes: list[str]
) -> None:
    """Colour each cell by its share of the actual class, and write count and share."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.pcolormesh(shares, cmap=_BLUES, vmin=0, vmax=1, edgecolors=GRID, linewidth=1)
    for row, column in np.ndindex(counts.shape):
        for text, place in ((str(counts[row, column]), 0.41), (f"{shares[row, column]:.0%}", 0.61)):
            ax.text(
                column + 0.5,
                row + place,
                text,
                ha="center",
                va="center",
                color=_CELL_INK,
                fontsize=9,
            )
    centres = np.arange(len(classes)) + 0.5
    ax.set_xticks(centres, labels=classes)
    ax.set_yticks(centres, labels=classes, rotation=90, va="center")
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set(aspect="equal", xlabel="Predicted class", ylabel="Actual class (shares per row)")
    ax.invert_yaxis()


def scaling(summary: Summary) -> Figure:
    """Draw means and variances of the features as read, and after scaling, on both parts."""
    return draw_scaling(frame_of(summary, "scaling"))


def draw_scaling(frame: pd.DataFrame) -> Figure:
    """Draw a scaling table: raw moments left, scaled means and variances right."""
    figure, (raw, means, variances) = new_figure("two columns", 66, n_cols=3)
    _raw_moments(raw, frame)
    for ax, name, target in ((means, "mean", 0), (variances, "var", 1)):
        ax.hist(frame[f"{name}_test"], bins=30, color=BLUE, label="test rows")
        top = ax.get_ylim()[1]
        ax.plot([target] * 2, [0, top], color=ORANGE, linewidth=2, label=f"training rows: {target}")
        ax.legend(loc="upper right", handlelength=1.2)
        ax.set(ylim=(0, 1.4 * top), ylabel="Features")
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    means.set(title="After scaling: means", xlabel="Mean (training sd)")
    variances.set(title="After scaling: variances", xlabel="Variance (training variance)")
    off = np.abs(frame["mean_train"]).max()
    set_message(
        figure,
        f"Scaled on training rows: their means are 0 (at most {off:.0e} off); test means run "
        f"from {signed(frame['mean_test'].min())} to {signed(frame['mean_test'].max())}, test "
        f"variances from {frame['var_test'].min():.2f} to {frame['var_test'].max():.2f}",
    )
    return figure


def _raw_moments(ax: Axes, frame: pd.DataFrame) -> None:
    mean, variance = frame["mean_train_raw"], frame["var_train_raw"]
    ax.plot(mean, variance, "o", color=GREY, markersize=2.5, alpha=0.5, markeredgewidth=0)
    # Raw abundances span many powers of ten; log values do not.
    for which, values in (("x", mean), ("y", variance)):
        if values.min() > 0 and values.max() > 50 * values.min():
            plain_log_axis(ax, which)
    ax.set(title="As read, training rows", xlabel="Mean (as read)", ylabel="Variance (as read²)")
