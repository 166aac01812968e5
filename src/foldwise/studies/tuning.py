"""What both tuning studies share: the search, what it found, and its tables and words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from foldwise.arrays import Design, FloatArray, IntArray
from foldwise.audit.findings import Finding
from foldwise.errors import InvalidInputError
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.intervals import corrected_difference
from foldwise.fits.batch import FitBatch, Learner
from foldwise.fits.plan import FitPlan
from foldwise.reporting.labels import setting_label
from foldwise.reporting.summary import NamedTable
from foldwise.studies.sections import Fact, Section, Watch, named_table
from foldwise.studies.verdicts import TuningStep, plainly
from foldwise.tuning.nested import NestedSearch, ask_nested_search

__all__ = [
    "Problem",
    "Search",
    "cross_validated_words",
    "find_in_search",
    "nested_section",
    "plan_section",
    "rows_of_folds",
    "search_settings",
    "search_tables",
    "steps_table",
]

DEFAULT_TRIALS = 60
Space = Mapping[str, Sequence[Any]]
"""Values to try of each hyperparameter, by the name its learner knows."""


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
        n_repeats, n_folds = len(self.folds), int(self.folds.max()) + 1
        folds = f"{n_repeats} x {n_folds} folds" if n_repeats > 1 else f"{n_folds} folds"
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
    def optimism(self) -> float | None:
        """How much the best mean flatters: it minus the mean over the outer folds."""
        if self.nested is None:
            return None
        return float(self.means[self.best] - self.nested.outer.mean())


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
            name = setting_label(plan.setting_of(int(fit)))
            values = self._values.setdefault(name, [])
            target = self._problem.target[held]
            values.append(self._problem.metric(target, batch.at(place, held)))
            mean = float(np.mean(values))
            if len(values) == n_folds[plan.setting[fit]] and (
                self._best is None or mean > self._best[0]
            ):
                self._best = mean, name
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


def rows_of_folds(ids: Sequence[str], folds: IntArray) -> NamedTable:
    """Return the fold of every row that took part in the search."""
    frames = [
        pd.DataFrame({"id": ids, "repeat": repeat, "fold": own + 1})[own >= 0]
        for repeat, own in enumerate(folds, start=1)
    ]
    title = "The fold of each training row in the search"
    return named_table("search_rows", title, pd.concat(frames, ignore_index=True))


def find_in_search(found: Search, n_scored: int, n_test: int) -> list[Finding]:
    """Return findings on a search: best at an edge of the grid, test rows scored often."""
    findings = []
    at_edge = []
    for name, best in found.best_setting.items():
        tried = sorted({one[name] for one in found.settings if not isinstance(one[name], tuple)})
        bounded = name != "l1_ratio" and len(tried) > 1
        if bounded and found.asked == "grid" and best in (tried[0], tried[-1]):
            side = "smallest" if best == tried[0] else "largest"
            at_edge.append(f"{name.replace('_', ' ')} {best:g} is the {side} tried")
    if at_edge:
        findings.append(
            Finding(
                "best-setting-at-an-edge",
                "note",
                f"The best setting lies at an edge of the grid: {' and '.join(at_edge)}.",
                "Better settings may lie outside: widen the grid there, and search again.",
            )
        )
    nothing, guess = (0.5, "guessing") if found.metric_name == "AUC" else (0.0, "the training mean")
    best_mean = found.means[found.best]
    if best_mean <= nothing:
        findings.append(
            Finding(
                "no-setting-learned",
                "weakens",
                f"No setting does better than {guess} on the folds: the best mean "
                f"{found.metric_name} is {plainly(best_mean)}.",
                "Search elsewhere: other step sizes, weaker penalties, more epochs.",
            )
        )
    findings.append(
        Finding(
            "test-rows-scored-again",
            "note",
            f"The {n_test} test rows were scored by {n_scored} fits of this run, after the search "
            "had chosen without them. They are the test rows of the same study without tuning "
            "and with the same seed: who reads both has looked at them twice.",
            "Choose nothing by these numbers. For a claim on new rows keep rows that no run has "
            "scored (--splits, --holdout).",
        )
    )
    return findings


def _setting_columns(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the hyperparameters of settings as columns of a table."""
    columns: dict[str, list[Any]] = {}
    for name in settings[0]:
        values = [one[name] for one in settings]
        if name == "hidden":
            columns["layers"] = ["-".join(map(str, widths)) for widths in values]
        else:
            columns[name] = [float(value) for value in values]
    return columns


