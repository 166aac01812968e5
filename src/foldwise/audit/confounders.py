"""Batch, run order, date and covariates that go with the class, or stand among features."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from foldwise.arrays import FloatArray
from foldwise.audit.association import (
    Association,
    category_association,
    holm,
    number_association,
)
from foldwise.audit.findings import Finding
from foldwise.data.files import numbers
from foldwise.errors import first_few

__all__ = ["DesignColumn", "Kind", "check_confounders", "check_feature_roles", "recognise"]

Kind = Literal["batch", "order", "date", "covariate"]

_LEVEL = 0.01
"""Of the whole family of columns, after Holm: one clean table in a hundred is told of one."""
_FEWEST = 4  # rows of each class that hold a value

_NAMES: dict[Kind, str] = {
    "order": r"(inj|injection|run|acquisition|analysis|analytical|measurement|sample|ms)? ?"
    r"(order|sequence)|runorder|injection( (no|nr|number|index))?|(run|sample) index",
    "date": r"(\w+ )?(date|datetime|date time|timestamp)( of \w+)?"
    r"|(collection|sampling|draw|acquisition|injection) (time|day|month|year)"
    r"|(year|month|day) of (collection|sampling|draw)|(storage|freezing) (time|years|months|days)",
    "batch": r"((analytical|sample|ms|lc|extraction|processing|acquisition) ?)?"
    r"(batch|plate|run|chip|slide|box|freezer|operator|instrument|reagent lot|lot)"
    r"( ?(id|no|nr|number|name|\d))?",
    "covariate": r"age|age (at|in|of) .*|age (y|yrs|years)|sex|gender|bmi|body mass index"
    r"|(body )?(weight|height)|smok(er|ing)( status)?|race|ethnicity|menopaus(e|al)( status)?"
    r"|fasting( (status|time|hours))?|(study |recruitment |collection )?(site|centre|center)( id)?"
    r"|hospital|clinic|country|cohort",
}
_PATTERNS = {kind: re.compile(pattern) for kind, pattern in _NAMES.items()}
_CATEGORIES = re.compile(
    r"sex|gender|race|ethnicity|.*(site|centre|center).*|hospital|clinic|country|cohort|smok.*"
    r"|menopaus.*|fasting( status)?"
)

_REMEDY: dict[Kind, str] = {
    "batch": "No model can tell batch from class where they go together. Measure both classes in "
    "every batch, or leave one batch out at a time and report what remains.",
    "order": "Drift of the instrument looks like the class. Randomise the order of measurement; "
    "until then correct for drift with pooled quality controls, and say so.",
    "date": "Storage and season look like the class. Compare samples of the same period, and say "
    "in the paper how samples were collected.",
    "covariate": "Show a model of the covariates alone beside the metabolites, report the gain "
    "over it, and repeat the analysis where the classes overlap in it.",
}


@dataclass(frozen=True, eq=False)
class DesignColumn:
    """A column that says how or of whom a sample was taken, not what it holds.

    Parameters
    ----------
    name : str
        The column's name.
    kind : {"batch", "order", "date", "covariate"}
        What it says.
    values : Series of length n_samples
        Numbers or text; missing where empty.
    """

    name: str
    kind: Kind
    values: pd.Series


def recognise(name: str) -> Kind | None:
    """Return what a column is by its name alone, or None.

    Examples
    --------
    >>> recognise("Age"), recognise("Injection_Order"), recognise("plate"), recognise("glucose")
    ('covariate', 'order', 'batch', None)
    """
    plain = " ".join(re.sub(r"[^a-z0-9]+", " ", _spaced(name).lower()).split())
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(plain)), None)


def _spaced(name: str) -> str:
    """Return 'InjectionOrder' as 'Injection Order'."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def check_feature_roles(names: Sequence[str]) -> list[Finding]:
    """Return a finding on features that are covariates or traces of the design by name.

    Examples
    --------
    >>> [finding.columns for finding in check_feature_roles(["glucose", "Age", "run order"])]
    [('Age', 'run order')]
    """
    columns = tuple(name for name in names if recognise(name) is not None)
    if not columns:
        return []
    return [
        Finding(
            "design-among-features",
            "weakens",
            f"Columns that describe the sample or its measurement stand among the features: "
            f"{first_few(columns)}. Models use them as if they were measured in the sample.",
            f"Give them a role: --covariates {','.join(columns[:3])} for people, --batch for the "
            "measurement, or --ignore.",
            columns=columns,
        )
    ]


