"""What covariates and batches alone explain, and what the features add to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.audit.findings import Finding
from foldwise.errors import first_few
from foldwise.evaluation.clustered_auc import obuchowski_interval, subjects_of_smaller_class
from foldwise.evaluation.cross_validation import (
    CrossValidation,
    ask_cross_validation,
    ask_splits,
)
from foldwise.evaluation.intervals import (
    corrected_difference,
    corrected_p_value,
)
from foldwise.evaluation.metrics import Metric, roc_auc
from foldwise.evaluation.overlap import covariate_overlap
from foldwise.evaluation.repeated_auc import paired_p_value_over_repeats
from foldwise.evaluation.splits import kfold_among
from foldwise.features.covariate_columns import EncodedColumns, encode_columns
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.reporting.labels import BASELINES, model_label
from foldwise.reporting.summary import NamedTable
from foldwise.studies.biomarker_evidence import BiomarkerEvidence
from foldwise.studies.biomarker_tables import cv_interval
from foldwise.studies.chapters.chapter import Chapter
from foldwise.studies.inquiry import HEADLINE, Inquiry
from foldwise.studies.sections import Section, named_table

__all__ = ["influences_chapter", "scored_batches"]

COVARIATES, BATCH, BOTH = "covariates-alone", "batch-alone", "covariates-and-features"
_RIDGE = {"C": 1.0, "l1_ratio": 0.0}
_UNSEEN = {
    COVARIATES: Finding(
        "no-covariates",
        "note",
        "No covariate is given: whether age, sex, treatment or centre separate the classes by "
        "themselves cannot be seen.",
        "Name such columns with --covariates; they then stand beside the features as a baseline.",
    ),
    BATCH: Finding(
        "no-batch",
        "note",
        "No batch is given: whether samples measured apart separate by that alone cannot be seen.",
        "Name the column of plates, days or sites with --batch.",
    ),
}


@dataclass(frozen=True, eq=False)
class _Overlap:
    """The headline model and the covariates where the classes share their ranges."""

    rows: BoolArray
    values: Mapping[str, FloatArray]  # model -> (repeat, fold)


def influences_chapter(inquiry: Inquiry, evidence: BiomarkerEvidence) -> Chapter:
    """Compare the features with what is known of the samples without them."""
    covariates = encode_columns(inquiry.cohort.table, "covariate")
    batch = encode_columns(inquiry.cohort.table, "batch")
    known = {COVARIATES: covariates, BATCH: batch}
    given = {name: one for name, one in known.items() if one is not None}
    asked = _baselines(inquiry, given)
    values = {
        **evidence.cross_validation,
        **{name: one.values[0] for name, one in asked.items()},
    }
    scores = {**evidence.out_of_fold, **{name: one.scores[0] for name, one in asked.items()}}
    section = Section(
        "baselines",
        "What the features add to what is known without them",
        "The same folds for every model; each baseline is a ridge logistic regression (C = 1) on "
        "columns standardised inside the fold.",
        figures=["comparison"],
    )
    tables = [_comparison(inquiry, values), _gains(inquiry, values, scores)]
    _answer_gains(section, tables[1])
    if covariates is not None:
        _answer_covariates(section, inquiry, covariates, values)
        overlap = _overlap(inquiry, covariates)
        _answer_overlap(section, overlap, inquiry)
        tables.append(_overlap_table(inquiry, overlap))
    if batch is not None:
        _answer_batch(section, values)
        tables.append(_left_out(inquiry))
        _answer_left_out(section, tables[-1])
    section.tables += [table.name for table in tables]
    findings = tuple(_UNSEEN[name] for name, one in known.items() if one is None)
    return Chapter(section, tuple(tables), _metrics(inquiry, values), findings)


def _answer_gains(section: Section, gains: NamedTable) -> None:
    spoken = [
        f"{model_label(str(row.model))} over {model_label(str(row.over))} {row.gain:+.3f} "
        f"({row.gain_low:+.3f} to {row.gain_high:+.3f})"
        for row in gains.frame.itertuples()
    ]
    section.answer(
        "baselines-gains",
        "What does a model gain over what is simpler?",
        f"Paired by fold, with 95 % intervals after Nadeau and Bengio: {'; '.join(spoken)}. A gain "
        "whose interval reaches 0 is not shown.",
    )


def _baselines(inquiry: Inquiry, known: Mapping[str, EncodedColumns]) -> dict[str, CrossValidation]:
    """Ask the columns known without the features, and both together, on the same folds."""
    alone = inquiry.covariate_learner
    asked = {name: _ask(inquiry, alone, one.X, _RIDGE, name) for name, one in known.items()}
    if COVARIATES in known:
        X = np.column_stack([inquiry.X, known[COVARIATES].X])
        asked[BOTH] = _ask(inquiry, inquiry.joint_learner, X, inquiry.headline, BOTH)
    return asked


def _ask(
    inquiry: Inquiry,
    learner: LogisticLearner,
    X: FloatArray,
    setting: Mapping[str, float],
    name: str,
    folds: IntArray | None = None,
) -> CrossValidation:
    """Ask for the AUC within every fold, of the study or of rows that overlap."""
    own = inquiry.folds if folds is None else folds
    question = ask_cross_validation(
        inquiry.y, own, roc_auc, settings=[setting], seed=inquiry.config.seed
    )
    where = "" if folds is None else ", overlap"
    return inquiry.watch.ask(f"cross-validation, {model_label(name)}{where}", question, learner, X)


def _comparison(inquiry: Inquiry, values: Mapping[str, FloatArray]) -> NamedTable:
    rows = []
    for model, of_folds in values.items():
        low, high = cv_interval(of_folds, inquiry.y, inquiry.groups)
        rows.append(
            {
                "model": model,
                "kind": "baseline" if model in BASELINES else "model",
                "mean": of_folds.mean(),
                "low": low,
                "high": high,
            }
        )
    title = "Mean within-fold AUC of models and baselines, the same folds for all"
    return named_table("comparison", title, pd.DataFrame(rows))


def _gains(
    inquiry: Inquiry, values: Mapping[str, FloatArray], scores: Mapping[str, FloatArray]
) -> NamedTable:
    """Return what each model gains over another, paired by fold and by out-of-fold score."""
    pairs = [(HEADLINE, "best-single-metabolite"), (HEADLINE, "forest")]
    if BOTH in values:
        pairs.insert(0, (BOTH, COVARIATES))
    if BATCH in values:
        pairs.append((HEADLINE, BATCH))
    rows = []
    for model, other in pairs:
        difference = values[model] - values[other]
        share = 1.0 / difference.shape[1]
        low, high = corrected_difference(difference.ravel(), test_share=share)
        rows.append(
            {
                "model": model,
                "over": other,
                "gain": difference.mean(),
                "gain_low": low,
                "gain_high": high,
                "p_corrected": corrected_p_value(difference.ravel(), test_share=share),
                "p_delong": paired_p_value_over_repeats(
                    inquiry.y, scores[model], scores[other], groups=inquiry.groups
                ),
            }
        )
    return named_table("gains", "Gains in AUC, paired by fold", pd.DataFrame(rows))


def _answer_covariates(
    section: Section,
    inquiry: Inquiry,
    covariates: EncodedColumns,
    values: Mapping[str, FloatArray],
) -> None:
    alone, both = values[COVARIATES], values[BOTH]
    low, high = cv_interval(alone, inquiry.y, inquiry.groups)
    gain = both - alone
    gain_low, gain_high = corrected_difference(gain.ravel(), test_share=1 / gain.shape[1])
    names = ", ".join(dict.fromkeys(covariates.sources))
    section.answer(
        "baselines-covariates",
        "Do the covariates alone separate the classes, and what do the features add?",
        f"{names} alone reach {alone.mean():.3f} ({low:.3f} to {high:.3f}). With the features "
        f"beside them it is {both.mean():.3f}: a gain of {gain.mean():+.3f} ({gain_low:+.3f} to "
        f"{gain_high:+.3f}, Nadeau-Bengio, paired by fold). "
        + (
            "That the features add something to the covariates is not shown."
            if gain_low <= 0
            else "The features add to the covariates."
        ),
    )


def _overlap(inquiry: Inquiry, covariates: EncodedColumns) -> _Overlap:
    """Ask again among rows where both classes share the covariates' ranges."""
    rows = covariate_overlap(covariates.X, inquiry.y)
    counts = [int((rows & (inquiry.y == label)).sum()) for label in (0.0, 1.0)]
    if min(counts) < max(2 * inquiry.n_folds, 10):
        return _Overlap(rows, {})
    folds = kfold_among(
        rows,
        n_splits=inquiry.n_folds,
        n_repeats=len(inquiry.folds),
        seed=inquiry.config.seed,
        classes=inquiry.y,
        groups=inquiry.cohort.table.groups(),
    )
    alone, own = inquiry.covariate_learner, inquiry.logistic
    values = {
        HEADLINE: _ask(inquiry, own, inquiry.X, inquiry.headline, HEADLINE, folds).values[0],
        COVARIATES: _ask(inquiry, alone, covariates.X, _RIDGE, COVARIATES, folds).values[0],
    }
    return _Overlap(rows, values)


