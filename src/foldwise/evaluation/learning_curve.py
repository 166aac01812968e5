"""How the AUC grows with the number of training samples, and with the number of features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int, Shaped

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.clustered_auc import subjects_of_smaller_class
from foldwise.evaluation.fold_aucs import fold_aucs
from foldwise.evaluation.intervals import corrected_interval
from foldwise.evaluation.penalty_path import path_plan, strongest_penalty
from foldwise.evaluation.questions import Question
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.subjects import Subjects
from foldwise.fits.plan import FitPlan

__all__ = ["LearningCurve", "SubsetCurve", "ask_learning_curve", "ask_subset_curve"]

_FRACTIONS = (0.2, 0.4, 0.6, 0.8, 1.0)
_FEWEST = 2  # subjects of a class in a training part


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Mean within-fold AUC against the number of training rows.

    Parameters
    ----------
    sizes : float array of shape (n_points,)
        Training rows, the mean over folds and repeats.
    means : float array of shape (n_points,)
        Mean within-fold AUC.
    lows, highs : float arrays of shape (n_points,)
        95 % interval after Nadeau & Bengio with each point's own ratio of held-out to
        training rows. Points share held-out folds and training rows: they move together.
    values : float array of shape (n_points, n_repeats, n_folds)
        AUC within each fold.
    """

    sizes: FloatArray
    means: FloatArray
    lows: FloatArray
    highs: FloatArray
    values: FloatArray


def ask_learning_curve(
    target: Float[np.ndarray, " sample"],
    folds: Int[np.ndarray, "repeat sample"],
    *,
    fractions: Sequence[float] = _FRACTIONS,
    setting: Mapping[str, Any] | None = None,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    seed: int = 0,
) -> Question[LearningCurve]:
    """Ask for the AUC on the same held-out folds with fewer training samples; one plan.

    Inside each training part, subjects of each class are put in a random order and the first
    of them are taken: smaller training sets lie within larger ones and keep the shares of the
    classes.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        Labels 0/1.
    folds : int array of shape (n_repeats, n_samples)
        As from `kfold_assignments`; -1 where a row takes no part.
    fractions : sequence of float
        Shares of the subjects of each class in a training part, above 0 and at most 1,
        rounded up. 1 is the cross-validation itself.
    setting : mapping, optional
        Hyperparameters of every fit. They stay the same at every size.
    groups : array of shape (n_samples,), optional
        Subjects, taken or left as a whole.
    seed : int
        The run's seed.

    Raises
    ------
    InvalidInputError
        If a fraction is out of range, or leaves fewer than two subjects of a class.
    """
    if not fractions or not all(0 < one <= 1 for one in fractions):
        raise InvalidInputError(
            f"Fractions of a learning curve are {list(fractions)}. Each must be above 0 and at "
            "most 1."
        )
    held, repeat, fold = _held_out(folds)
    trained = (folds[repeat] >= 0) & ~held
    subjects = Subjects.of(target, groups)
    place = _places(trained, subjects, repeat, fold, seed)  # (part, sample)
    parts, point = len(held), np.repeat(np.arange(len(fractions)), len(held))
    share = np.asarray(fractions)[:, None, None]
    train = (place <= share + 1e-12).reshape(-1, len(target)) & np.tile(trained, (len(share), 1))
    _require_subjects(train, subjects, np.asarray(fractions), parts)
    batch = yield FitPlan(
        train=train,
        score=np.tile(held, (len(fractions), 1)),
        target=target,
        settings=[dict(setting or {})],
        seed=np.tile(_seeds(seed, repeat, fold), len(fractions)),
        members={
            "point": point,
            "repeat": np.tile(repeat, len(fractions)),
            "fold": np.tile(fold, len(fractions)),
        },
    )
    values = fold_aucs(batch).reshape(len(fractions), len(folds), -1)
    sizes = train.sum(axis=1).reshape(len(fractions), -1).mean(axis=1)
    lows, highs = _intervals(values, sizes, held, target, groups)
    return LearningCurve(sizes, values.mean(axis=(1, 2)), lows, highs, values)


def _held_out(folds: IntArray) -> tuple[BoolArray, IntArray, IntArray]:
    """Return held-out rows, repeat and fold of each part, repeats first."""
    n_repeats, n_folds = len(folds), int(folds.max()) + 1
    repeat, fold = (axis.ravel() for axis in np.indices((n_repeats, n_folds)))
    return np.asarray(folds[repeat] == fold[:, None]), repeat, fold


def _seeds(seed: int, repeat: IntArray, fold: IntArray) -> IntArray:
    """Return the seeds that cross-validation gives to the same folds."""
    places = zip(repeat.tolist(), fold.tolist(), strict=True)
    return np.array([child_seed(seed, "fit", *place) for place in places])


