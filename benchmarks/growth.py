"""How time grows with fits, rows and features, beside the same fits in a loop.

L1 and L2 logistic regressions (C = 1) against scikit-learn's quickest solver for each
(liblinear, lbfgs), and networks of 64-32 units for 20 epochs against a plain PyTorch loop
over batches that a DataLoader would give (rows permuted and sliced: quicker than a
DataLoader). Loops run in two joblib processes where that is quicker, in one else; both
are timed and the better counts. All start from arrays in memory, standardise on the training
rows of each fit and end with its scores on the other rows. Draws growth.svg beside the table.
"""

import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from measure import medians, parsed, write_section
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from foldwise.fits.batch import Learner
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.mlp import MlpLearner
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Standardize

JOBS, BATCH, EPOCHS, HIDDEN = 2, 256, 20, (64, 32)
STANDARD = (211, 128)
SIZES = {
    "fits": [(n, *STANDARD) for n in (1, 4, 10, 100, 1000)],
    "rows": [(20, rows, 128) for rows in (200, 2000, 20_000)],
    "features": [(20, 211, features) for features in (100, 1000, 5000)],
}
MOST = {"network": {"fits": 100}}  # of a loop that would take minutes


def table(n_rows: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 8)) @ rng.normal(size=(8, n_features))
    X += 2.0 * rng.normal(size=X.shape)
    return X, (X[:, :4].sum(axis=1) + 4.0 * rng.normal(size=n_rows) > 0).astype(float)


def masks(n_fits: int, n_rows: int) -> np.ndarray:
    """Return random training parts of 80 %, (fit, sample)."""
    rng = np.random.default_rng(1)
    order = rng.permuted(np.tile(np.arange(n_rows), (n_fits, 1)), axis=1)
    return order < n_rows * 4 // 5


def foldwise(learner: Learner, size: tuple[int, int, int]) -> np.ndarray:
    n_fits, n_rows, n_features = size
    X, y = table(n_rows, n_features)
    train = masks(n_fits, n_rows)
    return learner.run(X, FitPlan(train, ~train, y, seed=np.arange(n_fits))).scores


def linear_fit(solver: dict[str, object], train: np.ndarray, n_features: int) -> np.ndarray:
    warnings.simplefilter("ignore")
    X, y = _cached_table(len(train), n_features)
    scaler = StandardScaler().fit(X[train])
    model = LogisticRegression(max_iter=100_000, **solver)
    model.fit(scaler.transform(X[train]), y[train])
    return model.predict_proba(scaler.transform(X[~train]))[:, 1]


