"""Operating points: thresholds from inner out-of-fold scores, judged on held-out rows.

A threshold chosen on fitted scores of the training rows is useless where a model fits
them perfectly. Every outer fold therefore gets its own inner folds: their out-of-fold
scores choose, and the rows of the outer fold, which no fit of either kind has seen, judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.errors import InvalidInputError, first_few
from foldwise.evaluation.proportions import DiagnosticTable, diagnostic_table
from foldwise.evaluation.questions import Question
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.threshold_rules import ROUNDING, ThresholdRule
from foldwise.fits.batch import FitBatch
from foldwise.fits.plan import FitPlan

__all__ = ["OperatingPoint", "ask_operating_points", "choose_threshold"]


def choose_threshold(
    y: Float[np.ndarray, " sample"], score: Float[np.ndarray, " sample"], rule: ThresholdRule
) -> float | None:
    """Return the threshold above which rows are called positive.

    Candidates lie in the middle between neighbouring distinct scores: tied rows are never
    parted, and calling everybody (or nobody) positive is no candidate. Among equally good
    candidates the highest is taken: the one that calls fewest people positive.

    Parameters
    ----------
    y, score : float array of shape (n_samples,)
        Labels 0/1 and scores which the rows' own fit has not learned from.
    rule : ThresholdRule
        What the threshold is chosen for.

    Returns
    -------
    float or None
        None where no candidate is an answer: all scores are equal, no threshold but
        "everybody" reaches the sensitivity, or none is better than chance (`Youden`).

    Raises
    ------
    InvalidInputError
        If a score is not finite, or a class has no rows.

    Examples
    --------
    >>> from foldwise.evaluation.threshold_rules import FixedSensitivity, Youden
    >>> y, score = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> round(choose_threshold(y, score, FixedSensitivity(0.9)), 3)
    0.225
    >>> choose_threshold(y, np.zeros(4), Youden()) is None
    True
    """
    case = y == 1
    if case.all() or not case.any() or not np.isfinite(score).all():
        raise InvalidInputError(
            f"A threshold needs finite scores of both classes; of {len(y)} rows {case.sum()} are "
            f"cases and {(~np.isfinite(score)).sum()} have no finite score."
        )
    distinct = np.unique(score)
    cuts = distinct[:-1] + np.diff(distinct) / 2
    if not len(cuts):
        return None
    missed = np.searchsorted(np.sort(score[case]), cuts, "right")
    spared = np.searchsorted(np.sort(score[~case]), cuts, "right")
    merit = rule.merit(1.0 - missed / case.sum(), spared / (~case).sum())
    best = merit.max()
    return float(cuts[merit >= best - ROUNDING][-1]) if best > -np.inf else None


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """What one rule chose in each outer fold, and how held-out rows fare.

    Parameters
    ----------
    rule : str
        In words.
    thresholds : float array of shape (n_outer,)
        From the inner out-of-fold scores; NaN in folds without a threshold.
    called : bool array of shape (n_samples,)
        Held-out rows above the threshold of their fold; False in folds without one.
    table : DiagnosticTable or None
        All held-out rows, each once. None where a fold has no threshold.
    note : str
        Why ``table`` is None, else "".
    """

    rule: str
    thresholds: FloatArray
    called: BoolArray
    table: DiagnosticTable | None
    note: str = ""


def ask_operating_points(
    target: Float[np.ndarray, " sample"],
    outer: Int[np.ndarray, " sample"],
    inner: Int[np.ndarray, "outer sample"],
    rules: Sequence[ThresholdRule],
    *,
    settings: Sequence[Mapping[str, Any]] = ({},),
    chosen: Int[np.ndarray, " outer"] | None = None,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> Question[list[OperatingPoint]]:
    """Ask for thresholds of every outer fold and the 2 x 2 table of held-out rows.

    One plan: all inner folds of all outer folds, and the outer fits. The outer fits
    have the seeds of `ask_cross_validation`'s first repeat: on the same folds their scores are
    the same.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        Labels 0/1.
    outer : int array of shape (n_samples,)
        Outer fold of each sample, one repeat; -1 where it takes no part.
    inner : int array of shape (n_outer, n_samples)
        Inner folds of each outer fold's training rows; -1 on all other rows.
    rules : sequence of ThresholdRule
        Each gives one answer; all share the fits.
    settings : sequence of mappings
        Settings of the learner.
    chosen : int array of shape (n_outer,), optional
        Setting of each outer fold (from a search inside it); 0 where absent.
    groups : array of shape (n_samples,), optional
        Subject of each row, for the intervals; folds must keep subjects whole.
    seed : int
        The run's seed.
    level : float, default=0.95
        Confidence level of sensitivity and specificity.

    Raises
    ------
    InvalidInputError
        If an inner fold holds a row that its outer fold holds out, or leaves one out; if a
        subject's rows lie in several folds.
    """
    _require_inner(outer, inner)
    if groups is not None:
        _require_whole(outer, inner, groups)
    n_outer = len(inner)
    of_outer = np.zeros(n_outer, np.int64) if chosen is None else chosen
    batch = yield _plan(target, outer, inner, settings, of_outer, seed)
    inside = _inner_scores(batch, inner)  # (outer, sample)
    held = outer == np.arange(n_outer)[:, None]
    scores = np.full(len(target), np.nan)
    for fold, rows in enumerate(held):
        scores[rows] = batch.at(batch.plan.n_fits - n_outer + fold, rows)
    return [_operating_point(rule, target, outer, inside, scores, groups, level) for rule in rules]


def _plan(
    target: FloatArray,
    outer: IntArray,
    inner: IntArray,
    settings: Sequence[Mapping[str, Any]],
    chosen: IntArray,
    seed: int,
) -> FitPlan:
    """Return inner fits by outer fold and inner fold, then one fit per outer fold."""
    n_outer, n_inner = len(inner), int(inner.max()) + 1
    of, fold = np.indices((n_outer, n_inner)).reshape(2, -1)
    held_inside = inner[of] == fold[:, None]  # (fit, sample)
    held_outside = outer == np.arange(n_outer)[:, None]
    last = np.arange(n_outer)
    seeds = [child_seed(seed, "inner fit", int(o), int(f)) for o, f in zip(of, fold, strict=True)]
    seeds += [child_seed(seed, "fit", 0, int(o)) for o in last]
    return FitPlan(
        train=np.concatenate([(inner[of] >= 0) & ~held_inside, inner >= 0]),
        score=np.concatenate([held_inside, held_outside]),
        target=target,
        settings=settings,
        setting=chosen[np.concatenate([of, last])],
        seed=np.array(seeds),
        members={
            "outer": np.concatenate([of, last]),
            "inner": np.concatenate([fold, np.full(n_outer, -1)]),
        },
    )


def _inner_scores(batch: FitBatch, inner: IntArray) -> FloatArray:
    """Return the inner out-of-fold scores, NaN outside the training rows of an outer fold."""
    scores = np.full(inner.shape, np.nan)
    for fit in range(batch.plan.n_fits - len(inner)):
        rows = batch.plan.score[fit]
        scores[batch.plan.members["outer"][fit], rows] = batch.at(fit, rows)
    return scores


def _operating_point(
    rule: ThresholdRule,
    y: FloatArray,
    outer: IntArray,
    inside: FloatArray,
    scores: FloatArray,
    groups: np.ndarray | None,
    level: float,
) -> OperatingPoint:
    found = [choose_threshold(y[own], row[own], rule) for row in inside for own in [~np.isnan(row)]]
    thresholds = np.array([np.nan if one is None else one for one in found])
    rows = outer >= 0
    called = np.zeros(len(y), bool)
    called[rows] = scores[rows] > thresholds[outer[rows]]
    absent = np.flatnonzero(np.isnan(thresholds)) + 1
    if absent.size:
        note = (
            f"Not defined: in the training rows of outer fold {first_few(absent)} no threshold "
            f"between two scores gives {rule.describe()}."
        )
        return OperatingPoint(rule.describe(), thresholds, called, None, note)
    within = None if groups is None else groups[rows]
    table = diagnostic_table(y[rows], called[rows], groups=within, level=level)
    return OperatingPoint(rule.describe(), thresholds, called, table)


def _require_inner(outer: IntArray, inner: IntArray) -> None:
    """Refuse inner folds that are not those of the training rows."""
    n_outer = int(outer.max()) + 1
    if inner.shape != (n_outer, len(outer)):
        raise InvalidInputError(
            f"Inner folds have shape {inner.shape}; {n_outer} outer folds of {len(outer)} rows "
            f"need ({n_outer}, {len(outer)})."
        )
    training = (outer >= 0) & (outer != np.arange(n_outer)[:, None])
    wrong = np.flatnonzero(((inner >= 0) != training).any(axis=1)) + 1
    if wrong.size:
        raise InvalidInputError(
            f"Inner folds of outer fold {first_few(wrong)} do not hold exactly its training rows: "
            "a held-out row would help to choose its own threshold. Draw them with inner_folds."
        )


def _require_whole(outer: IntArray, inner: IntArray, groups: np.ndarray) -> None:
    """Refuse folds that part the rows of a subject: it would be judged by its own rows."""
    names, number = np.unique(groups, return_inverse=True)
    first = np.unique(number, return_index=True)[1][number]  # a row of the same subject
    for what, folds in (("outer", outer[None]), ("inner", inner)):
        apart = np.unique(number[(folds != folds[:, first]).any(axis=0)])
        if apart.size:
            raise InvalidInputError(
                f"{apart.size} of {len(names)} subjects have rows in several {what} folds: "
                f"{first_few(names[apart].tolist())}. Draw folds with groups."
            )
