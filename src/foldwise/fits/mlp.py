"""Multi-layer perceptrons over a plan: grouped by shape, trained in blocks.

The equations are those of a hand-written loop: ``nn.Linear`` layers, Adam, the
mean squared error, rows in a documented order. A user's own loop that follows
`initial_network` and `row_order` gets the same weights.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from foldwise.arrays import BoolArray, Design, FloatArray, IntArray, RealArray, SiteLookup, as_dense
from foldwise.errors import InvalidInputError
from foldwise.fits.batch import BlockCallback, FitBatch, FitState, merge_batches
from foldwise.fits.block_training import (
    BlockTask,
    Loss,
    Trained,
    initial_network,
    row_order,
    train_block,
)
from foldwise.fits.device import DeviceName, pick_device
from foldwise.fits.network_rows import DenseRows, LookupRows
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Standardize, Step, apply_steps, learn_steps
from foldwise.fits.schedule import finish_in_order

__all__ = ["MlpLearner", "count_parameters", "initial_network", "row_order", "weight_decay_of"]

Precision = Literal["float32", "float64", "bf16", "tf32"]

_PARAMETERS_PER_BLOCK = 320_000
"""On a CPU: what of parameters, slopes and both moments stays in a core's cache."""
_MOST_FITS_PER_BLOCK = 9
_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": nn.functional.relu,
    "tanh": torch.tanh,
}


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


