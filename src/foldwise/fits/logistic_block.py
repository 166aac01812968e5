"""Many logistic regressions on one X: the problems, and the products they share.

All fits of a block share X: one matrix product serves them all, and the standardisation
of each fit is an affine change of its coefficients. With ``w`` in units of standardised
features, ``V = w / s``, and ``m`` the weights of a fit's rows,

    z = X V + (b - c' V)            linear predictors, (sample, fit)
    r = m (sigmoid(z) - y)          slopes of the loss by z
    g = (X' r - c sum(r)) / s       slopes by w, (feature, fit)

`logistic_sparse` solves the fits with an L1 part, `logistic_smooth` the others.
"""

from dataclasses import dataclass, replace

import torch

__all__ = ["COLUMNS", "LogisticBlock", "full_columns"]

# A library computes the last few numbers of an array in another way than the many before, and
# the bits differ. Padded to full vectors, those of a fit depend on no other fit of its block.
_ROWS, COLUMNS = 64, 32


@dataclass(frozen=True, eq=False)
class LogisticBlock:
    """The problems of a block.

    Parameters
    ----------
    X : tensor of shape (n_samples, n_features)
        0 where a cell is missing.
    weight, y : tensors of shape (n_samples, n_fits)
        Weight of each row in each fit, 0 outside its training rows; labels 0 and 1.
    center, scale : tensors of shape (n_features, n_fits)
        Standardisation of each fit.
    l1, l2 : tensors of shape (n_fits,)
        Penalties in units of the loss: share / C.
    gap : tensor of shape (n_samples, n_features), optional
        1 where a cell is missing, else 0; absent where none is.
    fill : tensor of shape (n_features, n_fits), optional
        What each fit puts there.
    """

    X: torch.Tensor
    weight: torch.Tensor
    y: torch.Tensor
    center: torch.Tensor
    scale: torch.Tensor
    l1: torch.Tensor
    l2: torch.Tensor
    gap: torch.Tensor | None = None
    fill: torch.Tensor | None = None

    def take(self, fits: torch.Tensor) -> "LogisticBlock":
        """Return the problems of some fits."""
        columns = {
            name: getattr(self, name)[:, fits] for name in ("weight", "y", "center", "scale")
        }
        fill = None if self.fill is None else self.fill[:, fits]
        return replace(self, **columns, l1=self.l1[fits], l2=self.l2[fits], fill=fill)

    def with_full_rows(self) -> "LogisticBlock":
        """Return the same problems with rows of weight 0 up to a multiple of `_ROWS`."""
        rows = {
            name: torch.nn.functional.pad(getattr(self, name), (0, 0, 0, -len(self.X) % _ROWS))
            for name in ("X", "weight", "y", "gap")
            if getattr(self, name) is not None
        }
        return replace(self, **rows)

    def single(self) -> "LogisticBlock":
        """Return the same problems in single precision."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(self, **{k: v.float() for k, v in values.items() if v is not None})

    def linear(self, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Return the linear predictors, shape (n_samples, n_fits)."""
        per_unit = w / self.scale
        z = torch.addmm(b - (self.center * per_unit).sum(0), self.X, per_unit)
        if self.gap is not None and self.fill is not None:
            z.addmm_(self.gap, self.fill * per_unit)
        return z

    def slopes(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the slopes of the loss by coefficients and intercepts."""
        r = self.weight * (torch.sigmoid(z) - self.y)
        return self.back(r), r.sum(0)

    def back(self, r: torch.Tensor) -> torch.Tensor:
        """Return the product of the standardised columns with r (n_samples, n_fits)."""
        g = self.X.T @ r
        if self.gap is not None and self.fill is not None:
            g += self.fill * (self.gap.T @ r)
        return (g - self.center * r.sum(0)) / self.scale


def full_columns(fits: torch.Tensor) -> torch.Tensor:
    """Return the fits, the first repeated up to a multiple of `COLUMNS`."""
    return torch.cat([fits, fits[:1].expand(-len(fits) % COLUMNS)])
