"""Input rows of a block of networks: dense, or look-ups of one-hot columns."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from foldwise.fits.network import multiply

__all__ = ["DenseRows", "LookupRows"]


@dataclass(frozen=True, eq=False)
class DenseRows:
    """Rows as numbers, shape (fit, row, feature)."""

    X: torch.Tensor

    @property
    def n_rows(self) -> int:
        """Rows per fit."""
        return int(self.X.shape[1])

    def __getitem__(self, rows: slice) -> "DenseRows":
        return DenseRows(self.X[:, rows])

    def space(self) -> "DenseRows":
        """Return rows of the same shape, to be written by `write`."""
        return DenseRows(torch.empty_like(self.X))

    def write(self, source: Any, order: torch.Tensor) -> None:
        """Take the rows of ``source``, of this kind, in another order (fit, row)."""
        if not self.X.is_cpu:
            torch.gather(source.X, 1, order[:, :, None].expand_as(source.X), out=self.X)
            return
        for fit in range(len(order)):  # whole rows are copied faster than cells are gathered
            torch.index_select(source.X[fit], 0, order[fit], out=self.X[fit])

    def keep(self, fits: torch.Tensor) -> "DenseRows":
        """Return the rows of some fits."""
        return DenseRows(self.X[fits])

    def times(self, weight: torch.Tensor, bias: torch.Tensor, out: torch.Tensor) -> None:
        """Write ``x W + b`` into ``out``."""
        multiply(self.X, weight, out=out, shift=bias[:, None])

    def slopes(
        self, upper: torch.Tensor, weight_slope: torch.Tensor, bias_slope: torch.Tensor
    ) -> None:
        """Write the slopes of weights and intercepts."""
        torch.sum(upper, 1, out=bias_slope)
        multiply(self.X.transpose(1, 2), upper, out=weight_slope)


@dataclass(frozen=True, eq=False)
class LookupRows:
    """One-hot fractions as positions in the columns, standardised or not.

    A row ``x`` has few columns that are not 0. Standardised it is dense, but
    ``((x - m) / s) W + b = x (W / s) + (b - m (W / s))``: a sum of a few rows of ``W / s``
    and one shift for all rows.

    Parameters
    ----------
    index : int tensor of shape (fit, row, slot)
        Columns that are not 0.
    fraction : tensor of shape (fit, row, slot), optional
        Their values; all 1 where absent.
    center, scale : tensors of shape (fit, feature), optional
        Mean m and standard deviation s; both or none.
    """

    index: torch.Tensor
    fraction: torch.Tensor | None = None
    center: torch.Tensor | None = None
    scale: torch.Tensor | None = None

    @property
    def n_rows(self) -> int:
        """Rows per fit."""
        return int(self.index.shape[1])

    def __getitem__(self, rows: slice) -> "LookupRows":
        fraction = None if self.fraction is None else self.fraction[:, rows]
        return LookupRows(self.index[:, rows], fraction, self.center, self.scale)

    def space(self) -> "LookupRows":
        """Return rows of the same shape, to be written by `write`."""
        fraction = None if self.fraction is None else torch.empty_like(self.fraction)
        return LookupRows(torch.empty_like(self.index), fraction, self.center, self.scale)

    def write(self, source: Any, order: torch.Tensor) -> None:
        """Take the rows of ``source``, of this kind, in another order (fit, row)."""
        slots = order[:, :, None].expand_as(source.index)
        torch.gather(source.index, 1, slots, out=self.index)
        if self.fraction is not None and source.fraction is not None:
            torch.gather(source.fraction, 1, slots, out=self.fraction)

    def keep(self, fits: torch.Tensor) -> "LookupRows":
        """Return the rows of some fits."""
        chosen = [None if one is None else one[fits] for one in (self.center, self.scale)]
        fraction = None if self.fraction is None else self.fraction[fits]
        return LookupRows(self.index[fits], fraction, *chosen)

    def times(self, weight: torch.Tensor, bias: torch.Tensor, out: torch.Tensor) -> None:
        """Write ``x W + b`` into ``out``."""
        if self.center is not None and self.scale is not None:
            weight = weight / self.scale[:, :, None]
            bias = bias - (self.center[:, :, None] * weight).sum(1)
        for fit in range(len(weight)):
            fraction = None if self.fraction is None else self.fraction[fit]
            summed = nn.functional.embedding_bag(
                self.index[fit], weight[fit], mode="sum", per_sample_weights=fraction
            )
            torch.add(summed, bias[fit], out=out[fit])

    def slopes(
        self, upper: torch.Tensor, weight_slope: torch.Tensor, bias_slope: torch.Tensor
    ) -> None:
        """Write the slopes of weights and intercepts."""
        torch.sum(upper, 1, out=bias_slope)
        weight_slope.zero_()
        for fit in range(len(upper)):
            for slot in range(self.index.shape[2]):
                rows = upper[fit]
                if self.fraction is not None:
                    rows = rows * self.fraction[fit, :, slot, None]
                weight_slope[fit].index_add_(0, self.index[fit, :, slot], rows)
        if self.center is not None and self.scale is not None:
            # d loss / d W = (x - m)' upper / s, and the sum of upper is the intercept's slope
            weight_slope.addcmul_(self.center[:, :, None], bias_slope[:, None], value=-1)
            weight_slope.div_(self.scale[:, :, None])