def _places(
    trained: BoolArray, subjects: Subjects, repeat: IntArray, fold: IntArray, seed: int
) -> FloatArray:
    """Return the share of its class at which each row joins a training part, 2 if never.

    The first of m subjects of a class joins at any share, the last above (m - 1) / m: shares
    of subjects are rounded up.
    """
    places = np.full(trained.shape, 2.0)
    for part, rows in enumerate(trained):
        rng = np.random.default_rng(child_seed(seed, "curve", int(repeat[part]), int(fold[part])))
        present = np.unique(subjects.of_row[rows])
        of_subject = np.full(subjects.n_subjects, 2.0)
        for kind in range(3):
            own = rng.permutation(present[subjects.kind[present] == kind])
            of_subject[own] = (np.arange(len(own)) + 1e-9) / max(len(own), 1)
        places[part, rows] = of_subject[subjects.of_row[rows]]
    return places


def _require_subjects(
    train: BoolArray, subjects: Subjects, fractions: FloatArray, n_parts: int
) -> None:
    for label, name in enumerate(("control", "case")):
        having = np.isin(subjects.kind, (label, 2))
        counts = np.array(
            [len(np.unique(subjects.of_row[rows & having[subjects.of_row]])) for rows in train]
        )
        short = np.flatnonzero(counts < _FEWEST)
        if len(short):
            raise InvalidInputError(
                f"A training part of fraction {fractions[short[0] // n_parts]:g} holds "
                f"{counts[short[0]]} subjects with a {name}; at least {_FEWEST} are needed. Use "
                "larger fractions."
            )


def _intervals(
    values: FloatArray,
    sizes: FloatArray,
    held: BoolArray,
    target: FloatArray,
    groups: npt.NDArray[Any] | None,
) -> tuple[FloatArray, FloatArray]:
    """Return limits of each point (point, repeat, fold), for its own training size."""
    n_held = held.sum(axis=1).mean()
    part = held.any(axis=0)
    people = np.arange(len(target)) if groups is None else groups
    smaller = subjects_of_smaller_class(target[part], people[part])
    found = np.array(
        [
            corrected_interval(
                own.ravel(), test_share=float(n_held / (n_held + size)), smaller_class=smaller
            )
            for own, size in zip(values, sizes, strict=True)
        ]
    )
    return found[:, 0], found[:, 1]


@dataclass(frozen=True, eq=False)
class SubsetCurve:
    """Mean within-fold AUC against the number of features that the L1 path uses.

    Parameters
    ----------
    penalties : float array of shape (n_points,)
        C, from the strongest penalty on.
    n_used : float array of shape (n_points,)
        Features with a coefficient, the mean over folds and repeats.
    means, lows, highs : float arrays of shape (n_points,)
        Mean within-fold AUC with its 95 % interval after Nadeau & Bengio.
    used : int array of shape (n_points, n_repeats, n_folds)
        Features of each fit.
    values : float array of shape (n_points, n_repeats, n_folds)
        AUC of each fit on its held-out fold; 1/2 where it uses no feature.
    """

    penalties: FloatArray
    n_used: FloatArray
    means: FloatArray
    lows: FloatArray
    highs: FloatArray
    used: IntArray
    values: FloatArray


def ask_subset_curve(
    target: Float[np.ndarray, " sample"],
    folds: Int[np.ndarray, "repeat sample"],
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    n_penalties: int = 30,
    reach: float = 300.0,
) -> Question[SubsetCurve]:
    """Ask for the AUC along the L1 path: how many features are needed; one plan.

    In each training part the path decides which features are used, and the held-out fold is
    scored at each penalty. Features are chosen and weighed by the same penalty: with few of
    them the coefficients are shrunk as well, which changes an AUC less than a choice does.

    The best point of the curve is chosen on the folds it is scored on: read the curve, and
    report the AUC of a panel from nested cross-validation.

    Run it with a `LogisticLearner` whose last step standardises, and
    ``keep=("scores", "parameters")``.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        Labels 0/1.
    folds : int array of shape (n_repeats, n_samples)
        As from `kfold_assignments`; -1 where a row takes no part.
    groups : array of shape (n_samples,), optional
        Subjects, which the interval counts instead of rows.
    n_penalties : int, default=30
        Points of the curve, geometric.
    reach : float, default=300
        How much weaker the last penalty is than the first, at which no feature is used.
    """
    held, repeat, _ = _held_out(folds)
    trained = (folds[repeat] >= 0) & ~held
    penalties = strongest_penalty(trained, target) * np.geomspace(1.0, reach, n_penalties)
    batch = yield path_plan(trained, target, penalties, score=held)
    shape = len(folds), -1, n_penalties

    def by_point(of_fit: np.ndarray) -> np.ndarray:
        return np.moveaxis(of_fit.reshape(shape), -1, 0)  # (penalty, repeat, fold)

    used = by_point((batch.stacked("coef") != 0).sum(axis=1))
    values = by_point(fold_aucs(batch))
    size = float(trained.sum(axis=1).mean())
    lows, highs = _intervals(values, np.full(n_penalties, size), held, target, groups)
    means, n_used = values.mean(axis=(1, 2)), used.mean(axis=(1, 2))
    return SubsetCurve(penalties, n_used, means, lows, highs, used, values)
