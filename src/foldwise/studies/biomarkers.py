"""The study ``biomarkers``: cases against controls from a table of abundances."""

from typing import Any

import numpy as np
import pandas as pd

from foldwise.audit.findings import Finding
from foldwise.evaluation.intervals import corrected_difference, delong_interval
from foldwise.evaluation.metrics import Metric, roc_auc
from foldwise.reporting.summary import Summary
from foldwise.studies.biomarker_evidence import (
    HEADLINE,
    BiomarkerEvidence,
    Cohort,
    find_in_cohort,
    gather_evidence,
    load_cohort,
    name_empty_columns,
)
from foldwise.studies.biomarker_sections import write_sections
from foldwise.studies.biomarker_tables import build_tables, cv_interval, split_parts
from foldwise.studies.config import BiomarkersConfig
from foldwise.studies.model import Model
from foldwise.studies.sections import StudyResult, Watch
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
    with watch.step("reading"):
        cohort = load_cohort(config)
    with name_empty_columns(cohort):
        evidence = gather_evidence(cohort, config, watch, n_jobs=n_jobs)
    with watch.step("tables and answers"):
        summary = _summary(cohort, evidence, config)
        model = _model(cohort, evidence, summary)
    summary.run["seconds"] = watch.seconds
    return StudyResult(summary, model, _predictions(summary), _splits(cohort, evidence))


def _summary(cohort: Cohort, evidence: BiomarkerEvidence, config: BiomarkersConfig) -> Summary:
    built = build_tables(cohort, evidence)
    findings = _findings(cohort, evidence)
    verdict = stopped_verdict(findings) or _verdict(cohort, evidence)
    X = cohort.table.X()
    result: dict[str, Any] = {
        "claim": verdict.claim,
        "metrics": [metric.as_dict() for metric in _metrics(cohort, evidence)],
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
        "sections": [one.as_dict() for one in write_sections(cohort, evidence, built)],
    }
    positive = cohort.target.positive
    title = f"{positive[:1].upper()}{positive[1:]} against {cohort.target.negative}"
    run = {
        "seeds": {"run": config.seed},
        "data": [vars(source) for source in cohort.table.sources],
    }
    found = [finding.as_dict() for finding in findings]
    return Summary("biomarkers", title, verdict.text, found, result, run, built.tables)


def _verdict(cohort: Cohort, evidence: BiomarkerEvidence) -> Verdict:
    values = evidence.cross_validation[HEADLINE]
    low, high = cv_interval(values, cohort.y)
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
    low, high = cv_interval(evidence.contrast, other.y)
    return (
        f" Against {other.target.negative} alone (n = {int((other.y == 0).sum())}), the harder "
        f"contrast, it is {evidence.contrast.mean():.3f} ({low:.3f} to {high:.3f})."
    )


def _metrics(cohort: Cohort, evidence: BiomarkerEvidence) -> list[Metric]:
    from sklearn.metrics import average_precision_score

    everyone = np.ones(len(cohort.y), bool)
    scores = {model: evidence.single.at(fit, everyone) for fit, model in enumerate(evidence.models)}
    scores["forest"] = evidence.forest.at(0, everyone)
    grouped = cohort.table.groups() is not None
    found = []
    for model, score in scores.items():
        for part, rows in split_parts(evidence.test).items():
            y, own = cohort.y[rows], score[rows]
            # DeLong needs independent rows and rows the model has not fitted.
            limits: tuple[float | None, float | None] = (None, None)
            if part == "test" and not grouped and min(y.sum(), (y == 0).sum()) > 1:
                limits = delong_interval(y, own)
            auc = roc_auc(y, own)
            found.append(Metric("roc_auc", model, ENCODING, part, auc, "", len(y), *limits))
            precision = float(average_precision_score(y, own))
            found.append(Metric("average_precision", model, ENCODING, part, precision, "", len(y)))
    for model, values in evidence.cross_validation.items():
        mean, limits = float(values.mean()), cv_interval(values, cohort.y)
        found.append(Metric("roc_auc", model, ENCODING, "cv", mean, "", len(cohort.y), *limits))
    if cohort.contrast is not None and evidence.contrast is not None:
        y = cohort.contrast.y
        limits = cv_interval(evidence.contrast, y)
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
    found = find_in_cohort(cohort, evidence.test)
    n_test_cases = int(cohort.y[evidence.test].sum())
    smaller = min(n_test_cases, int(evidence.test.sum()) - n_test_cases)
    if smaller < 10:
        found.append(
            Finding(
                "small-test-part",
                "note",
                f"The smaller class has {smaller} rows in the test part.",
                "Read the cross-validated AUC first; the one split is shown because readers ask.",
            )
        )
    found += [
        Finding("fit-note", "note", text, "See the model it concerns.") for text in evidence.notes
    ]
    return found


def _model(cohort: Cohort, evidence: BiomarkerEvidence, summary: Summary) -> Model:
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
    }
    state = evidence.deployed.states[0]
    features = tuple(cohort.table.keys("feature"))
    return Model("logistic", state, features, target, {"kind": "columns"}, facts)


def _predictions(summary: Summary) -> pd.DataFrame:
    return summary.tables["predictions"].frame


def _splits(cohort: Cohort, evidence: BiomarkerEvidence) -> pd.DataFrame:
    columns: dict[str, Any] = {"id": cohort.table.ids}
    columns["part"] = np.where(evidence.test, "test", "train")
    columns |= {f"fold_{r}": own + 1 for r, own in enumerate(evidence.folds, start=1)}
    return pd.DataFrame(columns)
