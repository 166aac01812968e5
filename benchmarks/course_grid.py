"""The course's grid: 27 settings x 5 folds, 1590 rows of one-hot columns.

All sides start from arrays in memory, standardise on the training rows of each fold, and
end with the out-of-fold R2 of each setting. Rivals train 9 of the 135 fits (each layer
shape with each step size, the first fold) for all epochs, and are scaled by 15; the
sample and the whole of Foldwise are both measured.

Rows are generated in the course's shape: 73 elements on two sites, an additive energy.
"""

import os
import warnings
from functools import partial
from itertools import pairwise, product

import numpy as np
import torch
from joblib import Parallel, delayed
from measure import (
    comparison,
    core_gflops,
    medians,
    parsed,
    whole_commands,
    write_section,
)
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetRegressor
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from foldwise.arrays import SiteLookup
from foldwise.evaluation.cross_validation import ask_cross_validation
from foldwise.evaluation.questions import run_question
from foldwise.evaluation.splits import kfold_assignments
from foldwise.fits.mlp import MlpLearner
from foldwise.fits.preprocessing import Standardize

N_ROWS, N_ELEMENTS, BATCH, JOBS = 1590, 73, 256, 2
HIDDEN = ((512, 256, 128), (256, 128, 64), (128, 64, 32))
RATES, DECAYS = (1e-3, 1e-4, 1e-5), (0.01, 0.001, 0.0001)


def generated() -> tuple[SiteLookup, np.ndarray]:
    rng = np.random.default_rng(0)
    index = rng.integers(0, N_ELEMENTS, (N_ROWS, 2, 1))
    of_element = rng.normal(0, 0.2, (2, N_ELEMENTS))
    y = 0.55 + of_element[0, index[:, 0, 0]] + of_element[1, index[:, 1, 0]]
    return SiteLookup(index, np.ones(index.shape), N_ELEMENTS), y + rng.normal(0, 0.1, N_ROWS)


def ours(
    settings: list[dict[str, object]], folds: np.ndarray, epochs: int, precision: str = "float32"
) -> np.ndarray:
    lookup, y = generated()
    learner = MlpLearner(
        epochs=epochs, steps=(Standardize(),), device="cpu", precision=precision, n_jobs=JOBS
    )
    question = ask_cross_validation(y, folds, lambda *pair: r2_score(*pair), settings=settings)
    return run_question(question, learner, lookup).values


class Network(nn.Sequential):
    """What skorch and the plain loop train."""

    def __init__(self, hidden: tuple[int, ...] = HIDDEN[0]) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise([2 * N_ELEMENTS, *hidden]):
            layers += [nn.Linear(before, after), nn.ReLU()]
        super().__init__(*layers, nn.Linear(hidden[-1], 1))


def plain_fit(setting: dict[str, object], train: np.ndarray, epochs: int) -> float:
    """Train one fit with a DataLoader, as a tutorial does."""
    torch.set_num_threads(1)
    lookup, y = generated()
    X = lookup.to_dense()
    scaler = StandardScaler().fit(X[train])
    inputs = torch.tensor(scaler.transform(X), dtype=torch.float32)
    target = torch.tensor(y, dtype=torch.float32)
    network = Network(setting["hidden"])
    optimizer = torch.optim.Adam(
        network.parameters(), lr=setting["lr"], weight_decay=setting["weight_decay"]
    )
    loader = DataLoader(TensorDataset(inputs[train], target[train]), batch_size=BATCH, shuffle=True)
    for _ in range(epochs):
        for rows, wanted in loader:
            optimizer.zero_grad()
            nn.functional.mse_loss(network(rows).squeeze(-1), wanted).backward()
            optimizer.step()
    with torch.no_grad():
        return r2_score(y[~train], network(inputs[~train]).squeeze(-1).numpy())


def plain(settings: list[dict[str, object]], test: np.ndarray, epochs: int) -> list[float]:
    work = (delayed(plain_fit)(setting, ~test, epochs) for setting in settings)
    return Parallel(n_jobs=JOBS)(work)