def _overlap_table(inquiry: Inquiry, overlap: _Overlap) -> NamedTable:
    y = inquiry.y[overlap.rows]
    groups = None if inquiry.groups is None else inquiry.groups[overlap.rows]
    rows = []
    for model, values in overlap.values.items():
        low, high = cv_interval(values, y, groups)
        rows.append(
            {
                "model": model,
                "n_cases": int(y.sum()),
                "n_controls": int((y == 0).sum()),
                "mean": values.mean(),
                "low": low,
                "high": high,
            }
        )
    columns = ["model", "n_cases", "n_controls", "mean", "low", "high"]
    title = "Only samples within the covariates' ranges that both classes share"
    return named_table("overlap", title, pd.DataFrame(rows, columns=columns))


def _answer_overlap(section: Section, overlap: _Overlap, inquiry: Inquiry) -> None:
    y = inquiry.y[overlap.rows]
    who = f"{int(y.sum())} cases and {int((y == 0).sum())} controls"
    question = "And among samples whose covariates overlap?"
    if not overlap.values:
        section.answer(
            "baselines-overlap",
            question,
            f"Only {who} lie within the ranges that both classes share: too few to ask. The "
            "features and the covariates cannot be told apart in this table.",
        )
        return
    spoken = []
    groups = None if inquiry.groups is None else inquiry.groups[overlap.rows]
    for model, values in overlap.values.items():
        low, high = cv_interval(values, y, groups)
        spoken.append(f"{model_label(model)} {values.mean():.3f} ({low:.3f} to {high:.3f})")
    section.answer(
        "baselines-overlap",
        question,
        f"Among the {who} within the ranges that both classes share: {'; '.join(spoken)}.",
    )