@dataclass(frozen=True)
class MlpLearner:
    """Train a network per fit with Adam; all fits of one shape in step.

    Every parameter but ``steps``, ``device``, ``precision`` and ``n_jobs`` may be
    overridden by a plan's settings. A fit is the same, bit by bit on a CPU, alone
    and in a batch, and for any number of worker processes.

    Parameters
    ----------
    hidden : tuple of int, default=(256, 256, 256)
        Widths of the hidden layers.
    activation : {"relu", "tanh"}, default="relu"
        Follows each hidden layer.
    loss : {"squared", "logistic"}, default="squared"
        Mean squared error; or the logistic loss of labels 0 and 1, whose scores are
        probabilities.
    lr : float, default=1e-3
        Step size of Adam.
    weight_decay : float, default=0.01
        Adam's coupled L2 term, as in ``torch.optim.Adam(weight_decay=...)``.
    decay_intercepts : bool, default=True
        Whether intercepts decay too: True is PyTorch's habit, False scikit-learn's.
    decoupled : bool, default=False
        Whether the decay is decoupled, as in ``torch.optim.AdamW``.
    epochs : int, default=250
        Passes over the training rows.
    batch_size : int, default=256
        Rows per step; the last batch of an epoch holds what is left.
    patience : int, optional
        Stop a fit after so many epochs without a lower loss on its monitored rows, and
        take the weights of its best epoch. By default every fit runs all epochs.
    steps : tuple of Step, default=()
        Preprocessing learned from the training rows of each fit.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where the arithmetic runs.
    precision : {"float32", "float64", "bf16", "tf32"}, default="float32"
        "bf16" rounds the factors of each product to 8 bits and keeps parameters in
        float32; "tf32" does so to 11 bits on CUDA and is float32 elsewhere.
    n_jobs : int, optional
        Worker processes on a CPU; all cores when None. Results do not depend on it.
    """

    hidden: tuple[int, ...] = (256, 256, 256)
    activation: str = "relu"
    loss: Loss = "squared"
    lr: float = 1e-3
    weight_decay: float = 0.01
    decay_intercepts: bool = True
    decoupled: bool = False
    epochs: int = 250
    batch_size: int = 256
    patience: int | None = None
    steps: tuple[Step, ...] = ()
    device: DeviceName = "auto"
    precision: Precision = "float32"
    n_jobs: int | None = field(default=None, compare=False)

    def run(
        self,
        X: Design,
        plan: FitPlan,
        *,
        keep: Sequence[str] = ("scores",),
        on_block: BlockCallback | None = None,
    ) -> FitBatch:
        """Train the plan. ``keep`` may add "parameters", "preprocessing", "curves"."""
        self._require_possible(plan)
        device = pick_device(self.device)
        parts: list[tuple[IntArray, FitBatch]] = []
        for fits, outcomes in self._outcomes(X, plan, device):
            batch = self._batch(X, plan[fits], outcomes, keep)
            parts.append((fits, batch))
            if on_block is not None:
                on_block(fits, batch)
        return merge_batches(plan, parts)

    def of_setting(self, plan: FitPlan, fit: int) -> "MlpLearner":
        """Return this learner with the setting of one fit of a plan."""
        setting = dict(plan.setting_of(fit))
        if "hidden" in setting:
            setting["hidden"] = tuple(setting["hidden"])
        unknown = sorted(set(setting) - (set(_fields(self)) - _FIXED))
        if unknown:
            raise InvalidInputError(
                f"{plan.describe(fit)}: a network has no setting {', '.join(unknown)}. Known: "
                f"{', '.join(sorted(set(_fields(self)) - _FIXED))}."
            )
        return MlpLearner(**{**_fields(self), **setting})

    def _require_possible(self, plan: FitPlan) -> None:
        if plan.weight is not None or plan.follows is not None:
            raise InvalidInputError(
                "Networks take no sample weights and no warm starts. Leave `weight` and `follows` "
                "out of the plan."
            )
        for fit in range(plan.n_fits):
            own = self.of_setting(plan, fit)
            if own.activation not in _ACTIVATIONS:
                raise InvalidInputError(
                    f"Unknown activation {own.activation!r}. Known: {', '.join(_ACTIVATIONS)}."
                )
            if own.patience is not None and not plan.monitor_of(fit).any():
                raise InvalidInputError(
                    f"{plan.describe(fit)} has patience {own.patience} and no monitored row to "
                    "watch. Give the plan a `monitor` mask."
                )

    def _outcomes(
        self, X: Design, plan: FitPlan, device: torch.device
    ) -> Iterator[tuple[IntArray, list["_Fitted"]]]:
        """Yield blocks of fits with what they learned."""
        train = partial(_train_fits, self, X, plan, device)
        blocks = self._blocks(X, plan, device)
        if device.type == "cpu":
            yield from finish_in_order(train, blocks, self.n_jobs)
            return
        while blocks:
            fits = blocks.pop(0)
            try:
                yield fits, train(fits)
            except torch.OutOfMemoryError:
                if len(fits) == 1:
                    raise
                torch.cuda.empty_cache()
                blocks[:0] = np.array_split(fits, 2)

    def _blocks(self, X: Design, plan: FitPlan, device: torch.device) -> list[IntArray]:
        """Return blocks of fits that can train in step, the largest networks first."""
        n_features = X.n_features if isinstance(X, SiteLookup) else X.shape[1]
        groups: dict[tuple[Any, ...], list[int]] = {}
        for fit in range(plan.n_fits):
            own = self.of_setting(plan, fit)
            shape = {**_fields(own), "lr": None, "weight_decay": None, "steps": None}
            n_rows = int(plan.train[fit].sum()), int(plan.monitor_of(fit).sum())
            groups.setdefault((*shape.values(), *n_rows), []).append(fit)

        def cost(fits: list[int]) -> int:
            return -count_parameters(n_features, self.of_setting(plan, fits[0]).hidden)

        blocks: list[IntArray] = []
        for fits in sorted(groups.values(), key=cost):
            most = len(fits)
            if device.type == "cpu":
                most = max(1, min(_MOST_FITS_PER_BLOCK, _PARAMETERS_PER_BLOCK // -cost(fits)))
            blocks += [np.array(fits[i : i + most]) for i in range(0, len(fits), most)]
        return blocks

    def _batch(
        self, X: Design, plan: FitPlan, outcomes: Sequence["_Fitted"], keep: Sequence[str]
    ) -> FitBatch:
        """Return the batch of one block: scores, and what was asked to be kept."""
        dense = as_dense(X)
        scores = np.full(plan.score.shape, np.nan)
        states: list[dict[str, RealArray]] = []
        for fit, (state, trained) in enumerate(outcomes):
            own, rows = self.of_setting(plan, fit), plan.score[fit]
            if rows.any():
                scores[fit, rows] = own.predict({**state, **trained.parameters}, dense[rows])
            kept: dict[str, RealArray] = {**state} if "preprocessing" in keep else {}
            if "parameters" in keep:
                kept |= trained.parameters
            if "curves" in keep:
                kept["train_loss"] = trained.train_loss
                kept |= {"monitor_loss": trained.monitor_loss} if len(trained.monitor_loss) else {}
            states.append(kept)
        return FitBatch(plan, scores, tuple(states) if any(states) else (), learner=self)

    def predict(self, state: FitState, X: Design) -> FloatArray:
        """Return the predictions of one trained state, shape (n_samples,)."""
        ready = apply_steps(self.steps, state, as_dense(X))
        layers = sum(name.endswith(".weight") for name in state)
        dtype = torch.float64 if self.precision == "float64" else torch.float32
        hidden = torch.tensor(ready, dtype=dtype)
        for layer in range(layers):
            weight = torch.tensor(state[f"layer{layer}.weight"], dtype=dtype)
            bias = torch.tensor(state[f"layer{layer}.bias"], dtype=dtype)
            hidden = nn.functional.linear(hidden, weight, bias)
            hidden = _ACTIVATIONS[self.activation](hidden) if layer < layers - 1 else hidden
        output = hidden[:, 0]
        return (torch.sigmoid(output) if self.loss == "logistic" else output).numpy().astype(float)

    def efforts(self, X: Design, plan: FitPlan) -> FloatArray:
        """Return parameters times rows times epochs of each fit, shape (n_fits,)."""
        n_features = X.n_features if isinstance(X, SiteLookup) else X.shape[1]
        rows = plan.train.sum(axis=1)
        own = [self.of_setting(plan, fit) for fit in range(plan.n_fits)]
        sizes = [one.epochs * count_parameters(n_features, one.hidden) for one in own]
        return np.asarray(np.array(sizes, np.float64) * rows)

    def spec(self) -> dict[str, Any]:
        """Return every parameter that decides a bit of a result, JSON-ready."""
        described = _fields(self)
        del described["n_jobs"]
        return {
            "learner": "mlp",
            **described,
            "hidden": list(self.hidden),
            "steps": [str(step) for step in self.steps],
        }


_FIXED = {"steps", "device", "precision", "n_jobs"}

_Fitted = tuple[FitState, Trained]


def _fields(learner: MlpLearner) -> dict[str, Any]:
    return asdict(learner) | {"steps": learner.steps}


def _train_fits(
    learner: MlpLearner, X: Design, plan: FitPlan, device: torch.device, fits: IntArray
) -> list[_Fitted]:
    """Train one block; the same at home and in a worker."""
    own = [learner.of_setting(plan, int(fit)) for fit in fits]
    first = own[0]
    dense = as_dense(X)
    states = [learn_steps(first.steps, dense[plan.train[fit]]) for fit in fits]
    dtype, compute = _dtypes(first.precision)
    as_lookup = isinstance(X, SiteLookup) and device.type == "cpu" and _is_affine(first.steps)
    design = X if as_lookup else dense

    def rows(masks: Sequence[BoolArray]) -> DenseRows | LookupRows:
        return _rows(design, masks, first.steps, states, compute, device)

    def targets(masks: Sequence[BoolArray]) -> torch.Tensor:
        chosen = [plan.target_of(int(fit))[mask] for fit, mask in zip(fits, masks, strict=True)]
        return torch.tensor(np.stack(chosen), dtype=dtype, device=device)

    train = [plan.train[fit] for fit in fits]
    watched = [plan.monitor_of(int(fit)) for fit in fits]
    has_monitor = bool(watched[0].any())
    task = BlockTask(
        sizes=(dense.shape[1], *first.hidden, 1),
        activation=first.activation,
        loss=first.loss,
        epochs=first.epochs,
        batch_size=first.batch_size,
        patience=first.patience,
        lr=tuple(one.lr for one in own),
        weight_decay=tuple(one.weight_decay for one in own),
        decay_intercepts=first.decay_intercepts,
        decoupled=first.decoupled,
        seeds=plan.seed[fits],
        rows=rows(train),
        target=targets(train),
        monitor=rows(watched) if has_monitor else None,
        monitor_target=targets(watched) if has_monitor else None,
        dtype=dtype,
        compute=compute,
        tf32=first.precision == "tf32",
    )
    return list(zip(states, train_block(task), strict=True))


def _dtypes(precision: Precision) -> tuple[torch.dtype, torch.dtype]:
    """Return the precision of parameters and that of products."""
    parameters = torch.float64 if precision == "float64" else torch.float32
    return parameters, torch.bfloat16 if precision == "bf16" else parameters


def _is_affine(steps: Sequence[Step]) -> bool:
    """Whether preprocessing can be folded into the first layer of a table without gaps."""
    return not steps or (len(steps) == 1 and isinstance(steps[0], Standardize))


def _rows(
    X: Design,
    masks: Sequence[BoolArray],
    steps: Sequence[Step],
    states: Sequence[FitState],
    dtype: torch.dtype,
    device: torch.device,
) -> DenseRows | LookupRows:
    """Return the masked rows of each fit, preprocessed, as (fit, row, ...)."""
    if not isinstance(X, SiteLookup):
        ready = [apply_steps(steps, state, X[m]) for state, m in zip(states, masks, strict=True)]
        return DenseRows(torch.tensor(np.stack(ready), dtype=dtype, device=device))
    n_samples, n_sites, n_slots = X.index.shape
    start = np.arange(n_sites)[:, None] * X.n_elements  # first column of each site
    columns = (X.index + start).reshape(n_samples, n_sites * n_slots)
    shares = X.fraction.reshape(columns.shape)
    moments: list[torch.Tensor | None] = [None, None]
    if steps:
        moments = [
            torch.tensor(np.stack([state[name] for state in states]), dtype=dtype)
            for name in ("center", "scale")
        ]
    fraction = None
    if not (shares == 1.0).all():
        fraction = torch.tensor(np.stack([shares[m] for m in masks]), dtype=dtype)
    index = torch.tensor(np.stack([columns[m] for m in masks]), dtype=torch.int64)
    return LookupRows.of(index, fraction, *moments)
