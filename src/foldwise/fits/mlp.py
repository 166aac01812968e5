"""Multi-layer perceptrons in PyTorch, one fit of a plan after the other.

The equations are those of a hand-written loop: ``nn.Linear`` layers, Adam, the
mean squared error, rows in a documented order. A user's own loop that follows
`initial_network` and `row_order` gets the same weights.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from foldwise.arrays import Design, FloatArray, IntArray, RealArray, as_dense
from foldwise.errors import InvalidInputError
from foldwise.fits.batch import BlockCallback, FitBatch, FitState, merge_batches
from foldwise.fits.device import DeviceName, pick_device
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Step, apply_steps, learn_steps

__all__ = ["MlpLearner", "count_parameters", "initial_network", "row_order", "weight_decay_of"]

_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


def count_parameters(n_features: int, hidden: Sequence[int]) -> int:
    """Return the number of weights and intercepts of a network with one output.

    Examples
    --------
    Two sites times 73 elements, and two sites times 16 descriptors:

    >>> count_parameters(146, (256, 256, 256)), count_parameters(32, (256, 256, 256))
    (169473, 140289)
    """
    return sum((before + 1) * after for before, after in pairwise([n_features, *hidden, 1]))


def weight_decay_of(alpha: float, batch_size: int) -> float:
    """Return Adam's weight decay that equals scikit-learn's ``alpha``.

    scikit-learn adds ``alpha / 2 * ||W||^2 / n_batch`` to half the mean squared
    error and leaves the intercepts free; PyTorch adds ``weight_decay * W`` to the
    gradient of the whole mean squared error. Hence ``2 * alpha / batch_size``,
    on weights only.

    Examples
    --------
    >>> weight_decay_of(0.16, 256)
    0.00125
    """
    return 2.0 * alpha / batch_size


def row_order(seed: int, epoch: int, n_rows: int) -> IntArray:
    """Return the order in which an epoch visits the training rows.

    It is numpy's ``default_rng([seed, epoch]).permutation(n_rows)``; batches are
    consecutive slices of it.
    """
    return np.random.default_rng([seed, epoch]).permutation(n_rows)


def initial_network(
    n_features: int, hidden: Sequence[int], activation: str, seed: int
) -> nn.Sequential:
    """Return the untrained network of a seed, ``nn.Linear``'s own initial weights.

    The same as ``torch.manual_seed(seed)`` followed by building the layers from
    input to output; the global random state is left as it was.
    """
    if activation not in _ACTIVATIONS:
        raise InvalidInputError(
            f"Unknown activation {activation!r}. Known: {', '.join(_ACTIVATIONS)}."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for before, after in pairwise([n_features, *hidden]):
            layers += [nn.Linear(before, after), _ACTIVATIONS[activation]()]
        layers.append(nn.Linear(hidden[-1] if hidden else n_features, 1))
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class MlpLearner:
    """Train a regression network per fit with Adam and the mean squared error.

    Every parameter but ``steps`` and ``device`` may be overridden by a plan's
    settings.

    Parameters
    ----------
    hidden : tuple of int, default=(256, 256, 256)
        Widths of the hidden layers.
    activation : {"relu", "tanh"}, default="relu"
        Follows each hidden layer.
    lr : float, default=1e-3
        Step size of Adam.
    weight_decay : float, default=0.01
        Adam's coupled L2 term, as in ``torch.optim.Adam(weight_decay=...)``.
    decay_intercepts : bool, default=True
        Whether intercepts decay too: True is PyTorch's habit, False scikit-learn's.
    epochs : int, default=250
        Passes over the training rows.
    batch_size : int, default=256
        Rows per step; the last batch of an epoch holds what is left.
    steps : tuple of Step, default=()
        Preprocessing learned from the training rows of each fit.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where the arithmetic runs.
    """

    hidden: tuple[int, ...] = (256, 256, 256)
    activation: str = "relu"
    lr: float = 1e-3
    weight_decay: float = 0.01
    decay_intercepts: bool = True
    epochs: int = 250
    batch_size: int = 256
    steps: tuple[Step, ...] = ()
    device: DeviceName = "auto"

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        """Train the plan. ``keep`` may add "parameters", "preprocessing", "curves"."""
        dense = as_dense(X)
        parts: list[tuple[IntArray, FitBatch]] = []
        with _one_thread():
            for fit in range(plan.n_fits):
                fits = np.array([fit])
                batch = self._fit(dense, plan[fits], keep)
                parts.append((fits, batch))
                if on_block is not None:
                    on_block(fits, batch)
        return merge_batches(plan, parts)

    def _fit(self, X: FloatArray, plan: FitPlan, keep: Sequence[str]) -> FitBatch:
        """Train the only fit of ``plan``."""
        own = MlpLearner(**{**_fields(self), **plan.setting_of(0)})
        train, monitor, seed = plan.train[0], plan.monitor_of(0), int(plan.seed[0])
        state = learn_steps(own.steps, X[train])
        device = pick_device(own.device)
        ready = torch.tensor(apply_steps(own.steps, state, X), dtype=torch.float32, device=device)
        target = torch.tensor(plan.target_of(0), dtype=torch.float32, device=device)
        network = initial_network(X.shape[1], own.hidden, own.activation, seed).to(device)
        curves = own._train(
            network, (ready[train], target[train]), (ready[monitor], target[monitor]), seed
        )
        scores = np.full((1, plan.n_samples), np.nan)
        with torch.no_grad():
            scores[0, plan.score[0]] = _outputs(network, ready[plan.score[0]])
        kept: dict[str, RealArray] = {**state} if "preprocessing" in keep else {}
        if "parameters" in keep:
            kept |= _parameters(network)
        if "curves" in keep:
            kept |= curves
        return FitBatch(plan, scores, (kept,) if kept else (), learner=self)

    def _train(
        self,
        network: nn.Sequential,
        training: tuple[torch.Tensor, torch.Tensor],
        monitor: tuple[torch.Tensor, torch.Tensor],
        seed: int,
    ) -> dict[str, FloatArray]:
        """Run all epochs and return both loss curves, averaged over batches."""
        X, y = training
        optimizer = torch.optim.Adam(self._parameter_groups(network), lr=self.lr)
        losses: dict[str, list[float]] = {"train_loss": [], "monitor_loss": []}
        for epoch in range(self.epochs):
            order = torch.as_tensor(row_order(seed, epoch, len(X)), device=X.device)
            total, n_batches = torch.zeros((), device=X.device), 0
            for rows in torch.split(order, self.batch_size):
                optimizer.zero_grad()
                loss = _squared_error(network(X[rows]), y[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += loss.detach()
                n_batches += 1
            losses["train_loss"].append(float(total) / n_batches)
            if len(monitor[0]):
                losses["monitor_loss"].append(self._mean_loss(network, *monitor))
        return {name: np.array(values) for name, values in losses.items() if values}

    def _parameter_groups(self, network: nn.Sequential) -> list[dict[str, Any]]:
        named = list(network.named_parameters())
        weights = [value for name, value in named if name.endswith("weight")]
        intercepts = [value for name, value in named if name.endswith("bias")]
        free = self.weight_decay if self.decay_intercepts else 0.0
        return [
            {"params": weights, "weight_decay": self.weight_decay},
            {"params": intercepts, "weight_decay": free},
        ]

    def _mean_loss(self, network: nn.Sequential, X: torch.Tensor, y: torch.Tensor) -> float:
        with torch.no_grad():
            losses = [
                float(_squared_error(network(rows), target))
                for rows, target in zip(
                    torch.split(X, self.batch_size), torch.split(y, self.batch_size), strict=True
                )
            ]
        return sum(losses) / len(losses)

    def predict(self, state: FitState, X: Design) -> FloatArray:
        """Return the predictions of one trained state, shape (n_samples,)."""
        ready = apply_steps(self.steps, state, as_dense(X))
        layers = sum(name.endswith(".weight") for name in state)
        hidden = torch.tensor(ready, dtype=torch.float32)
        activation = _ACTIVATIONS[self.activation]()
        for layer in range(layers):
            weight = torch.tensor(state[f"layer{layer}.weight"], dtype=torch.float32)
            bias = torch.tensor(state[f"layer{layer}.bias"], dtype=torch.float32)
            hidden = nn.functional.linear(hidden, weight, bias)
            hidden = activation(hidden) if layer < layers - 1 else hidden
        return hidden[:, 0].numpy().astype(float)

    def spec(self) -> dict[str, Any]:
        """Return every parameter, JSON-ready."""
        return {
            "learner": "mlp",
            **_fields(self),
            "hidden": list(self.hidden),
            "steps": [str(step) for step in self.steps],
        }


def _fields(learner: MlpLearner) -> dict[str, Any]:
    return asdict(learner) | {"steps": learner.steps}


def _squared_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of outputs (batch, 1) and targets (batch,).

    The output's last axis is taken off first: (batch, 1) against (batch,) would
    broadcast to (batch, batch) and train on nonsense without an error.
    """
    return nn.functional.mse_loss(output[:, 0], target)


def _outputs(network: nn.Sequential, X: torch.Tensor) -> Float[np.ndarray, " sample"]:
    return np.asarray(network(X)[:, 0].cpu().numpy(), float)


def _parameters(network: nn.Sequential) -> dict[str, RealArray]:
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    arrays: dict[str, RealArray] = {}
    for place, layer in enumerate(linear):
        arrays[f"layer{place}.weight"] = layer.weight.detach().cpu().numpy().copy()
        arrays[f"layer{place}.bias"] = layer.bias.detach().cpu().numpy().copy()
    return arrays


@contextmanager
def _one_thread() -> Iterator[None]:
    """Train on one CPU thread: sums then have one order, and results one set of bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
