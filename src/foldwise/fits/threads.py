"""One thread per fit: sums then have one order, and small tables no waiting threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread", "one_torch_thread"]


@cache
def _controller() -> ThreadpoolController:
    """Look for the loaded libraries once: a look takes milliseconds, a fit may take less."""
    import scipy.linalg.cython_blas  # noqa: F401 - what compiled fits use must be there to be found

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS and OpenMP use one thread inside the block, as joblib's workers do.

    A product of 100 x 750 numbers is too small to share: with two threads an L1
    path over two features took 5 times as long as with one.
    """
    with _controller().limit(limits=1):
        yield


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let PyTorch use one CPU thread, and let numbers too small to matter be zero.

    Weights that decay towards zero become denormal numbers, on which a CPU takes a
    hundred times longer.
    """
    import torch  # forests and baselines need no torch, which takes a second to load

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
