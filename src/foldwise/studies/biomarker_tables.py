"""Tables of the study ``biomarkers``, from its evidence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.arrays import BoolArray, FloatArray
from foldwise.audit.design import running_numbers
from foldwise.evaluation.clustered_auc import subjects_of_smaller_class
from foldwise.evaluation.coefficients import top_five
from foldwise.evaluation.intervals import corrected_interval
from foldwise.evaluation.metrics import (
    column_aucs,
    confusion_counts,
    pr_points,
    roc_auc,
    roc_points,
)
from foldwise.evaluation.penalty_geometry import PenaltyGeometry, penalty_geometry
from foldwise.fits.preprocessing import apply_steps
from foldwise.reporting.summary import NamedTable
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.cohorts import Cohort
from foldwise.studies.inquiry import COMPARED, HEADLINE, Inquiry
from foldwise.studies.sections import named_table

__all__ = ["BiomarkerTables", "build_tables", "cv_interval", "split_parts"]


@dataclass(frozen=True, eq=False)
class BiomarkerTables:
    """Named tables of a study, and the two features its geometry figure is about."""

    tables: dict[str, NamedTable]
    geometry: PenaltyGeometry | None
    geometry_features: tuple[str, str]


def split_parts(test: BoolArray) -> dict[str, BoolArray]:
    """Return the rows of each part by name."""
    return {"train": ~test, "test": test}


def build_tables(inquiry: Inquiry, evidence: BiomarkerEvidence) -> BiomarkerTables:
    """Return every table of rows 1.3 to 1.7."""
    cohort = inquiry.cohort
    scaled = apply_steps(inquiry.preparation.steps, evidence.single.states[0], inquiry.X)
    geometry, pair = _geometry(inquiry, evidence, scaled)
    tables = [
        _scaling(inquiry, evidence, scaled),
        _predictions(cohort, evidence),
        _curves(cohort, evidence, "roc_curve"),
        _curves(cohort, evidence, "pr_curve"),
        _confusion(cohort, evidence),
        _coefficients(inquiry, evidence),
        _coefficient_summary(evidence),
        _top_features(inquiry, evidence, scaled),
        _split_aucs(cohort, evidence),
        _cv_folds(cohort, evidence),
        _cv_summary(cohort, evidence),
    ]
    design = _design(cohort)
    if design is not None:
        tables.insert(0, design)
    if geometry is not None:
        tables += [_geometry_loss(geometry), _geometry_points(geometry)]
    return BiomarkerTables({table.name: table for table in tables}, geometry, pair)


def _design(cohort: Cohort) -> NamedTable | None:
    """Return where each class stands by the number in its ids, if the ids hold one."""
    numbers = running_numbers(cohort.table.ids)
    if numbers is None:
        return None
    columns = {
        "id": cohort.table.ids,
        "label": np.where(cohort.y == 1, cohort.target.positive, cohort.target.negative),
        "case": cohort.y == 1,
        "number": numbers,
    }
    return named_table("design", "Classes by the running number in the ids", columns)


def _scaling(inquiry: Inquiry, evidence: BiomarkerEvidence, scaled: FloatArray) -> NamedTable:
    train, test = ~evidence.test, evidence.test
    n_read = inquiry.X.shape[1]  # steps may have added columns, which nobody has read
    raw = np.full(scaled.shape, np.nan)
    raw[:, :n_read] = inquiry.X
    read = np.isfinite(raw[train]).any(axis=0)
    mean, variance = np.full((2, scaled.shape[1]), np.nan)
    mean[read], variance[read] = (
        np.nanmean(raw[train][:, read], axis=0),
        np.nanvar(raw[train][:, read], axis=0),
    )
    columns = {
        "feature": inquiry.names,
        "mean_train_raw": mean,
        "var_train_raw": variance,
        "mean_train": scaled[train].mean(axis=0),
        "var_train": scaled[train].var(axis=0),
        "mean_test": scaled[test].mean(axis=0),
        "var_test": scaled[test].var(axis=0),
    }
    title = "Mean and variance of each feature before and after scaling on training rows"
    return named_table("scaling", title, columns)


def _scored(evidence: BiomarkerEvidence) -> Iterator[tuple[str, FloatArray]]:
    """Yield every model of the one split with its scores of all rows."""
    everyone = np.ones(evidence.test.shape, bool)
    for fit, model in enumerate(evidence.models):
        yield model, evidence.single.at(fit, everyone)
    yield "forest", evidence.forest.at(0, everyone)


def _predictions(cohort: Cohort, evidence: BiomarkerEvidence) -> NamedTable:
    part = np.where(evidence.test, "test", "train")
    label = np.where(cohort.y == 1, cohort.target.positive, cohort.target.negative)
    frames = [
        pd.DataFrame(
            {"id": cohort.table.ids, "label": label, "part": part, "model": model, "score": score}
        )
        for model, score in _scored(evidence)
    ]
    title = f"Probability of {cohort.target.positive} by model, the one split of row 1.2"
    return named_table("predictions", title, pd.concat(frames, ignore_index=True))


def _curves(cohort: Cohort, evidence: BiomarkerEvidence, name: str) -> NamedTable:
    points = {"roc_curve": roc_points, "pr_curve": pr_points}[name]
    frames = [
        pd.DataFrame({"model": model, "split": split, **points(cohort.y[rows], score[rows])})
        for model, score in _scored(evidence)
        for split, rows in split_parts(evidence.test).items()
    ]
    title = {"roc_curve": "ROC curves", "pr_curve": "Precision-recall curves"}[name]
    return named_table(name, title, pd.concat(frames, ignore_index=True))


def _confusion(cohort: Cohort, evidence: BiomarkerEvidence) -> NamedTable:
    names = (cohort.target.negative, cohort.target.positive)
    rows = []
    for model, score in _scored(evidence):
        for split, held in split_parts(evidence.test).items():
            counts = confusion_counts(cohort.y[held], score[held])
            rows += [
                {"model": model, "split": split, "actual": a, "predicted": p, "n": counts[i, j]}
                for i, a in enumerate(names)
                for j, p in enumerate(names)
            ]
    title = "Confusion matrices at probability 0.5"
    return named_table("confusion", title, pd.DataFrame(rows))


def _coefficients(inquiry: Inquiry, evidence: BiomarkerEvidence) -> NamedTable:
    coef = evidence.single.stacked("coef")  # (model, feature)
    headline = evidence.models.index(HEADLINE)
    order = np.argsort(-np.abs(coef[headline]), kind="stable")
    names = np.array(inquiry.names, dtype=object)[order]
    models = [headline, *(place for place in range(len(coef)) if place != headline)]
    frames = [
        pd.DataFrame(
            {"feature": names, "model": evidence.models[place], "coefficient": coef[place, order]}
        )
        for place in models
    ]
    title = "Coefficients on standardised features, one split, by their size with L1"
    return named_table("coefficients", title, pd.concat(frames, ignore_index=True))


def _coefficient_summary(evidence: BiomarkerEvidence) -> NamedTable:
    coef = evidence.single.stacked("coef")
    columns = {
        "model": evidence.models,
        "n_features": [coef.shape[1]] * len(coef),
        "n_zero": (coef == 0).sum(axis=1),
        "share_zero": (coef == 0).mean(axis=1),
        "norm": np.linalg.norm(coef, axis=1),
        "largest": np.abs(coef).max(axis=1),
    }
    return named_table("coefficient_summary", "What each penalty leaves", columns)


def _top_features(inquiry: Inquiry, evidence: BiomarkerEvidence, scaled: FloatArray) -> NamedTable:
    """Return the five largest positive coefficients per model, and how often they recur."""
    train = ~evidence.test
    alone = column_aucs(scaled[train], inquiry.y[train])
    names = np.array(inquiry.names, dtype=object)
    recurring = evidence.many.stacked("coef")
    rows = []
    for place, model in enumerate(COMPARED):
        coef = evidence.single.stacked("coef")[evidence.models.index(model)]
        share = top_five(recurring[place :: len(COMPARED)]).mean(axis=0)
        order = [feature for feature in np.argsort(-coef, kind="stable")[:5] if coef[feature] > 0]
        rows += [
            {
                "model": model,
                "rank": rank,
                "feature": names[feature],
                "coefficient": coef[feature],
                "top5_share": share[feature],
                "univariate_auc": alone[feature],
            }
            for rank, feature in enumerate(order, start=1)
        ]
    title = f"Five largest coefficients towards {inquiry.cohort.target.positive}"
    columns = ["model", "rank", "feature", "coefficient", "top5_share", "univariate_auc"]
    return named_table("top_features", title, pd.DataFrame(rows, columns=columns))


def _split_aucs(cohort: Cohort, evidence: BiomarkerEvidence) -> NamedTable:
    rows = []
    for fit in range(evidence.many.plan.n_fits):
        split, place = divmod(fit, len(COMPARED))
        test = evidence.many_test[split]
        aucs = [roc_auc(cohort.y[part], evidence.many.at(fit, part)) for part in (~test, test)]
        rows.append(
            {
                "split": split + 1,
                "model": COMPARED[place],
                "train_auc": aucs[0],
                "test_auc": aucs[1],
            }
        )
    title = f"AUC on {len(evidence.many_test)} random splits"
    return named_table("split_aucs", title, pd.DataFrame(rows))


def _cv_folds(cohort: Cohort, evidence: BiomarkerEvidence) -> NamedTable:
    rows = []
    for model, values in evidence.cross_validation.items():
        for repeat, of_repeat in enumerate(values):
            for fold, auc in enumerate(of_repeat):
                held = evidence.folds[repeat] == fold
                n_cases = int(cohort.y[held].sum())
                rows.append(
                    {
                        "model": model,
                        "repeat": repeat + 1,
                        "fold": fold + 1,
                        "auc": auc,
                        "n_cases": n_cases,
                        "n_controls": int(held.sum()) - n_cases,
                    }
                )
    return named_table("cv_folds", "AUC within each fold, same folds for all", pd.DataFrame(rows))


def _cv_summary(cohort: Cohort, evidence: BiomarkerEvidence) -> NamedTable:
    rows = []
    for model, values in evidence.cross_validation.items():
        low, high = cv_interval(values, cohort.y, cohort.table.groups())
        rows.append(
            {
                "model": model,
                "mean": values.mean(),
                "spread": values.std(ddof=1),
                "low": low,
                "high": high,
                "n_folds": values.size,
            }
        )
    n_repeats, n_folds = evidence.folds.shape[0], int(evidence.folds.max()) + 1
    title = f"Mean within-fold AUC, {n_repeats} x {n_folds} folds"
    return named_table("cv_summary", title, pd.DataFrame(rows))


def cv_interval(
    values: FloatArray, y: FloatArray, groups: npt.NDArray[Any] | None = None
) -> tuple[float, float]:
    """Return the corrected 95 % interval of fold AUCs of shape (n_repeats, n_folds).

    With groups, whose rows share a fold, the smaller class is counted in groups.
    """
    rows = np.arange(len(y)) if groups is None else groups
    smaller = subjects_of_smaller_class(y, rows)
    return corrected_interval(
        values.ravel(), test_share=1.0 / values.shape[1], smaller_class=smaller
    )


def _geometry(
    inquiry: Inquiry, evidence: BiomarkerEvidence, scaled: FloatArray
) -> tuple[PenaltyGeometry | None, tuple[str, str]]:
    """Pair the largest L1 coefficient with the best column that L1 leaves at zero.

    None where there are no two columns, or neither separates the classes at all.
    """
    train = ~evidence.test
    coef = evidence.single.stacked("coef")[evidence.models.index("logistic-l1")]
    first = int(np.argmax(np.abs(coef)))
    distance = np.abs(column_aucs(scaled[train], inquiry.y[train]) - 0.5)
    distance[first] = -1.0
    if (coef == 0).any():
        distance[coef != 0] = -1.0
    second = int(np.argmax(distance))
    names = inquiry.names
    if first == second:
        return None, (names[first], names[second])
    geometry = penalty_geometry(scaled[train][:, [first, second]], inquiry.y[train])
    return geometry if geometry.radius > 0 else None, (names[first], names[second])


def _geometry_loss(geometry: PenaltyGeometry) -> NamedTable:
    w1, w2 = np.meshgrid(geometry.w1, geometry.w2, indexing="ij")
    columns = {"w1": w1.ravel(), "w2": w2.ravel(), "loss": geometry.loss.ravel()}
    title = "Training loss over the coefficients of two features"
    return named_table("l1_geometry_loss", title, columns)


def _geometry_points(geometry: PenaltyGeometry) -> NamedTable:
    points = {"none": geometry.free, "l1": geometry.l1, "l2": geometry.l2}
    columns = {
        "kind": list(points),
        "w1": [w1 for w1, _ in points.values()],
        "w2": [w2 for _, w2 in points.values()],
        "radius": [geometry.radius] * len(points),
    }
    return named_table("l1_geometry_points", "Optimum without penalty, with L1, with L2", columns)
