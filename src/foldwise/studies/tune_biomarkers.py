"""The study ``tune-biomarkers``: whether a search of penalties improves the logistic model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldwise.arrays import BoolArray, IntArray
from foldwise.audit.columns import check_training_columns
from foldwise.audit.findings import Finding
from foldwise.evaluation.cross_validation import ask_splits
from foldwise.evaluation.intervals import delong_difference, delong_interval
from foldwise.evaluation.metrics import Metric, roc_auc, roc_points
from foldwise.evaluation.permutation import PermutationTest
from foldwise.evaluation.splits import kfold_among, require_both_classes
from foldwise.fits.batch import FitBatch
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.preprocessing import describe_steps
from foldwise.reporting.labels import setting_label
from foldwise.reporting.summary import NamedTable, Summary
from foldwise.studies.auditing import audit
from foldwise.studies.biomarker_tables import cv_interval
from foldwise.studies.chapters.permutations import permutation_tables
from foldwise.studies.cohorts import Cohort, load_cohort, name_empty_columns
from foldwise.studies.config import TuneBiomarkersConfig
from foldwise.studies.given_splits import GivenSplits, require_whole_groups
from foldwise.studies.inquiry import given_splits, split_test_part
from foldwise.studies.model import Model
from foldwise.studies.preparation import Preparation, prepare
from foldwise.studies.sections import Fact, Section, StudyResult, Watch, named_table
from foldwise.studies.training_record import training_facts
from foldwise.studies.tuning import Problem, Search, search_settings
from foldwise.studies.tuning_tables import (
    cross_validated_words,
    find_in_search,
    nested_section,
    plan_section,
    rows_of_folds,
    search_tables,
    steps_table,
)
from foldwise.studies.verdicts import TuningStep, stopped_verdict, tuning_verdict
from foldwise.tuning.nested import inner_folds
from foldwise.tuning.permuted_search import ask_permuted_search

__all__ = ["run_tune_biomarkers"]

UNTUNED = {"C": 1.0, "l1_ratio": 1.0}
"""The headline model of the study ``biomarkers``."""
_ENCODING = "abundances"
_MODELS = ("logistic-untuned", "logistic-tuned")
_PERMUTATIONS = 200


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Everything the fits of the study gave back; fits of ``refits`` follow `_MODELS`."""

    cohort: Cohort
    audited: Sequence[Finding]
    preparation: Preparation
    test: BoolArray
    folds: IntArray
    found: Search
    refits: FitBatch
    permuted: PermutationTest | None


