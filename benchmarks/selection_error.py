"""Errors in panels of stability selection, counted on simulated tables, against their bounds.

Tables of 120 rows and 128 features, half of the rows cases; q = 9, 50 complementary pairs.
A panel's errors are counted twice: features whose selection probability is at most q / p (what
the bounds bound), and features that are not true markers (what a reader may take them for).
Features are alike by design (markers, features of their blocks, all others), and so are their
probabilities: each is the mean frequency over the features of its kind in all tables.
"""

import argparse

import numpy as np
from measure import write_section

from foldwise.evaluation.questions import run_question
from foldwise.evaluation.selection import ask_stability_selection
from foldwise.evaluation.selection_bounds import expected_errors, solve_selection
from foldwise.fits.logistic_learner import LogisticLearner

N_ROWS, N_FEATURES, Q, N_TRUE = 120, 128, 9, 6
THRESHOLDS = (0.6, 0.75, 0.9)
# Features of one block share a factor; a true marker is the first of its block.
WORLDS = {
    "noise, independent": (0.0, 0.0),
    "noise, blocks of 4 with correlation 0.9": (0.9, 0.0),
    "6 true markers, the rest independent": (0.0, 1.0),
    "6 true markers in blocks of 4 with correlation 0.97": (0.97, 1.0),
}


def drawn(correlation: float, effect: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a table and labels; the first of each of the first six blocks is a marker.

    The log-odds of being a case are ``effect`` times the sum of the markers; cases and
    controls are taken as they come until both are complete.
    """
    rng = np.random.default_rng(seed)
    n_drawn = 20 * N_ROWS
    factor = np.repeat(rng.normal(size=(n_drawn, N_FEATURES // 4)), 4, axis=1)
    own = rng.normal(size=(n_drawn, N_FEATURES))
    X = np.sqrt(correlation) * factor + np.sqrt(1 - correlation) * own
    odds = effect * X[:, markers()].sum(axis=1)
    y = (rng.random(n_drawn) < 1 / (1 + np.exp(-odds))).astype(float)
    rows = np.concatenate([np.flatnonzero(y == label)[: N_ROWS // 2] for label in (0, 1)])
    return X[rows], y[rows]


def markers() -> np.ndarray:
    """Return the columns of true markers."""
    return 4 * np.arange(N_TRUE)


def frequencies(correlation: float, effect: float, n_tables: int, n_jobs: int) -> np.ndarray:
    """Return how often each feature is selected in each table, (table, feature)."""
    learner = LogisticLearner(n_jobs=n_jobs)
    design = solve_selection(N_FEATURES, q=Q, threshold=0.9)
    found = []
    for table in range(n_tables):
        X, y = drawn(correlation, effect, table)
        question = ask_stability_selection(y, design, seed=table)
        found.append(run_question(question, learner, X, keep=("parameters",)).frequency)
    return np.array(found)


def kinds(effect: float) -> np.ndarray:
    """Return what each feature is: 2 a true marker, 1 in the block of one, 0 anything else."""
    kind = np.zeros(N_FEATURES, int)
    if effect > 0:
        kind[: 4 * N_TRUE] = 1
        kind[markers()] = 2
    return kind


def row(world: str, threshold: float, frequency: np.ndarray) -> list[str]:
    """Return one line of the table."""
    kind = kinds(WORLDS[world][1])
    probability = [
        frequency[:, kind == one].mean() if (kind == one).any() else 0 for one in (0, 1, 2)
    ]
    low = np.array(probability)[kind] <= Q / N_FEATURES + 1e-9
    panel = frequency >= threshold - 1e-9
    counted = [panel.sum(axis=1), panel[:, low].sum(axis=1), panel[:, kind < 2].sum(axis=1)]
    bounds = [
        expected_errors(N_FEATURES, Q, threshold, bound=bound)
        for bound in ("shah-samworth", "unimodal", "r-concave")
    ]
    spread = counted[1].std(ddof=1) / np.sqrt(len(panel))
    cells = [f"{counted[0].mean():.2f}", f"{counted[1].mean():.3f} ± {2 * spread:.3f}"]
    cells += [f"{counted[2].mean():.2f}", *(f"{bound:.3f}" for bound in bounds)]
    return [world, f"{threshold:g}", *cells]


def main() -> None:
    """Simulate, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    head = ["table", "threshold", "panel", "probability at most q/p", "not true markers"]
    rows = [[*head, "worst-case bound", "unimodal", "r-concave"]]
    for world, (correlation, effect) in WORLDS.items():
        frequency = frequencies(correlation, effect, asked.tables, asked.jobs)
        rows += [row(world, threshold, frequency) for threshold in THRESHOLDS]
        print(*rows[-3:], sep="\n", flush=True)
    notes = (
        f"Mean numbers of features in a panel over {asked.tables} tables; ± is two standard "
        "errors. The bounds speak of the fourth column and of nothing else: features that "
        "correlate with a true marker have a selection probability above q/p, and no bound "
        "counts them as errors."
    )
    write_section("Errors in panels of stability selection, 120 x 128, q = 9", rows, notes)


if __name__ == "__main__":
    main()
