"""Figures a reviewer of a biomarker study asks for, by name."""

from collections.abc import Mapping

from foldwise.reporting.figures.clinical import calibration, decision_curve, operating_points
from foldwise.reporting.figures.evidence import (
    comparison,
    design,
    learning_curve,
    permutation_null,
)
from foldwise.reporting.figures.kinds import FigureKind
from foldwise.reporting.figures.metabolites import coefficient_spread, shap_values, volcano
from foldwise.reporting.figures.panels import selection, selection_path, subset_curve

__all__ = ["REVIEWED"]

REVIEWED: Mapping[str, FigureKind] = {
    "design": FigureKind(
        design,
        "One upright line per row; classes that stand apart may have been collected or measured "
        "apart, and no model can tell that from disease.",
        ("design",),
    ),
    "comparison": FigureKind(
        comparison,
        "Diamonds are models, grey squares baselines; lines are 95 % intervals, which may "
        "overlap where the paired difference is clear.",
        ("comparison",),
    ),
    "permutation_null_": FigureKind(
        permutation_null,
        "Grey: the whole pipeline again with permuted labels; orange: with the labels as they "
        "are. p is (reached + 1) / (permutations + 1).",
        ("permutation_null", "permutation_test"),
        "model",
    ),
    "calibration_": FigureKind(
        calibration,
        "On the dotted line predictions are what is observed; below, how many rows each bin "
        "holds. The share of cases is that of this table, not of a population.",
        ("calibration",),
        "model",
    ),
    "operating_points_": FigureKind(
        operating_points,
        "Thresholds come from inner out-of-fold scores of training rows; each person counts once.",
        ("operating_points",),
        "model",
    ),
    "decision_curve": FigureKind(
        decision_curve,
        "Higher is better; a model is worth using only where it lies above both broken lines. "
        "It holds for the stated prevalence alone.",
        ("decision_curve",),
    ),
    "volcano": FigureKind(
        volcano,
        "One mark per feature; dotted lines are the cut-offs of effect and of q. Names are those "
        "of the smallest q beyond both.",
        ("metabolites",),
    ),
    "selection": FigureKind(
        selection,
        "Bars: share of half-samples in which a feature is among the first to enter; blue bars "
        "are the panel. Correlated features share the votes of their cluster.",
        ("selection",),
    ),
    "selection_path": FigureKind(
        selection_path,
        "One line per feature, blue for the panel; steep and early is stable, grey lines that "
        "creep up are chance.",
        ("selection_path", "selection"),
    ),
    "subset_curve": FigureKind(
        subset_curve,
        "Features are chosen anew in every fold; the diamond is the smallest number inside the "
        "interval of the best.",
        ("subset_curve",),
    ),
    "learning_curve": FigureKind(
        learning_curve,
        "Bands are 95 % intervals; a curve that still rises says that more samples would help.",
        ("learning_curve",),
    ),
    "coefficient_spread_": FigureKind(
        coefficient_spread,
        "Marks are medians over the splits, lines run between quartiles; blue diamonds keep their "
        "sign in every split and are never zero. Without penalty the sizes of separable classes "
        "are set, not estimated.",
        ("coefficient_spread",),
        "model",
    ),
    "shap_values_": FigureKind(
        shap_values,
        "One mark per person and feature, from fits that did not see the person; how the model "
        "came to its output, not what causes the disease.",
        ("shap_values",),
        "model",
    ),
}
