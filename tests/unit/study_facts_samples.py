"""Facts of runs that never were, with numbers that stand nowhere else."""

from dataclasses import replace

from foldwise.audit.findings import Finding
from foldwise.data.tables import SourceFile
from foldwise.studies.study_facts import Scheme, StudyFacts
from foldwise.studies.study_results import (
    Calibration,
    ExternalCohort,
    Measure,
    OperatingPoint,
    Panel,
    Permutation,
    Results,
)

__all__ = ["PANEL", "bare_facts", "full_facts", "full_results", "stopped_facts"]

PANEL = ("citrate", "beta-alanine", "tyrosine")
NADEAU = "Nadeau-Bengio on the logit of the mean"


def full_results() -> Results:
    """Return every result a run can have; no two numbers are alike."""
    return Results(
        headline=Measure("mean within-fold AUC", 0.871, 0.803, 0.917, NADEAU),
        others=(Measure("average precision", 0.764, 0.651, 0.848, "BCa bootstrap"),),
        apparent=Measure("AUC on training rows", 0.996),
        baselines=(Measure("best single column AUC", 0.742, 0.663, 0.808, NADEAU),),
        gain=Measure("gain over the best single column", 0.129, 0.047, 0.211, "paired by fold"),
        permutation=Permutation(999, 0.0023, "mean within-fold AUC of one 5-fold round"),
        panel=Panel(
            PANEL,
            n_half_samples=106,
            q=17,
            threshold=0.79,
            pfer=1.37,
            bound="Shah-Samworth, unimodal",
            stability=Measure("Nogueira index", 0.583, 0.514, 0.652, "asymptotic"),
        ),
        operating_point=OperatingPoint(
            "Youden index of inner out-of-fold scores",
            0.387,
            Measure("sensitivity", 0.811, 0.658, 0.905, "Wilson"),
            Measure("specificity", 0.892, 0.813, 0.941, "Wilson"),
            true_positive=28,
            false_negative=9,
            false_positive=11,
            true_negative=84,
            lowest=0.318,
            highest=0.441,
        ),
        calibration=Calibration(
            Measure("calibration slope", 0.724, 0.488, 0.959, "Wald"),
            Measure("Brier score", 0.137, 0.108, 0.168, "bootstrap"),
        ),
        prevalence=0.043,
        predictive_values=(Measure("PPV", 0.253, 0.171, 0.359, "logit delta method"),),
        external=ExternalCohort(23, 41, (Measure("ROC AUC", 0.793, 0.672, 0.878, "DeLong"),)),
    )


def full_facts() -> StudyFacts:
    """Return a run that did everything."""
    return StudyFacts(
        positive="severe",
        negative="mild",
        target="outcome_group",
        n_positive=37,
        n_negative=95,
        n_features=143,
        sources=(SourceFile("plasma.csv", "9f86d081884c7d65", 132),),
        scale="log2",
        scale_origin="declared",
        n_missing=419,
        n_zero=53,
        missing="filled with the median of the training rows of each fit",
        preprocessing=(
            "missing cells were filled with medians of the fit's training rows",
            "features were standardised with its means and deviations",
        ),
        models=(
            "logistic regression with an L1 penalty (C = 0.61)",
            "random forest of 20 trees of depth 2",
        ),
        scheme=Scheme(10, 5, groups="subject", n_groups=129),
        seed=29,
        versions={"foldwise": "1.8.4", "numpy": "2.6.3"},
        command="foldwise run config.toml",
        findings=(Finding("missing-cells", "note", "419 of 18876 cells.", "Read on."),),
        results=full_results(),
        dataset="plasma-set",
        spectrum="patients of one hospital against volunteers",
        n_train=105,
        n_test=27,
        tuning="C was chosen in inner folds.",
        class_balance="Classes were neither weighted nor resampled.",
        groups="subject",
        batch="plate",
        covariates=("age", "sex"),
        zeros="below the limit of detection",
        n_excluded=6,
        exclusions="labels missing",
        self_tests=("Test rows replaced by other numbers left every fit unchanged, bit by bit.",),
        infrastructure="2 cores",
        n_parameters=144,
        limits=("Storage differed between hospitals.",),
    )


def bare_facts() -> StudyFacts:
    """Return a run that measured nothing but its table."""
    full = full_facts()
    return StudyFacts(
        positive=full.positive,
        negative=full.negative,
        target=full.target,
        n_positive=full.n_positive,
        n_negative=full.n_negative,
        n_features=full.n_features,
        sources=(),
        scale="raw",
        scale_origin="guessed",
        n_missing=0,
        n_zero=0,
        missing="",
        preprocessing=(),
        models=("logistic regression",),
        scheme=Scheme(3, 4),
        seed=29,
        versions={},
        command="foldwise run config.toml",
    )


def stopped_facts() -> StudyFacts:
    """Return the full run with a finding that stops the claim, and an AUC in its message."""
    stops = Finding(
        "percentile-lattice", "stops", "Parity alone gives AUC 0.999.", "Ask for raw values."
    )
    return replace(full_facts(), findings=(stops,))