def skorch(settings: list[dict[str, object]], test: np.ndarray, epochs: int) -> GridSearchCV:
    torch.set_num_threads(1)
    lookup, y = generated()
    net = NeuralNetRegressor(
        Network,
        max_epochs=epochs,
        batch_size=BATCH,
        optimizer=torch.optim.Adam,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        callbacks__valid_loss=None,
    )
    grid = [
        {
            "neuralnetregressor__module__hidden": [one["hidden"]],
            "neuralnetregressor__lr": [one["lr"]],
            "neuralnetregressor__optimizer__weight_decay": [one["weight_decay"]],
        }
        for one in settings
    ]
    X = lookup.to_dense().astype(np.float32)
    split = PredefinedSplit(np.where(test, 0, -1))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), net), grid, cv=split, n_jobs=JOBS, refit=False
    )
    return search.fit(X, y[:, None].astype(np.float32))


def scikit_learn(settings: list[dict[str, object]], test: np.ndarray, epochs: int) -> GridSearchCV:
    lookup, y = generated()
    os.environ["PYTHONWARNINGS"] = "ignore"  # that it has not converged is known
    warnings.simplefilter("ignore")
    network = MLPRegressor(batch_size=BATCH, max_iter=epochs, tol=0, n_iter_no_change=epochs)
    grid = [
        {
            "mlpregressor__hidden_layer_sizes": [one["hidden"]],
            "mlpregressor__learning_rate_init": [one["lr"]],
            "mlpregressor__alpha": [one["weight_decay"] * BATCH / 2],
        }
        for one in settings
    ]
    X = lookup.to_dense().astype(np.float32)
    split = PredefinedSplit(np.where(test, 0, -1))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), network), grid, cv=split, n_jobs=JOBS, refit=False
    )
    return search.fit(X, y.astype(np.float32))


def floor_seconds(gflops: float, epochs: int, n_train: int) -> float:
    """Arithmetic that is left after look-ups: three products per layer behind the first."""
    products = sum(sum(a * b for a, b in pairwise([*hidden, 1])) for hidden in HIDDEN)
    return 6 * products * 9 * 5 * n_train * epochs / (JOBS * gflops * 1e9)


SETTINGS = [
    {"hidden": hidden, "lr": lr, "weight_decay": decay}
    for hidden, lr, decay in product(HIDDEN, RATES, DECAYS)
]
SAMPLE = [one for one in SETTINGS if one["weight_decay"] == 0.01]
RIVALS = {
    "plain PyTorch, DataLoader, 2 processes": plain,
    "skorch, GridSearchCV(n_jobs=2)": skorch,
    "scikit-learn MLPRegressor, float32, GridSearchCV(n_jobs=2)": scikit_learn,
}
OURS = {"Foldwise, float32": "float32", "Foldwise, bf16": "bf16"}


def main() -> None:
    asked = parsed(__doc__, [*OURS, *RIVALS], 3, epochs=100)
    folds = kfold_assignments(N_ROWS, n_splits=5)
    test = folds[0] == 0
    factor = len(SETTINGS) * 5 / len(SAMPLE)
    sides = {
        name: partial(ours, SETTINGS, folds, asked.epochs, kind) for name, kind in OURS.items()
    }
    sides |= {name: partial(rival, SAMPLE, test, asked.epochs) for name, rival in RIVALS.items()}
    if asked.only:
        sides[asked.only]()
        return
    taken = medians(sides, asked.runs)
    whole = whole_commands(list(sides), "--epochs", str(asked.epochs))
    scaled = {name: value * (factor if name in RIVALS else 1) for name, value in taken.items()}
    gflops = core_gflops()
    floor = floor_seconds(gflops, asked.epochs, N_ROWS * 4 // 5)
    fast = scaled["Foldwise, float32"]
    rows = comparison(scaled, whole, 0)
    rows.append(["floor of the arithmetic", f"{floor:.0f}", f"{floor / fast:.2f}", "", ""])
    best = min(scaled[name] for name in RIVALS)
    loop = scaled[next(iter(RIVALS))]
    notes = (
        f"{asked.epochs} epochs. Medians of {asked.runs} runs; rivals train a sample of "
        f"{len(SAMPLE)} of the {len(SETTINGS) * 5} fits, their seconds are multiplied by "
        f"{factor:g}, and their whole command is that of the sample. Foldwise in float32 is "
        f"{loop / fast:.1f} times as fast as the DataLoader loop and {best / fast:.1f} times as "
        "fast as the best rival; in "
        f"bf16 {best / scaled['Foldwise, bf16']:.1f} times. It reaches {floor / fast:.0%} of the "
        f"floor: what is left of the matrix products after look-ups, at the {gflops:.0f} GFLOP/s "
        "one core reaches here."
    )
    write_section("Course grid: 27 settings x 5 folds", rows, notes)


if __name__ == "__main__":
    main()
