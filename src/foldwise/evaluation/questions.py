"""The one driver: a question yields plans, the driver trains them."""

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from foldwise.arrays import Design, IntArray, as_dense
from foldwise.fits.batch import FitBatch, Learner, merge_batches
from foldwise.fits.plan import FitPlan

__all__ = ["BlockStore", "Progress", "Question", "Remark", "run_question"]

Answer = TypeVar("Answer")
Question = Generator[FitPlan, FitBatch, Answer]
"""Yields plans, is sent their batches, returns an answer."""
Remark = Callable[[FitPlan, IntArray, FitBatch], str]


@runtime_checkable
class Progress(Protocol):
    """Where the driver says how far it is."""

    def begin(self, label: str, n_fits: int, effort: float) -> None:
        """A plan of ``n_fits`` fits starts, which cost ``effort`` together."""
        ...

    def advance(self, n_fits: int, effort: float) -> None:
        """``n_fits`` more are finished, which cost ``effort``."""
        ...

    def say(self, text: str) -> None:
        """Show a remark on what is found so far."""
        ...


@runtime_checkable
class BlockStore(Protocol):
    """Where finished blocks wait for an interrupted run to come back."""

    def load(self, key: str) -> list[dict[str, np.ndarray]]:
        """Return the stored blocks of a plan; each holds ``fits`` beside its arrays."""
        ...

    def save(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """Keep one finished block."""
        ...


def run_question(
    question: Question[Answer],
    learner: Learner,
    X: Design,
    *,
    label: str = "fits",
    keep: Sequence[str] = ("scores",),
    progress: Progress | None = None,
    store: BlockStore | None = None,
    remark: Remark | None = None,
) -> Answer:
    """Train each plan a question yields and return its answer.

    Parameters
    ----------
    question : generator
        Yields plans, is sent the trained batches, returns its answer.
    learner : Learner
        Trains every plan.
    X : Design
        Inputs of all samples the plans speak of.
    label : str
        What the progress bar calls the work.
    keep : sequence of str
        What batches keep beside scores; see the learner.
    progress : Progress, optional
        Told of every finished block.
    store : BlockStore, optional
        Finished blocks are saved there, and found again by a later call with the
        same learner, inputs and plan.
    remark : callable, optional
        Takes a plan, positions of fits in it and their batch, after every finished block;
        what it returns is shown beside the progress.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from foldwise.fits.sklearn_learner import SklearnLearner
    >>> def ask_last():
    ...     train = np.array([[True, True, True, False]])
    ...     batch = yield FitPlan(train, ~train, np.arange(4.0))
    ...     return float(batch.at(0, ~train[0])[0].round(6))
    >>> run_question(ask_last(), SklearnLearner(LinearRegression()), np.arange(4.0)[:, None])
    3.0
    """
    try:
        plan = next(question)
        while True:
            plan = question.send(_trained(learner, X, plan, label, keep, progress, store, remark))
    except StopIteration as done:
        answer: Answer = done.value
        return answer


def _trained(
    learner: Learner,
    X: Design,
    plan: FitPlan,
    label: str,
    keep: Sequence[str],
    progress: Progress | None,
    store: BlockStore | None,
    remark: Remark | None,
) -> FitBatch:
    """Return the batch of a plan, training only the fits the store does not hold."""
    key = "" if store is None else _key(learner, X, plan, keep)
    parts = [] if store is None else _stored(learner, plan, store.load(key))
    done = np.zeros(plan.n_fits, bool)
    for fits, _ in parts:
        done[fits] = True
    missing = np.flatnonzero(~done)
    efforts = learner.efforts(X, plan)

    def show(fits: IntArray, batch: FitBatch) -> None:
        if progress is not None:
            progress.advance(len(fits), float(efforts[fits].sum()))
            if remark is not None:
                progress.say(remark(plan, fits, batch))

    def on_block(fits: IntArray, batch: FitBatch) -> None:
        if store is not None:
            store.save(key, {"fits": missing[fits], **batch.to_arrays()})
        show(missing[fits], batch)

    if progress is not None:
        progress.begin(label, plan.n_fits, float(efforts.sum()))
    for fits, batch in parts:
        show(fits, batch)
    if len(missing):
        rest = learner.run(X, plan[missing], keep=keep, on_block=on_block)
        parts.append((missing, rest))
    return merge_batches(plan, parts)


def _key(learner: Learner, X: Design, plan: FitPlan, keep: Sequence[str]) -> str:
    """Return a SHA-256 of all that decides the bits of a batch."""
    described = json.dumps([learner.spec(), list(keep)], sort_keys=True, default=str)
    digest = hashlib.sha256(described.encode())
    digest.update(np.ascontiguousarray(as_dense(X)).tobytes())
    digest.update(plan.fingerprint().encode())
    return digest.hexdigest()


def _stored(
    learner: Learner, plan: FitPlan, blocks: list[dict[str, Any]]
) -> list[tuple[IntArray, FitBatch]]:
    return [
        (block["fits"], FitBatch.from_arrays(plan[block["fits"]], block, learner))
        for block in blocks
    ]
