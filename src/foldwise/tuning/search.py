"""A question that searches a space of settings with TPE, a batch of trials at a time."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError, first_few
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.questions import Question
from foldwise.evaluation.seeds import child_seed
from foldwise.tuning.spaces import (
    LogRange,
    Range,
    Space,
    decoded_setting,
    described_space,
    optuna_distributions,
    require_space,
)
from foldwise.tuning.trials import (
    Params,
    begin_trial,
    fail_unfinished,
    finish_trial,
    finished_trials,
    fold_values,
    notes_of,
    opened_study,
    places_begun,
    proposed_params,
)

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

__all__ = ["LogRange", "Range", "SearchResult", "Space", "ask_tpe_search"]


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Settings that a search tried, in order, and the metric of each fold.

    Parameters
    ----------
    settings : tuple of dict
        One per trial.
    values : float array of shape (n_settings, n_repeats, n_folds)
        The metric within each fold.
    notes : tuple of str
        Distinct remarks of the fits.
    """

    settings: tuple[dict[str, Any], ...]
    values: FloatArray
    notes: tuple[str, ...] = ()


def ask_tpe_search(
    target: FloatArray,
    folds: IntArray,
    metric: Callable[[FloatArray, FloatArray], float],
    space: Space,
    *,
    n_trials: int,
    batch_size: int = 8,
    seed: int = 0,
    store: Path | None = None,
    name: str = "foldwise",
) -> Question[SearchResult]:
    """Ask for the settings that a tree-structured Parzen estimator proposes, in batches.

    Each batch is one plan of all its settings, folds and repeats. A batch depends on the
    batches before it and the seed alone, so a search that was stopped and goes on in the same
    store equals one that was not, and a search of n trials is the start of any longer one.
    Trials that a killed process left running are failed and asked again; finished ones stay.
    Give `run_question` a block store too, and finished fits of the batch in between stay as
    well. Both hold for one process at a time, with the same version of Optuna.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        What is predicted.
    folds : int array of shape (n_repeats, n_samples)
        Test fold of each sample, in each repeat; the same for all settings, as is each fit's
        seed.
    metric : callable
        ``metric(target, scores)`` of the test rows of a fold; higher is better.
    space : mapping of str to Range, LogRange or sequence
        What each setting may be. Choices may be tuples.
    n_trials : int
        Length of the whole search, trials in the store included. A batch that was begun is
        finished, and no more than n_trials are returned.
    batch_size : int, default=8
        Trials that are asked before the first of them is told. The first 10 trials, rounded
        up to a whole batch, are random.
    seed : int, default=0
        The run's seed, for the proposals and the fits.
    store : Path, optional
        SQLite file that keeps the trials, for this search to go on and for optuna-dashboard
        to show. It knows nothing of the learner and X: one learner on one table, one store.
    name : str, default="foldwise"
        Name of the study in the store.

    Returns
    -------
    SearchResult
        The first ``n_trials`` trials. A setting that is proposed twice is trained twice.

    Raises
    ------
    InvalidInputError
        If there is nothing to search, the store belongs to another search, or the metric of
        a fold is not finite. As fits that diverge, this stops the search and would stop it
        again: narrow the space, which makes it another search, with another name or store.

    References
    ----------
    .. [1] Bergstra, Bardenet, Bengio & Kegl (2011), Adv. Neural Inf. Process. Syst. 24, 2546.

    Examples
    --------
    >>> from foldwise.evaluation.metrics import roc_auc
    >>> from foldwise.evaluation.questions import run_question
    >>> from foldwise.evaluation.splits import kfold_assignments
    >>> from foldwise.fits.logistic_learner import LogisticLearner
    >>> X = np.random.default_rng(0).normal(size=(60, 20))
    >>> y = (X[:, 0] > 0).astype(float)
    >>> folds = kfold_assignments(60, n_splits=3, seed=0, classes=y)
    >>> question = ask_tpe_search(y, folds, roc_auc, {"C": LogRange(1e-3, 1e3)}, n_trials=4)
    >>> found = run_question(question, LogisticLearner(l1_ratio=1.0, n_jobs=1), X)
    >>> len(found.settings), found.values.shape
    (4, (4, 1, 3))
    """
    require_space(space)
    _require_counts(n_trials=n_trials, batch_size=batch_size)
    distributions = optuna_distributions(space)
    metric_name = getattr(metric, "__name__", type(metric).__name__)
    identity = {
        **described_space(space),
        **{"seed": int(seed), "batch_size": batch_size, "metric": metric_name},
        **{"folds": _digest(folds), "target": _digest(target)},
    }
    with opened_study(store, name, identity) as study:
        fail_unfinished(study)
        while (n_finished := len(finished_trials(study))) < n_trials:
            places = places_begun(study)
            if places.stop <= n_finished:
                places = _next_places(n_finished, n_trials, batch_size)
            params = _params_at(places, finished_trials(study), distributions, batch_size, seed)
            settings = [decoded_setting(space, one) for one in params]
            n_known = n_finished - places.start
            trials = [begin_trial(study, one, distributions, places) for one in params[n_known:]]
            answer = yield from ask_cross_validation(
                target, folds, metric, settings=settings, seed=seed
            )
            _require_finite(metric_name, settings, answer.values)
            for trial, values in zip(trials, answer.values[n_known:], strict=True):
                finish_trial(study, trial, values, answer.notes)
        return _result(space, finished_trials(study)[:n_trials])


def _next_places(n_finished: int, n_trials: int, batch_size: int) -> range:
    """Return the places of the next plan: up to the end of the batch or of the search."""
    return range(n_finished, min(n_trials, n_finished - n_finished % batch_size + batch_size))


def _params_at(
    places: range,
    finished: "Sequence[FrozenTrial]",
    distributions: "Mapping[str, BaseDistribution]",
    batch_size: int,
    seed: int,
) -> list[Params]:
    """Return the parameters of a plan; what of it is finished keeps its own."""
    start = places.start - places.start % batch_size  # of the batch that holds the plan
    asked = proposed_params(
        finished[:start], distributions, places.stop - start, child_seed(seed, "tpe", start)
    )
    known = [trial.params for trial in finished[start:]]
    return [*known, *asked[len(known) :]][places.start - start :]


def _result(space: Space, finished: "Sequence[FrozenTrial]") -> SearchResult:
    return SearchResult(
        settings=tuple(decoded_setting(space, trial.params) for trial in finished),
        values=np.stack([fold_values(trial) for trial in finished]),
        notes=tuple(sorted({note for trial in finished for note in notes_of(trial)})),
    )


def _require_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise InvalidInputError(f"{name} is {count}. A search needs at least 1.")


def _require_finite(
    metric_name: str, settings: Sequence[Mapping[str, Any]], values: FloatArray
) -> None:
    """Refuse values (n_settings, n_repeats, n_folds) without a mean to compare."""
    bad = [
        f"{values[place]} at {settings[place[0]]} (repeat {place[1]}, fold {place[2]})"
        for place in map(tuple, np.argwhere(~np.isfinite(values)).tolist())
    ]
    if bad:
        raise InvalidInputError(
            f"{metric_name} is not finite in {len(bad)} of {values.size} fits: "
            f"{first_few(bad, quoted=False)}. Settings are compared by their mean: use a metric "
            "that every fold has, or narrow the space."
        )


def _digest(array: np.ndarray) -> str:
    """Return the start of a SHA-256 of the numbers of an array, whatever their type."""
    numbers = np.ascontiguousarray(array, np.float64)
    return hashlib.sha256(repr(numbers.shape).encode() + numbers.tobytes()).hexdigest()[:16]
