"""The study ``biomarkers``: cases against controls from a table of abundances."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from foldwise.audit.columns import check_training_columns
from foldwise.audit.findings import Finding
from foldwise.evaluation.clustered_auc import obuchowski_interval, subjects_of_smaller_class
from foldwise.evaluation.intervals import corrected_difference
from foldwise.evaluation.metrics import Metric, roc_auc
from foldwise.reporting.summary import Summary
from foldwise.studies.auditing import audit
from foldwise.studies.biomarker_evidence import BiomarkerEvidence, gather_evidence
from foldwise.studies.biomarker_facts import facts_of
from foldwise.studies.biomarker_sections import write_sections
from foldwise.studies.biomarker_tables import build_tables, cv_interval, split_parts
from foldwise.studies.chapters.chapter import Chapter
from foldwise.studies.chapters.contents import Further, ask_further, write_chapters
from foldwise.studies.chapters.operating import Operation, threshold_rule
from foldwise.studies.checklists import checklist_section, checklist_tables
from foldwise.studies.cohorts import Cohort, load_cohort, name_empty_columns
from foldwise.studies.config import BiomarkersConfig
from foldwise.studies.inquiry import HEADLINE, Inquiry, open_inquiry
from foldwise.studies.methods import methods_paragraphs
from foldwise.studies.model import Model
from foldwise.studies.sections import StudyResult, Watch
from foldwise.studies.training_record import Threshold, training_facts
from foldwise.studies.verdicts import (
    ClassificationScore,
    Verdict,
    classification_verdict,
    stopped_verdict,
)

__all__ = ["run_biomarkers"]

ENCODING = "abundances"


def run_biomarkers(
    config: BiomarkersConfig, *, watch: Watch | None = None, n_jobs: int | None = None
) -> StudyResult:
    """Run rows 1.1 to 1.7 and return summary, model, predictions and splits.

    Parameters
    ----------
    config : BiomarkersConfig
        What to read and how to ask.
    watch : Watch, optional
        Progress and storage of finished blocks.
    n_jobs : int, optional
        Worker processes; all cores when None. Results do not depend on it.

    Raises
    ------
    InvalidInputError
        If the table or a setting cannot carry the study.
    """
    watch = watch or Watch()
    threshold_rule(config.threshold, config.prevalence)  # refuse before anything is fitted
    with watch.step("reading"):
        cohort = load_cohort(config)
    inquiry = open_inquiry(cohort, config, watch, n_jobs=n_jobs)
    findings = audit(cohort, config, watch)
    with name_empty_columns(cohort):
        evidence = gather_evidence(inquiry)
        further = ask_further(inquiry, evidence)
        chapters = write_chapters(inquiry, evidence, further)
    with watch.step("tables and answers"):
        summary = _summary(inquiry, findings, evidence, further, chapters)
        model = _model(inquiry, evidence, further.operation, summary)
    summary.run["seconds"] = watch.seconds
    return StudyResult(summary, model, _predictions(summary), _splits(cohort, evidence))


def _summary(
    inquiry: Inquiry,
    audited: Sequence[Finding],
    evidence: BiomarkerEvidence,
    further: Further,
    chapters: Sequence[Chapter],
) -> Summary:
    cohort = inquiry.cohort
    built = build_tables(inquiry, evidence)
    findings = [
        *audited,
        *_findings(cohort, evidence),
        *(finding for chapter in chapters for finding in chapter.findings),
    ]
    verdict = stopped_verdict(findings) or _verdict(cohort, evidence)
    metrics = _metrics(cohort, evidence)
    metrics += [metric for chapter in chapters for metric in chapter.metrics]
    facts = facts_of(inquiry, evidence, further, metrics, findings)
    checklists = checklist_tables(facts)
    X = cohort.table.X()
    result: dict[str, Any] = {
        "claim": verdict.claim,
        "metrics": [metric.as_dict() for metric in metrics],
        "models": _models(evidence),
        "data": {
            "n_rows": X.shape[0],
            "n_features": X.shape[1],
            "positive": cohort.target.positive,
            "negative": cohort.target.negative,
            "n_positive": int(cohort.y.sum()),
            "n_negative": int((cohort.y == 0).sum()),
            "n_missing": int(np.isnan(X).sum()),
            "n_zero": int((X == 0).sum()),
            "scale": cohort.table.scale,
            "scale_origin": cohort.table.scale_origin,
            "dataset": cohort.dataset.name if cohort.dataset else None,
        },
        "sections": [
            section.as_dict()
            for section in (
                *write_sections(inquiry, evidence, built),
                *(chapter.section for chapter in chapters),
                checklist_section(facts),
            )
        ],
        "methods": methods_paragraphs(facts),
    }
    positive = cohort.target.positive
    title = f"{positive[:1].upper()}{positive[1:]} against {cohort.target.negative}"
    run = {
        "seeds": {"run": inquiry.config.seed},
        "data": [vars(source) for source in cohort.table.sources],
    }
    found = [finding.as_dict() for finding in findings]
    tables = {table.name: table for chapter in chapters for table in chapter.tables}
    tables = built.tables | tables | checklists
    return Summary("biomarkers", title, verdict.text, found, result, run, tables)


def _verdict(cohort: Cohort, evidence: BiomarkerEvidence) -> Verdict:
    values = evidence.cross_validation[HEADLINE]
    low, high = cv_interval(values, cohort.y, cohort.table.groups())
    single = evidence.cross_validation["best-single-metabolite"]
    gain_low, gain_high = corrected_difference(
        (values - single).ravel(), test_share=1.0 / values.shape[1]
    )
    rows = ~evidence.test
    fit = evidence.models.index(HEADLINE)
    score = ClassificationScore(
        mean=float(values.mean()),
        low=low,
        high=high,
        train=roc_auc(cohort.y[rows], evidence.single.at(fit, rows)),
        best_single=float(single.mean()),
        gain_low=gain_low,
        gain_high=gain_high,
        scheme=f"{values.shape[0]} x {values.shape[1]} folds",
    )
    n_positive = int(cohort.y.sum())
    verdict = classification_verdict(
        score,
        cohort.target.positive,
        cohort.target.negative,
        n_positive,
        len(cohort.y) - n_positive,
    )
    return Verdict(verdict.claim, verdict.text + _contrast_sentence(cohort, evidence))


def _contrast_sentence(cohort: Cohort, evidence: BiomarkerEvidence) -> str:
    other = cohort.contrast
    if other is None or evidence.contrast is None:
        return ""
    low, high = cv_interval(evidence.contrast, other.y, other.table.groups())
    return (
        f" Against {other.target.negative} alone (n = {int((other.y == 0).sum())}), the harder "
        f"contrast, it is {evidence.contrast.mean():.3f} ({low:.3f} to {high:.3f})."
    )


def _metrics(cohort: Cohort, evidence: BiomarkerEvidence) -> list[Metric]:
    from sklearn.metrics import average_precision_score

    everyone = np.ones(len(cohort.y), bool)
    scores = {model: evidence.single.at(fit, everyone) for fit, model in enumerate(evidence.models)}
    scores["forest"] = evidence.forest.at(0, everyone)
    groups = cohort.table.groups()
    found = []
    for model, score in scores.items():
        for part, rows in split_parts(evidence.test).items():
            y, own = cohort.y[rows], score[rows]
            # An interval needs rows the model has not fitted, and two people of each class.
            limits: tuple[float | None, float | None] = (None, None)
            people = np.arange(len(y)) if groups is None else groups[rows]
            if part == "test" and subjects_of_smaller_class(y, people) > 1:
                limits = obuchowski_interval(y, own, people)
            auc = roc_auc(y, own)
            found.append(Metric("roc_auc", model, ENCODING, part, auc, "", len(y), *limits))
            precision = float(average_precision_score(y, own))
            found.append(Metric("average_precision", model, ENCODING, part, precision, "", len(y)))
    for model, values in evidence.cross_validation.items():
        mean, limits = float(values.mean()), cv_interval(values, cohort.y, groups)
        found.append(Metric("roc_auc", model, ENCODING, "cv", mean, "", len(cohort.y), *limits))
    if cohort.contrast is not None and evidence.contrast is not None:
        y = cohort.contrast.y
        limits = cv_interval(evidence.contrast, y, cohort.contrast.table.groups())
        mean = float(evidence.contrast.mean())
        found.append(
            Metric("roc_auc", HEADLINE, ENCODING, "cv-contrast", mean, "", len(y), *limits)
        )
    return found


def _models(evidence: BiomarkerEvidence) -> list[dict[str, Any]]:
    coef = evidence.single.stacked("coef")
    linear = [
        {
            "name": name,
            "n_parameters": coef.shape[1] + 1,
            "n_nonzero": int((own != 0).sum()),
            "C": None if np.isinf(float(setting["C"])) else float(setting["C"]),
            "l1_ratio": float(setting["l1_ratio"]),
        }
        for name, own, setting in zip(
            evidence.models, coef, evidence.single.plan.settings, strict=True
        )
    ]
    return [*linear, {"name": "forest", "n_parameters": None, "trees": 20, "max_depth": 2}]


def _findings(cohort: Cohort, evidence: BiomarkerEvidence) -> list[Finding]:
    names = cohort.table.keys("feature")
    found = check_training_columns(cohort.table.X(), ~evidence.test, names)
    found += [
        Finding("fit-note", "note", text, "See the model it concerns.") for text in evidence.notes
    ]
    return found


def _model(
    inquiry: Inquiry, evidence: BiomarkerEvidence, operation: Operation, summary: Summary
) -> Model:
    cohort = inquiry.cohort
    headline = summary.metric("roc_auc", model=HEADLINE, split="cv")
    target = {"name": cohort.table.keys("target")[0], "unit": "probability"}
    target |= {"positive": cohort.target.positive, "negative": cohort.target.negative}
    facts = {
        "model": HEADLINE,
        "trained_on": f"all {len(cohort.y)} rows",
        "data": summary.run["data"],
        "scale": cohort.table.scale,
        "metrics": [headline],
        "limits": "Internal validation only. A score is no risk: the share of cases here is "
        f"{cohort.y.mean():.0%}.",
        **training_facts(
            inquiry.X,
            inquiry.y,
            cohort.table.ids,
            out_of_fold_scores=evidence.out_of_fold[HEADLINE][0],
            threshold=_threshold(operation),
        ),
    }
    state = evidence.deployed.states[0]
    features = tuple(cohort.table.keys("feature"))
    steps = inquiry.preparation.steps
    return Model("logistic", state, features, target, {"kind": "columns"}, facts, steps)


def _threshold(operation: Operation) -> Threshold | None:
    """Return where the saved model calls a case: the median of the folds' thresholds."""
    if operation.chosen is None:
        return None
    rule = f"{operation.chosen.rule} on inner out-of-fold scores, median over folds"
    return Threshold(float(np.median(operation.chosen.thresholds)), rule)


def _predictions(summary: Summary) -> pd.DataFrame:
    return summary.tables["predictions"].frame


def _splits(cohort: Cohort, evidence: BiomarkerEvidence) -> pd.DataFrame:
    columns: dict[str, Any] = {"id": cohort.table.ids}
    columns["part"] = np.where(evidence.test, "test", "train")
    columns |= {f"fold_{r}": own + 1 for r, own in enumerate(evidence.folds, start=1)}
    return pd.DataFrame(columns)
