"""The facts of one run of ``biomarkers`` that its methods text and checklists are written from."""

from collections.abc import Sequence

import numpy as np

from foldwise.audit.findings import Finding
from foldwise.evaluation.estimates import Estimate
from foldwise.evaluation.intervals import corrected_difference
from foldwise.evaluation.metrics import Metric
from foldwise.evaluation.proportions import predictive_values
from foldwise.fits.preprocessing import describe_steps
from foldwise.reporting.labels import INTERVALS, model_label
from foldwise.studies import study_facts
from foldwise.studies import study_results as facts
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.chapters.contents import Further
from foldwise.studies.chapters.influences import scored_batches
from foldwise.studies.chapters.operating import Operation
from foldwise.studies.chapters.panel import Panel
from foldwise.studies.inquiry import HEADLINE, Inquiry, given_splits
from foldwise.studies.versions import package_versions

__all__ = ["facts_of"]

_BASELINES = ("best-single-metabolite", "majority", "covariates-alone", "batch-alone")
_OTHERS = ("logistic-none", "logistic-l2", "logistic-elastic-net", "forest")
_ZEROS = {"absent": "missing", "lod": "below the limit of detection", "true": "measured"}
_CV = "Nadeau-Bengio, on the logit scale"


def facts_of(
    inquiry: Inquiry,
    evidence: BiomarkerEvidence,
    further: Further,
    metrics: Sequence[Metric],
    findings: Sequence[Finding],
) -> study_facts.StudyFacts:
    """Return everything that is written about this run."""
    table, config = inquiry.cohort.table, inquiry.config
    steps, rule = describe_steps(inquiry.preparation.steps), inquiry.cohort.rule
    batch, groups = table.keys("batch"), table.keys("group")
    return study_facts.StudyFacts(
        positive=inquiry.cohort.target.positive,
        negative=inquiry.cohort.target.negative,
        target=table.keys("target")[0],
        n_positive=int(inquiry.y.sum()),
        n_negative=int((inquiry.y == 0).sum()),
        n_features=inquiry.X.shape[1],
        sources=table.sources,
        scale=table.scale,
        scale_origin=table.scale_origin,
        n_missing=int(np.isnan(inquiry.X).sum()),
        n_zero=int((inquiry.X == 0).sum()),
        missing="",
        zeros=_ZEROS.get(config.zeros),
        preprocessing=tuple(_clause(step) for step in steps),
        models=_models(inquiry, evidence),
        scheme=_scheme(inquiry),
        seed=config.seed,
        versions=package_versions(),
        command="foldwise run config.toml",
        findings=tuple(findings),
        results=_results(inquiry, evidence, further, metrics),
        spectrum=f"{rule.positive_label} against {rule.negative_label}" if rule else None,
        class_balance="Classes were neither weighted nor resampled.",
        dataset=None if inquiry.cohort.dataset is None else inquiry.cohort.dataset.name,
        n_train=int((~evidence.test).sum()),
        n_test=int(evidence.test.sum()),
        groups=groups[0] if groups else None,
        batch=batch[0] if batch else None,
        covariates=tuple(table.keys("covariate")),
        self_tests=_self_tests(further),
        n_parameters=len(inquiry.names) + 1,
        limits=inquiry.preparation.notes,
    )


