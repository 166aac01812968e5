"""What both tuning studies share: the search itself, and what it found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from foldwise.arrays import Design, FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.intervals import corrected_difference
from foldwise.fits.batch import FitBatch, Learner
from foldwise.fits.plan import FitPlan
from foldwise.reporting.labels import setting_label
from foldwise.studies.sections import Watch
from foldwise.studies.verdicts import plainly
from foldwise.tuning.nested import NestedSearch, ask_nested_search

__all__ = ["Problem", "Search", "scheme_words", "search_settings"]

DEFAULT_TRIALS = 60
Space = Mapping[str, Sequence[Any]]
"""Values to try of each hyperparameter, by the name its learner knows."""


def scheme_words(n_repeats: int, n_folds: int) -> str:
    """Return the folds of a cross-validation in words.

    Examples
    --------
    >>> scheme_words(1, 5), scheme_words(10, 5)
    ('5 folds', '10 x 5 folds')
    """
    return f"{n_repeats} x {n_folds} folds" if n_repeats > 1 else f"{n_folds} folds"


@dataclass(frozen=True, eq=False)
class Problem:
    """What a search is asked: rows, folds, metric and learner.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        What is predicted.
    folds : int array of shape (n_repeats, n_samples)
        Fold of each training row; -1 on test and other rows, which take no part.
    inner : int array of shape (n_outer, n_samples), optional
        Folds inside each outer fold of the first repeat, for nested cross-validation.
    metric : callable
        Takes target and prediction of a fold; higher is better.
    metric_name : str
        What readers call it: "R²" or "AUC".
    learner, X : Learner, Design
        Trains every fit, on these inputs.
    seed : int
        The run's seed.
    passes : str
        What each fit repeats, such as "250 epochs"; empty where it has no such number.
    """

    target: FloatArray
    folds: IntArray
    inner: IntArray | None
    metric: Callable[[FloatArray, FloatArray], float]
    metric_name: str
    learner: Learner
    X: Design
    seed: int
    passes: str = ""

    @property
    def scheme(self) -> str:
        """Folds and passes of each setting, for the progress: "5 folds x 250 epochs"."""
        folds = scheme_words(len(self.folds), int(self.folds.max()) + 1)
        return f"{folds} x {self.passes}" if self.passes else folds


@dataclass(frozen=True, eq=False)
class Search:
    """What a search found.

    Parameters
    ----------
    settings : tuple of mapping
        In the order they were tried.
    values : float array of shape (n_settings, n_repeats, n_folds)
        The metric within each fold.
    metric_name : str
        What readers call it.
    asked : str
        "grid" or "tpe".
    nested : NestedSearch, optional
        The search inside every outer fold.
    """

    settings: tuple[Mapping[str, Any], ...]
    values: FloatArray
    metric_name: str
    asked: str
    nested: NestedSearch | None = None

    @property
    def means(self) -> FloatArray:
        """Mean over folds and repeats, shape (n_settings,)."""
        return np.asarray(self.values.mean(axis=(1, 2)))

    @property
    def spreads(self) -> FloatArray:
        """Standard deviation over folds and repeats, shape (n_settings,)."""
        return np.asarray(self.values.std(axis=(1, 2)))

    @property
    def best(self) -> int:
        """Position of the highest mean; the first of equal ones."""
        return int(np.argmax(self.means))

    @property
    def best_setting(self) -> Mapping[str, Any]:
        """The setting of the highest mean."""
        return self.settings[self.best]

    def behind(self, setting: int) -> tuple[float, float, float]:
        """Return how far a setting is behind the best, with its 95 % interval over folds."""
        apart = (self.values[self.best] - self.values[setting]).ravel()
        low, high = corrected_difference(apart, test_share=1.0 / self.values.shape[2])
        return float(apart.mean()), low, high

    @property
    def n_close(self) -> int:
        """Number of other settings that the folds cannot tell from the best."""
        others = [place for place in range(len(self.settings)) if place != self.best]
        return sum(self.behind(place)[1] <= 0 for place in others)

    @property
    def best_of_outer(self) -> float:
        """The highest mean over the folds of the first repeat, which are the outer folds."""
        return float(self.values[:, 0].mean(axis=1).max())

    @property
    def optimism(self) -> float | None:
        """How much the best mean flatters, on the same folds; None without the nested search."""
        if self.nested is None:
            return None
        return self.best_of_outer - float(self.nested.outer.mean())


class BestSoFar:
    """Says which setting leads, of those whose folds are all finished."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._values: dict[str, list[float]] = {}
        self._best: tuple[float, str] | None = None

    def __call__(self, plan: FitPlan, fits: IntArray, batch: FitBatch) -> str:
        """Take in a finished block, and return the remark."""
        n_folds = np.bincount(plan.setting)
        for place, fit in enumerate(fits):
            held = plan.score[fit]
            setting = plan.setting_of(int(fit))
            values = self._values.setdefault(repr(setting), [])
            target = self._problem.target[held]
            values.append(self._problem.metric(target, batch.at(place, held)))
            mean = float(np.mean(values))
            if len(values) == n_folds[plan.setting[fit]] and (
                self._best is None or mean > self._best[0]
            ):
                self._best = mean, setting_label(setting)
        if self._best is None:
            return ""
        return f"best so far {self._problem.metric_name} {plainly(self._best[0])}: {self._best[1]}"