def _answer_batch(section: Section, values: Mapping[str, FloatArray]) -> None:
    section.answer(
        "baselines-batch",
        "Does the batch alone separate the classes?",
        f"The batch alone reaches {values[BATCH].mean():.3f}, the features "
        f"{values[HEADLINE].mean():.3f}.",
    )


def scored_batches(y: FloatArray, batches: npt.NDArray[Any]) -> BoolArray:
    """Return which batches, in sorted order, can be scored by a model of all others.

    Both the batch and the others need two samples of each class.
    """
    held = np.array([batches == level for level in sorted(set(batches))])
    cases, controls = (held & (y == 1)).sum(axis=1), (held & (y == 0)).sum(axis=1)
    others = [(y == 1).sum() - cases, (y == 0).sum() - controls]
    return np.asarray(np.minimum.reduce([cases, controls, *others]) >= 2)


def _left_out(inquiry: Inquiry) -> NamedTable:
    """Return the headline model's AUC on each batch, trained on all others.

    Batches without two samples of each class have none, nor those without which the
    other batches hold one class only.
    """
    y, batches = inquiry.y, inquiry.cohort.table.values("batch").to_numpy()
    groups = inquiry.groups
    levels = sorted(set(batches))
    held = np.array([batches == level for level in levels])
    cases, controls = (held & (y == 1)).sum(axis=1), (held & (y == 0)).sum(axis=1)
    asked = np.flatnonzero(scored_batches(y, batches))
    aucs = np.full((len(levels), 3), np.nan)
    if len(asked):
        found = inquiry.watch.ask(
            "leave one batch out",
            ask_splits(y, held[asked], settings=[inquiry.headline], seed=inquiry.config.seed),
            inquiry.logistic,
            inquiry.X,
        )
        for fit, level in enumerate(asked):
            score = found.at(fit, held[level])
            own = y[held[level]]
            people = np.flatnonzero(held[level]) if groups is None else groups[held[level]]
            aucs[level] = roc_auc(own, score), *_interval(own, score, people)
    columns = {
        "batch": levels,
        "n_cases": cases,
        "n_controls": controls,
        **dict(zip(("auc", "low", "high"), aucs.T, strict=True)),
    }
    return named_table("batches", "Each batch scored by a model of all other batches", columns)


def _interval(y: FloatArray, score: FloatArray, people: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the interval of an AUC between people; none where a class has only one."""
    if subjects_of_smaller_class(y, people) < 2:
        return np.nan, np.nan
    return obuchowski_interval(y, score, people)


def _answer_left_out(section: Section, table: NamedTable) -> None:
    frame = table.frame
    scored = frame[frame["auc"].notna()]
    silent = [str(one) for one in frame.loc[frame["auc"].isna(), "batch"]]
    text = (
        f"In {len(scored)} of {len(frame)} batches both classes are there: the AUC runs from "
        f"{scored['auc'].min():.3f} to {scored['auc'].max():.3f}, mean {scored['auc'].mean():.3f}."
        if len(scored)
        else "No batch holds two samples of each class, so none can be scored: batch and class "
        "are one and the same here."
    )
    if silent and len(scored):
        text += f" Without two samples of each class: {first_few(silent)}; no AUC exists there."
    section.answer("baselines-left-out", "Does it hold on a batch it never saw?", text)


def _metrics(inquiry: Inquiry, values: Mapping[str, FloatArray]) -> tuple[Metric, ...]:
    found = []
    for model in (COVARIATES, BATCH, BOTH):
        if model in values:
            low, high = cv_interval(values[model], inquiry.y, inquiry.groups)
            mean = float(values[model].mean())
            found.append(
                Metric("roc_auc", model, "none", "cv", mean, "", len(inquiry.y), low, high)
            )
    return tuple(found)
