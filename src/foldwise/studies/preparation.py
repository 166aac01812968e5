"""Preparation of a table of abundances: which steps a study's settings mean, and why.

The order is filters, zeros, normalisation of samples, logarithm, missing indicators, fill,
scaling. Choices left at "auto" follow from the declared scale, and a note says which was taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foldwise.arrays import FloatArray
from foldwise.data.rules import counted
from foldwise.data.tables import Table
from foldwise.errors import InvalidInputError, first_few
from foldwise.fits.abundance_steps import (
    HalfMinimumFill,
    KnnFill,
    Log2,
    Log2WithOffset,
    MissingIndicator,
    ZerosAbsent,
    ZerosBelowDetection,
)
from foldwise.fits.column_filters import MissingFilter, QcFilter
from foldwise.fits.preprocessing import (
    CenterOnly,
    Empty,
    MedianFill,
    ParetoScale,
    Standardize,
    Step,
)
from foldwise.fits.sample_normalization import (
    MedianNormalize,
    ProbabilisticQuotient,
    SumNormalize,
)
from foldwise.studies.config import CohortConfig

__all__ = ["Preparation", "forest_steps", "prepare", "require_not_negative"]

_LOG_OF_TWO = {"log2": 1.0, "log10": float(np.log10(2)), "ln": float(np.log(2))}
"""The logarithm of 2 on each scale of logarithms."""
_SCALING: dict[str, Step] = {"auto": Standardize(), "pareto": ParetoScale(), "none": CenterOnly()}
_NORMALIZE: dict[str, Step] = {
    "sum": SumNormalize(),
    "median": MedianNormalize(),
    "pqn": ProbabilisticQuotient(),
}


@dataclass(frozen=True)
class Preparation:
    """Steps of a study, and what a report must say about their choice.

    Parameters
    ----------
    steps : tuple of Step
        For linear models, scaling last.
    forest_steps : tuple of Step
        The same without scaling, for models that do not need it.
    notes : tuple of str
        Choices that were not the user's, and what they mean.
    """

    steps: tuple[Step, ...]
    forest_steps: tuple[Step, ...]
    notes: tuple[str, ...]


def prepare(config: CohortConfig, table: Table, pool: FloatArray | None = None) -> Preparation:
    """Return the preprocessing that a study's settings mean for a table.

    Only the form of the whole table decides: its scale, whether zeros, negative values and
    gaps exist, and where. Every number that a step uses is learned inside each fit.

    Parameters
    ----------
    config : CohortConfig
        ``zeros, impute, missing_indicator, transform, normalise, scaling, max_missing,
        max_qc_rsd``.
    table : Table
        Its features and their scale.
    pool : float array of shape (n_pool_samples, n_features), optional
        Measurements of a quality-control pool, on the scale of the table.

    Raises
    ------
    InvalidInputError
        If a setting has no meaning on the table's scale, a negative value has no
        logarithm, or a filter by quality controls is asked for without any.

    Examples
    --------
    >>> import pandas as pd
    >>> from foldwise.data.tables import Column
    >>> from foldwise.studies.config import BiomarkersConfig
    >>> frame = pd.DataFrame({"glucose": [4.1, 0.0]}, index=["a", "b"])
    >>> table = Table(frame, (Column("glucose", "feature"),), scale="raw")
    >>> [type(step).__name__ for step in prepare(BiomarkersConfig(), table).steps]
    ['ZerosBelowDetection', 'Log2', 'MedianFill', 'Standardize']
    """
    X, names = table.X(), table.keys("feature")
    _require_meaning(config, table)
    chosen = _without_auto(config, table, X)
    if chosen.transform == "log2":
        remedy = "Correct them, declare another --scale, or use --transform none."
        require_not_negative(X, names, table.name, remedy)
    steps = _steps(chosen, table, X, pool)
    return Preparation(steps, forest_steps(steps), tuple(_notes(config, chosen, table, X, steps)))


def forest_steps(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return steps without those that only centre and scale, which no tree sees."""
    return tuple(step for step in steps if step.kind != "affine")


def require_not_negative(
    X: FloatArray, names: Sequence[str], where: str, remedy: str = "Correct them."
) -> None:
    """Refuse negative abundances, which have no logarithm, and name their columns."""
    columns = [names[int(column)] for column in np.flatnonzero((X < 0).any(axis=0))]
    if columns:
        raise InvalidInputError(
            f"{where}: {counted(int((X < 0).sum()), 'cell')} below zero, where no logarithm "
            f"exists, in {counted(len(columns), 'column')}: {first_few(columns)}. {remedy}"
        )


def _require_meaning(config: CohortConfig, table: Table) -> None:
    """Refuse settings that speak of abundances where the table holds something else."""
    asked = {
        "--transform log2": config.transform == "log2",
        f"--normalise {config.normalise}": config.normalise != "none",
        "--zeros lod": config.zeros == "lod",
        "--impute half-minimum": config.impute == "half-minimum" and table.scale not in _LOG_OF_TWO,
        f"--max-qc-rsd {config.max_qc_rsd}": config.max_qc_rsd is not None
        and table.scale not in _LOG_OF_TWO,
    }
    wrong = [option for option, one in asked.items() if one]
    if wrong and table.scale != "raw":
        raise InvalidInputError(
            f"{table.name}: {', '.join(wrong)} speaks of abundances, and the scale of the table "
            f"is '{table.scale}' ({table.scale_origin}). Leave the option out, or set --scale raw "
            "if the values are abundances."
        )


