"""FitBatch, what a trained plan gives back, and the Learner that trains it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from foldwise.arrays import BoolArray, Design, FloatArray, IntArray, RealArray
from foldwise.errors import DivergedFitError, InvalidInputError, first_few
from foldwise.fits.plan import FitPlan

__all__ = ["BlockCallback", "FitBatch", "FitState", "Learner", "merge_batches"]

FitState = Mapping[str, RealArray]
"""What one fit learned, by name: ``fill, center, scale, coef, layer0.weight, ...``."""


@runtime_checkable
class Learner(Protocol):
    """Anything that trains every fit of a plan."""

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: "BlockCallback | None" = None,
    ) -> "FitBatch":
        """Train the plan; call ``on_block(fits, batch)`` after each finished block."""
        ...

    def predict(self, state: FitState, X: Design) -> FloatArray:
        """Return the scores of one fitted state for new rows, shape (n_samples,)."""
        ...

    def efforts(self, X: Design, plan: FitPlan) -> FloatArray:
        """Return what each fit costs relative to the others, shape (n_fits,)."""
        ...

    def spec(self) -> dict[str, Any]:
        """Return a JSON-ready description that tells two learners apart."""
        ...


@dataclass(frozen=True, eq=False)
class FitBatch:
    """Results of a plan: scores where they were asked for, learned state on request.

    Parameters
    ----------
    plan : FitPlan
        The plan that was trained.
    scores : float array of shape (n_fits, n_samples)
        Predictions where ``plan.score`` is set. Read them with `at`, which refuses
        rows that were not asked for.
    states : sequence of mappings, optional
        Learned arrays per fit, by name.
    notes : sequence of (int, str)
        Remarks on single fits: a solver that stopped early, separable classes.
    estimators : sequence, optional
        Fitted scikit-learn estimators, where ``keep`` asked for them.
    learner : Learner, optional
        Who trained it; needed by `predict`.
    """

    plan: FitPlan
    scores: Float[np.ndarray, "fit sample"]
    states: tuple[FitState, ...] = ()
    notes: tuple[tuple[int, str], ...] = ()
    estimators: tuple[Any, ...] = ()
    learner: Learner | None = None

    def at(self, fit: int, rows: BoolArray) -> FloatArray:
        """Return the scores of one fit at the rows of a mask.

        Raises
        ------
        InvalidInputError
            If the plan did not ask this fit to score one of the rows.
        """
        absent = rows & ~self.plan.score[fit]
        if absent.any():
            raise InvalidInputError(
                f"{self.plan.describe(fit)} was not asked to score "
                f"{int(absent.sum())} of these rows: row {first_few(np.flatnonzero(absent))}. "
                "Set them in plan.score."
            )
        return np.asarray(self.scores[fit, rows])

    def stacked(self, name: str) -> FloatArray:
        """Return one learned array of all fits, with the fit axis first."""
        if not self.states or name not in self.states[0]:
            known = sorted(self.states[0]) if self.states else []
            raise InvalidInputError(f"The batch did not keep {name!r}; it kept {known}.")
        return np.stack([state[name] for state in self.states])

    def predict(self, X: Design) -> FloatArray:
        """Return the scores of every fit for new rows, shape (n_fits, n_samples)."""
        if self.learner is None or not self.states:
            raise InvalidInputError(
                "The batch kept no parameters. Run the learner with "
                'keep=("scores", "parameters", "preprocessing").'
            )
        learner = self.learner
        return np.stack([learner.predict(state, X) for state in self.states])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything but the plan as plain arrays, for storing a block."""
        arrays: dict[str, np.ndarray] = {"scores": self.scores}
        arrays["notes"] = np.array(json.dumps(self.notes))
        for fit, state in enumerate(self.states):
            arrays.update({f"{fit}/{name}": value for name, value in state.items()})
        return arrays

    @classmethod
    def from_arrays(
        cls, plan: FitPlan, arrays: Mapping[str, np.ndarray], learner: Learner | None
    ) -> "FitBatch":
        """Rebuild a stored block; the inverse of `to_arrays`."""
        states: list[dict[str, RealArray]] = [{} for _ in range(plan.n_fits)]
        for key in arrays:
            fit, _, name = key.partition("/")
            if name:
                states[int(fit)][name] = arrays[key]
        notes = tuple((int(fit), str(text)) for fit, text in json.loads(str(arrays["notes"])))
        kept = tuple(states) if any(states) else ()
        return cls(plan, arrays["scores"], kept, notes, learner=learner)


BlockCallback = Callable[[IntArray, FitBatch], None]


def merge_batches(plan: FitPlan, parts: Sequence[tuple[IntArray, FitBatch]]) -> FitBatch:
    """Return one batch in the order of ``plan`` from blocks of its fits.

    Parameters
    ----------
    plan : FitPlan
        The whole plan.
    parts : sequence of (int array, FitBatch)
        Positions in ``plan`` and the batch trained for them; together each fit once.

    Raises
    ------
    DivergedFitError
        If a score that was asked for is not finite; the message names every such fit.
    """
    fits = np.concatenate([fits for fits, _ in parts])
    order = np.argsort(fits)
    if not np.array_equal(fits[order], np.arange(plan.n_fits)):
        raise InvalidInputError("Blocks do not cover each fit of the plan exactly once.")
    scores = np.concatenate([batch.scores for _, batch in parts])[order]
    _require_finite(plan, scores)
    states = [state for _, batch in parts for state in batch.states]
    estimators = [one for _, batch in parts for one in batch.estimators]
    notes = [(int(own[fit]), text) for own, batch in parts for fit, text in batch.notes]
    return FitBatch(
        plan,
        scores,
        tuple(states[position] for position in order) if states else (),
        tuple(sorted(notes)),
        tuple(estimators[position] for position in order) if estimators else (),
        parts[0][1].learner,
    )


def _require_finite(plan: FitPlan, scores: FloatArray) -> None:
    bad = np.flatnonzero((plan.score & ~np.isfinite(scores)).any(axis=1))
    if bad.size:
        named = first_few((plan.describe(int(fit)) for fit in bad), quoted=False)
        raise DivergedFitError(
            f"{bad.size} of {plan.n_fits} fits diverged: {named}. Lower lr or standardise X."
        )
