"""Registered data sets: list them, download them, load them as tables."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from foldwise.data.abundances import Roles, abundance_table, joined
from foldwise.data.catalog import CATALOG, DataFile, DataSet, TargetRule
from foldwise.data.compositions import read_compositions
from foldwise.data.download import cache_folder, fetch_files, find_files
from foldwise.data.elements import read_property_table, read_vocabulary
from foldwise.data.files import read_frame
from foldwise.data.rules import counted, label_text
from foldwise.data.tables import SourceFile, Table
from foldwise.errors import InvalidInputError, first_few

__all__ = [
    "DataFile",
    "DataSet",
    "LoadedSet",
    "TargetRule",
    "cache_folder",
    "data_sets",
    "fetch",
    "get",
    "load_abundances",
    "load_compositions",
    "read_property_table",
    "read_vocabulary",
]


@dataclass(frozen=True, eq=False)
class LoadedSet:
    """A registered set in memory.

    Attributes
    ----------
    table : Table
        The rows to train and test on.
    dataset : DataSet
        Its entry in the catalog.
    target : TargetRule or None
        The question asked of a biomarker set.
    holdout : Table or None
        Rows that come as a holdout file of their own.
    vocabulary : tuple of str or None
        The elements that the set's own one-hot encoding knows, in its order.
    properties : DataFrame or None
        The set's own element properties, indexed by symbol.
    """

    table: Table
    dataset: DataSet
    target: TargetRule | None = None
    holdout: Table | None = None
    vocabulary: tuple[str, ...] | None = None
    properties: pd.DataFrame | None = None


def data_sets() -> Mapping[str, DataSet]:
    """Return all registered data sets by name.

    Examples
    --------
    >>> sorted(name for name, dataset in data_sets().items() if dataset.embedded)
    ['covid-plasma', 'covid-plasma-191', 'perovskite-oxides', 'sacurine']
    """
    return MappingProxyType({dataset.name: dataset for dataset in CATALOG})


def get(name: str) -> DataSet:
    """Return the entry of a data set.

    Raises
    ------
    InvalidInputError
        If there is no such set; the message offers names that look alike.

    Examples
    --------
    >>> get("sacurine").n_rows
    183
    """
    known = data_sets()
    if name in known:
        return known[name]
    alike = difflib.get_close_matches(name, known, n=2)
    hint = f"Did you mean {first_few(alike)}? " if alike else ""
    raise InvalidInputError(
        f"There is no data set '{name}'. {hint}Registered are {', '.join(known)}."
    )


def fetch(
    name: str, *, base_url: str | None = None, folder: str | Path | None = None
) -> list[Path]:
    """Return the files of a data set, downloading those that are not there yet.

    Files in the folder FOLDWISE_DATA_DIR come first, then the cache. Every file is
    checked against its registered SHA-256.

    Parameters
    ----------
    name : str
        Of a registered set. Embedded sets need no download.
    base_url : str, optional
        Where the files stand, instead of the registered address.
    folder : path, optional
        Where to put them, instead of the cache.

    Raises
    ------
    InvalidInputError
        If a file cannot be downloaded or is not the registered one; nothing is kept then.
    """
    return fetch_files(get(name), base_url=base_url, folder=Path(folder) if folder else None)


def load_abundances(name: str, *, target: str | None = None) -> LoadedSet:
    """Load a registered table of abundances and one question about it.

    Parameters
    ----------
    name : str
        Such as ``"covid-plasma"``.
    target : str, optional
        Key of one of the set's targets; its default if not given.

    Returns
    -------
    LoadedSet
        Its table holds the rows that have this target, under the target's key and with
        its two labels; a note counts the rows that were left out.

    Raises
    ------
    InvalidInputError
        If the set or the target is unknown, or the files are not there.
    """
    dataset = _of_study(name, "biomarkers")
    rule = _target_rule(dataset, target or dataset.default_target or "")
    frame, sources = _abundance_frame(dataset)
    labels = frame[rule.column].map(label_text)
    kept = labels.isin(rule.positive + rule.negative)
    frame = _one_question(frame, labels, dataset, rule)[kept]
    left_out = tuple(sorted({other.column for other in dataset.targets} - {rule.key}))
    roles = Roles(rule.key, None, (), None, left_out)
    table = abundance_table(frame, roles, sources, dataset.scale, require_target=True)
    notes = table.notes
    if not kept.all():
        notes = (_subset_note(rule, labels, kept), *notes)
    columns = tuple(
        replace(column, unit=dataset.unit) if column.role == "feature" else column
        for column in table.columns
    )
    return LoadedSet(replace(table, columns=columns, notes=notes), dataset, rule)


def _one_question(
    frame: pd.DataFrame, labels: pd.Series, dataset: DataSet, rule: TargetRule
) -> pd.DataFrame:
    """Return the answers under the target's key, other label columns, then the features."""
    label_columns = {other.column for other in dataset.targets}
    features = [key for key in frame.columns if key not in label_columns]
    gaps = frame[features].isna().mean()  # over all rows: every target has the same features
    answers = np.where(labels.isin(rule.positive), rule.positive_label, rule.negative_label)
    parts = [
        pd.DataFrame({rule.key: answers}, index=frame.index),
        frame[[key for key in frame.columns if key in label_columns - {rule.key}]],
        frame[[key for key in features if gaps[key] <= dataset.max_missing]],
    ]
    return pd.concat(parts, axis=1)


