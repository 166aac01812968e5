"""Evidence of the study ``biomarkers``: the table, and every batch of fits asked of it.

`biomarker_tables` and `biomarker_sections` write what it says.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.audit.columns import check_columns, check_scale, check_training_columns
from foldwise.audit.findings import Finding
from foldwise.data.readers import read_abundances, read_splits
from foldwise.data.registry import DataSet, TargetRule, get, load_abundances
from foldwise.data.rules import BinaryTarget, binary_target
from foldwise.data.tables import Table
from foldwise.errors import EmptyColumnError, InvalidInputError, first_few
from foldwise.evaluation.baselines import classification_baselines
from foldwise.evaluation.cross_validation import (
    ask_cross_validation,
    ask_splits,
)
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.splits import (
    kfold_assignments,
    random_test_masks,
    require_both_classes,
)
from foldwise.fits.batch import FitBatch
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.preprocessing import MedianFill
from foldwise.fits.sklearn_learner import SklearnLearner
from foldwise.studies.config import BiomarkersConfig, CohortConfig, require_unset
from foldwise.studies.given_splits import GivenSplits, match_splits, require_whole_groups
from foldwise.studies.sections import Watch

__all__ = [
    "HEADLINE",
    "BiomarkerEvidence",
    "Cohort",
    "find_in_cohort",
    "gather_evidence",
    "given_splits",
    "load_cohort",
    "name_empty_columns",
    "split_test_part",
]

DEFAULT_DATASET = "covid-plasma"
HEADLINE = "logistic-l1"
COMPARED = ("logistic-none", "logistic-l1")
"""Models whose coefficients are compared over random splits."""
_FOREST = RandomForestClassifier(n_estimators=20, max_depth=2)
_STATE = ("scores", "parameters", "preprocessing")


@dataclass(frozen=True, eq=False)
class Cohort:
    """A table with its two classes."""

    table: Table
    target: BinaryTarget
    dataset: DataSet | None = None
    rule: TargetRule | None = None
    contrast: "Cohort | None" = None

    @property
    def y(self) -> FloatArray:
        """1 for cases, 0 for controls, shape (n_samples,)."""
        return self.target.y


@dataclass(frozen=True, eq=False)
class BiomarkerEvidence:
    """Everything the fits of one study gave back.

    Parameters
    ----------
    test : bool array of shape (n_samples,)
        The test part of rows 1.2 to 1.6.
    folds : int array of shape (n_repeats, n_samples)
        Folds of row 1.7, the same for every model.
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
    contrast: FloatArray | None
    deployed: FitBatch
    notes: tuple[str, ...]


def load_cohort(config: CohortConfig) -> Cohort:
    """Read the table of a config, or the registered set it names."""
    if config.tables is not None and config.dataset is not None:
        raise InvalidInputError(
            f"Both files ({', '.join(config.tables)}) and --dataset {config.dataset} are given. "
            "Give one of them."
        )
    if config.tables is not None:
        table = read_abundances(
            [Path(path) for path in config.tables],
            target=config.target,
            id_column=config.id_column,
            groups=config.groups,
            scale=config.scale,
        )
        return Cohort(table, binary_target(table.values("target"), config.positive))
    return _registered(config.dataset or DEFAULT_DATASET, config)


def _registered(name: str, config: CohortConfig) -> Cohort:
    unused = {"--groups": config.groups, "--scale": config.scale, "--id": config.id_column}
    require_unset(unused, name)
    dataset = get(name)
    key = config.target or dataset.default_target
    contrast = None
    if dataset.contrast is not None and key == dataset.default_target:
        contrast = _cohort_of(name, dataset.contrast, dataset, None)
    return _cohort_of(name, key, dataset, config.positive, contrast)


def _cohort_of(
    name: str,
    target: str | None,
    dataset: DataSet,
    positive: str | None,
    contrast: Cohort | None = None,
) -> Cohort:
    loaded = load_abundances(name, target=target)
    rule = loaded.target
    declared = None if rule is None else rule.positive_label
    classes = binary_target(loaded.table.values("target"), positive or declared)
    return Cohort(loaded.table, classes, dataset, rule, contrast)


@contextmanager
def name_empty_columns(cohort: Cohort) -> Iterator[None]:
    """Name the columns, not their positions, that hold no value in some training rows."""
    try:
        yield
    except EmptyColumnError as error:
        names = [cohort.table.keys("feature")[column] for column in error.columns]
        raise InvalidInputError(
            f"{cohort.table.name}: columns with so few values that some training rows hold none: "
            f"{first_few(names)}. Leave such columns out, or use fewer folds."
        ) from error


def find_in_cohort(cohort: Cohort, test: BoolArray) -> list[Finding]:
    """Return findings on the columns, their scale, and the known limits of a registered set."""
    table = cohort.table
    found = check_columns(table.X(), table.keys("feature"))
    found += check_training_columns(table.X(), ~test, table.keys("feature"))
    found += check_scale(table.scale, table.scale_origin)
    if cohort.dataset is not None and cohort.rule is not None and cohort.rule.caveat:
        remedy = f"Read the set's entry: `foldwise datasets show {cohort.dataset.name}`."
        found.append(Finding("known-limits-of-the-set", "weakens", cohort.rule.caveat, remedy))
    return found


