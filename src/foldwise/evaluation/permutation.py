"""Permutation p-value of a whole pipeline: what it reaches when labels mean nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.fold_aucs import fold_aucs
from foldwise.evaluation.label_permutations import count_arrangements, permuted_labels
from foldwise.evaluation.questions import Question
from foldwise.evaluation.seeds import child_seed
from foldwise.evaluation.subjects import Subjects
from foldwise.fits.batch import Learner
from foldwise.fits.plan import FitPlan

__all__ = [
    "PermutationTest",
    "ask_permutation_test",
    "dealt_folds",
    "require_penalty",
]

_MOST_CELLS = 20_000_000  # fits times rows of one plan: 160 MB per array of numbers
_UNPENALISED = (("C", "inf"), ("penalty", "None"))
_ROUND = 1e-9  # means of equal AUCs may differ in their last bits


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """The statistic on the labels as they are and on permuted ones.

    Parameters
    ----------
    observed : float
        Mean within-fold AUC of one cross-validation.
    fold_values : float array of shape (n_folds,)
        Its folds.
    null : float array of shape (n_permutations,)
        The same statistic for permuted labels.
    n_arrangements : float
        How many different label vectors the permutations can give, ``inf`` beyond 1e300. No
        p below its inverse can be reached.
    notes : tuple of str
        Distinct remarks of the fits.
    within_strata : bool
        Whether labels moved within strata only. What the strata know of the labels then
        remains, and the null lies above 1/2 where X knows the strata.
    """

    observed: float
    fold_values: FloatArray
    null: FloatArray
    n_arrangements: float
    notes: tuple[str, ...] = ()
    within_strata: bool = False

    @property
    def p_value(self) -> float:
        """(c + 1) / (n + 1) with c permutations that reach the observed value; never 0."""
        reached = int((self.null >= self.observed - _ROUND).sum())
        return (reached + 1) / (len(self.null) + 1)

    @property
    def floor(self) -> float:
        """The smallest p that this number of permutations can give."""
        return 1 / (len(self.null) + 1)

    def null_range(self, level: float = 0.95) -> tuple[float, float]:
        """Return the central range of the statistic under permuted labels."""
        low, high = np.quantile(self.null, [0.5 - level / 2, 0.5 + level / 2])
        return float(low), float(high)


def ask_permutation_test(
    target: Float[np.ndarray, " sample"],
    *,
    setting: Mapping[str, Any] | None = None,
    n_permutations: int = 1000,
    n_folds: int = 5,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    strata: Shaped[np.ndarray, " sample"] | None = None,
    seed: int = 0,
) -> Question[PermutationTest]:
    """Ask whether a pipeline separates the classes better than it does permuted labels.

    The statistic is the mean within-fold AUC of one seeded cross-validation. It is computed
    by one rule from the labels as they are and from every permutation: folds are dealt anew
    (`dealt_folds`), and everything that the learner does is done again.

    One plan holds all (n_permutations + 1) x n_folds fits up to 20 million fits x rows (1000
    permutations of 5 folds and 4000 rows); larger tests are cut into several plans between
    permutations. The result is the same.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        Labels 0/1.
    setting : mapping, optional
        Hyperparameters of every fit. A pipeline that tunes them must tune inside the
        learner, or the p-value is not that of the whole pipeline.
    n_permutations : int, default=1000
        1000 for compiled logistic models; 200 suits a forest (floor 0.005).
    n_folds : int, default=5
        Folds of the cross-validation.
    groups : array of shape (n_samples,), optional
        Subjects, permuted as blocks; see `permuted_labels`.
    strata : array of shape (n_samples,), optional
        Batch or site: labels move within one only.
    seed : int
        The run's seed.

    Raises
    ------
    InvalidInputError
        If no other arrangement of labels exists, a fold would lack a class, or the model has
        no penalty: permuted labels are separable then, and the test means nothing.

    References
    ----------
    .. [1] Ojala & Garriga (2010), J. Mach. Learn. Res. 11, 1833, test 1.
    .. [2] Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9 (1), 39.
    """
    setting = dict(setting or {})
    _refuse_unpenalised(setting)
    if n_permutations < 1:
        raise InvalidInputError(f"n_permutations is {n_permutations}; at least 1 is needed.")
    subjects = Subjects.of(target, groups)
    n_arrangements = count_arrangements(target, groups=groups, strata=strata)
    drawn = permuted_labels(target, n_permutations, groups=groups, strata=strata, seed=seed)
    labels = np.concatenate([target[None], drawn])  # (permutation, sample)
    folds = dealt_folds(labels, subjects, n_folds, seed=seed)
    size = max(1, _MOST_CELLS // (n_folds * len(target)))
    values: list[FloatArray] = []
    notes: set[str] = set()
    for start in range(0, len(labels), size):
        part = np.arange(start, min(start + size, len(labels)))
        batch = yield _plan(labels[part], folds[part], part, n_folds, setting, seed)
        if batch.learner is not None:
            require_penalty(batch.learner, setting)
        values.append(fold_aucs(batch))
        notes |= {text for _, text in batch.notes}
    found = np.concatenate(values).reshape(-1, n_folds)
    means = found.mean(axis=1)
    return PermutationTest(
        observed=float(means[0]),
        fold_values=found[0],
        null=means[1:],
        n_arrangements=n_arrangements,
        notes=tuple(sorted(notes)),
        within_strata=strata is not None,
    )


def _plan(
    labels: FloatArray,
    folds: IntArray,
    numbers: IntArray,
    n_folds: int,
    setting: Mapping[str, Any],
    seed: int,
) -> FitPlan:
    """Return the fits of some permutations; number 0 is the labels as they are."""
    held = (folds[:, None] == np.arange(n_folds)[:, None]).reshape(-1, folds.shape[1])
    permutation = np.repeat(numbers, n_folds)
    fold = np.tile(np.arange(n_folds), len(numbers))
    places = zip(permutation.tolist(), fold.tolist(), strict=True)
    return FitPlan(
        train=~held,
        score=held,
        target=np.repeat(labels, n_folds, axis=0),
        settings=[setting],
        seed=np.array([child_seed(seed, "permutation-fit", *place) for place in places]),
        members={"permutation": permutation, "fold": fold},
    )


def dealt_folds(
    labels: Float[np.ndarray, "permutation sample"],
    subjects: Subjects,
    n_folds: int,
    *,
    seed: int = 0,
) -> Int[np.ndarray, "permutation sample"]:
    """Return stratified folds of whole subjects for each labelling.

    Subjects are put in order of class (controls, cases, subjects of both), within a class the
    largest first and those of equal size at random, and dealt to the folds in turn. Where each
    row is a subject, that is scikit-learn's ``StratifiedKFold`` in distribution: sizes of folds
    and of classes in folds differ by at most one.

    Parameters
    ----------
    labels : float array of shape (n_permutations, n_samples)
        Labels 0/1, in which subjects of one class have one label.
    subjects : Subjects
        Of the labels as they are.
    n_folds : int
        Number of folds.
    seed : int
        The run's seed.

    Raises
    ------
    InvalidInputError
        If a fold would hold, or leave for training, one class only.
    """
    if n_folds < 2:
        raise InvalidInputError(f"Cross-validation needs at least 2 folds, not {n_folds}.")
    first_row = np.zeros(subjects.n_subjects, np.int64)
    first_row[subjects.of_row[::-1]] = np.arange(len(subjects.of_row))[::-1]
    kind = np.where(subjects.kind == 2, 2.0, labels[:, first_row])  # (permutation, subject)
    rng = np.random.default_rng(child_seed(seed, "permutation-folds"))
    largest = int(subjects.size.max())
    key = kind * (largest + 1) + (largest - subjects.size) + rng.random(kind.shape)
    fold = np.empty(kind.shape, np.int64)
    turn = np.arange(subjects.n_subjects) % n_folds
    np.put_along_axis(fold, np.argsort(key, axis=1), np.broadcast_to(turn, kind.shape), axis=1)
    _require_classes(kind[0], fold[0], n_folds)
    return np.asarray(fold[:, subjects.of_row])


def _require_classes(kind: FloatArray, fold: IntArray, n_folds: int) -> None:
    """Refuse too few subjects; permutations have as many of each kind as the labels do."""
    for label, name in enumerate(("control", "case")):
        holding = np.bincount(fold[(kind == label) | (kind == 2)], minlength=n_folds)
        if not holding.all():
            raise InvalidInputError(
                f"Fold {int(np.argmin(holding)) + 1} of {n_folds} holds no {name}: AUC is "
                f"undefined there. {int(holding.sum())} subjects have one; use fewer folds."
            )


def require_penalty(learner: Learner, setting: Mapping[str, Any] | None = None) -> None:
    """Refuse a learner without penalty before a permutation test is run.

    `ask_permutation_test` refuses it too, but knows the learner only after the first plan.

    Raises
    ------
    InvalidInputError
        If ``C`` is infinite or ``penalty`` None in the learner or in the setting.
    """
    spec = learner.spec()
    _refuse_unpenalised({**spec, **spec.get("params", {}), **(setting or {})})


def _refuse_unpenalised(setting: Mapping[str, Any]) -> None:
    for name, value in setting.items():
        own = name.rsplit("__", 1)[-1]
        if (own, str(value)) in _UNPENALISED:
            raise InvalidInputError(
                f"{name} is {value}: a model without penalty. Permuted labels of a wide table are "
                "separable, and their test means nothing. Test the L1 model (the default)."
            )
