"""Logistic regression over a plan: compiled fits, in blocks, one thread per core."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from foldwise.arrays import BoolArray, Design, FloatArray, IntArray, as_dense
from foldwise.fits.batch import BlockCallback, FitBatch, FitState, merge_batches
from foldwise.fits.compiling import ensure_compiled
from foldwise.fits.logistic_training import (
    LogisticSetting,
    chain_heads,
    count_own,
    train_block,
)
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize, Step, StepsAhead, apply_steps
from foldwise.fits.schedule import count_jobs, finish_in_threads
from foldwise.fits.threads import one_blas_thread

__all__ = ["LogisticLearner"]

_MOST_FITS = 64  # in a block: what a kill loses
_MOST_BYTES = 2**27  # of the tables of a block, where each fit has its own


@dataclass(frozen=True)
class LogisticLearner:
    r"""Train a logistic regression for each fit of a plan.

    Minimises, as scikit-learn writes it,

    .. math:: C \sum_i m_i \log(1 + e^{-s_i (x_i w + b)})
              + \rho \lVert w \rVert_1 + \tfrac{1 - \rho}{2} \lVert w \rVert_2^2

    with :math:`s_i = \pm 1`, sample weights :math:`m_i` and an intercept ``b`` that is never
    penalised. A fit is the same bit by bit alone and in a batch.

    Without penalty the coefficients are the smallest of all optima. Where the training
    rows are separable none exists: the fit then has the smallest loss among all
    coefficients of norm 6 per standard deviation of the features
    (`foldwise.fits.logistic_kernels.SEPARABLE_NORM`), and a note says "separable".

    Where ``plan.follows`` names the fit before, its solution is the starting point:
    along a path of penalties that is quicker, and the optimum is the same.

    Parameters
    ----------
    C : float, default=1.0
        Inverse penalty; ``inf`` means no penalty.
    l1_ratio : float, default=0.0
        Share rho of the L1 part: 0 is ridge, 1 is the lasso.
    class_weight : None, "balanced" or mapping, default=None
        Factors of the sample weights by class: ``{0: 1.0, 1: 2.5}``, absent classes 1.
        "balanced" gives both classes the same total weight in the training rows of each
        fit, n / (2 n_class). A plan's settings may override this, ``C`` and ``l1_ratio``.
    steps : tuple of Step
        Preprocessing learned from the training rows of each fit.
    tol : float, default=1e-6
        Largest violation of the conditions of an optimum, in units of the loss.
    n_jobs : int, optional
        Threads; all cores when None. Results do not depend on it.

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
    class_weight: str | Mapping[int, float] | None = None

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        """Train the plan. ``keep`` may add "parameters", "preprocessing"."""
        X = np.require(as_dense(X), np.float64, ["C", "W"])  # compiled for no other layout
        for sparse in {self._setting(plan, fit).l1_ratio > 0 for fit in _first_of_settings(plan)}:
            ensure_compiled(sparse=sparse)
        parts: list[tuple[IntArray, FitBatch]] = []
        with one_blas_thread():  # around all threads: the limit is that of the process
            for fits, batch in self._batches(X, plan, keep):
                parts.append((fits, batch))
                if on_block is not None:
                    on_block(fits, batch)
        return merge_batches(plan, parts)

    def _batches(
        self, X: FloatArray, plan: FitPlan, keep: Sequence[str]
    ) -> Iterator[tuple[IntArray, FitBatch]]:
        of_setting = {
            int(plan.setting[fit]): self._setting(plan, fit) for fit in _first_of_settings(plan)
        }
        settings = [of_setting[int(one)] for one in plan.setting]

        def train(fits: IntArray) -> FitBatch:
            part = plan[fits]
            own = [settings[fit] for fit in fits]
            trained = train_block(X, part, own, steps=self.steps, tol=self.tol)
            kept = trained.states(parameters="parameters" in keep, steps="preprocessing" in keep)
            return FitBatch(part, trained.scores(part.score), kept, trained.notes(), learner=self)

        most = _MOST_FITS
        rows: BoolArray = np.asarray((plan.train | plan.score).any(axis=0))
        if count_own(StepsAhead.of(self.steps, X, rows).left):
            most = max(1, min(most, _MOST_BYTES // X.nbytes))
        yield from finish_in_threads(train, _blocks(plan, self.n_jobs, most), self.n_jobs)

    def _setting(self, plan: FitPlan, fit: int) -> LogisticSetting:
        own = {"C": self.C, "l1_ratio": self.l1_ratio, "class_weight": self.class_weight}
        return LogisticSetting.of(own | dict(plan.setting_of(fit)), plan.describe(fit))

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
            "class_weight": str(self.class_weight),
            "steps": [str(step) for step in self.steps],
            "tol": self.tol,
        }


def _first_of_settings(plan: FitPlan) -> list[int]:
    """Return the first fit of each setting that is used."""
    fits: list[int] = np.unique(plan.setting, return_index=True)[1].tolist()
    return fits


def _blocks(plan: FitPlan, n_jobs: int | None, limit: int) -> list[IntArray]:
    """Return the fits of each block, cut between chains, enough for every thread."""
    heads = np.arange(plan.n_fits) if plan.follows is None else chain_heads(plan.follows)
    chains, of_fit = np.unique(heads, return_inverse=True)
    most = max(1, min(limit, -(-plan.n_fits // (2 * count_jobs(n_jobs)))))
    size = max(1, most * len(chains) // plan.n_fits)
    order = np.argsort(of_fit, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(of_fit[order] // size)) + 1)
