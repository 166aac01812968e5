"""Evidence of the study ``perovskites``: the rows, and every batch of fits asked of them.

`perovskite_tables` and `perovskite_sections` write what it says.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldwise.arrays import BoolArray, FloatArray
from foldwise.data.composition import parse_site
from foldwise.data.elements import read_vocabulary
from foldwise.data.held_elements import (
    element_membership,
    hold_out_elements,
)
from foldwise.data.readers import read_compositions, read_splits
from foldwise.data.registry import DataSet, load_compositions
from foldwise.data.tables import Table
from foldwise.errors import FoldwiseWarning, InvalidInputError, first_few
from foldwise.evaluation.baselines import regression_baselines
from foldwise.evaluation.cross_validation import ask_splits
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.splits import random_test_masks
from foldwise.features.element_descriptors import read_properties
from foldwise.fits.batch import FitBatch
from foldwise.fits.mlp import MlpLearner, weight_decay_of
from foldwise.fits.preprocessing import MedianFill, Standardize, Step
from foldwise.studies.config import CompositionsConfig, PerovskitesConfig, require_unset
from foldwise.studies.encoding import (
    describe_encoder,
    encode_sites,
    network_design,
    without_empty_columns,
)
from foldwise.studies.given_splits import match_splits
from foldwise.studies.sections import Watch

__all__ = [
    "WEIGHT_DECAY",
    "Compositions",
    "PerovskiteEvidence",
    "gather_evidence",
    "load_compositions_of",
    "split_rows",
]

DEFAULT_DATASET = "perovskite-oxides"
WEIGHT_DECAY = 0.01
"""For targets whose variance is about 0.1 (eV/atom)²."""


@dataclass(frozen=True, eq=False)
class Compositions:
    """All rows of a study, the holdout among them, and what encodes them.

    Parameters
    ----------
    table : Table
        Training, test and holdout rows, sorted by id.
    held_out : bool array of shape (n_samples,)
        Rows no fit ever trains on.
    vocabulary : tuple of str
        Elements of the one-hot columns.
    properties : DataFrame
        Element properties by symbol.
    spread : bool
        Whether descriptors carry the spread over an alloyed site.
    """

    table: Table
    held_out: BoolArray
    vocabulary: tuple[str, ...]
    properties: pd.DataFrame
    spread: bool
    dataset: DataSet | None

    @property
    def y(self) -> FloatArray:
        """Target of all rows, shape (n_samples,)."""
        return self.table.values("target").to_numpy(dtype=np.float64)

    @property
    def sites(self) -> list[str]:
        """Site columns that are encoded: A, B, and X where it is not always the same."""
        frame = self.table.sites()
        return [
            str(site)
            for place, site in enumerate(frame.columns)
            if place < 2 or frame[site].nunique() > 1
        ]

    @property
    def fixed_sites(self) -> dict[str, str]:
        """Sites that are alike in every row and so not encoded, with their cell."""
        frame = self.table.sites()
        return {str(site): str(frame[site].iloc[0]) for site in frame if site not in self.sites}

    @cached_property
    def members(self) -> pd.DataFrame:
        """Which elements each row holds on encoded sites, (sample, element)."""
        return element_membership(self.table, self.sites)

    def elements_in(self, rows: BoolArray) -> list[str]:
        """Return the elements of some rows, by atomic number."""
        present = np.asarray(self.members.to_numpy()[rows].any(axis=0))
        return [str(one) for one in self.members.columns[present]]

    def elements_of(self, site: str) -> list[frozenset[str]]:
        """Return the elements of one site, row by row."""
        return [frozenset(e for e, _ in parse_site(cell)) for cell in self.table.sites()[site]]


@dataclass(frozen=True, eq=False)
class EncodingEvidence:
    """One encoding: its columns, its network, and the baselines on the same inputs."""

    encoder: Mapping[str, Any]
    X: FloatArray
    features: tuple[str, ...]
    learner: MlpLearner
    network: FitBatch
    baselines: Mapping[str, FitBatch]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PerovskiteEvidence:
    """Everything the fits of one study gave back.

    Parameters
    ----------
    parts : mapping of str to bool array of shape (n_samples,)
        Rows of train, validation, test and (if any) holdout.
    encodings : mapping of str to EncodingEvidence
        By name, in the order of the config.
    """

    parts: Mapping[str, BoolArray]
    encodings: Mapping[str, EncodingEvidence]


def load_compositions_of(config: CompositionsConfig) -> Compositions:
    """Read the tables of a config, or the registered set it names."""
    if config.table and config.dataset:
        raise InvalidInputError(
            f"Both the file {config.table} and --dataset {config.dataset} are given. Give one."
        )
    if config.table:
        table = read_compositions(
            Path(config.table), target=config.target, id_column=config.id_column
        )
        found = Compositions(table, np.zeros(table.n_rows, bool), (), pd.DataFrame(), False, None)
    else:
        found = _registered(config.dataset or DEFAULT_DATASET, config)
    found = _with_holdout(found, config)
    usable = found.y[~found.held_out]
    if np.ptp(usable) == 0:
        raise InvalidInputError(
            f"{found.table.name}: the target is {usable[0]:g} in all {len(usable)} rows outside "
            "the holdout: there is nothing to predict. Choose another column with --target."
        )
    return _with_encoders(found, config)


def _registered(name: str, config: CompositionsConfig) -> Compositions:
    require_unset({"--target": config.target, "--id": config.id_column}, name)
    loaded = load_compositions(name)
    table, held_out = loaded.table, np.zeros(loaded.table.n_rows, bool)
    if loaded.holdout is not None:
        table, held_out = _stacked(table, loaded.holdout)
    properties = pd.DataFrame() if loaded.properties is None else loaded.properties
    return Compositions(table, held_out, loaded.vocabulary or (), properties, False, loaded.dataset)


def _stacked(table: Table, holdout: Table) -> tuple[Table, BoolArray]:
    both = table.stacked(holdout)
    return both, both.frame.index.isin(holdout.ids)


def _with_holdout(found: Compositions, config: CompositionsConfig) -> Compositions:
    """Hold out the rows of a file, or every row with one of the named elements."""
    if config.holdout is not None:
        holdout = read_compositions(
            Path(config.holdout), target=config.target, id_column=config.id_column, holdout=True
        )
        table, held_out = _stacked(found.table.rows(~found.held_out), holdout)
        return replace(found, table=table, held_out=held_out)
    elements = config.holdout_elements or ()
    if not elements and found.dataset is not None and not found.held_out.any():
        elements = found.dataset.holdout_elements
    if not elements:
        return found
    _, holdout = hold_out_elements(found.table, elements)
    return replace(found, held_out=found.table.frame.index.isin(holdout.ids))


def _with_encoders(found: Compositions, config: CompositionsConfig) -> Compositions:
    vocabulary = found.vocabulary
    if config.elements is not None:
        vocabulary = read_vocabulary(Path(config.elements))
    if not vocabulary:
        vocabulary = tuple(str(element) for element in found.members.columns)
    properties = found.properties
    if config.descriptors != "reference" or properties.empty:
        properties = read_properties(config.descriptors)
    return replace(
        found,
        vocabulary=vocabulary,
        properties=properties,
        spread=config.descriptors == "extended",
    )


def split_rows(
    data: Compositions, config: CompositionsConfig, *, validation_size: float
) -> dict[str, BoolArray]:
    """Return the rows of train, validation (if any), test and holdout."""
    if config.splits is not None:
        part = match_splits(read_splits(Path(config.splits)), data.table.ids, config.splits).part
        if part is None:
            raise InvalidInputError(f"{config.splits}: no column `part`. Add train, test, ...")
        names = ("train", "validation", "test", "holdout")
        parts = {name: np.asarray(part == name) for name in names}
        used = data.held_out & ~parts["holdout"]
        if used.any():
            rows = [row for row, one in zip(data.table.ids, used, strict=True) if one]
            raise InvalidInputError(
                f"{config.splits}: {len(rows)} held-out rows have another part than 'holdout': "
                f"{first_few(rows)}. Write holdout there, or leave the holdout to the file alone."
            )
    else:
        usable = np.flatnonzero(~data.held_out)
        test = _drawn(usable, len(data.y), config.test_size, child_seed(config.seed, "test"))
        rest = usable[~test[usable]]
        watched = np.zeros(len(data.y), bool)
        if validation_size > 0:
            seed = child_seed(config.seed, "validation")
            watched = _drawn(rest, len(data.y), validation_size, seed)
        train = ~data.held_out & ~test & ~watched
        parts = {"train": train, "validation": watched, "test": test, "holdout": data.held_out}
    for name in ("train", "test"):
        if parts[name].sum() < 2:
            raise InvalidInputError(
                f"The {name} part holds {int(parts[name].sum())} rows; at least 2 are needed. "
                "Give more rows, or another share."
            )
    return {name: rows for name, rows in parts.items() if rows.any()}


def _drawn(rows: np.ndarray, n_samples: int, share: float, seed: int) -> BoolArray:
    mask = np.zeros(n_samples, bool)
    mask[rows[random_test_masks(len(rows), test_size=share, seed=seed)[0]]] = True
    return mask


def gather_evidence(
    data: Compositions, config: PerovskitesConfig, watch: Watch, *, n_jobs: int | None = None
) -> PerovskiteEvidence:
    """Train the network and the baselines on every encoding; each is one plan."""
    parts = split_rows(data, config, validation_size=config.validation_size)
    encodings: dict[str, EncodingEvidence] = {
        kind: _evidence(kind, data, config, parts, watch, n_jobs) for kind in config.encodings
    }
    return PerovskiteEvidence(parts, encodings)


def _evidence(
    kind: str,
    data: Compositions,
    config: PerovskitesConfig,
    parts: Mapping[str, BoolArray],
    watch: Watch,
    n_jobs: int | None,
) -> EncodingEvidence:
    encoder = describe_encoder(kind, data.sites, data.vocabulary, data.properties, data.spread)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FoldwiseWarning)
        encoder = without_empty_columns(encoder, data.table.sites(), parts["train"])
        X, features = encode_sites(encoder, data.table.sites())
    if not features:
        raise InvalidInputError(
            f"No column of the encoding '{kind}' has a value for any element of the training rows. "
            "Give a table of properties that knows them with --descriptors, or use one-hot."
        )
    notes = tuple(sorted({str(warning.message) for warning in caught}))
    learner = network_learner(kind, config, data.dataset)
    validation = parts.get("validation")
    test = ~parts["train"] if validation is None else ~(parts["train"] | validation)
    network = watch.ask(
        f"network, {kind}",
        ask_splits(data.y, test[None], monitor=validation, seed=config.seed),
        learner,
        network_design(encoder, data.table.sites()[data.sites], X),
        keep=("scores", "parameters", "preprocessing", "curves"),
    )
    baselines = {
        name: watch.ask(
            f"{name}, {kind}",
            ask_splits(data.y, ~parts["train"][None], seed=config.seed),
            baseline,
            X,
        )
        for name, baseline in regression_baselines(n_jobs).items()
    }
    return EncodingEvidence(encoder, X, features, learner, network, baselines, notes)


def network_learner(kind: str, config: PerovskitesConfig, dataset: DataSet | None) -> MlpLearner:
    """Return the network a config describes, for one encoding."""
    steps: tuple[Step, ...] = (MedianFill(), Standardize())
    if kind == "one-hot":
        steps = (Standardize(),) if config.scale_one_hot else ()
    return MlpLearner(
        hidden=config.hidden,
        activation=config.activation,
        lr=config.lr,
        weight_decay=_weight_decay(config, dataset),
        decay_intercepts=config.alpha is None,
        epochs=config.epochs,
        batch_size=config.batch_size,
        steps=steps,
        device=config.device,
    )


def _weight_decay(config: PerovskitesConfig, dataset: DataSet | None) -> float:
    if config.alpha is not None:
        return weight_decay_of(config.alpha, config.batch_size)
    if config.weight_decay is not None:
        return config.weight_decay
    registered = None if dataset is None else dataset.weight_decay
    return WEIGHT_DECAY if registered is None else registered
