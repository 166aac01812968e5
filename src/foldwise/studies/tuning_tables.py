"""What both tuning studies write of a search: tables, findings, sentences and sections."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from foldwise.arrays import IntArray
from foldwise.audit.findings import Finding
from foldwise.reporting.labels import setting_label
from foldwise.reporting.summary import NamedTable
from foldwise.studies.sections import Fact, Section, named_table
from foldwise.studies.tuning import Search, scheme_words
from foldwise.studies.verdicts import TuningStep, plainly

__all__ = [
    "cross_validated_words",
    "find_in_search",
    "nested_section",
    "plan_section",
    "rows_of_folds",
    "search_tables",
    "steps_table",
]


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
            "had chosen without them. With the same table, seed and test size they are the test "
            "rows of the study without tuning too: who reads both has looked at them twice.",
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
    scheme = scheme_words(n_repeats, n_folds)
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
        Fact("best_mean", f"Best mean {found.metric_name}", found.best_of_outer, "", 3),
        Fact("nested_mean", "Nested mean", float(nested.outer.mean()), "", 3),
        Fact("optimism", "Optimism", found.optimism, "", 3),
    ]
    of = " over the folds of the first repeat" if found.values.shape[1] > 1 else ""
    same = "the same setting" if n_chosen == 1 else f"{n_chosen} different settings"
    section.answer(
        "nested-optimism",
        "How much of the best score is the luck of being chosen?",
        f"The highest of {len(found.settings)} means{of} is {plainly(found.best_of_outer)}. "
        f"Searched anew on the other folds and scored on the fold left out, the search reaches "
        f"{plainly(nested.outer.mean())}: {_flatters(found)}. The {len(nested.outer)} searches "
        f"chose {same}. They see fewer rows, so a part of the difference is their smaller "
        "training set.",
    )
    return section
