"""Evidence of rows 1.3 to 1.7 of ``biomarkers``: every batch of fits asked of the table.

`biomarker_tables` and `biomarker_sections` write what it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.evaluation.baselines import classification_baselines
from foldwise.evaluation.cross_validation import (
    ask_cross_validation,
    ask_splits,
)
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.splits import (
    random_test_masks,
)
from foldwise.fits.batch import FitBatch
from foldwise.studies.cohorts import Cohort
from foldwise.studies.config import BiomarkersConfig
from foldwise.studies.given_splits import GivenSplits
from foldwise.studies.inquiry import COMPARED, Inquiry, fold_assignments, penalty_settings

__all__ = ["BiomarkerEvidence", "gather_evidence"]

_STATE = ("scores", "parameters", "preprocessing")


@dataclass(frozen=True, eq=False)
class BiomarkerEvidence:
    """Everything the fits of rows 1.3 to 1.7 gave back.

    Parameters
    ----------
    test, folds : arrays
        As in `Inquiry`.
    models : tuple of str
        Names of the logistic models, in the order of ``single``'s fits.
    single : FitBatch
        Every penalty on the one split; parameters and preprocessing kept.
    forest : FitBatch
        The forest on the one split.
    many : FitBatch
        Models of `COMPARED` on random splits; fit = split * 2 + model.
    many_test : bool array of shape (n_splits, n_samples)
        Test parts of ``many``.
    cross_validation : mapping of str to (n_repeats, n_folds) array
        AUC within every fold by model, baselines included.
    out_of_fold : mapping of str to (n_repeats, n_samples) array
        Scores by fits that did not see the sample, of the same models.
    contrast : (n_repeats, n_folds) array, optional
        The headline model on the harder contrast.
    deployed : FitBatch
        The headline model on all rows.
    """

    test: BoolArray
    folds: IntArray
    models: tuple[str, ...]
    single: FitBatch
    forest: FitBatch
    many: FitBatch
    many_test: BoolArray
    cross_validation: Mapping[str, FloatArray]
    out_of_fold: Mapping[str, FloatArray]
    contrast: FloatArray | None
    deployed: FitBatch
    notes: tuple[str, ...]


def gather_evidence(inquiry: Inquiry) -> BiomarkerEvidence:
    """Ask every question of rows 1.3 to 1.7; each is one plan."""
    y, X, config, watch = inquiry.y, inquiry.X, inquiry.config, inquiry.watch
    many_test = _random_splits(config, inquiry.cohort)
    settings = penalty_settings(config.C)
    single = watch.ask(
        "one split, every penalty",
        ask_splits(y, inquiry.test[None], settings=list(settings.values()), seed=config.seed),
        inquiry.logistic,
        X,
        keep=_STATE,
    )
    on_test = watch.ask(
        "one split, forest",
        ask_splits(y, inquiry.test[None], seed=config.seed),
        inquiry.forest,
        X,
    )
    many = watch.ask(
        f"{config.random_splits} random splits",
        ask_splits(y, many_test, settings=[settings[name] for name in COMPARED], seed=config.seed),
        inquiry.logistic,
        X,
        keep=_STATE,
    )
    values, scores, fold_notes = _cross_validate(inquiry, settings)
    everyone = np.zeros((1, len(y)), bool)
    deployed = watch.ask(
        "all rows, headline model",
        ask_splits(y, everyone, settings=[inquiry.headline], seed=config.seed),
        inquiry.logistic,
        X,
        keep=_STATE,
    )
    notes = {text for batch in (single, many) for _, text in batch.notes} | fold_notes
    return BiomarkerEvidence(
        test=inquiry.test,
        folds=inquiry.folds,
        models=tuple(settings),
        single=single,
        forest=on_test,
        many=many,
        many_test=many_test,
        cross_validation=values,
        out_of_fold=scores,
        contrast=_contrast(inquiry),
        deployed=deployed,
        notes=tuple(sorted(notes)),
    )


def _cross_validate(
    inquiry: Inquiry, settings: Mapping[str, Mapping[str, float]]
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], set[str]]:
    """Return fold AUCs and out-of-fold scores of every model, and remarks of the fits."""
    y, folds, seed = inquiry.y, inquiry.folds, inquiry.config.seed
    found = inquiry.watch.ask(
        "cross-validation, logistic",
        ask_cross_validation(y, folds, roc_auc, settings=list(settings.values()), seed=seed),
        inquiry.logistic,
        inquiry.X,
    )
    values = dict(zip(settings, found.values, strict=True))
    scores = dict(zip(settings, found.scores, strict=True))
    baselines = classification_baselines(inquiry.n_jobs, inquiry.preparation.forest_steps)
    others = {"forest": inquiry.forest, **baselines}
    for name, learner in others.items():
        question = ask_cross_validation(y, folds, roc_auc, seed=seed)
        other = inquiry.watch.ask(f"cross-validation, {name}", question, learner, inquiry.X)
        values[name], scores[name] = other.values[0], other.scores[0]
    return values, scores, set(found.notes)


def _random_splits(config: BiomarkersConfig, cohort: Cohort) -> BoolArray:
    """Return the test parts of row 1.6, shape (n_splits, n_samples)."""
    return random_test_masks(
        len(cohort.y),
        test_size=config.test_size,
        n_splits=config.random_splits,
        seed=child_seed(config.seed, "random splits"),
        classes=cohort.y,
        groups=cohort.table.groups(),
    )


def _contrast(inquiry: Inquiry) -> FloatArray | None:
    """Return the headline model's fold AUCs on the harder contrast, if the set names one."""
    other = inquiry.cohort.contrast
    if other is None:
        return None
    folds = fold_assignments(inquiry.config, other, GivenSplits())
    question = ask_cross_validation(
        other.y, folds, roc_auc, settings=[inquiry.headline], seed=inquiry.config.seed
    )
    label = "cross-validation, harder contrast"
    found = inquiry.watch.ask(label, question, inquiry.logistic, other.table.X())
    return np.asarray(found.values[0])
