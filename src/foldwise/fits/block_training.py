"""The training loop of a block of networks; the only one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import Literal

import numpy as np
import torch
from torch import nn

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.fits.adam import Adam, make_adam
from foldwise.fits.network import BlockNetwork
from foldwise.fits.network_rows import DenseRows, LookupRows
from foldwise.fits.threads import one_torch_thread

__all__ = ["BlockTask", "Trained", "initial_network", "row_order", "train_block"]

_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}

Loss = Literal["squared", "logistic"]


@dataclass(frozen=True, eq=False)
class BlockTask:
    """Everything that decides the bits of a block of fits.

    Parameters
    ----------
    sizes : tuple of int
        Features, hidden layers, 1.
    activation, loss : str
        Of every fit.
    epochs, batch_size : int
        Of every fit; the last batch of an epoch holds what is left.
    patience : int or None
        Epochs without a lower monitored loss after which a fit stops.
    lr, weight_decay : tuples of float, one per fit
    decay_intercepts, decoupled : bool
        See `make_adam`.
    seeds : int array of shape (n_fits,)
        Of initial weights and row order.
    rows, target : training rows and their targets (fit, row)
    monitor, monitor_target : the same for watched rows; None where there are none
    dtype, compute : torch.dtype
        Of parameters, and of products.
    tf32 : bool
        Whether CUDA may round factors to 11 bits.
    """

    sizes: tuple[int, ...]
    activation: str
    loss: Loss
    epochs: int
    batch_size: int
    patience: int | None
    lr: tuple[float, ...]
    weight_decay: tuple[float, ...]
    decay_intercepts: bool
    decoupled: bool
    seeds: IntArray
    rows: DenseRows | LookupRows
    target: torch.Tensor
    monitor: DenseRows | LookupRows | None
    monitor_target: torch.Tensor | None
    dtype: torch.dtype
    compute: torch.dtype
    tf32: bool = False


@dataclass(frozen=True, eq=False)
class Trained:
    """Parameters of one fit as ``nn.Linear`` holds them, and its losses per epoch."""

    parameters: dict[str, np.ndarray]
    train_loss: FloatArray
    monitor_loss: FloatArray


def row_order(seed: int, epoch: int, n_rows: int) -> IntArray:
    """Return the order in which an epoch visits the training rows.

    It is numpy's ``default_rng([seed, epoch]).permutation(n_rows)``; batches are
    consecutive slices of it.
    """
    return np.random.default_rng([seed, epoch]).permutation(n_rows)


_RANDOM_STATE = Lock()  # is one for all threads


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
    with _RANDOM_STATE, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for before, after in pairwise([n_features, *hidden]):
            layers += [nn.Linear(before, after), _ACTIVATIONS[activation]()]
        layers.append(nn.Linear(hidden[-1] if hidden else n_features, 1))
    return nn.Sequential(*layers)


def train_block(task: BlockTask) -> list[Trained]:
    """Train every fit of a block, in step, and return them in order."""
    with one_torch_thread(), _rounded_on_cuda(task.tf32):
        return _Training(task).run()


class _Training:
    """A block while it trains: who is still in it, and the best weights so far."""

    def __init__(self, task: BlockTask) -> None:
        self.task = task
        device = task.target.device
        self.network = BlockNetwork(
            task.sizes,
            task.activation,
            len(task.seeds),
            dtype=task.dtype,
            device=device,
            compute=task.compute,
        )
        self._start()
        self.adam: Adam = make_adam(
            self.network,
            task.lr,
            task.weight_decay,
            decay_intercepts=task.decay_intercepts,
            decoupled=task.decoupled,
        )
        self.active = torch.arange(len(task.seeds), device=device)
        self._bind(task.rows, task.target)
        self._watch(task.monitor, task.monitor_target)
        self.losses: list[list[float]] = [[] for _ in task.seeds]
        self.watched: list[list[float]] = [[] for _ in task.seeds]
        self.best = self.network.flat.clone()  # of every fit, also of those that have left
        self.waited = [0] * len(task.seeds)
        self.stopped = [False] * len(task.seeds)
        # A captured graph has one shape: there stopped fits stay in the block and are ignored.
        self.releases = not task.target.is_cuda

    def _start(self) -> None:
        """Give each fit the initial weights of its seed; equal seeds share them."""
        drawn: dict[int, int] = {}
        weights, biases = self.network.layers(self.network.flat)
        for fit, seed in enumerate(self.task.seeds.tolist()):
            if seed in drawn:
                self.network.flat[fit] = self.network.flat[drawn[seed]]
                continue
            drawn[seed] = fit
            first, *hidden = self.task.sizes[:-1]
            network = initial_network(first, hidden, self.task.activation, seed)
            linear = [layer for layer in network if isinstance(layer, nn.Linear)]
            for layer, own in enumerate(linear):
                weights[layer][fit] = own.weight.detach().T
                biases[layer][fit] = own.bias.detach()

    def _bind(self, rows: DenseRows | LookupRows, target: torch.Tensor) -> None:
        """Take the training rows of the fits in the block, and space to shuffle them in."""
        self.rows, self.target = rows, target
        self.shuffled, self.shuffled_target = rows.space(), torch.empty_like(target)
        self.batches = _batches(self.shuffled, self.shuffled_target, self.task.batch_size)
        self.total = torch.zeros(len(target), dtype=target.dtype, device=target.device)
        self.order = torch.zeros(target.shape, dtype=torch.int64, device=target.device)

    def _watch(self, rows: DenseRows | LookupRows | None, target: torch.Tensor | None) -> None:
        """Take the monitored rows of the fits in the block, if there are any."""
        self.monitor, self.monitor_target = rows, target
        self.monitor_batches: Batches = []
        if rows is not None and target is not None:
            self.monitor_batches = _batches(rows, target, self.task.batch_size)

    def run(self) -> list[Trained]:
        """Run all epochs; a fit that stops early leaves the block."""
        run_epoch = self._captured() if self.target.is_cuda else self._epoch
        for epoch in range(self.task.epochs):
            self._draw_order(epoch)
            run_epoch()
            self._note_losses()
            if self.task.patience is not None and self._stop_some() == 0:
                break
        if self.task.patience is None:
            self.best.copy_(self.network.flat)
        return [self._trained(fit) for fit in range(len(self.task.seeds))]

    def _draw_order(self, epoch: int) -> None:
        drawn: dict[int, IntArray] = {}
        orders = []
        for fit in self.active.tolist():
            seed = int(self.task.seeds[fit])
            if seed not in drawn:
                drawn[seed] = row_order(seed, epoch, self.target.shape[1])
            orders.append(drawn[seed])
        self.order.copy_(torch.from_numpy(np.stack(orders)))

    def _epoch(self) -> None:
        """Visit every training row once: operations on the device, no value read back."""
        self.shuffled.write(self.rows, self.order)
        torch.gather(self.target, 1, self.order, out=self.shuffled_target)
        self.total.zero_()
        for batch, target in self.batches:
            output = self.network.forward(batch).to(self.task.dtype)
            loss, slope = _loss_and_slope(self.task.loss, output, target)
            self.total += loss
            self.network.backward(batch, slope)
            self.adam.step()
        self.total /= len(self.batches)

    def _captured(self) -> Callable[[], None]:
        """Return one epoch as a CUDA graph: no launch waits for Python."""
        adam = self.adam
        kept = [self.network.flat, adam.first, adam.second, adam.n_steps]  # type: ignore[attr-defined]
        before = [one.clone() for one in kept]
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            self._epoch()  # libraries take their workspace outside the graph
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._epoch()
        for one, value in zip(kept, before, strict=True):
            one.copy_(value)
        return graph.replay

    def _note_losses(self) -> None:
        self._append(self.losses, self.total)
        if not self.monitor_batches:
            return
        total = torch.zeros_like(self.total)
        for batch, target in self.monitor_batches:
            output = self.network.forward(batch).to(self.task.dtype)
            total += _loss_and_slope(self.task.loss, output, target)[0]
        self._append(self.watched, total / len(self.monitor_batches))

    def _append(self, curves: list[list[float]], values: torch.Tensor) -> None:
        for fit, value in zip(self.active.tolist(), values.tolist(), strict=True):
            if not self.stopped[fit]:
                curves[fit].append(value)

    def _stop_some(self) -> int:
        """Keep best weights, let fits go that have waited long enough; return who is left."""
        staying = []
        for place, fit in enumerate(self.active.tolist()):
            if self.stopped[fit]:
                continue
            diverged = not np.isfinite(self.watched[fit][-1])
            if diverged or self.watched[fit][-1] <= min(self.watched[fit]):
                # The weights of a diverged fit are kept as they are, so that it is named.
                self.best[fit] = self.network.flat[place]
                self.waited[fit] = 0
            else:
                self.waited[fit] += 1
            self.stopped[fit] = diverged or self.waited[fit] >= (self.task.patience or 0)
            if not self.stopped[fit]:
                staying.append(place)
        if len(staying) < len(self.active) and self.releases:
            self._release(torch.tensor(staying, dtype=torch.int64))
        return len(staying)

    def _release(self, staying: torch.Tensor) -> None:
        self.active = self.active[staying]
        if not len(staying):
            return
        self.network.keep(staying)
        self.adam.keep(staying)
        self._bind(self.rows.keep(staying), self.target[staying])
        if self.monitor is not None and self.monitor_target is not None:
            self._watch(self.monitor.keep(staying), self.monitor_target[staying])

    def _trained(self, fit: int) -> Trained:
        weights, biases = self.network.layers(self.best[fit : fit + 1])
        parameters: dict[str, np.ndarray] = {}
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            parameters[f"layer{layer}.weight"] = weight[0].T.cpu().numpy().copy()
            parameters[f"layer{layer}.bias"] = bias[0].cpu().numpy().copy()
        return Trained(parameters, np.array(self.losses[fit]), np.array(self.watched[fit]))


Batches = list[tuple[DenseRows | LookupRows, torch.Tensor]]


def _batches(rows: DenseRows | LookupRows, target: torch.Tensor, size: int) -> Batches:
    """Return views of consecutive rows; the last batch holds what is left."""
    n_rows = target.shape[1]
    parts = [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]
    return [(rows[part], target[:, part]) for part in parts]


def _loss_and_slope(
    loss: Loss, output: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean loss (fit,) and its slope by the outputs (fit, row)."""
    n_rows = output.shape[1]
    if loss == "squared":
        error = output - target
        return (error * error).mean(1), error * (2.0 / n_rows)
    # log(1 + e^z) - y z for labels 0 and 1
    value = nn.functional.softplus(output) - target * output
    return value.mean(1), (torch.sigmoid(output) - target) / n_rows


@contextmanager
def _rounded_on_cuda(tf32: bool) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