def run_tune_biomarkers(
    config: TuneBiomarkersConfig, *, watch: Watch | None = None, n_jobs: int | None = None
) -> StudyResult:
    """Search penalties on the training rows, refit the best, and say what tuning gained.

    Parameters
    ----------
    config : TuneBiomarkersConfig
        What to read and what to try.
    watch : Watch, optional
        Progress, and storage of finished fits and trials.
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
    audited = audit(cohort, config, watch)
    with name_empty_columns(cohort):
        evidence = _gather(cohort, audited, config, watch, n_jobs)
    with watch.step("tables and answers"):
        summary = _summary(evidence, config)
        model = _model(evidence, summary)
        part = np.where(evidence.test, "test", "train")
        splits = pd.DataFrame({"id": cohort.table.ids, "part": part})
    summary.run["seconds"] = watch.seconds
    return StudyResult(summary, model, summary.tables["predictions"].frame, splits)


def _gather(
    cohort: Cohort,
    audited: Sequence[Finding],
    config: TuneBiomarkersConfig,
    watch: Watch,
    n_jobs: int | None,
) -> _Evidence:
    given = given_splits(config, cohort.table)
    test = split_test_part(config, cohort, given)
    folds = _folds(config, cohort, given, ~test)
    preparation = prepare(config, cohort.table, cohort.pool)
    learner = LogisticLearner(steps=preparation.steps, n_jobs=n_jobs)
    problem = Problem(
        cohort.y,
        folds,
        _inner_folds(config, cohort, folds[0]) if config.nested else None,
        roc_auc,
        "AUC",
        learner,
        cohort.table.X(),
        config.seed,
    )
    found = search_settings(
        problem,
        {"C": config.C, "l1_ratio": config.l1_ratio},
        watch,
        search=config.search,
        trials=config.trials,
        linear=("l1_ratio",),
    )
    refits = watch.ask(
        "refits, untuned and tuned",
        ask_splits(cohort.y, test[None], settings=[UNTUNED, found.best_setting], seed=config.seed),
        learner,
        problem.X,
        keep=("scores", "parameters", "preprocessing"),
    )
    permuted = _permuted(cohort, config, found, test, learner, watch)
    return _Evidence(cohort, audited, preparation, test, folds, found, refits, permuted)


def _permuted(
    cohort: Cohort,
    config: TuneBiomarkersConfig,
    found: Search,
    test: BoolArray,
    learner: LogisticLearner,
    watch: Watch,
) -> PermutationTest | None:
    """Ask for the p-value of the whole search on the training rows, if it is wanted."""
    if not config.permute_all:
        return None
    groups = cohort.table.groups()
    question = ask_permuted_search(
        cohort.y[~test],
        found.settings,
        n_permutations=_PERMUTATIONS,
        n_folds=config.folds,
        groups=None if groups is None else groups[~test],
        seed=config.seed,
    )
    label = f"{_PERMUTATIONS} permutations, the grid anew in each"
    return watch.ask(label, question, learner, cohort.table.X()[~test])


def _folds(
    config: TuneBiomarkersConfig, cohort: Cohort, given: GivenSplits, train: BoolArray
) -> IntArray:
    """Return the folds of the training rows; -1 on test rows."""
    groups = cohort.table.groups()
    if given.folds is None:
        folds = kfold_among(
            train,
            n_splits=config.folds,
            n_repeats=config.repeats,
            seed=config.seed,
            classes=cohort.y,
            groups=groups,
        )
    else:
        folds = np.where(train, given.folds, -1)
        for repeat, own in enumerate(given.folds, start=1):
            require_whole_groups(own, groups, f"{config.splits}, column 'fold_{repeat}'")
    require_both_classes(folds, cohort.y, (cohort.target.negative, cohort.target.positive))
    return folds


def _inner_folds(config: TuneBiomarkersConfig, cohort: Cohort, outer: IntArray) -> IntArray:
    """Return the folds inside each outer fold, shape (n_outer, n_samples)."""
    inner = inner_folds(
        outer,
        n_splits=config.folds,
        seed=config.seed,
        classes=cohort.y,
        groups=cohort.table.groups(),
    )
    require_both_classes(inner, cohort.y, (cohort.target.negative, cohort.target.positive))
    return inner


def _steps(evidence: _Evidence) -> list[TuningStep]:
    """Return the untuned and the tuned model on the test rows, and the gain between them."""
    y, test = evidence.cohort.y[evidence.test], evidence.test
    before, after = (evidence.refits.at(fit, test) for fit in range(2))
    n_train = int((~test).sum())
    # DeLong needs independent rows.
    claimed = evidence.cohort.table.groups() is None and min(y.sum(), (1 - y).sum()) > 1
    limits: list[tuple[float | None, float | None]] = [(None, None), (None, None)]
    gain, low, high = roc_auc(y, after) - roc_auc(y, before), None, None
    if claimed:
        limits = [delong_interval(y, before), delong_interval(y, after)]
        gain, low, high = delong_difference(y, after, before)
    best = setting_label(evidence.found.best_setting)
    return [
        TuningStep("untuned", setting_label(UNTUNED), n_train, roc_auc(y, before), *limits[0]),
        TuningStep("+ tuned", best, n_train, roc_auc(y, after), *limits[1], None, gain, low, high),
    ]


def _metrics(evidence: _Evidence, steps: Sequence[TuningStep]) -> list[Metric]:
    y, test, found = evidence.cohort.y, evidence.test, evidence.found
    metrics = []
    for fit, (model, step) in enumerate(zip(_MODELS, steps, strict=True)):
        own = roc_auc(y[~test], evidence.refits.at(fit, ~test))
        n_train, n_test = int((~test).sum()), int(test.sum())
        metrics += [
            Metric("roc_auc", model, _ENCODING, "train", own, "", n_train),
            Metric(
                "roc_auc", model, _ENCODING, "test", step.reached, "", n_test, step.low, step.high
            ),
        ]
    values = found.values[found.best]
    groups = evidence.cohort.table.groups()
    limits = cv_interval(values, y[~test], None if groups is None else groups[~test])
    mean = float(values.mean())
    metrics.append(
        Metric("roc_auc", "logistic-tuned", _ENCODING, "cv", mean, "", int((~test).sum()), *limits)
    )
    if found.nested is not None:
        mean = float(found.nested.outer.mean())
        n_train = int((~test).sum())
        metrics.append(
            Metric("roc_auc", "logistic-tuned", _ENCODING, "cv-nested", mean, "", n_train)
        )
    return metrics


def _summary(evidence: _Evidence, config: TuneBiomarkersConfig) -> Summary:
    cohort, found = evidence.cohort, evidence.found
    table, n_test = cohort.table, int(evidence.test.sum())
    steps = _steps(evidence)
    metrics = _metrics(evidence, steps)
    findings = _findings(evidence, n_test)
    words = cross_validated_words(found)
    verdict = stopped_verdict(findings) or tuning_verdict("AUC", words, steps, n_test)
    tables = [
        *search_tables(found),
        steps_table(steps, "AUC", n_test),
        rows_of_folds(table.ids, evidence.folds),
        _predictions(evidence),
        _roc_curve(evidence),
        *(permutation_tables({_MODELS[1]: evidence.permuted}) if evidence.permuted else ()),
    ]
    coef = evidence.refits.stacked("coef")
    result: dict[str, Any] = {
        "claim": verdict.claim,
        "metrics": [metric.as_dict() for metric in metrics],
        "models": [
            {
                "name": model,
                "n_parameters": coef.shape[1] + 1,
                "n_nonzero": int((own != 0).sum()),
                "setting": step.setting,
            }
            for model, own, step in zip(_MODELS, coef, steps, strict=True)
        ],
        "data": {
            "n_rows": table.n_rows,
            "n_features": len(table.keys("feature")),
            "n_test": n_test,
            "positive": cohort.target.positive,
            "negative": cohort.target.negative,
            "scale": table.scale,
            "scale_origin": table.scale_origin,
            "dataset": cohort.dataset.name if cohort.dataset else None,
        },
        "sections": [one.as_dict() for one in _sections(evidence, steps)],
    }
    run = {
        "seeds": {"run": config.seed},
        "data": [vars(source) for source in table.sources],
    }
    title = f"Tuning {cohort.target.positive} against {cohort.target.negative}"
    said = [finding.as_dict() for finding in findings]
    named = {one.name: one for one in tables}
    return Summary("tune-biomarkers", title, verdict.text, said, result, run, named)


def _findings(evidence: _Evidence, n_test: int) -> list[Finding]:
    table = evidence.cohort.table
    found = [
        *evidence.audited,
        *check_training_columns(table.X(), ~evidence.test, table.keys("feature")),
    ]
    found += find_in_search(evidence.found, len(_MODELS), n_test)
    notes = sorted({text for _, text in evidence.refits.notes})
    return found + [
        Finding("fit-note", "note", text, "See the model it concerns.") for text in notes
    ]


def _predictions(evidence: _Evidence) -> NamedTable:
    cohort = evidence.cohort
    everyone = np.ones(len(cohort.y), bool)
    names = (cohort.target.negative, cohort.target.positive)
    frames = [
        pd.DataFrame(
            {
                "id": cohort.table.ids,
                "label": [names[int(one)] for one in cohort.y],
                "part": np.where(evidence.test, "test", "train"),
                "model": model,
                "score": evidence.refits.at(fit, everyone),
            }
        )
        for fit, model in enumerate(_MODELS)
    ]
    title = "Probability of each row, both models"
    return named_table("predictions", title, pd.concat(frames, ignore_index=True))


def _roc_curve(evidence: _Evidence) -> NamedTable:
    frames = [
        pd.DataFrame(
            {"model": model, "split": part}
            | roc_points(evidence.cohort.y[rows], evidence.refits.at(fit, rows))
        )
        for fit, model in enumerate(_MODELS)
        for part, rows in (("train", ~evidence.test), ("test", evidence.test))
    ]
    return named_table("roc_curve", "ROC curves", pd.concat(frames, ignore_index=True))


def _sections(evidence: _Evidence, steps: Sequence[TuningStep]) -> list[Section]:
    found = evidence.found
    parts: Mapping[str, int] = {
        "train": int((~evidence.test).sum()),
        "test": int(evidence.test.sum()),
    }
    history = ["search_history"] if found.asked == "tpe" else []
    main = Section(
        "tuning",
        "Search, refit, and what tuning gains",
        tables=["search", "attribution"],
        figures=["search_settings", *history, "attribution", "roc_logistic-tuned"],
    )
    main.facts = [
        Fact("best", "Best setting", setting_label(found.best_setting)),
        Fact("cv_auc", "Mean AUC over folds", float(found.means[found.best]), "", 3),
        Fact("cv_sd", "Spread of folds", float(found.spreads[found.best]), "", 3),
        Fact("auc_test", "Test AUC of the refit", steps[-1].reached, "", 3),
    ]
    main.answer(
        "tuning-search",
        "Which penalty is best, and how sure is that?",
        cross_validated_words(found),
    )
    tuned, untuned = steps[-1], steps[0]
    main.answer(
        "tuning-improvement",
        "Does tuning improve the model?",
        f"On the {parts['test']} test rows the tuned model ({tuned.setting}) reaches AUC "
        f"{tuned.reached:.3f}, the untuned one ({untuned.setting}) {untuned.reached:.3f}: gain "
        f"{tuned.gained} (DeLong): {tuned.says}.",
    )
    plan = plan_section(found, parts)
    prepared = evidence.preparation
    plan.lead = " ".join([*describe_steps(prepared.steps), *prepared.notes])
    nested, permuted = nested_section(found), _permutation_section(evidence)
    return [plan, main, *(one for one in (nested, permuted) if one is not None)]


def _permutation_section(evidence: _Evidence) -> Section | None:
    test = evidence.permuted
    if test is None:
        return None
    section = Section(
        "permutation",
        "Labels that mean nothing",
        "The whole search again on permuted labels of the training rows: folds dealt anew, every "
        "setting tried inside each outer fold, the best refitted and scored outside it.",
        tables=["permutation_test"],
        figures=["permutation_null_logistic-tuned"],
    )
    reached = int((test.null >= test.observed).sum())
    section.answer(
        "permutation-tuned",
        "Could the tuned pipeline have come this far by chance?",
        f"With the labels as they are it reaches {test.observed:.3f}; of {len(test.null)} "
        f"permutations {reached} reach that: p = {test.p_value:.2g}, the smallest possible being "
        f"{test.floor:.2g}. Permuted labels give {test.null.mean():.3f} on average. It does not "
        "say why values and labels go together.",
    )
    return section


def _model(evidence: _Evidence, summary: Summary) -> Model:
    cohort = evidence.cohort
    target = {"name": cohort.table.keys("target")[0], "unit": "probability"}
    target |= {"positive": cohort.target.positive, "negative": cohort.target.negative}
    facts = {
        "model": "logistic-tuned",
        "setting": setting_label(evidence.found.best_setting),
        "trained_on": f"{int((~evidence.test).sum())} training rows",
        "data": summary.run["data"],
        "scale": cohort.table.scale,
        "metrics": [summary.metric("roc_auc", model="logistic-tuned", split="test")],
        "limits": "Internal validation only. A score is no risk: the share of cases here is "
        f"{cohort.y.mean():.0%}.",
        **training_facts(
            cohort.table.X()[~evidence.test],
            cohort.y[~evidence.test],
            np.array(cohort.table.ids)[~evidence.test].tolist(),
        ),
    }
    features = tuple(cohort.table.keys("feature"))
    state = evidence.refits.states[1]
    steps = evidence.preparation.steps
    return Model("logistic", state, features, target, {"kind": "columns"}, facts, steps)