def search_settings(
    problem: Problem,
    space: Space,
    watch: Watch,
    *,
    search: str,
    trials: int | None,
    linear: Sequence[str] = (),
) -> Search:
    """Search the combinations of ``space``, or between its ends, on the folds.

    Parameters
    ----------
    problem : Problem
        Rows, folds, metric and learner.
    space : mapping of str to sequence
        Values to try.
    watch : Watch
        Progress, storage of finished fits, and the folder a search's trials are kept in.
    search : {"grid", "tpe"}
        Every combination; or the trials TPE asks for between the smallest and the largest
        value of each number, on a logarithmic scale.
    trials : int, optional
        Number of trials of "tpe".
    linear : sequence of str
        Numbers that "tpe" draws on a linear scale.
    """
    if search == "tpe":
        return _sampled(problem, space, watch, trials or DEFAULT_TRIALS, linear)
    settings = tuple(dict(zip(space, values, strict=True)) for values in product(*space.values()))
    found = watch.ask(
        f"{len(settings)} settings x {problem.scheme}",
        ask_cross_validation(
            problem.target, problem.folds, problem.metric, settings=settings, seed=problem.seed
        ),
        problem.learner,
        problem.X,
        remark=BestSoFar(problem),
    )
    nested = None
    if problem.inner is not None:
        nested = watch.ask(
            f"the same inside each of {len(problem.inner)} folds",
            ask_nested_search(
                problem.target,
                problem.folds[0],
                problem.inner,
                problem.metric,
                settings,
                seed=problem.seed,
            ),
            problem.learner,
            problem.X,
        )
    return Search(settings, found.values, problem.metric_name, search, nested)


def _sampled(
    problem: Problem, space: Space, watch: Watch, trials: int, linear: Sequence[str]
) -> Search:
    """Ask TPE for settings between the ends of each list of numbers."""
    from foldwise.tuning.search import ask_tpe_search

    found = watch.ask(
        f"{trials} trials x {problem.scheme}",
        ask_tpe_search(
            problem.target,
            problem.folds,
            problem.metric,
            {name: _range(name, values, name in linear) for name, values in space.items()},
            n_trials=trials,
            seed=problem.seed,
            store=watch.trials,
        ),
        problem.learner,
        problem.X,
        remark=BestSoFar(problem),
    )
    return Search(found.settings, found.values, problem.metric_name, "tpe")


def _range(name: str, values: Sequence[Any], linear: bool) -> Any:
    """Return what TPE may draw from: choices, or all between the smallest and the largest."""
    from foldwise.tuning.search import LogRange, Range

    if len(set(values)) == 1 or isinstance(values[0], tuple):
        return values
    low, high = min(values), max(values)
    if linear:
        return Range(low, high)
    if low <= 0:
        raise InvalidInputError(
            f"{name} is drawn on a logarithmic scale, and {low:g} has no place there. Give values "
            "above 0, or search a grid."
        )
    return LogRange(low, high)
