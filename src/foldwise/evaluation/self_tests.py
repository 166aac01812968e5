"""Two tests that a pipeline runs on itself, and what neither of them can see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from foldwise.arrays import FloatArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.permutation import PermutationTest
from foldwise.fits.batch import FitBatch, Learner
from foldwise.fits.plan import FitPlan

__all__ = [
    "BLIND_SPOTS",
    "ShuffledLabels",
    "UnseenRows",
    "check_shuffled_labels",
    "check_unseen_rows",
]

BLIND_SPOTS = (
    "Neither test sees what happened before the table was read: values normalised or imputed "
    "with the labels or over all samples, samples chosen by their result, one person under two "
    "names, batches that coincide with the classes. Shuffled labels show only steps that use "
    "labels; replaced rows show only steps of this run."
)
"""Stands beside the results of both tests."""

_REPLACED = 1e6


@dataclass(frozen=True)
class ShuffledLabels:
    """What the pipeline reaches on shuffled labels.

    Parameters
    ----------
    mean : float
        Mean over permutations of the mean within-fold AUC; 1/2 is expected.
    low, high : float
        Central 95 % of single permutations.
    error : float
        Standard error of ``mean``.
    n_permutations : int
        How many.
    passed : bool
        Whether ``mean`` lies below 1/2 plus three standard errors: a leak of labels raises it.
    """

    mean: float
    low: float
    high: float
    error: float
    n_permutations: int
    passed: bool


def check_shuffled_labels(test: PermutationTest) -> ShuffledLabels:
    """Return whether shuffled labels give an AUC of 1/2 through the whole pipeline.

    Only a mean that is too high fails. It lies a little below 1/2 even where all is well: a
    class that is rare in the training rows is common in the held-out ones.

    Parameters
    ----------
    test : PermutationTest
        Its permutations are the shuffled labels; where no test is wanted, or one within
        strata, ask for one of 20 without strata.

    Raises
    ------
    InvalidInputError
        If there are fewer than two permutations, or labels moved within strata only: 1/2 is
        not expected then.

    Examples
    --------
    >>> null = np.array([0.48, 0.52, 0.47, 0.55, 0.49])
    >>> check_shuffled_labels(PermutationTest(0.9, np.array([0.9]), null, 1e9)).passed
    True
    """
    null = test.null
    if test.within_strata:
        raise InvalidInputError(
            "Labels shuffled within strata keep what the strata know of the classes, and need not "
            "give an AUC of 1/2. Ask for 20 permutations without strata."
        )
    if len(null) < 2:
        raise InvalidInputError("Shuffled labels need two permutations or more; 20 are enough.")
    mean, error = float(null.mean()), float(null.std(ddof=1) / np.sqrt(len(null)))
    return ShuffledLabels(mean, *test.null_range(), error, len(null), mean <= 0.5 + 3 * error)


@dataclass(frozen=True)
class UnseenRows:
    """Whether rows that a fit must not see change a bit of it.

    Parameters
    ----------
    n_fits : int
        Fits that were trained twice.
    n_arrays : int
        Arrays compared bit for bit: all learned state, and the scores of training rows.
    changed : tuple of str
        Arrays that differ, as ``fit 3 (fold 3): center``.
    """

    n_fits: int
    n_arrays: int
    changed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing changed."""
        return not self.changed


def check_unseen_rows(
    learner: Learner, X: FloatArray, plan: FitPlan, *, value: float = _REPLACED
) -> UnseenRows:
    """Train a plan twice, the second time with every unseen cell replaced, and compare.

    A cell is unseen by a fit where its row is neither in ``train`` nor in ``monitor``. Scaler,
    imputer, selection and coefficients must be the same bits, and so must the scores of the
    training rows, which stand for models without coefficients (forests).

    Parameters
    ----------
    learner : Learner
        The pipeline.
    X : float array of shape (n_samples, n_features)
    plan : FitPlan
        A small one: each fit is trained alone a second time. The folds of one repeat suffice.
    value : float
        What the cells are replaced by.

    Raises
    ------
    InvalidInputError
        If every row is seen by a fit: nothing could be replaced.

    Examples
    --------
    >>> from foldwise.fits.logistic_learner import LogisticLearner
    >>> X = np.random.default_rng(0).normal(size=(20, 3))
    >>> held = np.arange(20) % 4 == np.arange(4)[:, None]
    >>> plan = FitPlan(~held, held, np.tile([0.0, 1.0], 10)[np.arange(20) // 4 * 3 % 20])
    >>> found = check_unseen_rows(LogisticLearner(n_jobs=1), X, plan)
    >>> found.passed, found.n_fits, found.n_arrays
    (True, 4, 24)
    """
    seen = plan.train if plan.monitor is None else plan.train | plan.monitor
    if seen.all(axis=1).any():
        raise InvalidInputError(
            f"Fit {int(np.argmax(seen.all(axis=1)))} of the plan sees every row: nothing could be "
            "replaced. Test a plan with held-out rows, such as cross-validation."
        )
    # Held-out rows are scored too: a pipeline may learn from the rows it is to score.
    plan = replace(plan, score=plan.train | plan.score, follows=None)
    keep = ("scores", "parameters", "preprocessing")
    before = _arrays(learner.run(X, plan, keep=keep))
    changed: list[str] = []
    for fit in range(plan.n_fits):
        replaced = np.where(seen[fit][:, None], X, value)
        alone = learner.run(replaced, plan[fit : fit + 1], keep=keep)
        after = _arrays(alone)[0]
        names = [*before[fit], *(name for name in after if name not in before[fit])]
        changed += [
            f"{plan.describe(fit)}: {name}"
            for name in names
            if not _same_bits(before[fit].get(name), after.get(name))
        ]
    return UnseenRows(plan.n_fits, sum(len(one) for one in before), tuple(changed))


def _arrays(batch: FitBatch) -> Sequence[dict[str, np.ndarray]]:
    """Return all that each fit learned, by name."""
    states = batch.states or ({},) * batch.plan.n_fits
    return [
        {**state, "scores of training rows": batch.at(fit, batch.plan.train[fit])}
        for fit, state in enumerate(states)
    ]


def _same_bits(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return (
        one is not None
        and other is not None
        and one.shape == other.shape
        and one.tobytes() == other.tobytes()
    )
