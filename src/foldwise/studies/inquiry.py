"""How a cohort is asked: its splits, the preparation of its features, and who learns."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.data.readers import read_splits
from foldwise.data.tables import Table
from foldwise.errors import InvalidInputError, first_few
from foldwise.evaluation.splits import (
    kfold_assignments,
    random_test_masks,
    require_both_classes,
)
from foldwise.fits.column_blocks import OnColumns
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.preprocessing import MedianFill, Standardize, feature_names
from foldwise.fits.sklearn_learner import SklearnLearner
from foldwise.studies.cohorts import Cohort
from foldwise.studies.config import BiomarkersConfig, CohortConfig
from foldwise.studies.given_splits import GivenSplits, match_splits, require_whole_groups
from foldwise.studies.preparation import Preparation, prepare
from foldwise.studies.sections import Watch

__all__ = [
    "COMPARED",
    "HEADLINE",
    "Inquiry",
    "fold_assignments",
    "given_splits",
    "open_inquiry",
    "penalty_settings",
    "split_test_part",
]

HEADLINE = "logistic-l1"
COMPARED = ("logistic-none", "logistic-l1")
"""Models whose coefficients are compared over random splits."""
_FOREST = RandomForestClassifier(n_estimators=20, max_depth=2)


@dataclass(frozen=True, eq=False)
class Inquiry:
    """A cohort, how it is split, who learns from it, and who watches.

    Parameters
    ----------
    test : bool array of shape (n_samples,)
        The test part of rows 1.2 to 1.6.
    folds : int array of shape (n_repeats, n_samples)
        Folds of row 1.7, the same for every model.
    preparation : Preparation
        Preprocessing of the features, learned in every fit.
    """

    cohort: Cohort
    config: BiomarkersConfig
    watch: Watch
    test: BoolArray
    folds: IntArray
    preparation: Preparation
    n_jobs: int | None = None

    @property
    def logistic(self) -> LogisticLearner:
        """Learner of the logistic models on the features."""
        return LogisticLearner(steps=self.preparation.steps, n_jobs=self.n_jobs)

    @property
    def forest(self) -> SklearnLearner:
        """Learner of the random forest on the features."""
        return SklearnLearner(_FOREST, self.preparation.forest_steps, self.n_jobs)

    @property
    def path_learner(self) -> LogisticLearner:
        """Learner of L1 paths: the order in which features enter needs equal scales."""
        steps = (*self.preparation.forest_steps, Standardize())
        return LogisticLearner(l1_ratio=1.0, steps=steps, n_jobs=self.n_jobs)

    @property
    def decoy_learner(self) -> LogisticLearner:
        """The same for features with as many decoys in the columns after them."""
        n_read, n_ready = self.X.shape[1], len(self.names)
        own = self.preparation.forest_steps
        steps = (
            OnColumns(0, n_read, own),
            OnColumns(n_ready, n_ready + n_read, own),
            Standardize(),
        )
        return LogisticLearner(l1_ratio=1.0, steps=steps, n_jobs=self.n_jobs)

    @property
    def covariate_learner(self) -> LogisticLearner:
        """Learner of covariates or batches alone."""
        return LogisticLearner(n_jobs=self.n_jobs)

    @property
    def joint_learner(self) -> LogisticLearner:
        """Learner of the features with covariates in the columns after them."""
        features = OnColumns(0, self.X.shape[1], self.preparation.forest_steps)
        steps = (features, MedianFill(), Standardize())
        return LogisticLearner(steps=steps, n_jobs=self.n_jobs)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients: the features, and columns that a step has added."""
        return feature_names(self.preparation.steps, self.cohort.table.keys("feature"))

    @property
    def groups(self) -> npt.NDArray[Any] | None:
        """Subject of each row, or None where every row is its own."""
        return self.cohort.table.groups()

    @property
    def X(self) -> FloatArray:  # noqa: N802
        """Features as read, shape (n_samples, n_features)."""
        return self.cohort.table.X()

    @property
    def y(self) -> FloatArray:
        """1 for cases, 0 for controls, shape (n_samples,)."""
        return self.cohort.y

    @property
    def headline(self) -> dict[str, float]:
        """Setting of the headline model."""
        return penalty_settings(self.config.C)[HEADLINE]

    @property
    def n_folds(self) -> int:
        """Folds of one repeat."""
        return int(self.folds.max()) + 1

    @property
    def n_subjects(self) -> int:
        """Independent people: groups where they are given, else rows."""
        return len(self.y) if self.groups is None else len(np.unique(self.groups))


def open_inquiry(
    cohort: Cohort, config: BiomarkersConfig, watch: Watch, *, n_jobs: int | None = None
) -> Inquiry:
    """Split a cohort and name its learners."""
    given = given_splits(config, cohort.table)
    return Inquiry(
        cohort,
        config,
        watch,
        split_test_part(config, cohort, given),
        fold_assignments(config, cohort, given),
        prepare(config, cohort.table, cohort.pool),
        n_jobs,
    )


def penalty_settings(C: float) -> dict[str, dict[str, float]]:
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


def fold_assignments(config: BiomarkersConfig, cohort: Cohort, given: GivenSplits) -> IntArray:
    """Return the folds of row 1.7, shape (n_repeats, n_samples): the user's, or drawn ones."""
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