def search_tables(found: Search) -> list[NamedTable]:
    """Return the table of all settings, best first, and the values of their folds."""
    order = np.argsort(-found.means, kind="stable")
    behind = [found.behind(int(place)) for place in order]
    columns: dict[str, Any] = {
        "rank": 1 + np.arange(len(order)),
        "trial": 1 + order,
        **_setting_columns([found.settings[place] for place in order]),
        "cv_mean": found.means[order],
        "cv_sd": found.spreads[order],
        "behind": [one[0] for one in behind],
        "behind_low": [one[1] for one in behind],
        "behind_high": [one[2] for one in behind],
    }
    _, n_repeats, n_folds = found.values.shape
    scheme = f"{n_repeats} x {n_folds} folds" if n_repeats > 1 else f"{n_folds} folds"
    title = f"Every setting: {found.metric_name} within folds, {scheme} of the training rows"
    rank = np.empty(len(order), np.int64)
    rank[order] = columns["rank"]
    trial, repeat, fold = np.indices(found.values.shape).reshape(3, -1)
    each = {
        "rank": rank[trial],
        "trial": trial + 1,
        "setting": [setting_label(found.settings[place]) for place in trial],
        "repeat": repeat + 1,
        "fold": fold + 1,
        "cv_value": found.values.ravel(),
    }
    return [
        named_table("search", title, columns),
        named_table("search_folds", f"{found.metric_name} of every setting and fold", each),
        *_nested_table(found),
    ]


def _nested_table(found: Search) -> list[NamedTable]:
    nested = found.nested
    if nested is None:
        return []
    columns = {
        "fold": 1 + np.arange(len(nested.outer)),
        "setting": [setting_label(found.settings[place]) for place in nested.chosen],
        "inner": nested.inner,
        "outer": nested.outer,
        "optimism": nested.inner - nested.outer,
    }
    title = "Searched anew inside each fold, scored on the fold"
    return [named_table("nested", title, columns)]


def steps_table(steps: Sequence[TuningStep], metric_name: str, n_test: int) -> NamedTable:
    """Return what each step from the untuned to the tuned model adds on the test rows."""
    rows = [
        {
            "step": step.label,
            "setting": step.setting,
            "n_train": step.n_train,
            "reached": step.reached,
            "reached_low": step.low,
            "reached_high": step.high,
            "mae": step.mae,
            "seed_sd": step.seed_sd,
            "gain": step.gain,
            "gain_low": step.gain_low,
            "gain_high": step.gain_high,
            "says": step.says,
        }
        for step in steps
    ]
    numbers = [key for key in rows[0] if key not in ("step", "setting", "says", "n_train")]
    frame = pd.DataFrame(rows).astype(dict.fromkeys(numbers, float))
    unused = [key for key in ("mae", "seed_sd") if frame[key].isna().all()]
    frame = frame.drop(columns=unused)
    title = f"What each step adds on the {n_test} test rows: {metric_name}, and gain over the last"
    return named_table("attribution", title, frame)


def cross_validated_words(found: Search) -> str:
    """Return what the search itself found, in sentences."""
    best, n_settings = found.best, len(found.settings)
    words = f"In cross-validation {setting_label(found.best_setting)} "
    words += f"is the best of {n_settings} settings with" if n_settings > 1 else "alone has"
    words += (
        f" a mean {found.metric_name} of {plainly(found.means[best])} (spread of folds "
        f"{plainly(found.spreads[best])})"
    )
    if n_settings > 1:
        words += f"; {found.n_close} of the others cannot be told from it"
    words += "."
    if found.optimism is not None and found.nested is not None:
        worth = plainly(found.nested.outer.mean())
        words += f" Nested, the search is worth {worth}: {_flatters(found)}."
    return words


def _flatters(found: Search) -> str:
    """Return the optimism in words."""
    optimism = found.optimism or 0.0
    if optimism < 0.0005:
        return f"its best mean does not flatter (difference {plainly(optimism, '+')})"
    return f"its best mean flatters by {plainly(optimism)}"


def plan_section(found: Search, parts: Mapping[str, int]) -> Section:
    """Return what was searched, on which rows, in how many fits."""
    section = Section("plan", "What was searched")
    n_settings, n_repeats, n_folds = found.values.shape
    section.facts = [Fact(f"n_{part}", f"Rows, {part}", count) for part, count in parts.items()]
    section.facts += [
        Fact("n_settings", "Settings", n_settings),
        Fact("n_folds", "Folds", n_folds),
        Fact("n_repeats", "Repeats", n_repeats),
        Fact("n_fits", "Fits of the search", found.values.size),
    ]
    return section


def nested_section(found: Search) -> Section | None:
    """Return what the search is worth on rows it did not choose on."""
    nested = found.nested
    if nested is None or found.optimism is None:
        return None
    section = Section("nested", "How much the choice flatters itself", tables=["nested"])
    n_chosen = len(set(nested.chosen.tolist()))
    section.facts = [
        Fact("best_mean", f"Best mean {found.metric_name}", float(found.means[found.best]), "", 3),
        Fact("nested_mean", "Nested mean", float(nested.outer.mean()), "", 3),
        Fact("optimism", "Optimism", found.optimism, "", 3),
    ]
    same = "the same setting" if n_chosen == 1 else f"{n_chosen} different settings"
    section.answer(
        "nested-optimism",
        "How much of the best score is the luck of being chosen?",
        f"The highest of {len(found.settings)} means is {plainly(found.means[found.best])}. "
        f"Searched anew on the other folds and scored on the fold left out, the search reaches "
        f"{plainly(nested.outer.mean())}: {_flatters(found)}. The {len(nested.outer)} searches "
        f"chose {same}. They see fewer rows, so a part of the difference is their smaller "
        "training set.",
    )
    return section
