"""Any scikit-learn estimator, trained over a plan in parallel."""

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import clone, is_classifier

from foldwise.arrays import Design, FloatArray, IntArray, as_dense
from foldwise.errors import FitError, FoldwiseError, InvalidInputError
from foldwise.fits.batch import BlockCallback, FitBatch, FitState, merge_batches
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Step, apply_steps, learn_steps
from foldwise.fits.schedule import finish_in_order
from foldwise.fits.threads import one_blas_thread

__all__ = ["SklearnLearner", "estimator_scores"]


@dataclass(frozen=True)
class SklearnLearner:
    """Train a clone of one estimator for each fit of a plan.

    A fit's setting goes to ``set_params``; its seed becomes every
    ``random_state`` that is still None. Nothing else is added: a Pipeline keeps
    exactly its own steps, and ``steps`` is empty unless given.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Classifier (scored by the probability of class 1, else by its decision
        function) or regressor (scored by ``predict``).
    steps : tuple of Step, default=()
        Preprocessing learned from the training rows of each fit.
    n_jobs : int, optional
        Worker processes; all cores when None. Results do not depend on it.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> X, y = np.arange(6.0)[:, None], np.arange(6.0)
    >>> train = np.array([[True] * 4 + [False] * 2])
    >>> batch = SklearnLearner(Ridge(alpha=1e-9)).run(X, FitPlan(train, ~train, y))
    >>> batch.at(0, ~train[0]).round(3)
    array([4., 5.])
    """

    estimator: Any
    steps: tuple[Step, ...] = ()
    n_jobs: int | None = None

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        """Train the plan. ``keep`` may add "parameters", "preprocessing", "estimators"."""
        dense = as_dense(X)
        parts: list[tuple[IntArray, FitBatch]] = []
        for fits, outcomes in self._outcomes(dense, plan, tuple(keep)):
            batch = _collected(self, plan[fits], outcomes, keep)
            parts.append((fits, batch))
            if on_block is not None:
                on_block(fits, batch)
        return merge_batches(plan, parts)

    def _outcomes(
        self, X: FloatArray, plan: FitPlan, keep: tuple[str, ...]
    ) -> Iterator[tuple[IntArray, list["_Outcome"]]]:
        """Yield the outcomes of each block of fits, in order."""
        n_jobs = self.n_jobs or os.cpu_count() or 1
        size = max(1, min(16, plan.n_fits // (4 * n_jobs)))
        blocks = [
            np.arange(start, min(start + size, plan.n_fits))
            for start in range(0, plan.n_fits, size)
        ]
        train = partial(_fit_block, self, X, plan, keep=keep)
        yield from finish_in_order(train, blocks, n_jobs)

    def predict(self, state: FitState, X: Design) -> FloatArray:
        """Return the scores of a linear state for new rows, shape (n_samples,)."""
        if "coef" not in state:
            raise InvalidInputError(
                f"{type(self.estimator).__name__} has no coefficients to predict from. "
                'Keep "estimators" and call them.'
            )
        ready = apply_steps(self.steps, state, as_dense(X))
        linear = ready @ state["coef"] + state["intercept"]
        return expit(linear) if is_classifier(self.estimator) else linear

    def efforts(self, X: Design, plan: FitPlan) -> FloatArray:
        """Return 1 for every fit, shape (n_fits,): none is known to cost more."""
        return np.ones(plan.n_fits)

    def spec(self) -> dict[str, Any]:
        """Return the estimator's class, parameters and steps."""
        return {
            "learner": "sklearn",
            "estimator": f"{type(self.estimator).__module__}.{type(self.estimator).__qualname__}",
            "params": {
                name: str(value) for name, value in sorted(self.estimator.get_params().items())
            },
            "steps": [str(step) for step in self.steps],
        }


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What one fit brings back from its worker."""

    scores: FloatArray  # (sample,), NaN where not asked for
    state: dict[str, FloatArray]
    notes: list[str]
    estimator: Any


def _fit_block(
    learner: SklearnLearner, X: FloatArray, plan: FitPlan, fits: IntArray, *, keep: tuple[str, ...]
) -> list[_Outcome]:
    """Train some fits of a plan; the same at home and in a worker."""
    with one_blas_thread():
        return [_fit_one(learner, X, plan, int(fit), keep) for fit in fits]


def _fit_one(
    learner: SklearnLearner, X: FloatArray, plan: FitPlan, fit: int, keep: tuple[str, ...]
) -> _Outcome:
    train, score = plan.train[fit], plan.score[fit]
    estimator = _seeded(clone(learner.estimator), int(plan.seed[fit]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator.set_params(**plan.setting_of(fit))
            state = learn_steps(learner.steps, X[train])
            ready = apply_steps(learner.steps, state, X[train])
            weight = {} if plan.weight is None else {"sample_weight": plan.weight[fit, train]}
            estimator.fit(ready, plan.target_of(fit)[train], **weight)
            scores = np.full(plan.n_samples, np.nan)
            if score.any():
                asked = apply_steps(learner.steps, state, X[score])
                scores[score] = estimator_scores(estimator, asked)
        except FoldwiseError:
            raise
        except Exception as error:
            name = type(estimator).__name__
            raise FitError(
                f"{plan.describe(fit)} failed in {name}: {type(error).__name__}: {error}"
            ) from error
    notes = [str(warning.message) for warning in caught]
    return _Outcome(scores, _kept(estimator, state, keep), notes, estimator)


def _seeded(estimator: Any, seed: int) -> Any:
    """Set every ``random_state`` the user left open."""
    open_states = {
        name: seed
        for name, value in estimator.get_params().items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    }
    return estimator.set_params(**open_states)


def estimator_scores(estimator: Any, X: FloatArray) -> FloatArray:
    """Return what `SklearnLearner` takes as scores of a fitted estimator, shape (n_samples,)."""
    if not is_classifier(estimator):
        return np.asarray(estimator.predict(X), float)
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(X)[:, 1], float)
    return np.asarray(estimator.decision_function(X), float)


def _kept(
    estimator: Any, state: dict[str, FloatArray], keep: tuple[str, ...]
) -> dict[str, FloatArray]:
    kept = dict(state) if "preprocessing" in keep else {}
    if "parameters" in keep and hasattr(estimator, "coef_"):
        kept["coef"] = np.ravel(estimator.coef_).astype(float)
        kept["intercept"] = np.asarray(np.ravel(estimator.intercept_)[0], float)
    return kept


def _collected(
    learner: SklearnLearner, plan: FitPlan, outcomes: Sequence[_Outcome], keep: Sequence[str]
) -> FitBatch:
    states = tuple(outcome.state for outcome in outcomes)
    return FitBatch(
        plan,
        np.stack([outcome.scores for outcome in outcomes]),
        states if any(states) else (),
        tuple((fit, text) for fit, outcome in enumerate(outcomes) for text in outcome.notes),
        tuple(outcome.estimator for outcome in outcomes) if "estimators" in keep else (),
        learner,
    )
