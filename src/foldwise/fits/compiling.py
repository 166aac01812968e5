"""Compiled code is run as it is read from disk, the first time too.

Code that a process has just compiled is not the code that it keeps: functions called by
others are compiled once by themselves and once inside their callers, and in memory the former
win. Sums then run in another order, and results differ in their last bits from those of every
later process. So the first compilation is left to a process of its own.
"""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from foldwise.fits import logistic_kernels as kernels

__all__ = ["ensure_compiled"]

_COMPILING = "FOLDWISE_COMPILING"
_TRAIN_ONE = """
import numpy as np
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan
rows = np.ones((1, 8), bool)
X, y = np.arange(16.0).reshape(8, 2), np.tile([0.0, 1.0, 1.0, 0.0], 2)
LogisticLearner(l1_ratio={l1_ratio}, n_jobs=1).run(X, FitPlan(rows, rows, y))
"""


@cache
def ensure_compiled(*, sparse: bool) -> None:
    """Let another process compile the solver of fits with an L1 part, or without.

    Nothing happens where that is done already, or where no compiled code can be kept. If
    the other process fails, this one compiles for itself: only last bits are at stake.
    """
    solver: Any = kernels.solve_sparse_fits if sparse else kernels.solve_smooth_fits
    if _COMPILING in os.environ or _is_kept(solver):
        return
    subprocess.run(
        [sys.executable, "-c", _TRAIN_ONE.format(l1_ratio=float(sparse))],
        env={**os.environ, _COMPILING: "1"},
        capture_output=True,
        check=False,
    )


def _is_kept(solver: Any) -> bool:
    """Return whether the index of a solver's compiled code is on disk, or can never be."""
    folder = solver.stats.cache_path
    if folder is None:
        return True
    # Code of another version of the solver, or for another Python, is not read.
    written = Path(kernels.__file__).stat().st_mtime
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    kept = Path(folder).glob(f"*.{solver.__qualname__}-*.{python}.nbi")
    return any(index.stat().st_mtime >= written for index in kept)
