"""How often `foldwise predict` calls features drifted: where none did, and where ten did.

Prints the two tables of docs/external-cohorts.md. About two minutes on one core.
"""

from collections.abc import Callable

import numpy as np

from foldwise.evaluation.drift import mean_shift, moments, out_of_range

N_FEATURES, LEVEL = 100, 0.025
SIZES = ((60, 20), (100, 100), (200, 50))
Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
SHAPES: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(size=shape),
    "Student's t, 3 degrees": lambda rng, shape: rng.standard_t(3, size=shape),
}


def marked(train: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return which features are marked, as `predict` marks them."""
    found = moments(train)
    outside = out_of_range(new, train.min(axis=0), train.max(axis=0), found.n, level=LEVEL)
    return mean_shift(found, new, level=LEVEL).drifted | outside.unusual


def false_alarms(draw: Draw, n_train: int, n_new: int, n_pairs: int = 1000) -> float:
    """Return the share of pairs of clean tables with any feature marked."""
    alarms = 0
    for seed in range(n_pairs):
        rng = np.random.default_rng(seed)
        alarms += marked(draw(rng, (n_train, N_FEATURES)), draw(rng, (n_new, N_FEATURES))).any()
    return alarms / n_pairs


def found_shifts(shift: float, n_train: int, n_new: int, n_pairs: int = 200) -> float:
    """Return the share of ten features, moved by ``shift`` deviations, that are marked."""
    shares = []
    for seed in range(n_pairs):
        rng = np.random.default_rng(seed)
        train, new = rng.normal(size=(n_train, N_FEATURES)), rng.normal(size=(n_new, N_FEATURES))
        new[:, :10] += shift
        shares.append(marked(train, new)[:10].mean())
    return float(np.mean(shares))


def main() -> None:
    """Print both tables."""
    for sizes in SIZES:
        for name, draw in SHAPES.items():
            print(f"{sizes} {name}: {false_alarms(draw, *sizes):.1%} of clean pairs marked")
    for sizes in SIZES:
        for shift in (0.5, 1.0, 1.5, 2.0, 3.0):
            print(f"{sizes} moved by {shift} sd: {found_shifts(shift, *sizes):.1%} marked")


if __name__ == "__main__":
    main()
