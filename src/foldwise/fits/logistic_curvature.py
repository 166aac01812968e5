"""Factored second derivatives of logistic regressions on one X.

With D the curvatures of a fit's loss by its linear predictors, Z its standardised training
rows, H = Z' D Z + l2 and h = Z' D 1, a Newton step (dw, db) solves

    H dw + h db = -g        g, t: slopes of the objective by w and b
    h' dw + 1'D1 db = -t

With more columns than rows the system is solved among the rows instead (Woodbury):

    H^-1 = (1 - Z' S B^-1 S Z) / l2,    B = S Z Z' S + l2,    S = D^(1/2)
"""

from dataclasses import dataclass

import torch

from foldwise.fits.logistic_block import LogisticBlock

__all__ = ["Curvature", "training_rows"]

_CHUNK = 8  # fits whose systems stay in a core's cache
_ROUNDING = 1e-14  # of the largest entry: a ridge below it would be lost
# Padded to full vectors, the bits of a fit depend on no other fit of its block.
_ROWS = 16
# Columns 64 numbers apart share a cache line: a Cholesky factor takes three times as long.
_UNLUCKY = 64


def training_rows(weight: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return fits (fit,) with as many training rows, and these rows (fit, row).

    Rows of weight 0 fill them up to a multiple of 16.
    """
    used = (weight > 0).T
    count = -(-used.sum(1) // _ROWS) * _ROWS
    count = (count + 8 * (count % _UNLUCKY == 0)).clamp(max=len(weight))
    groups = []
    for size in sorted(set(count.tolist())):
        fits = (count == size).nonzero()[:, 0]
        first = torch.sort(used[fits].to(torch.int8), dim=1, descending=True, stable=True).indices
        groups.append((fits, first[:, :size].contiguous()))
    return groups


@dataclass(eq=False)
class Curvature:
    """The factors of some fits, renewed one by one.

    Parameters
    ----------
    rows : int tensor of shape (n_fits, n_rows)
        Training rows, padded with rows of weight 0.
    core : tensor of shape (n_fits, n_rows, n_features) or (n_fits, n_rows, n_rows)
        Z, or Z Z' with fewer rows than columns.
    factor : tensor
        Cholesky factors of H, or of B.
    ridge : tensor of shape (n_fits,)
        l2, raised where rounding would lose it.
    root : tensor of shape (n_fits, n_rows)
        S; 0 on padding.
    across : tensor of shape (n_features, n_fits)
        H^-1 h.
    rest : tensor of shape (n_fits,)
        1'D1 - h' H^-1 h, the curvature along the intercept.
    """

    rows: torch.Tensor
    core: torch.Tensor
    factor: torch.Tensor
    ridge: torch.Tensor
    root: torch.Tensor
    across: torch.Tensor
    rest: torch.Tensor

    @classmethod
    def of(cls, block: LogisticBlock, rows: torch.Tensor) -> "Curvature":
        """Return the curvatures of the first ``len(rows)`` fits of a block, not factored yet."""
        (n_fits, n_rows), n_features = rows.shape, len(block.center)
        among_rows = n_rows < n_features
        size = n_rows if among_rows else n_features + (n_features % _UNLUCKY == 0)
        core = block.X.new_empty(n_fits, n_rows, size)
        for fits in torch.split(torch.arange(n_fits), _CHUNK):
            Z = _standardised(block, fits, rows[fits])
            if among_rows:
                core[fits] = torch.bmm(Z, Z.transpose(1, 2))
            else:
                core[fits] = torch.nn.functional.pad(Z, (0, size - n_features))
        factor = core.new_empty(n_fits, size, size)
        shapes = ((n_fits,), (n_fits, n_rows), (n_features, n_fits), (n_fits,))
        return cls(rows, core, factor, *(core.new_zeros(shape) for shape in shapes))

    @property
    def _among_rows(self) -> bool:
        return self.core.shape[1] < len(self.across)

    def renew(self, block: LogisticBlock, bend: torch.Tensor, which: torch.Tensor) -> None:
        """Factor anew, for some fits.

        Parameters
        ----------
        block : LogisticBlock
            The fits, padded to full columns.
        bend : tensor of shape (n_samples, n_columns)
            D of each fit.
        which : int tensor
            The fits whose factors are renewed.
        """
        if not len(which):
            return
        h, total = block.back(bend), bend.sum(0)
        inner = torch.zeros_like(self.root)
        bent = self.core.new_empty(_CHUNK, *self.core.shape[1:])
        for fits in torch.split(which, _CHUNK):
            root = torch.gather(bend.T[fits], 1, self.rows[fits]).sqrt()
            for place, fit in enumerate(fits.tolist()):
                torch.mul(self.core[fit], root[place][:, None], out=bent[place])
            own = bent[: len(fits)]
            system = own * root[:, None, :] if self._among_rows else own.transpose(1, 2) @ own
            factor, self.ridge[fits] = _factored(system, block.l2[fits])
            self.factor[fits], self.root[fits] = factor, root
            if self._among_rows:
                inner[fits] = root * _solved(factor, root)  # H^-1 h = Z' S B^-1 S 1
                self.rest[fits] = self.ridge[fits] * inner[fits].sum(1)
            else:
                across = _solved(factor, h[:, fits].T)
                self.across[:, fits] = across.T
                self.rest[fits] = total[fits] - (across * h[:, fits].T).sum(1)
        if self._among_rows:
            self.across[:, which] = block.back(self._spread(inner, bend))[:, which]
        # Where one class is all but certain everywhere, rounding may leave less than nothing.
        self.rest[which] = torch.maximum(self.rest[which], _ROUNDING * total[which])

    def solve(
        self, block: LogisticBlock, g: torch.Tensor, t: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the steps dw (feature, column) and db (column,) for slopes g and t.

        Columns beyond the fits repeat the first fit, as in `full_columns`.
        """
        n_fits = len(self.rest)
        columns = torch.arange(g.shape[1])
        columns[n_fits:] = 0
        if self._among_rows:
            seen = torch.gather(block.linear(g, torch.zeros_like(t)).T[:n_fits], 1, self.rows)
            inner = self.root * _solved(self.factor, self.root * seen)
            u = g - block.back(self._spread(inner, seen.new_empty(len(block.X), len(columns))))
            u = u / self.ridge[columns]
        else:
            u = _solved(self.factor, g.T[:n_fits]).T[:, columns]
        across = self.across[:, columns]
        db = ((across * g).sum(0) - t) / self.rest[columns]
        return -u - across * db, db

    def _spread(self, values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Return values (fit, row) at their places among all rows, shape (n_samples, n_columns)."""
        whole = torch.zeros_like(like.T, memory_format=torch.contiguous_format)
        whole[: len(values)].scatter_(1, self.rows, values)
        return whole.T.contiguous()


def _standardised(block: LogisticBlock, fits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return Z, shape (fit, row, feature): 0 where the weight is."""
    Z = block.X[rows]
    if block.gap is not None and block.fill is not None:
        Z = Z + block.gap[rows] * block.fill.T[fits][:, None, :]
    used = torch.gather(block.weight.T[fits], 1, rows) > 0
    Z = (Z - block.center.T[fits][:, None, :]) / block.scale.T[fits][:, None, :]
    return Z * used[:, :, None]


def _factored(system: torch.Tensor, l2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return Cholesky factors of system + ridge, and a ridge of at least l2 that allows them."""
    diagonal = system.diagonal(dim1=1, dim2=2)
    ridge = l2 + _ROUNDING * diagonal.max(1).values
    diagonal.add_(ridge[:, None])
    factor, failed = torch.linalg.cholesky_ex(system)
    for _ in range(8):
        if not bool(failed.any()):
            break
        more = torch.where(failed > 0, 99 * ridge, 0.0)
        ridge = ridge + more
        diagonal.add_(more[:, None])
        factor, failed = torch.linalg.cholesky_ex(system)
    return factor, ridge


def _solved(factor: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return (L L')^-1 right for factors (fit, k, k) and right-hand sides (fit, up to k)."""
    n = right.shape[1]
    right = torch.nn.functional.pad(right, (0, factor.shape[1] - n))[:, :, None]
    half = torch.linalg.solve_triangular(factor, right, upper=False)
    whole = torch.linalg.solve_triangular(factor.transpose(1, 2), half, upper=True)
    solved: torch.Tensor = whole[:, :n, 0]
    return solved
