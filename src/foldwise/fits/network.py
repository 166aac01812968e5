"""Many networks of one shape, trained in step: flat parameters and no autograd.

All parameters of a fit lie in one row of a flat buffer ``(fit, parameter)``, first all
weights, then all intercepts, so that an optimiser passes over memory once. Layers are
views of it. A layer's weights have the shape ``(fit, in, out)``: the transpose of
``nn.Linear``'s, so that rows of inputs select rows of weights.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import torch

__all__ = ["BlockNetwork", "Rows", "multiply"]


def multiply(
    left: torch.Tensor,
    right: torch.Tensor,
    *,
    out: torch.Tensor,
    shift: torch.Tensor | None = None,
) -> None:
    """Write the products of K pairs of matrices, plus a shift of shape (fit, 1, column).

    Bit by bit the same for every K. A library multiplies one matrix by one column in
    another way than many by many, so that products with a side of length 1 are written
    as sums of elementwise ones.
    """
    if left.shape[2] == 1:
        torch.mul(left, right, out=out)
    elif right.shape[2] == 1:
        torch.sum(left * right.transpose(1, 2), 2, keepdim=True, out=out)
    elif left.shape[1] == 1:
        torch.sum(left.transpose(1, 2) * right, 1, keepdim=True, out=out)
    elif shift is None:
        torch.bmm(left, right, out=out)
        return
    else:
        torch.baddbmm(shift, left, right, out=out)
        return
    if shift is not None:
        out += shift


class Rows(Protocol):
    """A batch of input rows, the same number for every fit of a block."""

    @property
    def n_rows(self) -> int:
        """Rows per fit."""
        ...

    def times(self, weight: torch.Tensor, bias: torch.Tensor, out: torch.Tensor) -> None:
        """Write ``x W + b`` of shape (fit, row, out) into ``out``."""
        ...

    def slopes(
        self, upper: torch.Tensor, weight_slope: torch.Tensor, bias_slope: torch.Tensor
    ) -> None:
        """Write the slopes of weights and intercepts, given those of the products."""
        ...


class BlockNetwork:
    """K multi-layer perceptrons of one shape, with hand-written slopes.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer: features, hidden layers, 1.
    activation : {"relu", "tanh"}
        After each hidden layer.
    n_fits : int
        Number of networks K.
    dtype : torch.dtype
        Of the parameters.
    device : torch.device
        Where they live.
    compute : torch.dtype, optional
        Of the products, where it differs: parameters are then rounded to it in every step.

    Attributes
    ----------
    flat, slope : tensors of shape (n_fits, n_parameters)
        Parameters and the slopes of the loss, in ``dtype``.
    n_weights : int
        Length of the part that holds weights; intercepts follow.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str,
        n_fits: int,
        *,
        dtype: torch.dtype,
        device: torch.device,
        compute: torch.dtype | None = None,
    ) -> None:
        self.sizes, self.activation = tuple(sizes), activation
        self.n_weights = sum(a * b for a, b in pairwise(sizes))
        n_parameters = self.n_weights + sum(sizes[1:])
        self.flat = torch.zeros(n_fits, n_parameters, dtype=dtype, device=device)
        self.slope = torch.zeros_like(self.flat)
        self.rounded = compute not in (None, dtype)
        self._use(self.flat, self.slope, compute if compute is not None else dtype)

    def _use(self, flat: torch.Tensor, slope: torch.Tensor, compute: torch.dtype) -> None:
        self.flat, self.slope = flat, slope
        self._working = flat.to(compute) if self.rounded else flat
        self._working_slope = slope.to(compute) if self.rounded else slope
        self.weights, self.biases = self.layers(self._working)
        self._weight_slopes, self._bias_slopes = self.layers(self._working_slope)
        # Views cost microseconds, as much as small products: they are made once.
        self._back = [weight.transpose(1, 2) for weight in self.weights]
        self._shifts = [bias[:, None] for bias in self.biases]
        self._buffers: dict[int, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}

    def layers(self, flat: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the views (fit, in, out) and (fit, out) of a flat buffer, layer by layer."""
        weights, biases, start = [], [], 0
        for before, after in pairwise(self.sizes):
            weights.append(flat[:, start : start + before * after].view(len(flat), before, after))
            start += before * after
        for width in self.sizes[1:]:
            biases.append(flat[:, start : start + width])
            start += width
        return weights, biases

    def keep(self, fits: torch.Tensor) -> None:
        """Go on with some of the fits; the others leave the block."""
        self._use(self.flat[fits].clone(), self.slope[fits].clone(), self._working.dtype)

    def forward(self, rows: Rows) -> torch.Tensor:
        """Return the outputs of all fits, shape (fit, row); a view, valid until the next call."""
        outputs, _ = self._space(rows.n_rows)
        if self.rounded:
            self._working.copy_(self.flat)
        rows.times(self.weights[0], self.biases[0], out=outputs[0])
        for layer in range(1, len(self.weights)):
            hidden = outputs[layer - 1]
            hidden.relu_() if self.activation == "relu" else hidden.tanh_()
            multiply(hidden, self.weights[layer], out=outputs[layer], shift=self._shifts[layer])
        return outputs[-1][:, :, 0]

    def backward(self, rows: Rows, upper: torch.Tensor) -> None:
        """Fill ``slope`` from the slopes of the loss by the outputs, shape (fit, row).

        Must follow `forward` of the same rows.
        """
        outputs, slopes = self._space(rows.n_rows)
        above = upper[:, :, None].to(outputs[-1].dtype)
        for layer in range(len(self.weights) - 1, 0, -1):
            hidden, below = outputs[layer - 1], slopes[layer - 1]
            torch.sum(above, 1, out=self._bias_slopes[layer])
            multiply(hidden.transpose(1, 2), above, out=self._weight_slopes[layer])
            multiply(above, self._back[layer], out=below)
            if self.activation == "relu":
                # d relu = 1 where the unit is on; its output tells.
                torch.ops.aten.threshold_backward.grad_input(below, hidden, 0.0, grad_input=below)
            else:
                torch.ops.aten.tanh_backward.grad_input(below, hidden, grad_input=below)
            above = below
        rows.slopes(above, self._weight_slopes[0], self._bias_slopes[0])
        if self.rounded:
            self.slope.copy_(self._working_slope)

    def _space(self, n_rows: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return buffers for outputs and slopes; fresh memory in every step would cost more."""
        if n_rows not in self._buffers:
            widths = self.sizes[1:]
            outputs, slopes = (
                [self._working.new_empty(len(self.flat), n_rows, width) for width in chosen]
                for chosen in (widths, widths[:-1])
            )
            self._buffers[n_rows] = (outputs, slopes)
        return self._buffers[n_rows]
