"""One seed per run, and named children of it."""

import hashlib

import numpy as np

__all__ = ["child_seed"]


def child_seed(seed: int, name: str, *place: int) -> int:
    """Return the seed of one part of a run, independent of all other parts.

    Parameters
    ----------
    seed : int
        The run's seed.
    name : str
        What the child is for: "split", "folds", "fit", ...
    place : int
        Repeat, fold or other numbers that tell children of one name apart.

    Returns
    -------
    int
        Between 0 and 2**31 - 1, so that scikit-learn and PyTorch accept it.

    Examples
    --------
    >>> child_seed(0, "split") == child_seed(0, "split")
    True
    >>> child_seed(0, "split") == child_seed(1, "split")
    False
    """
    word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    sequence = np.random.SeedSequence(seed, spawn_key=(word, *place))
    return int(sequence.generate_state(1)[0] >> 1)