def check_confounders(
    columns: Sequence[DesignColumn], y: Float[np.ndarray, " sample"], classes: tuple[str, str]
) -> list[Finding]:
    """Return a finding for each column of the design that goes with the class.

    Numbers are judged by their AUC alone, categories by Cramer's V; p values are those of
    the whole family of columns, after Holm.

    Parameters
    ----------
    columns : sequence of DesignColumn
        As declared or recognised by name.
    y : float array of shape (n_samples,)
        1 for cases, 0 for controls.
    classes : pair of str
        Labels of controls and cases.

    Examples
    --------
    >>> age = DesignColumn("age", "covariate", pd.Series([30.0] * 10 + list(range(50, 60))))
    >>> found = check_confounders([age], np.repeat([0.0, 1.0], 10), ("control", "case"))
    >>> found[0].check, found[0].severity
    ('covariate-goes-with-class', 'weakens')
    """
    judged = [(column, _association(column, y)) for column in columns]
    known = [(column, one) for column, one in judged if one is not None]
    adjusted = holm([one.p for _, one in known])
    return [
        _finding(column, one, p, classes)
        for (column, one), p in zip(known, adjusted, strict=True)
        if p < _LEVEL
    ]


def _association(column: DesignColumn, y: FloatArray) -> Association | None:
    """Return how a column goes with the class, or None where it cannot be asked."""
    held = column.values.notna().to_numpy()
    rows = column.values[held]
    if min((y[held] == 1).sum(), (y[held] == 0).sum()) < _FEWEST or rows.nunique() < 2:
        return None
    found = _as_numbers(column, rows)
    if found is None:
        return category_association([str(value) for value in rows], y[held])
    if column.kind in ("order", "date"):
        return _in_time(found, y[held])
    return number_association(found, y[held])


def _in_time(values: FloatArray, y: FloatArray) -> Association:
    """Return how a sequence goes with the class: by trend, or by blocks that alternate."""
    trend = number_association(values, y)
    fifths = np.digitize(values, np.quantile(values, [0.2, 0.4, 0.6, 0.8]))
    blocks = category_association([str(fifth) for fifth in fifths], y)
    stronger = min(trend, blocks, key=lambda one: one.p)
    text = stronger.text if stronger is trend else f"{stronger.text} over its fifths"
    return Association(stronger.strength, min(2 * stronger.p, 1.0), text)  # best of two


def _as_numbers(column: DesignColumn, rows: pd.Series) -> FloatArray | None:
    """Return what is ordered as numbers; None for categories."""
    if column.kind == "date":
        return _dates(rows)
    if column.kind == "batch" or _CATEGORIES.fullmatch(_spaced(column.name).lower()):
        return None
    values, text = numbers(rows)
    few = column.kind == "covariate" and values.nunique() <= 5
    return None if text or few else values.to_numpy(dtype=np.float64)


def _dates(rows: pd.Series) -> FloatArray | None:
    values, text = numbers(rows)
    if not text:
        return values.to_numpy(dtype=np.float64)
    days = pd.to_datetime(rows, errors="coerce", format="mixed", utc=True)
    if days.isna().any():
        return None
    return np.asarray((days - days.min()).dt.total_seconds(), dtype=np.float64)


def _finding(column: DesignColumn, one: Association, p: float, classes: tuple[str, str]) -> Finding:
    control, case = classes
    words = {
        "batch": "Batch",
        "order": "The order of measurement",
        "date": "The date",
        "covariate": "The covariate",
    }
    alone = " It gives the class away by itself." if one.strength > 0.999 else ""
    return Finding(
        f"{column.kind}-goes-with-class",
        "weakens",
        f"{words[column.kind]} '{column.name}' alone separates {case} from {control}: {one.text}, "
        f"p = {p:.2g} after Holm.{alone}",
        _REMEDY[column.kind],
        columns=(column.name,),
    )
