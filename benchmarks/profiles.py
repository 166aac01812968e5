"""Where the time goes, on one core: what holds the other tables of this page back.

Networks: shares of a training step by kind of operation (PyTorch's profiler), one block of
each shape of the course grid. Logistic regression: milliseconds a fit in the compiled solver,
in preprocessing, in scores and in the rest of the question, and how long one product and factor
of the size of the solution takes: a solver of Newton steps needs several of them.
"""

import time
from collections.abc import Callable
from types import ModuleType

import half_samples
import numpy as np
import permutations
import repeated_folds
import torch
from course_grid import HIDDEN, N_ROWS, generated
from measure import parsed, write_section
from threadpoolctl import threadpool_limits

from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits import logistic_kernels, preprocessing
from foldwise.fits.mlp import MlpLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Standardize

KINDS = {
    "products": ("mm", "bmm", "addmm", "baddbmm", "addmm_", "baddbmm_", "matmul", "linear"),
    "Adam": ("_fused_adam_",),
    "look-ups and copies": ("index_select", "index", "copy_", "index_add_", "gather", "take"),
}


def network_shares(hidden: tuple[int, ...]) -> list[str]:
    """Return the shares of a step's time by kind of operation."""
    lookup, y = generated()
    fold = kfold_assignments(N_ROWS, n_splits=5)[0]
    held = fold == np.arange(5)[:, None]
    plan = FitPlan(~held, held, y)
    for epochs in (1, 5):  # the first call loads libraries
        learner = MlpLearner(
            hidden=hidden, epochs=epochs, steps=(Standardize(),), device="cpu", n_jobs=1
        )
        with torch.profiler.profile() as profiled:
            learner.run(lookup, plan)
    spent = {name: 0.0 for name in (*KINDS, "the rest")}
    for event in profiled.key_averages():
        name = event.key.removeprefix("aten::")
        kind = next((kind for kind, names in KINDS.items() if name in names), "the rest")
        spent[kind] += event.self_cpu_time_total
    total = sum(spent.values())
    return ["-".join(map(str, hidden)), *(f"{100 * one / total:.0f} %" for one in spent.values())]


class Stopwatch:
    """Milliseconds spent in functions of modules."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def watch(self, module: ModuleType, name: str, part: str) -> None:
        """Count the time in a function of a module as that of a part."""
        original = getattr(module, name)

        def timed(*arguments: object, **named: object) -> object:
            start = time.perf_counter()
            try:
                return original(*arguments, **named)
            finally:
                self.spent[part] = self.spent.get(part, 0.0) + 1e3 * (time.perf_counter() - start)

        setattr(module, name, timed)


PARTS = ("solver", "preprocessing", "scores")


def logistic_parts(
    watch: Stopwatch, work: str, run: Callable[[], object], n_fits: int, size: tuple[int, int]
) -> list[str]:
    """Return milliseconds a fit by part, and of one product and factor of a size."""
    run()
    found = []
    for _ in range(5):
        watch.spent.clear()
        start = time.perf_counter()
        run()
        total = 1e3 * (time.perf_counter() - start)
        parts = [watch.spent[part] for part in PARTS]
        found.append([*parts, total - sum(parts), total])
    each = np.median(found, axis=0) / n_fits
    core = np.random.default_rng(0).normal(size=size).astype(np.float32)
    eye = size[1] * np.eye(size[0], dtype=np.float32)
    start = time.perf_counter()
    for _ in range(200):
        np.linalg.cholesky(core @ core.T + eye)
    factor = 1e3 * (time.perf_counter() - start) / 200
    return [work, *(f"{one:.3f}" for one in each), f"{factor:.3f} ({size[0]} x {size[1]})"]


def main() -> None:
    parsed(__doc__, (), 1)
    head = ["network", *KINDS, "the rest"]
    networks = [head, *(network_shares(hidden) for hidden in HIDDEN)]
    for module in (permutations, half_samples, repeated_folds):
        module.JOBS = 1
    watch = Stopwatch()
    watch.watch(logistic_kernels, "solve_sparse_fits", "solver")
    watch.watch(logistic_kernels, "solve_smooth_fits", "solver")
    watch.watch(logistic_kernels, "score_fits", "scores")
    watch.watch(preprocessing, "learn_steps", "preprocessing")
    with threadpool_limits(1):
        logistic = [
            ["work", *PARTS, "question and the rest", "all", "one product and factor"],
            logistic_parts(
                watch, "permutations, C = 1", lambda: permutations.ours(1.0, 100), 500, (78, 169)
            ),
            logistic_parts(
                watch, "permutations, C = 0.1", lambda: permutations.ours(0.1, 100), 500, (6, 169)
            ),
            logistic_parts(watch, "half-samples", half_samples.ours, 3000, (30, 104)),
            logistic_parts(watch, "20 x 5 folds, L2", repeated_folds.ours, 100, (128, 169)),
        ]
    write_section(
        "Where a network's step goes, one core",
        networks,
        "Shares of the time in PyTorch's operations, five fits of the course grid in one block.",
    )
    write_section(
        "Where a logistic fit goes, one core, milliseconds",
        logistic,
        "Medians of 5 runs. The last column is numpy's product and Cholesky factor in single "
        "precision, of as many columns as the solutions have on average (all for L2).",
    )


if __name__ == "__main__":
    main()