def _without_auto(config: CohortConfig, table: Table, X: FloatArray) -> CohortConfig:
    """Return the settings with every "auto" replaced by what it means for the table."""
    raw = table.scale == "raw"
    chosen = {"zeros": config.zeros, "transform": config.transform}
    if config.zeros == "auto":
        chosen["zeros"] = "lod" if raw else "true"
    if config.transform == "auto":
        chosen["transform"] = "log2" if raw and not (X < 0).any() else "none"
    if (*chosen.values(), config.impute) == ("true", "log2", "half-minimum"):
        raise InvalidInputError(
            "--zeros true says that amounts down to zero were measured, --impute half-minimum that "
            "small amounts were not. Use --zeros lod, or another --impute."
        )
    return config.model_copy(update=chosen)


def _steps(
    chosen: CohortConfig, table: Table, X: FloatArray, pool: FloatArray | None
) -> tuple[Step, ...]:
    """Return the steps of settings without "auto", in their order."""
    filters = _filters(chosen, table, pool)
    zeros = _zero_steps(chosen)
    normalised = [] if chosen.normalise == "none" else [_NORMALIZE[chosen.normalise]]
    logged = [] if chosen.transform == "none" else [_logarithm(chosen)]
    marked = _indicators(chosen, X, ZerosAbsent() in zeros)
    fill = _fill(chosen, table, emptied=bool(filters))
    return (*filters, *zeros, *normalised, *logged, *marked, fill, _SCALING[chosen.scaling])


def _filters(chosen: CohortConfig, table: Table, pool: FloatArray | None) -> list[Step]:
    found: list[Step] = []
    zeros_count = chosen.zeros != "true"  # as values that were not detected
    if chosen.max_missing is not None:
        found.append(MissingFilter(chosen.max_missing, zeros=zeros_count))
    if chosen.max_qc_rsd is not None:
        if pool is None or len(pool) < 2:
            raise InvalidInputError(
                f"--max-qc-rsd {chosen.max_qc_rsd:g}: {table.name} comes with "
                f"{0 if pool is None else len(pool)} quality-control samples, and a standard "
                "deviation needs 2. Give a table that marks them, or leave the option out."
            )
        log_of_two = _LOG_OF_TWO.get(table.scale)
        most = chosen.max_qc_rsd
        found.append(QcFilter.of(pool, most, log_of_two=log_of_two, zeros=not zeros_count))
    return found


def _zero_steps(chosen: CohortConfig) -> list[Step]:
    if chosen.zeros == "true":
        return []
    # Half of a minimum that is half a minimum already would be a quarter: one fill for both.
    if chosen.zeros == "absent" or chosen.impute == "half-minimum":
        return [ZerosAbsent()]
    return [ZerosBelowDetection()]


def _logarithm(chosen: CohortConfig) -> Step:
    return Log2WithOffset() if chosen.zeros == "true" else Log2()


def _indicators(chosen: CohortConfig, X: FloatArray, zeros_are_gaps: bool) -> list[Step]:
    if not chosen.missing_indicator:
        return []
    gaps = np.isnan(X) | (zeros_are_gaps & (X == 0))
    columns = tuple(np.flatnonzero(gaps.any(axis=0)).tolist())
    return [MissingIndicator(columns)] if columns else []


def _fill(chosen: CohortConfig, table: Table, *, emptied: bool) -> Step:
    """Return the fill, which meets the columns that filters have emptied."""
    empty: Empty = "constant" if emptied else "refuse"
    if chosen.impute == "knn":
        return KnnFill(empty=empty)
    if chosen.impute == "median":
        return MedianFill(empty=empty)
    halving = 1.0 if chosen.transform == "log2" else _LOG_OF_TWO.get(table.scale)
    # A feature that no training row shows is constant below detection, and carries nothing.
    return HalfMinimumFill(halving, empty="constant" if chosen.zeros == "lod" else empty)


def _notes(
    config: CohortConfig,
    chosen: CohortConfig,
    table: Table,
    X: FloatArray,
    steps: Sequence[Step],
) -> list[str]:
    """Return what the user did not choose or might not expect."""
    scale = f"The scale is raw ({table.scale_origin})"
    auto_log = config.transform == "auto" and table.scale == "raw"
    n_zero, n_negative = int((X == 0).sum()), int((X < 0).sum())
    marked = any(isinstance(step, MissingIndicator) for step in steps)
    said = {
        f"{scale}, so abundances are log2 transformed; --transform none keeps them.": (
            auto_log and chosen.transform == "log2"
        ),
        f"{scale}, and {counted(n_negative, 'cell')} below zero: no logarithm is taken.": (
            auto_log and chosen.transform == "none"
        ),
        f"Exactly zero: {counted(n_zero, 'cell')} of {X.size} ({n_zero / X.size:.1%}), read as "
        "below the limit of detection; set --zeros absent or true if zeros mean something else.": (
            config.zeros == "auto" and chosen.zeros == "lod" and n_zero > 0
        ),
        "No cell is missing, so no missing indicator was added.": (
            chosen.missing_indicator and not marked
        ),
        "Gaps are filled from the nearest training rows, so a saved model holds the training rows; "
        "think of it before the model is passed on.": chosen.impute == "knn",
    }
    return [text for text, holds in said.items() if holds]
