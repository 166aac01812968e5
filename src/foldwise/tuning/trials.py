"""Trials of a search in an Optuna study: in memory, or in a file that outlives the process.

A finished trial carries the metric of each fold; every trial carries the places, counted
over the whole search, of the trials that it was planned with.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foldwise.arrays import FloatArray
from foldwise.errors import InvalidInputError, first_few

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

__all__ = [
    "Params",
    "begin_trial",
    "fail_unfinished",
    "finish_trial",
    "finished_trials",
    "fold_values",
    "notes_of",
    "opened_study",
    "places_begun",
    "proposed_params",
]

Params = dict[str, Any]
"""Parameters of a trial as Optuna knows them, by name."""

# Seconds to wait while another process, such as a dashboard, reads the file.
_PATIENCE = 60.0


@contextmanager
def opened_study(
    store: Path | None, name: str, search: Mapping[str, str | int]
) -> "Iterator[Study]":
    """Open the study of a search, or begin it.

    Parameters
    ----------
    store : Path, optional
        An SQLite file, made where there is none. Without it the study lives in memory.
    name : str
        Name of the study; one file holds several.
    search : mapping of str to str or int
        What decides the trials, kept with the study.

    Raises
    ------
    InvalidInputError
        If the file is something else, or its study belongs to another search.
    """
    from optuna import create_study
    from optuna.samplers import RandomSampler

    storage = None if store is None else _sqlite(store)
    try:
        with _quiet_optuna():
            study = create_study(
                storage=storage,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                # Unused: trials are added with the parameters that `proposed_params` found.
                sampler=RandomSampler(seed=0),
            )
        _require_same_search(study, f"{store}: study {name!r}", search)
        yield study
    finally:
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()


def finished_trials(study: "Study") -> "list[FrozenTrial]":
    """Return the trials that were told a value, in the order they were asked."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])


def fail_unfinished(study: "Study") -> None:
    """Fail the trials that a killed process was asked for and never told."""
    from optuna.trial import TrialState

    for _ in study.get_trials(deepcopy=False, states=[TrialState.WAITING]):
        study.ask()  # only a running trial can be told anything
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)


def places_begun(study: "Study") -> range:
    """Return the places of the last trials planned together; none at first."""
    trials = study.get_trials(deepcopy=False)
    return range(*trials[-1].user_attrs["places"]) if trials else range(0)


def begin_trial(
    study: "Study", params: Params, distributions: "Mapping[str, BaseDistribution]", places: range
) -> "Trial":
    """Return a running trial with given parameters."""
    study.enqueue_trial(params, user_attrs={"places": [places.start, places.stop]})
    return study.ask(dict(distributions))


def finish_trial(study: "Study", trial: "Trial", values: FloatArray, notes: Sequence[str]) -> None:
    """Tell the mean of ``values`` (n_repeats, n_folds), once they are kept with the trial."""
    trial.set_user_attr("values", values.tolist())
    trial.set_user_attr("notes", list(notes))
    study.tell(trial, float(values.mean()))


def fold_values(trial: "FrozenTrial") -> FloatArray:
    """Return the metric of each fold of a finished trial, shape (n_repeats, n_folds)."""
    return np.array(trial.user_attrs["values"], np.float64)


def notes_of(trial: "FrozenTrial") -> list[str]:
    """Return the remarks on the fits that a finished trial was trained with."""
    return [str(note) for note in trial.user_attrs["notes"]]


def proposed_params(
    finished: "Sequence[FrozenTrial]",
    distributions: "Mapping[str, BaseDistribution]",
    n_trials: int,
    seed: int,
) -> list[Params]:
    """Ask TPE for a batch of trials that follows the finished ones.

    They are asked in a study of their own, one after another, before any is told: TPE keeps
    away from those that still run. So a batch depends on the finished trials and the seed
    alone, not on trials that failed, and its first trials not on how many follow.
    """
    from optuna import create_study
    from optuna.samplers import TPESampler

    with _quiet_optuna():
        study = create_study(direction="maximize", sampler=TPESampler(seed=seed))
    study.add_trials(finished)
    return [study.ask(dict(distributions)).params for _ in range(n_trials)]


def _sqlite(store: Path) -> "RDBStorage":
    """Return the storage of a file; a path of any characters will do."""
    from optuna.storages import RDBStorage

    _require_sqlite(store)
    store.parent.mkdir(parents=True, exist_ok=True)
    connect = partial(sqlite3.connect, store, timeout=_PATIENCE, check_same_thread=False)
    # `connect` opens the file. The URL names the kind alone: one with the path would be cut
    # at a question mark, and Optuna would fill in its braces.
    return RDBStorage("sqlite:///store.db", engine_kwargs={"creator": connect})


def _require_sqlite(store: Path) -> None:
    if not store.exists():
        return
    if store.is_file():
        with store.open("rb") as file:
            start = file.read(16)
        if start in (b"", b"SQLite format 3\0"):
            return
    raise InvalidInputError(
        f"{store} exists and is no SQLite file. Give the store of this search, or a new path."
    )


def _require_same_search(study: "Study", place: str, search: Mapping[str, str | int]) -> None:
    """Refuse a study of another search; mark a new one as this search's."""
    if not study.get_trials(deepcopy=False) and "search" not in study.user_attrs:
        study.set_user_attr("search", dict(search))
    there = study.user_attrs.get("search", {})
    here = json.loads(json.dumps(search))
    differing = [
        f"{name} is {there.get(name, 'absent')} there and {here.get(name, 'absent')} here"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
    if differing:
        raise InvalidInputError(
            f"{place} belongs to another search: {first_few(differing, quoted=False)}. "
            "Give the same arguments to go on with it, or another store or name."
        )


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna from logging every study that is made; the user's level comes back."""
    from optuna import logging

    level = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(level)
