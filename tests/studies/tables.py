"""Small tables of known truth, written as a user would have them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["BRIEF", "write_cohort", "write_perovskites"]

BRIEF: dict[str, int] = {"repeats": 2, "permutations": 20, "pairs": 4}
"""Settings of a study whose chapters are all there, and short."""

A_ELEMENTS = ("La", "Sr", "Ba", "Ca", "Nd", "Y")
B_ELEMENTS = ("Mn", "Fe", "Co", "Ti", "Ni", "Cr")


def write_cohort(
    folder: Path,
    *,
    n: int = 60,
    n_features: int = 12,
    effect: float = 1.5,
    seed: int = 0,
    missing: float = 0.0,
) -> tuple[Path, Path]:
    """Write X.csv and y.csv: the first three features shift by ``effect`` in cases."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = rng.normal(10.0, 1.0, (n, n_features))
    X[:, :3] += effect * y[:, None]
    X[rng.random(X.shape) < missing] = np.nan
    ids = [f"P{i:03d}" for i in range(n)]
    features = pd.DataFrame(X, index=ids, columns=[f"met-{i}" for i in range(n_features)])
    labels = pd.DataFrame({"diagnosis": np.where(y == 1, "case", "control")}, index=ids)
    folder.mkdir(parents=True, exist_ok=True)
    features.to_csv(folder / "X.csv", index_label="sample")
    labels.to_csv(folder / "y.csv", index_label="sample")
    return folder / "X.csv", folder / "y.csv"


def write_perovskites(
    folder: Path,
    *,
    n: int = 120,
    noise: float = 0.02,
    signal: float = 1.0,
    seed: int = 0,
    elements: Sequence[str] = A_ELEMENTS,
) -> Path:
    """Write perov.csv: an additive energy of A and B (times ``signal``) and noise."""
    rng = np.random.default_rng(seed)
    a, b = rng.choice(elements, n), rng.choice(B_ELEMENTS, n)
    of_a = dict(zip(elements, rng.normal(0, 0.3, len(elements)), strict=True))
    of_b = dict(zip(B_ELEMENTS, rng.normal(0, 0.3, len(B_ELEMENTS)), strict=True))
    energy = [0.8 + signal * (of_a[i] + of_b[j]) for i, j in zip(a, b, strict=True)]
    frame = pd.DataFrame({"A": a, "B": b, "X": "O", "e_above_hull": energy})
    frame["e_above_hull"] += rng.normal(0, noise, n)
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "perov.csv", index_label="row")
    return folder / "perov.csv"
