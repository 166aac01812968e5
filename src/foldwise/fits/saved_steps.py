"""Steps as plain data, for a saved model; nothing that is read back is ever executed."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

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
from foldwise.fits.preprocessing import CenterOnly, MedianFill, ParetoScale, Standardize, Step
from foldwise.fits.sample_normalization import (
    MedianNormalize,
    ProbabilisticQuotient,
    SumNormalize,
)

__all__ = ["steps_as_data", "steps_from_data"]

_KNOWN: dict[str, type[Step]] = {
    one.__name__: one
    for one in (
        CenterOnly,
        HalfMinimumFill,
        KnnFill,
        Log2,
        Log2WithOffset,
        MedianFill,
        MedianNormalize,
        MissingFilter,
        MissingIndicator,
        ParetoScale,
        ProbabilisticQuotient,
        QcFilter,
        Standardize,
        SumNormalize,
        ZerosAbsent,
        ZerosBelowDetection,
    )
}


def steps_as_data(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return steps as JSON-ready data.

    Raises
    ------
    InvalidInputError
        If a step is not one of Foldwise's own: a saved model holds no code.

    Examples
    --------
    >>> steps_as_data([KnnFill(n_neighbors=3)])
    [{'step': 'KnnFill', 'n_neighbors': 3, 'empty': 'refuse'}]
    """
    foreign = [type(step).__name__ for step in steps if type(step) not in _KNOWN.values()]
    if foreign:
        raise InvalidInputError(
            f"A model with the steps {first_few(foreign)} cannot be saved: it would have to hold "
            f"their code. Saved are {', '.join(_KNOWN)}."
        )
    return [{"step": type(step).__name__} | _parameters(step) for step in steps]


def _parameters(step: Any) -> dict[str, Any]:
    """Return what a step was made with; its kind is no choice."""
    given = {one.name: getattr(step, one.name) for one in fields(step) if one.name != "kind"}
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in given.items()
    }


def steps_from_data(data: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the steps that `steps_as_data` wrote.

    Raises
    ------
    InvalidInputError
        If a step or one of its parameters is unknown.

    Examples
    --------
    >>> steps_from_data([{"step": "MedianFill"}, {"step": "MissingIndicator", "columns": [2]}])
    (MedianFill(kind='fill', empty='refuse'), MissingIndicator(columns=(2,), kind='row'))
    """
    return tuple(_step(one) for one in data)


def _step(described: Mapping[str, Any]) -> Step:
    name = described.get("step")
    if name not in _KNOWN:
        raise InvalidInputError(
            f"The preprocessing step {name!r} is not known to this version. Install a newer "
            "foldwise or rerun the study."
        )
    kind: Any = _KNOWN[name]
    parameters = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in described.items()
        if key != "step"
    }
    unknown = sorted(set(parameters) - {one.name for one in fields(kind) if one.name != "kind"})
    if unknown:
        raise InvalidInputError(
            f"The preprocessing step {name} has no parameter {first_few(unknown)} in this "
            "version. Install a newer foldwise or rerun the study."
        )
    made: Step = kind(**parameters)
    return made
