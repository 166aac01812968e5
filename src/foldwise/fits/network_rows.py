"""Input rows of a block of networks: dense, or look-ups of one-hot columns."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from foldwise.fits.network import multiply

__all__ = ["DenseRows", "LookupRows"]

_SUM = 0  # what `torch.embedding_bag` calls the sum of a bag


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
    ``((x - m) / s) W + b = (x / s) W + (b - (m / s) W)``: a sum of a few rows of ``W``, each
    times its share over ``s``, and one shift for all rows.

    Parameters
    ----------
    index : int tensor of shape (fit, row, slot)
        Columns that are not 0.
    columns : int tensor of shape (fit, slot, row)
        The same, slot by slot.
    fraction : tensor of shape (fit, slot, row), optional
        Their shares; all 1 where absent.
    factor : tensor of shape (fit, row, slot), optional
        What each row of ``W`` is multiplied by: share over s; all 1 where absent.
    moments : tensor of shape (fit, 2, feature), optional
        The mean over the standard deviation, m / s, and zeros: a product with one row is
        another function of a library than one with two, and its bits depend on K.
    center, inverse : tensors of shape (fit, feature, 1), optional
        -m and 1 / s; given with ``moments``.
    """

    index: torch.Tensor
    columns: torch.Tensor
    fraction: torch.Tensor | None = None
    factor: torch.Tensor | None = None
    moments: torch.Tensor | None = None
    center: torch.Tensor | None = None
    inverse: torch.Tensor | None = None

    @classmethod
    def of(
        cls,
        index: torch.Tensor,
        fraction: torch.Tensor | None,
        center: torch.Tensor | None,
        scale: torch.Tensor | None,
    ) -> "LookupRows":
        """Return rows from columns and shares (fit, row, slot), mean and deviation (fit, feature).

        ``fraction`` is None where all shares are 1, the others where nothing is scaled.
        """
        columns = index.transpose(1, 2).contiguous()
        by_slot = None if fraction is None else fraction.transpose(1, 2).contiguous()
        if center is None or scale is None:
            return cls(index, columns, by_slot, fraction)
        inverse = 1.0 / scale
        factor = torch.gather(inverse[:, None].expand(-1, index.shape[1], -1), 2, index)
        if fraction is not None:
            factor = factor * fraction
        moments = torch.stack([center * inverse, torch.zeros_like(center)], 1)
        return cls(
            index, columns, by_slot, factor, moments, -center[:, :, None], inverse[:, :, None]
        )

    @property
    def n_rows(self) -> int:
        """Rows per fit."""
        return int(self.index.shape[1])

    def _of_rows(self, change: Callable[[torch.Tensor, int], torch.Tensor]) -> "LookupRows":
        """Return the same rows with every tensor of rows changed, given its axis of rows."""
        return LookupRows(
            change(self.index, 1),
            change(self.columns, 2),
            None if self.fraction is None else change(self.fraction, 2),
            None if self.factor is None else change(self.factor, 1),
            self.moments,
            self.center,
            self.inverse,
        )

    def __getitem__(self, rows: slice) -> "LookupRows":
        return self._of_rows(lambda one, axis: one[:, rows] if axis == 1 else one[:, :, rows])

    def space(self) -> "LookupRows":
        """Return rows of the same shape, to be written by `write`."""
        return self._of_rows(lambda one, _: torch.empty_like(one))

    def write(self, source: Any, order: torch.Tensor) -> None:
        """Take the rows of ``source``, of this kind, in another order (fit, row)."""
        for name, axis in (("index", 1), ("columns", 2), ("fraction", 2), ("factor", 1)):
            own = getattr(self, name)
            if own is not None:
                places = order[:, :, None] if axis == 1 else order[:, None]
                torch.gather(getattr(source, name), axis, places.expand_as(own), out=own)

    def keep(self, fits: torch.Tensor) -> "LookupRows":
        """Return the rows of some fits."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return LookupRows(**{name: one[fits] for name, one in values.items() if one is not None})

    @cached_property
    def _bags(self) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
        """Return the positions and factors of each fit, row after row; views, made once."""
        # `write` fills the same memory anew in every epoch.
        none = [None] * len(self.index)
        factors = none if self.factor is None else [one.view(-1) for one in self.factor]
        return list(zip([one.view(-1) for one in self.index], factors, strict=True))

    @cached_property
    def _starts(self) -> torch.Tensor:
        """Return where each row starts among the positions."""
        n_rows, n_slots = self.index.shape[1:]
        return torch.arange(0, n_rows * n_slots, n_slots)

    @cached_property
    def _slots(self) -> list[list[tuple[torch.Tensor, torch.Tensor | None]]]:
        """Return the columns and shares of each fit and slot; views, made once."""
        shares = self.fraction
        return [
            [
                (own, None if shares is None else shares[fit, slot, :, None])
                for slot, own in enumerate(columns)
            ]
            for fit, columns in enumerate(self.columns)
        ]

    def times(self, weight: torch.Tensor, bias: torch.Tensor, out: torch.Tensor) -> None:
        """Write ``x W + b`` into ``out``."""
        if self.moments is not None:
            shift = weight.new_empty(len(weight), 2, weight.shape[2])
            multiply(self.moments, weight, out=shift)
            bias = bias - shift[:, 0]
        for fit, (positions, factors) in enumerate(self._bags):
            summed = torch.embedding_bag(
                weight[fit], positions, self._starts, False, _SUM, False, factors
            )[0]
            torch.add(summed, bias[fit], out=out[fit])

    def slopes(
        self, upper: torch.Tensor, weight_slope: torch.Tensor, bias_slope: torch.Tensor
    ) -> None:
        """Write the slopes of weights and intercepts."""
        torch.sum(upper, 1, out=bias_slope)
        # d loss / d W = (x - m)' upper / s, and the sum of upper is the intercept's slope
        if self.center is None:
            weight_slope.zero_()
        else:
            torch.mul(self.center, bias_slope[:, None], out=weight_slope)
        for fit, slots in enumerate(self._slots):
            own, rows = weight_slope[fit], upper[fit]
            for columns, shares in slots:
                own.index_add_(0, columns, rows if shares is None else rows * shares)
        if self.inverse is not None:
            weight_slope.mul_(self.inverse)
