"""Evidence of the study ``tune-perovskites``: encoded rows, the search, and the refits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foldwise.arrays import BoolArray, Design, FloatArray, IntArray
from foldwise.data.readers import read_splits
from foldwise.errors import InvalidInputError
from foldwise.evaluation.metrics import REGRESSION_METRICS
from foldwise.evaluation.splits import kfold_among
from foldwise.fits.batch import FitBatch
from foldwise.fits.mlp import MlpLearner
from foldwise.fits.preprocessing import MedianFill, Standardize, Step
from foldwise.studies.config import TunePerovskitesConfig
from foldwise.studies.encoding import (
    describe_encoder,
    encode_sites,
    network_design,
    without_empty_columns,
)
from foldwise.studies.given_splits import match_splits
from foldwise.studies.perovskite_evidence import WEIGHT_DECAY, Compositions, split_rows
from foldwise.studies.sections import Watch
from foldwise.studies.tuning import Problem, Search, search_settings
from foldwise.tuning.nested import inner_folds
from foldwise.tuning.refits import ask_refits

__all__ = ["N_SEEDS", "EncodedRows", "Refit", "TuningEvidence", "gather_tuning_evidence"]

N_SEEDS = 3
"""Refits of every step; the first is kept."""
_UNTUNED = {"hidden": (256, 256, 256), "lr": 1e-3}


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """Encoded rows, and the parts they fall into; the holdout may be among ``train``."""

    encoder: Mapping[str, Any]
    features: tuple[str, ...]
    dense: FloatArray
    X: Design
    parts: Mapping[str, BoolArray]
    stacked: BoolArray


@dataclass(frozen=True, eq=False)
class Refit:
    """One step from the untuned network to the tuned one."""

    model: str
    label: str
    setting: Mapping[str, Any]
    train: BoolArray
    scaled: bool
    batch: FitBatch


@dataclass(frozen=True, eq=False)
class TuningEvidence:
    """Everything the fits of the study gave back."""

    data: Compositions
    inputs: EncodedRows
    problem: Problem
    found: Search
    refits: Sequence[Refit]

    @property
    def tuned(self) -> Refit:
        """The refit of the best setting."""
        return self.refits[-1]


def gather_tuning_evidence(
    data: Compositions, config: TunePerovskitesConfig, watch: Watch, *, n_jobs: int | None = None
) -> TuningEvidence:
    """Search on the training rows, then refit from the untuned network to the tuned one."""
    inputs = _encode(data, config)
    problem = _problem(data, inputs, config, n_jobs)
    space = {"hidden": config.layers, "lr": config.lr, "weight_decay": config.weight_decay}
    found = search_settings(problem, space, watch, search=config.search, trials=config.trials)
    refits = _refits(data, inputs, config, found, watch, n_jobs)
    return TuningEvidence(data, inputs, problem, found, refits)


def _encode(data: Compositions, config: TunePerovskitesConfig) -> EncodedRows:
    parts = dict(split_rows(data, config, validation_size=0.0))
    # A file of splits may name validation rows; nothing watches them here.
    parts["train"] = parts["train"] | parts.pop("validation", np.zeros_like(parts["train"]))
    stacked = np.zeros_like(parts["train"])
    if config.stack_holdout:
        if "holdout" not in parts:
            raise InvalidInputError(
                f"{data.table.name}: --stack-holdout trains on the holdout as well, and there is "
                "none. Give one with --holdout or --holdout-elements, or leave the option out."
            )
        stacked = parts.pop("holdout")
    train = parts["train"] | stacked
    encoder = describe_encoder(
        config.encoding, data.sites, data.vocabulary, data.properties, data.spread
    )
    encoder = without_empty_columns(encoder, data.table.sites(), train)
    dense, features = encode_sites(encoder, data.table.sites())
    design = network_design(encoder, data.table.sites()[data.sites], dense)
    return EncodedRows(encoder, features, dense, design, {**parts, "train": train}, stacked)


def _learner(
    config: TunePerovskitesConfig, n_jobs: int | None, *, scaled: bool = True
) -> MlpLearner:
    """Return the learner of every fit; one-hot columns have no gaps to fill."""
    steps: tuple[Step, ...] = (Standardize(),) if scaled else ()
    if config.encoding != "one-hot":
        steps = (MedianFill(), Standardize())
    return MlpLearner(
        activation=config.activation,
        epochs=config.epochs,
        batch_size=config.batch_size,
        steps=steps,
        device=config.device,
        n_jobs=n_jobs,
    )


def _folds(data: Compositions, config: TunePerovskitesConfig, train: BoolArray) -> IntArray:
    """Return the folds of the training rows, drawn or from the user's file; -1 elsewhere."""
    given = None
    if config.splits is not None:
        path = config.splits
        given = match_splits(read_splits(Path(path)), data.table.ids, path).folds
    if given is None:
        return kfold_among(train, n_splits=config.folds, n_repeats=config.repeats, seed=config.seed)
    folds = np.where(train, given, -1)
    for repeat, own in enumerate(folds, start=1):
        n_folds = int(given[repeat - 1].max()) + 1
        empty = [str(fold) for fold in range(n_folds) if not (own == fold).any()]
        if empty or n_folds < 2:
            raise InvalidInputError(
                f"{config.splits}, column 'fold_{repeat}': of {n_folds} folds {len(empty)} hold no "
                "training row. A search needs two or more folds, each with training rows in it."
            )
    return folds


def _problem(
    data: Compositions, inputs: EncodedRows, config: TunePerovskitesConfig, n_jobs: int | None
) -> Problem:
    train = inputs.parts["train"]
    folds = _folds(data, config, train)
    inner = inner_folds(folds[0], n_splits=config.folds, seed=config.seed)
    return Problem(
        target=data.y,
        folds=folds,
        inner=inner if config.nested else None,
        metric=REGRESSION_METRICS["r2"],
        metric_name="R²",
        learner=_learner(config, n_jobs),
        X=inputs.X,
        seed=config.seed,
        passes=f"{config.epochs} epochs",
    )


def _refits(
    data: Compositions,
    inputs: EncodedRows,
    config: TunePerovskitesConfig,
    found: Search,
    watch: Watch,
    n_jobs: int | None,
) -> list[Refit]:
    """Refit from the untuned network to the tuned one, one change at a time."""
    registered = None if data.dataset is None else data.dataset.weight_decay
    untuned = {**_UNTUNED, "weight_decay": WEIGHT_DECAY if registered is None else registered}
    every = inputs.parts["train"]
    fewer = every & ~inputs.stacked
    n_stacked = int(inputs.stacked.sum())
    steps: list[tuple[str, str, Mapping[str, Any], BoolArray, bool]] = []
    if config.encoding == "one-hot":
        steps.append(("mlp-untuned-unscaled", "untuned", untuned, fewer, False))
    label = "+ scaling" if steps else "untuned, scaled"
    model = "mlp-untuned-fewer-rows" if n_stacked else "mlp-untuned"
    steps.append((model, label, untuned, fewer, True))
    if n_stacked:
        steps.append(("mlp-untuned", f"+ {n_stacked} holdout rows", untuned, every, True))
    steps.append(("mlp-tuned", "+ tuned", dict(found.best_setting), every, True))
    return [
        Refit(
            *step,
            watch.ask(
                f"refit, {step[1].removeprefix('+ ')}",
                ask_refits(data.y, step[3], step[2], n_seeds=N_SEEDS, seed=config.seed),
                _learner(config, n_jobs, scaled=step[4]),
                inputs.X,
                keep=("scores", "parameters", "preprocessing"),
            ),
        )
        for step in steps
    ]
