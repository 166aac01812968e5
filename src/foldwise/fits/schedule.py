"""Blocks of fits on one machine, in worker processes or threads."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from joblib import Parallel, delayed

__all__ = ["count_jobs", "finish_in_order", "finish_in_threads"]

Block = TypeVar("Block")
Result = TypeVar("Result")

# A worker process costs seconds to start and import its libraries; shorter work stays at home.
# Which process trains a fit changes no bit of it.
_SECONDS_WORTH_WORKERS = 4.0


def count_jobs(n_jobs: int | None) -> int:
    """Return the number of workers asked for: all cores when None."""
    return n_jobs or os.cpu_count() or 1


def finish_in_threads(
    train: Callable[[Block], Result], blocks: Sequence[Block], n_jobs: int | None
) -> Iterator[tuple[Block, Result]]:
    """Yield each block with its result, in order, from threads that rarely hold the interpreter.

    Parameters
    ----------
    train : callable
        Trains one block, in compiled code for most of its time.
    blocks : sequence
    n_jobs : int or None
        Threads; all cores when None.
    """
    n_jobs = min(count_jobs(n_jobs), len(blocks))
    if n_jobs == 1:
        yield from ((block, train(block)) for block in blocks)
        return
    with ThreadPoolExecutor(n_jobs) as pool:
        yield from zip(blocks, pool.map(train, blocks), strict=True)


def finish_in_order(
    train: Callable[[Block], Result], blocks: Sequence[Block], n_jobs: int | None
) -> Iterator[tuple[Block, Result]]:
    """Yield each block with its result, in order, as they finish.

    Parameters
    ----------
    train : callable
        Trains one block; must be picklable.
    blocks : sequence
        Must be picklable too. The first should cost most, so that the rest is judged fairly.
    n_jobs : int or None
        Worker processes, one thread each; all cores when None.
    """
    n_jobs = count_jobs(n_jobs)
    start = time.perf_counter()
    for done, block in enumerate(blocks, start=1):
        yield block, train(block)
        left = (time.perf_counter() - start) / done * (len(blocks) - done)
        if n_jobs > 1 and left > _SECONDS_WORTH_WORKERS:
            rest = blocks[done:]
            workers = Parallel(n_jobs=n_jobs, return_as="generator")
            yield from zip(rest, workers(delayed(train)(one) for one in rest), strict=True)
            return
