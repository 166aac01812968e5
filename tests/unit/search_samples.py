"""A small search, for its tests and for the process that one of them kills."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from foldwise.arrays import Design, FloatArray
from foldwise.evaluation.metrics import roc_auc
from foldwise.evaluation.questions import Question, run_question
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.batch import BlockCallback, FitBatch, FitState, merge_batches
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
from foldwise.runs.blocks import FolderBlockStore
from foldwise.tuning.search import LogRange, SearchResult, Space, ask_tpe_search

_rng = np.random.default_rng(0)
X = _rng.normal(size=(45, 6))
Y = (X[:, 0] + _rng.normal(size=45) > 0).astype(float)
FOLDS = kfold_assignments(45, n_splits=3, seed=0, classes=Y)
SPACE: Space = {"l1_ratio": [0.0, 0.5, 1.0], "C": LogRange(1e-2, 1e2)}


def ask_small_search(**options: Any) -> Question[SearchResult]:
    """18 trials of 3 fits, in batches of 4; the last two batches are TPE's, the others random."""
    arguments: dict[str, Any] = {"n_trials": 18, "batch_size": 4, "seed": 3} | options
    return ask_tpe_search(Y, FOLDS, roc_auc, arguments.pop("space", SPACE), **arguments)


class CountedLearner:
    """Logistic regression that counts the fits of each call, and may pause or stop."""

    def __init__(self, *, stop_after: int | None = None, pause: float = 0.0) -> None:
        self.learner = LogisticLearner(n_jobs=1)
        self.calls: list[int] = []
        self.stop_after = stop_after
        self.pause = pause

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        self.calls.append(plan.n_fits)
        parts = []
        # One block of the learner would hold all these fits: a stop must find some missing.
        for fits in np.array_split(np.arange(plan.n_fits), 3):
            batch = self.learner.run(X, plan[fits], keep=keep)
            parts.append((fits, batch))
            if on_block is not None:
                on_block(fits, batch)
            time.sleep(self.pause)
            if len(self.calls) == self.stop_after:
                raise KeyboardInterrupt
        return merge_batches(plan, parts)

    def predict(self, state: FitState, X: Design) -> FloatArray:
        return self.learner.predict(state, X)

    def efforts(self, X: Design, plan: FitPlan) -> FloatArray:
        return self.learner.efforts(X, plan)

    def spec(self) -> dict[str, Any]:
        return self.learner.spec()


def search_slowly(folder: Path) -> None:
    """Search with everything stored in a folder; some seconds long."""
    run_question(
        ask_small_search(store=folder / "search.db"),
        CountedLearner(pause=0.1),
        X,
        store=FolderBlockStore(folder / "blocks"),
    )
