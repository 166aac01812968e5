"""Logistic regression over a plan: fits with an L1 part as blocks on one X."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from foldwise.arrays import Design, FloatArray, IntArray, as_dense
from foldwise.errors import InvalidInputError
from foldwise.fits.batch import BlockCallback, FitBatch, FitState, merge_batches
from foldwise.fits.logistic import PenalizedLogistic
from foldwise.fits.logistic_block import LogisticBlock, solve_block
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize, Step, apply_steps, learn_steps
from foldwise.fits.schedule import finish_in_order
from foldwise.fits.sklearn_learner import SklearnLearner
from foldwise.fits.threads import one_torch_thread

__all__ = ["LogisticLearner"]

_BLOCK = 128
_KNOWN = {"C", "l1_ratio"}


@dataclass(frozen=True)
class LogisticLearner:
    """Train `PenalizedLogistic` for each fit of a plan; those with an L1 part together.

    A fit is the same bit by bit alone and in a batch. Without an L1 part, and with
    steps other than filling and standardising, fits go to `SklearnLearner` one by one.

    Parameters
    ----------
    C : float, default=1.0
        Inverse penalty; ``inf`` means no penalty. A plan's settings may override it.
    l1_ratio : float, default=0.0
        Share of the L1 part; a plan's settings may override it.
    steps : tuple of Step
        Preprocessing learned from the training rows of each fit.
    tol : float, default=1e-6
        Largest violation of the conditions of an optimum, in units of the loss.
    n_jobs : int, optional
        Worker processes; all cores when None. Results do not depend on it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 8))
    >>> y = (X[:, 0] > 0).astype(float)
    >>> train = np.arange(60) % 3 != np.arange(3)[:, None]
    >>> plan = FitPlan(train, ~train, y, settings=[{"C": 0.5, "l1_ratio": 1.0}])
    >>> batch = LogisticLearner().run(X, plan, keep=("scores", "parameters"))
    >>> (batch.stacked("coef") != 0).sum(axis=1) < 8
    array([ True,  True,  True])
    """

    C: float = 1.0
    l1_ratio: float = 0.0
    steps: tuple[Step, ...] = (MedianFill(), Standardize())
    tol: float = 1e-6
    n_jobs: int | None = None

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        """Train the plan. ``keep`` may add "parameters", "preprocessing"."""
        together = np.array([self._is_batched(plan, fit) for fit in range(plan.n_fits)])
        dense = as_dense(X)
        parts: list[tuple[IntArray, FitBatch]] = []
        alone = np.flatnonzero(~together)
        if len(alone):
            single = SklearnLearner(
                PenalizedLogistic(C=self.C, l1_ratio=self.l1_ratio), self.steps, self.n_jobs
            )

            def renumbered(fits: IntArray, batch: FitBatch) -> None:
                if on_block is not None:
                    on_block(alone[fits], batch)

            parts.append((alone, single.run(dense, plan[alone], keep=keep, on_block=renumbered)))
        for fits, batch in self._batches(dense, plan, np.flatnonzero(together), keep):
            parts.append((fits, batch))
            if on_block is not None:
                on_block(fits, batch)
        merged = merge_batches(plan, parts)
        return FitBatch(plan, merged.scores, merged.states, merged.notes, learner=self)

    def _setting(self, plan: FitPlan, fit: int) -> tuple[float, float]:
        """Return C and the share of L1 of one fit."""
        setting = plan.setting_of(fit)
        unknown = sorted(set(setting) - _KNOWN)
        if unknown:
            raise InvalidInputError(
                f"{plan.describe(fit)}: logistic regression has no setting {', '.join(unknown)}. "
                f"Known: {', '.join(sorted(_KNOWN))}."
            )
        return float(setting.get("C", self.C)), float(setting.get("l1_ratio", self.l1_ratio))

    def _is_batched(self, plan: FitPlan, fit: int) -> bool:
        C, share = self._setting(plan, fit)
        if not (C > 0 and 0 <= share <= 1):
            raise InvalidInputError(
                f"{plan.describe(fit)}: C is {C:g} and l1_ratio {share:g}. C must be above 0 and "
                "l1_ratio between 0 and 1."
            )
        plain = all(isinstance(step, MedianFill | Standardize) for step in self.steps)
        return plain and share > 0 and np.isfinite(C) and len(self.steps) <= 2

    def _batches(
        self, X: FloatArray, plan: FitPlan, fits: IntArray, keep: Sequence[str]
    ) -> Iterator[tuple[IntArray, FitBatch]]:
        """Yield the blocks of fits with an L1 part."""
        blocks = [fits[start : start + _BLOCK] for start in range(0, len(fits), _BLOCK)]
        train = partial(_solve, self, X, plan)
        for own, (states, notes) in finish_in_order(train, blocks, self.n_jobs):
            part = plan[own]
            scores = np.full(part.score.shape, np.nan)
            kept: list[dict[str, FloatArray]] = []
            for fit, state in enumerate(states):
                rows = part.score[fit]
                if rows.any():
                    scores[fit, rows] = self.predict(state, X[rows])
                wanted = {"coef", "intercept"} if "parameters" in keep else set()
                wanted |= {"fill", "center", "scale"} if "preprocessing" in keep else set()
                kept.append({name: state[name] for name in state if name in wanted})
            yield own, FitBatch(part, scores, tuple(kept) if any(kept) else (), notes)

    def predict(self, state: FitState, X: Design) -> FloatArray:
        """Return the probability of class 1 for new rows, shape (n_samples,)."""
        ready = apply_steps(self.steps, state, as_dense(X))
        return np.asarray(expit(ready @ state["coef"] + state["intercept"]))

    def efforts(self, X: Design, plan: FitPlan) -> FloatArray:
        """Return 1 for every fit, shape (n_fits,): none is known to cost more."""
        return np.ones(plan.n_fits)

    def spec(self) -> dict[str, Any]:
        """Return every parameter that decides a bit of a result."""
        return {
            "learner": "logistic",
            "C": self.C,
            "l1_ratio": self.l1_ratio,
            "steps": [str(step) for step in self.steps],
            "tol": self.tol,
        }


_Solved = tuple[list[dict[str, FloatArray]], tuple[tuple[int, str], ...]]


def _solve(learner: LogisticLearner, X: FloatArray, plan: FitPlan, fits: IntArray) -> _Solved:
    """Solve one block; the same at home and in a worker."""
    states = [learn_steps(learner.steps, X[plan.train[fit]]) for fit in fits]
    n_features = X.shape[1]

    def stacked(name: str, absent: float) -> torch.Tensor:
        rows = [state.get(name, np.full(n_features, absent)) for state in states]
        return torch.tensor(np.stack(rows, 1))

    weight = plan.train[fits].astype(float)
    if plan.weight is not None:
        weight *= plan.weight[fits]
    settings = np.array([learner._setting(plan, int(fit)) for fit in fits])
    targets = np.stack([plan.target_of(int(fit)) for fit in fits], 1)
    for column, fit in enumerate(fits):
        if len(np.unique(targets[plan.train[fit], column])) != 2:
            raise InvalidInputError(
                f"{plan.describe(int(fit))}: its training rows are all of one class. Use "
                "stratified folds, or fewer of them."
            )
    missing = np.isnan(X)
    block = LogisticBlock(
        X=torch.tensor(np.where(missing, 0.0, X)),
        weight=torch.tensor(weight.T.copy()),
        y=torch.tensor(targets),
        center=stacked("center", 0.0),
        scale=stacked("scale", 1.0),
        l1=torch.tensor(settings[:, 1] / settings[:, 0]),
        l2=torch.tensor((1 - settings[:, 1]) / settings[:, 0]),
        gap=torch.tensor(missing.astype(float)) if missing.any() else None,
        fill=stacked("fill", np.nan) if missing.any() else None,
    )
    with one_torch_thread():
        w, b, converged = solve_block(block, tol=learner.tol)
    found = [
        {**state, "coef": w[:, fit].numpy().copy(), "intercept": b[fit].numpy().copy()}
        for fit, state in enumerate(states)
    ]
    # Where a column's mean is ten million times its spread, X V - c' V has no digits left.
    single = SklearnLearner(
        PenalizedLogistic(C=learner.C, l1_ratio=learner.l1_ratio, tol=learner.tol),
        learner.steps,
        n_jobs=1,
    )
    notes: list[tuple[int, str]] = []
    for place in (~converged).nonzero()[:, 0].tolist():
        if plan.weight is not None:  # which the single solver does not take
            notes.append((place, "An L1 fit stopped before it converged."))
            continue
        alone = single.run(X, plan[fits[place : place + 1]], keep=("parameters",))
        found[place] |= alone.states[0]
        notes += [(place, text) for _, text in alone.notes]
    return found, tuple(notes)
