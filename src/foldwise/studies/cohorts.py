"""A table of abundances with its two classes, as a study reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foldwise.arrays import FloatArray
from foldwise.data.readers import read_abundances
from foldwise.data.registry import DataSet, TargetRule, get, load_abundances
from foldwise.data.rules import BinaryTarget, binary_target
from foldwise.data.tables import Table
from foldwise.errors import EmptyColumnError, InvalidInputError, first_few
from foldwise.studies.config import BiomarkersConfig, CohortConfig, require_unset

__all__ = ["Cohort", "load_cohort", "name_empty_columns"]

DEFAULT_DATASET = "covid-plasma"


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

    @property
    def pool(self) -> FloatArray | None:
        """Quality-control samples, shape (n_pool_samples, n_features)."""
        pool = self.table.qc
        return None if pool is None else pool.to_numpy(dtype=np.float64)


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
            ignore=config.ignore,
            scale=config.scale,
            orientation=config.orientation,
            **_influences(config),
        )
        return Cohort(table, binary_target(table.values("target"), config.positive))
    return _registered(config.dataset or DEFAULT_DATASET, config)


def _influences(config: CohortConfig) -> dict[str, Any]:
    """Return the columns beside the features that a study knows how to use."""
    if isinstance(config, BiomarkersConfig):
        return {"covariates": config.covariates, "batch": config.batch}
    return {}


def _registered(name: str, config: CohortConfig) -> Cohort:
    unused: dict[str, object] = {
        "--groups": config.groups,
        "--scale": config.scale,
        "--id": config.id_column,
        "--orientation": config.orientation,
        "--ignore": config.ignore or None,
        **{f"--{key}": value or None for key, value in _influences(config).items()},
    }
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
