"""Every figure of the studies, by name, drawn from a Summary."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from foldwise.errors import InvalidInputError
from foldwise.reporting.figures.classification import (
    confusion,
    draw_scaling,
    precision_recall,
    roc,
    scaling,
)
from foldwise.reporting.figures.coefficients import (
    coefficients,
    coefficients_compared,
    l1_geometry,
    top_features,
)
from foldwise.reporting.figures.comparisons import (
    cv_aucs,
    holdout_elements,
    model_comparison,
    split_aucs,
)
from foldwise.reporting.figures.kinds import FigureKind
from foldwise.reporting.figures.regression import (
    loss_curve,
    parity,
    parity_holdout,
    target_histogram,
)
from foldwise.reporting.figures.reviewed import REVIEWED
from foldwise.reporting.figures.tuning import attribution, search_history, search_settings
from foldwise.reporting.style import house_style, settle
from foldwise.reporting.summary import Summary

__all__ = ["FIGURES", "FigureKind", "caption", "draw", "known_figures", "tables_behind"]


_BIOMARKERS: Mapping[str, FigureKind] = {
    "scaling": FigureKind(
        scaling,
        "One dot per feature left; at the right one count per feature on test rows, the vertical "
        "line where every training feature stands.",
        ("scaling",),
    ),
    "roc_": FigureKind(
        roc,
        "Each point is a threshold; the closer to the upper left corner the better, the dotted "
        "diagonal is guessing. In brackets the 95 % interval.",
        ("roc_curve",),
        "model",
    ),
    "pr_": FigureKind(
        precision_recall,
        "Each step is a threshold; the dotted line is the share of cases, which calling everyone "
        "a case would reach.",
        ("pr_curve",),
        "model",
    ),
    "confusion_": FigureKind(
        confusion,
        "Rows are what people are, columns what the model calls them at probability 0.5; shares "
        "add up to 100 % along a row.",
        ("confusion",),
        "model",
    ),
    "coefficients_": FigureKind(
        coefficients,
        "Counts of coefficients by size on a logarithmic scale; exact zeros have their own bar.",
        ("coefficients",),
        "model",
    ),
    "coefficients_compared": FigureKind(
        coefficients_compared,
        "The same axes for both models, counts on a logarithmic scale; exact zeros have their "
        "own bar.",
        ("coefficients",),
    ),
    "l1_geometry": FigureKind(
        l1_geometry,
        "Grey lines: equal training loss; blue line: the lowest loss that the orange region "
        "reaches, at the orange point. A corner lies on an axis, a circle has none.",
        ("l1_geometry_loss", "l1_geometry_points"),
    ),
    "top_features_": FigureKind(
        top_features,
        "Left the coefficients of one split, right how often each feature is among the five "
        "largest again; its AUC alone is on training rows.",
        ("top_features",),
        "model",
    ),
    "split_aucs": FigureKind(
        split_aucs,
        "One dot per random split, equal values piled up; diamonds are means.",
        ("split_aucs",),
    ),
    "cv_aucs": FigureKind(
        cv_aucs,
        "One dot per fold, equal values piled up; below them the mean with its 95 % interval; "
        "baselines in grey; every model sees the same folds.",
        ("cv_folds", "cv_summary"),
    ),
    **REVIEWED,
}
_PEROVSKITES: Mapping[str, FigureKind] = {
    "descriptor_scaling": FigureKind(
        lambda summary: draw_scaling(summary.tables["descriptor_scaling"].frame),
        "One dot per descriptor left; at the right one count per descriptor on test rows, the "
        "vertical line where every training descriptor stands.",
        ("descriptor_scaling",),
    ),
    "target_histogram": FigureKind(
        target_histogram, "Rows per energy; holdout rows as an outline.", ("predictions",)
    ),
    "loss_curve_": FigureKind(
        loss_curve,
        "Loss averaged over the batches of an epoch, logarithmic scale; where the lines part, "
        "the network learns its training rows by heart.",
        ("loss_curve",),
        "encoding",
    ),
    "parity_": FigureKind(
        parity,
        "One dot per row; on the dashed line the prediction is exact.",
        ("predictions",),
        "encoding",
    ),
    "parity_holdout_": FigureKind(
        parity_holdout,
        "One mark per row with an element that training never saw; on the dashed line the "
        "prediction is exact.",
        ("predictions",),
        "encoding",
    ),
    "holdout_elements": FigureKind(
        holdout_elements,
        "Further left is better; marks right of the upright bar are worse than guessing the "
        "training mean.",
        ("holdout_elements",),
    ),
    "model_comparison": FigureKind(
        model_comparison,
        "Shorter is better; baselines in grey, thin lines are 95 % intervals, models in the "
        "order of their test error.",
        ("model_comparison",),
    ),
}
_TUNING: Mapping[str, FigureKind] = {
    "search_settings": FigureKind(
        search_settings,
        "One dot per fold, diamonds are means; blue settings cannot be told from the best by "
        "the folds (95 %, paired), grey ones are behind it.",
        ("search", "search_folds"),
    ),
    "search_history": FigureKind(
        search_history,
        "One dot per trial in the order they were asked; the line is the best so far.",
        ("search",),
    ),
    "attribution": FigureKind(
        attribution,
        "One change per line, from the untuned model to the tuned one; thin lines are 95 % "
        "intervals, at the right paired on the same test rows.",
        ("attribution",),
    ),
}
FIGURES: Mapping[str, Mapping[str, FigureKind]] = {
    "biomarkers": _BIOMARKERS,
    "perovskites": _PEROVSKITES,
    "tune-biomarkers": {
        **_TUNING,
        "roc_": _BIOMARKERS["roc_"],
        "permutation_null_": REVIEWED["permutation_null_"],
    },
    "tune-perovskites": {
        **_TUNING,
        "parity_": _PEROVSKITES["parity_"],
        "parity_holdout_": _PEROVSKITES["parity_holdout_"],
    },
}
"""By study and name; a name that ends in ``_`` is followed by a model or an encoding."""


def draw(name: str, summary: Summary) -> Figure:
    """Draw one figure from a Summary.

    Parameters
    ----------
    name : str
        One of `known_figures`, such as "cv_aucs" or "roc_logistic-l1".
    summary : Summary
        Holds the tables the figure needs.

    Raises
    ------
    InvalidInputError
        If there is no such figure, or the Summary lacks its tables.
    """
    kinds = FIGURES.get(summary.study, {})
    key = _key_of(name, kinds)
    if key is None or name not in known_figures(summary):
        raise InvalidInputError(
            f"There is no figure {name!r} of this Summary. "
            f"There are: {', '.join(known_figures(summary))}."
        )
    kind = kinds[key]
    with house_style():
        own = (name.removeprefix(key),) if kind.each else ()
        figure = kind.draw(summary, *own)
        settle(figure)
    return figure


def caption(name: str) -> str:
    """Return one line on how to read a figure.

    Examples
    --------
    >>> caption("parity_one-hot")
    'One dot per row; on the dashed line the prediction is exact.'
    """
    return _kind_of(name).caption


def tables_behind(name: str) -> tuple[str, ...]:
    """Return the tables a figure is drawn from.

    Examples
    --------
    >>> tables_behind("cv_aucs")
    ('cv_folds', 'cv_summary')
    """
    return _kind_of(name).tables


def known_figures(summary: Summary) -> list[str]:
    """Return the names of all figures the tables of a Summary can give."""
    names = []
    for key, kind in FIGURES.get(summary.study, {}).items():
        if not all(table in summary.tables for table in kind.tables):
            continue
        frame = summary.tables[kind.tables[0]].frame
        if key == "parity_holdout_":
            frame = frame[frame["part"] == "holdout"]
        names += [key + value for value in dict.fromkeys(frame[kind.each])] if kind.each else [key]
    return names


def _kind_of(name: str) -> FigureKind:
    for kinds in FIGURES.values():
        key = _key_of(name, kinds)
        if key is not None:
            return kinds[key]
    known = ", ".join(key for kinds in FIGURES.values() for key in kinds)
    raise InvalidInputError(f"There is no figure {name!r}. There are: {known}.")


def _key_of(name: str, kinds: Mapping[str, FigureKind]) -> str | None:
    """Return the key that a name goes by: the name itself, else its longest prefix."""
    if name in kinds:
        return name
    prefixes = [key for key, kind in kinds.items() if kind.each and name.startswith(key)]
    return max(prefixes, key=len, default=None)
