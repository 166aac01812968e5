"""How sure the AUC is: every interval by its name, and what each is of."""

import numpy as np
import pandas as pd

from foldwise.evaluation.auc_bootstrap import auc_bootstrap_interval, average_precision
from foldwise.evaluation.clustered_auc import subjects_of_smaller_class
from foldwise.evaluation.coverage_labels import coverage_label
from foldwise.evaluation.estimates import Estimate
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.repeated_auc import auc_over_repeats
from foldwise.evaluation.seeds import child_seed
from foldwise.reporting.labels import model_label
from foldwise.reporting.summary import NamedTable
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.biomarker_tables import cv_interval
from foldwise.studies.chapters.chapter import Chapter
from foldwise.studies.inquiry import HEADLINE, Inquiry
from foldwise.studies.sections import Section, named_table

__all__ = ["uncertainty_chapter"]


def uncertainty_chapter(inquiry: Inquiry, evidence: BiomarkerEvidence) -> Chapter:
    """Return the headline AUC with each interval, and the average precision."""
    estimates = _estimates(inquiry, evidence)
    table = _table(estimates, inquiry)
    section = Section(
        "uncertainty",
        f"How sure it is: {model_label(HEADLINE)}",
        "The first line is the headline: one model as it would be fitted. Out-of-fold scores are "
        "those of fits that did not see the sample.",
        tables=[table.name],
    )
    _answer(section, inquiry, evidence, estimates)
    return Chapter(section, (table,))


def _estimates(inquiry: Inquiry, evidence: BiomarkerEvidence) -> dict[str, Estimate]:
    """Return every estimate by what it is of, the headline first."""
    y, groups = inquiry.y, inquiry.groups
    values, scores = evidence.cross_validation[HEADLINE], evidence.out_of_fold[HEADLINE]
    low, high = cv_interval(values, y, groups)
    middle = scores[_middle_repeat(y, scores)]
    averaged = scores.mean(axis=0)
    seed = child_seed(inquiry.config.seed, "bootstrap")
    boot = auc_bootstrap_interval(y, middle, groups=groups, seed=seed)
    of_average = auc_over_repeats(y, averaged[None], groups=groups)
    n = inquiry.n_subjects
    return {
        "Mean AUC within folds": Estimate(
            float(values.mean()), low, high, n, "nadeau-bengio", f"{values.size} folds"
        ),
        "AUC of out-of-fold scores, median over repeats": auc_over_repeats(
            y, scores, groups=groups
        ),
        "AUC of out-of-fold scores, one repeat": Estimate(
            roc_auc(y, middle), boot[0], boot[1], n, "bca" if groups is None else "cluster bca"
        ),
        "AUC of scores averaged over repeats": Estimate(
            of_average.value,
            of_average.low,
            of_average.high,
            n,
            of_average.method,
            f"an ensemble of {len(scores)} models, not one model",
        ),
        "Average precision, one repeat": average_precision(y, middle, groups=groups, seed=seed),
    }


def _middle_repeat(y: np.ndarray, scores: np.ndarray) -> int:
    """Return the repeat whose AUC is the median (the lower of two)."""
    aucs = np.array([roc_auc(y, one) for one in scores])
    return int(np.argsort(aucs, kind="stable")[(len(aucs) - 1) // 2])


def _table(estimates: dict[str, Estimate], inquiry: Inquiry) -> NamedTable:
    people = np.arange(len(inquiry.y)) if inquiry.groups is None else inquiry.groups
    smaller = subjects_of_smaller_class(inquiry.y, people)
    rows = [
        {
            "name": name,
            "estimate": one.value,
            "low": one.low,
            "high": one.high,
            "n": one.n,
            "method": one.method,
            "coverage": coverage_label(one.method, smaller) or "95 %",
            "remark": one.note,
        }
        for name, one in estimates.items()
    ]
    return named_table("auc_intervals", "The AUC and its 95 % intervals", pd.DataFrame(rows))


def _answer(
    section: Section,
    inquiry: Inquiry,
    evidence: BiomarkerEvidence,
    estimates: dict[str, Estimate],
) -> None:
    values = evidence.cross_validation[HEADLINE]
    headline, pooled = list(estimates.values())[:2]
    naive = 1.96 * values.std(ddof=1) / np.sqrt(values.size)
    assert headline.low is not None
    assert headline.high is not None
    section.answer(
        "uncertainty-spread",
        "Why is the interval wider than the spread of the folds suggests?",
        f"The {values.size} fold AUCs have a standard deviation of {values.std(ddof=1):.3f}; "
        f"divided by the root of {values.size} it would give plus or minus {naive:.3f}. But folds "
        f"share training rows and people: the interval from {headline.low:.3f} to "
        f"{headline.high:.3f} counts that.",
    )
    average = estimates["AUC of scores averaged over repeats"]
    section.answer(
        "uncertainty-average",
        "Why is the AUC of averaged scores not the headline?",
        f"Averaging the scores of {len(evidence.out_of_fold[HEADLINE])} repeats makes an ensemble: "
        f"{average.value:.3f}, against {pooled.value:.3f} for the scores of a single repeat and "
        f"{headline.value:.3f} within folds. One model would be used, so one model is reported.",
    )