def gather_evidence(
    cohort: Cohort, config: BiomarkersConfig, watch: Watch, *, n_jobs: int | None = None
) -> BiomarkerEvidence:
    """Ask every question of the study; each is one plan."""
    y, X = cohort.y, cohort.table.X()
    given = given_splits(config, cohort.table)
    test = split_test_part(config, cohort, given)
    folds = _folds(config, cohort, given)
    many_test = _random_splits(config, cohort)
    settings = _settings(config.C)
    penalties = list(settings.values())
    logistic = LogisticLearner(n_jobs=n_jobs)
    forest = SklearnLearner(_FOREST, (MedianFill(),), n_jobs)
    single = watch.ask(
        "one split, every penalty",
        ask_splits(y, test[None], settings=penalties, seed=config.seed),
        logistic,
        X,
        keep=_STATE,
    )
    on_test = watch.ask("one split, forest", ask_splits(y, test[None], seed=config.seed), forest, X)
    many = watch.ask(
        f"{config.random_splits} random splits",
        ask_splits(y, many_test, settings=[settings[name] for name in COMPARED], seed=config.seed),
        logistic,
        X,
        keep=_STATE,
    )
    found = watch.ask(
        "cross-validation, logistic",
        ask_cross_validation(y, folds, roc_auc, settings=penalties, seed=config.seed),
        logistic,
        X,
    )
    values = dict(zip(settings, found.values, strict=True))
    for name, learner in {"forest": forest, **classification_baselines(n_jobs)}.items():
        question = ask_cross_validation(y, folds, roc_auc, seed=config.seed)
        values[name] = watch.ask(f"cross-validation, {name}", question, learner, X).values[0]
    everyone = np.zeros((1, len(y)), bool)
    deployed = watch.ask(
        "all rows, headline model",
        ask_splits(y, everyone, settings=[settings[HEADLINE]], seed=config.seed),
        logistic,
        X,
        keep=_STATE,
    )
    notes = {text for batch in (single, many) for _, text in batch.notes}
    return BiomarkerEvidence(
        test=test,
        folds=folds,
        models=tuple(settings),
        single=single,
        forest=on_test,
        many=many,
        many_test=many_test,
        cross_validation=values,
        contrast=_contrast(cohort, config, logistic, watch),
        deployed=deployed,
        notes=tuple(sorted(notes | set(found.notes))),
    )


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


def _settings(C: float) -> dict[str, dict[str, float]]:
    """Return the penalties of rows 1.4 and 1.5 by model name."""
    return {
        "logistic-none": {"C": np.inf, "l1_ratio": 0.0},
        "logistic-l1": {"C": C, "l1_ratio": 1.0},
        "logistic-l2": {"C": C, "l1_ratio": 0.0},
        "logistic-elastic-net": {"C": C, "l1_ratio": 0.5},
    }


def given_splits(config: CohortConfig, table: Table) -> GivenSplits:
    """Return the user's own assignments, if the config names a file of them."""
    if config.splits is None:
        return GivenSplits()
    return match_splits(read_splits(Path(config.splits)), table.ids, config.splits)


def split_test_part(config: CohortConfig, cohort: Cohort, given: GivenSplits) -> BoolArray:
    """Return the test part of row 1.2, shape (n_samples,)."""
    y = cohort.y
    if given.part is not None:
        other = sorted(set(given.part) - {"train", "test"})
        if other:
            raise InvalidInputError(
                f"{config.splits}: this study knows the parts train and test, not "
                f"{first_few(other)}. Give those rows one of these, or take them out of the table."
            )
        require_whole_groups(given.part, cohort.table.groups(), f"{config.splits}, column 'part'")
        test: BoolArray = given.part == "test"
    else:
        test = random_test_masks(
            len(y),
            test_size=config.test_size,
            seed=config.seed,
            classes=y,
            groups=cohort.table.groups(),
        )[0]
    for part, rows in (("test", test), ("training", ~test)):
        if len(np.unique(y[rows])) < 2:
            raise InvalidInputError(
                f"The {part} part ({int(rows.sum())} rows) does not hold both classes: AUC is "
                "undefined there. Use a larger --test-size, or another file of splits."
            )
    return test


def _folds(config: BiomarkersConfig, cohort: Cohort, given: GivenSplits) -> IntArray:
    folds = given.folds
    if folds is None:
        folds = kfold_assignments(
            len(cohort.y),
            n_splits=config.folds,
            n_repeats=config.repeats,
            seed=config.seed,
            classes=cohort.y,
            groups=cohort.table.groups(),
        )
    if given.folds is not None:
        for repeat, assigned in enumerate(given.folds, start=1):
            name = f"{config.splits}, column 'fold_{repeat}'"
            require_whole_groups(assigned, cohort.table.groups(), name)
    require_both_classes(folds, cohort.y, (cohort.target.negative, cohort.target.positive))
    return folds


def _contrast(
    cohort: Cohort, config: BiomarkersConfig, learner: LogisticLearner, watch: Watch
) -> FloatArray | None:
    """Return the headline model's fold AUCs on the harder contrast, if the set names one."""
    other = cohort.contrast
    if other is None:
        return None
    folds = _folds(config, other, GivenSplits())
    question = ask_cross_validation(
        other.y, folds, roc_auc, settings=[_settings(config.C)[HEADLINE]], seed=config.seed
    )
    label = "cross-validation, harder contrast"
    found = watch.ask(label, question, learner, other.table.X())
    return np.asarray(found.values[0])
