"""Where a score would call a case, and whether probabilities mean what they say."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldwise.arrays import FloatArray
from foldwise.audit.findings import Finding
from foldwise.errors import InvalidInputError
from foldwise.evaluation.calibration import (
    IN_THE_LARGE_UNKNOWN,
    Calibration,
    calibration,
    reliability_curve,
)
from foldwise.evaluation.decision_curve import decision_curve, shift_to_prevalence
from foldwise.evaluation.estimates import Estimate
from foldwise.evaluation.metrics import Metric
from foldwise.evaluation.proportions import predictive_values
from foldwise.evaluation.threshold_rules import (
    Cost,
    FixedSensitivity,
    FixedSpecificity,
    ThresholdRule,
    Youden,
)
from foldwise.evaluation.thresholds import OperatingPoint, ask_operating_points
from foldwise.reporting.labels import INTERVALS, model_label
from foldwise.reporting.summary import NamedTable
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.chapters.chapter import Chapter
from foldwise.studies.inquiry import HEADLINE, Inquiry
from foldwise.studies.sections import Section, named_table
from foldwise.tuning.nested import inner_folds

__all__ = ["Operation", "ask_operation", "operating_chapter", "threshold_rule"]

_ENCODING = "abundances"
_BESIDE: tuple[ThresholdRule, ...] = (Youden(), FixedSensitivity(0.9), FixedSpecificity(0.9))


def threshold_rule(text: str, prevalence: float | None) -> ThresholdRule:
    """Return the rule that a setting names.

    Raises
    ------
    InvalidInputError
        If a cost is given without the prevalence it is weighed at.

    Examples
    --------
    >>> threshold_rule("sensitivity=0.95", None)
    FixedSensitivity(at_least=0.95)
    """
    kind, _, value = text.partition("=")
    if kind == "sensitivity":
        return FixedSensitivity(float(value))
    if kind == "specificity":
        return FixedSpecificity(float(value))
    if kind == "cost":
        if prevalence is None:
            raise InvalidInputError(
                f"--threshold {text} weighs missed cases against false alarms, which needs the "
                "share of cases among those who would be tested. State it with --prevalence."
            )
        return Cost(float(value), prevalence)
    return Youden()


@dataclass(frozen=True, eq=False)
class Operation:
    """How the headline model would be used.

    Parameters
    ----------
    points : list of OperatingPoint
        The run's own rule first; only those that could be judged.
    calibration : Calibration
        Of the out-of-fold scores of the first repeat.
    findings : tuple of Finding
        Why a point is missing.
    """

    points: list[OperatingPoint]
    calibration: Calibration
    findings: tuple[Finding, ...] = ()

    @property
    def chosen(self) -> OperatingPoint | None:
        """The point of the run's own rule."""
        return self.points[0] if self.points else None


def ask_operation(inquiry: Inquiry, evidence: BiomarkerEvidence) -> Operation:
    """Ask for thresholds on inner folds, and calibrate the out-of-fold scores."""
    own = threshold_rule(inquiry.config.threshold, inquiry.config.prevalence)
    probability = evidence.out_of_fold[HEADLINE][0]
    found = calibration(inquiry.y, probability, groups=inquiry.groups)
    try:
        points = _ask(inquiry, [own, *(rule for rule in _BESIDE if rule != own)])
    except InvalidInputError as error:
        return Operation([], found, (_no_threshold(str(error)),))
    findings = [_no_threshold(f"{one.rule}: {one.note}") for one in points if one.table is None]
    return Operation([one for one in points if one.table is not None], found, tuple(findings))


def _ask(inquiry: Inquiry, rules: list[ThresholdRule]) -> list[OperatingPoint]:
    """Choose thresholds on inner folds, and judge them on the outer ones."""
    outer = inquiry.folds[0]
    inner = inner_folds(
        outer,
        n_splits=inquiry.n_folds,
        seed=inquiry.config.seed,
        classes=inquiry.y,
        groups=inquiry.groups,
    )
    question = ask_operating_points(
        inquiry.y,
        outer,
        inner,
        rules,
        settings=[inquiry.headline],
        groups=inquiry.groups,
        seed=inquiry.config.seed,
    )
    return inquiry.watch.ask("thresholds, inner folds", question, inquiry.logistic, inquiry.X)


def operating_chapter(
    inquiry: Inquiry, evidence: BiomarkerEvidence, operation: Operation
) -> Chapter:
    """Return operating points, calibration and, at a stated prevalence, what follows of them."""
    section = Section(
        "operating",
        f"Operating points and calibration: {model_label(HEADLINE)}",
        "Thresholds are chosen on inner out-of-fold scores of the training rows, never on fitted "
        "scores; held-out people, each once, judge them.",
    )
    tables: list[NamedTable] = []
    if operation.points:
        tables.append(_points_table(inquiry, operation.points))
        section.figures.append(f"operating_points_{HEADLINE}")
        _answer_points(section, inquiry, operation.points)
    probability = evidence.out_of_fold[HEADLINE][0]
    tables.append(_calibration_table(inquiry, probability))
    section.figures.append(f"calibration_{HEADLINE}")
    _answer_calibration(section, inquiry, operation.calibration)
    if inquiry.config.prevalence is not None:
        tables.append(_decision_table(inquiry, probability, inquiry.config.prevalence))
        section.figures.append("decision_curve")
    section.tables = [table.name for table in tables if table.name != "decision_curve"]
    metrics = _metrics(inquiry, operation.calibration)
    return Chapter(section, tuple(tables), metrics, operation.findings)