def network_fit(train: np.ndarray, n_features: int) -> np.ndarray:
    torch.set_num_threads(1)
    X, y = _cached_table(len(train), n_features)
    ready = torch.tensor(StandardScaler().fit(X[train]).transform(X), dtype=torch.float32)
    target = torch.tensor(y, dtype=torch.float32)
    network = nn.Sequential(
        nn.Linear(n_features, HIDDEN[0]),
        nn.ReLU(),
        nn.Linear(HIDDEN[0], HIDDEN[1]),
        nn.ReLU(),
        nn.Linear(HIDDEN[1], 1),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    inside = torch.tensor(train)
    inputs, wanted = ready[inside], target[inside]
    for _ in range(EPOCHS):
        order = torch.randperm(len(inputs))
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            nn.functional.mse_loss(network(inputs[rows])[:, 0], wanted[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return network(ready[~inside])[:, 0].numpy()


_TABLES: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}


def _cached_table(n_rows: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the table, made once per process: sides start from arrays in memory."""
    if (n_rows, n_features) not in _TABLES:
        _TABLES[n_rows, n_features] = table(n_rows, n_features)
    return _TABLES[n_rows, n_features]


def looped(
    fit: Callable[[np.ndarray, int], np.ndarray], n_jobs: int, size: tuple[int, int, int]
) -> list[np.ndarray]:
    n_fits, n_rows, n_features = size
    train = masks(n_fits, n_rows)
    if n_jobs == 1:
        return [fit(one, n_features) for one in train]
    return Parallel(n_jobs=n_jobs)(delayed(fit)(one, n_features) for one in train)


STEPS = (Standardize(),)
KINDS: dict[str, tuple[Learner, Callable[[np.ndarray, int], np.ndarray]]] = {
    "L1 logistic": (
        LogisticLearner(l1_ratio=1.0, steps=STEPS, n_jobs=JOBS),
        partial(linear_fit, {"l1_ratio": 1.0, "solver": "liblinear"}),
    ),
    "L2 logistic": (LogisticLearner(steps=STEPS, n_jobs=JOBS), partial(linear_fit, {})),
    "network": (
        MlpLearner(hidden=HIDDEN, epochs=EPOCHS, steps=STEPS, device="cpu", n_jobs=JOBS),
        network_fit,
    ),
}


def measured(kind: str, size: tuple[int, int, int], n_runs: int) -> tuple[float, float]:
    """Return seconds of Foldwise and of the better loop."""
    learner, fit = KINDS[kind]
    sides: dict[str, Callable[[], object]] = {
        "Foldwise": lambda: foldwise(learner, size),
        "one process": lambda: looped(fit, 1, size),
    }
    if size[0] > 1:
        sides["two processes"] = lambda: looped(fit, JOBS, size)
    for side in sides.values():
        side()  # workers and tables are there
    taken = medians(sides, n_runs)
    return taken["Foldwise"], min(value for name, value in taken.items() if name != "Foldwise")


def draw(found: dict[tuple[str, str], list[tuple[int, float, float]]], path: Path) -> None:
    """Draw seconds against size, one panel per kind and axis."""
    from foldwise.reporting.style import BLUE, GREY, house_style, new_figure, plain_log_axis, settle

    with house_style():
        figure, axes = new_figure("two columns", 130, len(KINDS), len(SIZES))
        for ax, ((kind, axis), points) in zip(axes, found.items(), strict=True):
            sizes, ours, loop = zip(*points, strict=True)
            ax.plot(sizes, loop, "s-", color=GREY, label="loop", markersize=4)
            ax.plot(sizes, ours, "o-", color=BLUE, label="Foldwise", markersize=4)
            plain_log_axis(ax, "x")
            plain_log_axis(ax, "y")
            ax.set(title=kind, xlabel=axis.capitalize(), ylabel="Seconds")
        axes[0].legend()
        settle(figure)
        figure.savefig(path)


def main() -> None:
    asked = parsed(__doc__, (), 3)
    os.environ["PYTHONWARNINGS"] = "ignore"
    found: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
    rows = [["kind", "fits", "rows", "features", "Foldwise, s", "better loop, s", "ratio"]]
    slower = []
    for kind in KINDS:
        for axis, sizes in SIZES.items():
            place = list(SIZES).index(axis)
            for size in sizes:
                if size[0] > MOST.get(kind, {}).get(axis, size[0]):
                    continue
                fast, loop = measured(kind, size, asked.runs)
                found.setdefault((kind, axis), []).append((size[place], fast, loop))
                rows.append(
                    [kind, *map(str, size), f"{fast:.3f}", f"{loop:.3f}", f"{loop / fast:.1f}"]
                )
                if fast > loop and size[0] >= 4:
                    slower.append(f"{kind} {size}")
    said = f"Slower than the loop from 4 fits on: {'; '.join(slower) or 'nowhere'}."
    write_section(
        "Growth with fits, rows and features",
        rows,
        f"Medians of {asked.runs} runs; the loop is the better of one and two processes. {said}\n\n"
        "![Seconds against fits, rows and features](growth.svg)",
    )
    draw(found, Path(__file__).with_name("growth.svg"))


if __name__ == "__main__":
    main()