def _clause(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def _models(inquiry: Inquiry, evidence: BiomarkerEvidence) -> tuple[str, ...]:
    """Return every model as a noun phrase, the headline model first."""
    kinds = {0.0: "an L2 penalty", 1.0: "an L1 penalty"}
    phrases = {}
    for name, setting in zip(evidence.models, evidence.single.plan.settings, strict=True):
        share = float(setting["l1_ratio"])
        kind = kinds.get(share, f"an elastic-net penalty (L1 share {share:g})")
        penalty = "no penalty" if np.isinf(setting["C"]) else f"{kind} (C = {setting['C']:g})"
        phrases[name] = f"logistic regression with {penalty}"
    first = phrases.pop(HEADLINE)
    return (first, *phrases.values(), "random forest of 20 trees of depth 2")


def _scheme(inquiry: Inquiry) -> study_facts.Scheme:
    table = inquiry.cohort.table
    batch, group = table.keys("batch"), table.keys("group")
    scored = bool(batch) and scored_batches(inquiry.y, table.values("batch").to_numpy()).any()
    return study_facts.Scheme(
        len(inquiry.folds),
        inquiry.n_folds,
        given=given_splits(inquiry.config, table).folds is not None,
        groups=group[0] if group else None,
        n_groups=inquiry.n_subjects if group else None,
        leave_batch_out=batch[0] if scored else None,
    )


def _results(
    inquiry: Inquiry,
    evidence: BiomarkerEvidence,
    further: Further,
    metrics: Sequence[Metric],
) -> facts.Results:
    found = {
        one.model: facts.Measure(
            f"mean within-fold AUC of {model_label(one.model)}", one.value, one.low, one.high, _CV
        )
        for one in metrics
        if one.name == "roc_auc" and one.split == "cv"
    }
    apparent = next(
        one
        for one in metrics
        if one.name == "roc_auc" and one.split == "train" and one.model == HEADLINE
    )
    return facts.Results(
        headline=found[HEADLINE],
        others=tuple(found[model] for model in _OTHERS if model in found),
        apparent=facts.Measure("apparent AUC on training rows", apparent.value),
        baselines=tuple(found[model] for model in _BASELINES if model in found),
        gain=_gain(evidence),
        permutation=_permutation(inquiry, further),
        panel=_panel(inquiry, further.panel),
        operating_point=_operating_point(further.operation),
        calibration=_calibration(further.operation),
        prevalence=inquiry.config.prevalence,
        predictive_values=_predictive_values(inquiry, further.operation),
    )


def _gain(evidence: BiomarkerEvidence) -> facts.Measure:
    values = evidence.cross_validation
    difference = values[HEADLINE] - values["best-single-metabolite"]
    low, high = corrected_difference(difference.ravel(), test_share=1 / difference.shape[1])
    name = "gain in AUC over the best single feature"
    return facts.Measure(name, float(difference.mean()), low, high, "Nadeau-Bengio, paired")


def _permutation(inquiry: Inquiry, further: Further) -> facts.Permutation | None:
    if not inquiry.config.permutations or further.permutations.refused:
        return None
    test = further.permutations.tests[HEADLINE]
    folds = len(test.fold_values)
    statistic = f"mean within-fold AUC of one {folds}-fold cross-validation"
    return facts.Permutation(len(test.null), test.p_value, statistic)


def _panel(inquiry: Inquiry, panel: Panel | None) -> facts.Panel | None:
    if panel is None:
        return None
    design, index = panel.selection.design, panel.index
    stability = None
    if index.value is not None:
        stability = facts.Measure(
            "stability index of Nogueira",
            index.value,
            index.low,
            index.high,
            "asymptotic",
        )
    return facts.Panel(
        tuple(np.array(inquiry.names, dtype=object)[panel.selection.panel]),
        2 * design.n_pairs,
        design.q,
        design.threshold,
        design.pfer,
        design.bound.title(),
        stability,
    )


def _operating_point(operation: Operation) -> facts.OperatingPoint | None:
    point = operation.chosen
    if point is None or point.table is None:
        return None
    table = point.table
    return facts.OperatingPoint(
        f"{point.rule} on inner out-of-fold scores",
        float(np.median(point.thresholds)),
        _measure("sensitivity", table.sensitivity),
        _measure("specificity", table.specificity),
        table.true_positive,
        table.false_negative,
        table.false_positive,
        table.true_negative,
        float(point.thresholds.min()),
        float(point.thresholds.max()),
    )


def _measure(name: str, one: Estimate) -> facts.Measure:
    assert one.value is not None
    return facts.Measure(name, one.value, one.low, one.high, INTERVALS[one.method])


def _calibration(operation: Operation) -> facts.Calibration | None:
    found = operation.calibration
    if found.slope.value is None:
        return None
    slope = _measure("calibration slope", found.slope)
    return facts.Calibration(slope, facts.Measure("Brier score", found.brier))


def _predictive_values(inquiry: Inquiry, operation: Operation) -> tuple[facts.Measure, ...]:
    prevalence, point = inquiry.config.prevalence, operation.chosen
    if prevalence is None or point is None or point.table is None:
        return ()
    named = zip(("PPV", "NPV"), predictive_values(point.table, prevalence), strict=True)
    return tuple(
        facts.Measure(name, one.value, one.low, one.high, "logit delta method")
        for name, one in named
        if one.value is not None
    )


def _self_tests(further: Further) -> tuple[str, ...]:
    said = []
    if further.self_tests.shuffled is not None:
        passed = further.self_tests.shuffled.passed
        said.append(
            "With shuffled labels the pipeline did no better than guessing."
            if passed
            else "With shuffled labels the pipeline did better than guessing: labels leak."
        )
    for model, unseen in further.self_tests.unseen.items():
        changed = "no bit of" if unseen.passed else "something in"
        said.append(
            f"Replacing held-out rows by other numbers changed {changed} what "
            f"{model_label(model)} learns."
        )
    return tuple(said)