def _no_threshold(why: str) -> Finding:
    return Finding(
        "no-threshold",
        "note",
        f"A threshold could not be judged. {why}",
        "Use fewer folds, another rule (--threshold), or more samples.",
    )


def _points_table(inquiry: Inquiry, points: list[OperatingPoint]) -> NamedTable:
    rows = []
    for point in points:
        table = point.table
        assert table is not None
        row: dict[str, object] = {
            "model": HEADLINE,
            "rule": point.rule,
            "threshold": float(np.median(point.thresholds)),
            "threshold_low": float(point.thresholds.min()),
            "threshold_high": float(point.thresholds.max()),
            "tp": table.true_positive,
            "fn": table.false_negative,
            "tn": table.true_negative,
            "fp": table.false_positive,
            **_limits("sensitivity", table.sensitivity),
            **_limits("specificity", table.specificity),
        }
        if inquiry.config.prevalence is not None:
            ppv, npv = predictive_values(table, inquiry.config.prevalence)
            row |= {**_limits("ppv", ppv), **_limits("npv", npv)}
            row["prevalence"] = inquiry.config.prevalence
        rows.append(row)
    title = "Operating points: medians of the folds' thresholds, held-out people judged once"
    return named_table("operating_points", title, pd.DataFrame(rows))


def _limits(name: str, estimate: Estimate) -> dict[str, float | None]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _answer_points(section: Section, inquiry: Inquiry, points: list[OperatingPoint]) -> None:
    point = points[0]
    table = point.table
    assert table is not None
    sens, spec = table.sensitivity, table.specificity
    text = (
        f"By {point.rule} the thresholds of the {len(point.thresholds)} outer folds run from "
        f"{point.thresholds.min():.2f} to {point.thresholds.max():.2f}. Held-out people: "
        f"{table.true_positive} of {table.true_positive + table.false_negative} cases found "
        f"(sensitivity {_with_limits(sens)}), {table.true_negative} of "
        f"{table.true_negative + table.false_positive} controls cleared (specificity "
        f"{_with_limits(spec)}); intervals: {INTERVALS[sens.method]}."
    )
    if inquiry.config.prevalence is None:
        text += (
            " Predictive values depend on how many of those tested are cases, which a "
            "case-control table does not know: state it with --prevalence."
        )
    else:
        ppv, npv = predictive_values(table, inquiry.config.prevalence)
        text += (
            f" At the stated prevalence of {inquiry.config.prevalence:.1%} a positive call is "
            f"right in {_with_limits(ppv)}, a negative one in {_with_limits(npv)}."
        )
    section.answer("operating-threshold", "Where would a score call a case?", text)


def _with_limits(one: Estimate) -> str:
    if one.value is None:
        return f"not defined ({one.note})"
    if one.low is None or one.high is None:
        return f"{one.value:.2f}"
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _calibration_table(inquiry: Inquiry, probability: FloatArray) -> NamedTable:
    n_bins = min(10, max(2, inquiry.n_subjects // 20))
    curve = reliability_curve(inquiry.y, probability, n_bins=n_bins, groups=inquiry.groups)
    columns = {
        "model": [HEADLINE] * len(curve.n),
        "bin": np.arange(1, len(curve.n) + 1),
        "predicted": curve.probability,
        "observed": curve.share,
        "low": curve.low,
        "high": curve.high,
        "n": curve.n,
    }
    title = "Probabilities and what was observed, out-of-fold scores of one repeat"
    return named_table("calibration", title, columns)


def _answer_calibration(section: Section, inquiry: Inquiry, found: Calibration) -> None:
    section.answer(
        "operating-calibration",
        "Do the probabilities mean what they say?",
        f"Calibration slope {_with_limits(found.slope)}: below 1 they are too extreme. Brier score "
        f"{found.brier:.3f}, {found.scaled_brier:.2f} of the way from the share of cases "
        f"({inquiry.y.mean():.2f}) to perfection. Calibration in the large is "
        f"{IN_THE_LARGE_UNKNOWN}: the share of cases was chosen by who collected them.",
    )


def _decision_table(inquiry: Inquiry, probability: FloatArray, prevalence: float) -> NamedTable:
    moved = shift_to_prevalence(probability, _trained_at(inquiry), prevalence)
    curve = decision_curve(inquiry.y, moved, prevalence)
    columns = {
        "model": [HEADLINE] * len(curve.threshold),
        "threshold": curve.threshold,
        "net_benefit": curve.model,
        "treat_all": curve.treat_all,
        "treat_none": np.zeros(len(curve.threshold)),
        "prevalence": [prevalence] * len(curve.threshold),
    }
    title = f"Net benefit at a stated prevalence of {prevalence:.1%}, intercept moved to it"
    return named_table("decision_curve", title, columns)


def _trained_at(inquiry: Inquiry) -> FloatArray:
    """Return the share of cases in the training rows of the fit that scored each row."""
    folds, y = inquiry.folds[0], inquiry.y
    shares = [y[(folds >= 0) & (folds != fold)].mean() for fold in range(inquiry.n_folds)]
    return np.asarray(np.array(shares)[folds])


def _metrics(inquiry: Inquiry, found: Calibration) -> tuple[Metric, ...]:
    n = len(inquiry.y)
    metrics = [Metric("brier", HEADLINE, _ENCODING, "cv", found.brier, "", n)]
    if found.slope.value is not None:
        slope = found.slope
        metrics.append(
            Metric(
                "calibration_slope",
                HEADLINE,
                _ENCODING,
                "cv",
                float(slope.value or 0.0),
                "",
                n,
                slope.low,
                slope.high,
            )
        )
    return tuple(metrics)