def _of_study(name: str, study: str) -> DataSet:
    dataset = get(name)
    if dataset.study != study:
        names = [one.name for one in CATALOG if one.study == study]
        raise InvalidInputError(
            f"'{name}' is a data set for `foldwise {dataset.study}`. "
            f"For `foldwise {study}` there are {', '.join(names)}."
        )
    return dataset


def _target_rule(dataset: DataSet, key: str) -> TargetRule:
    keys = [rule.key for rule in dataset.targets]
    if key not in keys:
        raise InvalidInputError(
            f"{dataset.name} has no target '{key}'. Its targets are {', '.join(keys)}."
        )
    return dataset.target(key)


def _abundance_frame(dataset: DataSet) -> tuple[pd.DataFrame, tuple[SourceFile, ...]]:
    parts = [read_frame(path) for path in find_files(dataset)]
    frame, source = parts[0]
    if len(parts) == 1:
        return frame, (source,)
    labels, label_source = parts[1]
    roles = Roles(None, None, (), None, ())
    return joined(frame, source, labels, label_source, roles)[0], (source, label_source)


def _subset_note(rule: TargetRule, labels: pd.Series, kept: pd.Series) -> str:
    values = sorted(set(labels[~kept]))
    return (
        f"Only {int(kept.sum())} of {len(kept)} rows have the target '{rule.key}': "
        f"{rule.column} {', '.join(rule.positive)} against {', '.join(rule.negative)}. "
        f"{counted(int((~kept).sum()), 'row')} with {rule.column} {', '.join(values)} are left out."
    )


def load_compositions(name: str) -> LoadedSet:
    """Load a registered table of compositions.

    A set with its own holdout file brings it, and its own vocabulary and element
    properties. Otherwise ``dataset.holdout_elements`` names what may be held out.

    Raises
    ------
    InvalidInputError
        If the set is unknown, its files are not there, or a row id stands both in its
        training and its holdout file.
    """
    dataset = _of_study(name, "perovskites")
    paths = {path.name: path for path in find_files(dataset)}
    table = read_compositions(paths[dataset.files[0].name])
    if dataset.embedded:
        return LoadedSet(table, dataset)
    holdout = read_compositions(paths["perov_val.csv"], holdout=True)
    table.stacked(holdout)  # raises if a row id stands in both files
    return LoadedSet(
        table,
        dataset,
        holdout=holdout,
        vocabulary=read_vocabulary(paths["elements.npy"]),
        properties=read_property_table(paths["mendeleev.csv"]),
    )
