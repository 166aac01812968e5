"""Accelerated proximal steps of many logistic regressions on one X.

Beck & Teboulle (2009), SIAM J. Imaging Sci. 2, 183, with the restart of O'Donoghue & Candes
(2015), Found. Comput. Math. 15, 715.
"""

from dataclasses import dataclass

import torch

from foldwise.fits.logistic_block import LogisticBlock

__all__ = ["ProximalSteps", "curvature_bound"]


def curvature_bound(block: LogisticBlock) -> torch.Tensor:
    """Return a bound on the curvature of each fit's loss, by power iteration."""
    v = torch.ones_like(block.center)
    v /= v.norm(dim=0)
    size = torch.ones_like(block.l1)
    for _ in range(12):
        r = block.weight * block.linear(v, torch.zeros_like(block.l1))
        g = block.back(r)
        size = g.norm(dim=0).clamp_min(1e-300)
        v = g / size
    # The loss curves by at most 1/4 along z; 10 % stand for an unfinished iteration.
    return 0.25 * torch.maximum(1.1 * size, block.weight.sum(0)) + block.l2


@dataclass(frozen=True, eq=False)
class ProximalSteps:
    """Fits on their way by accelerated proximal steps, in single precision."""

    block: LogisticBlock
    lipschitz: torch.Tensor
    w: torch.Tensor
    b: torch.Tensor
    ahead_w: torch.Tensor
    ahead_b: torch.Tensor
    momentum: torch.Tensor

    @classmethod
    def start(
        cls, block: LogisticBlock, w: torch.Tensor, b: torch.Tensor, lipschitz: torch.Tensor
    ) -> "ProximalSteps":
        """Return fits that stand still."""
        return cls(block, lipschitz, w, b, w, b, torch.ones_like(b))

    def take(self, fits: torch.Tensor) -> "ProximalSteps":
        """Return some of the fits."""
        columns = {
            name: getattr(self, name)[..., fits]
            for name in self.__dataclass_fields__
            if name != "block"
        }
        return ProximalSteps(self.block.take(fits), **columns)

    def run(self, n_steps: int) -> "ProximalSteps":
        """Return the fits after some steps."""
        block, lipschitz, w, b = self.block, self.lipschitz, self.w, self.b
        ahead_w, ahead_b, momentum = self.ahead_w, self.ahead_b, self.momentum
        shrink = block.l1 / lipschitz
        for _ in range(n_steps):
            g, total = block.slopes(block.linear(ahead_w, ahead_b))
            moved = ahead_w - (g + block.l2 * ahead_w) / lipschitz
            new_w = moved.sign() * (moved.abs() - shrink).clamp_min(0)
            new_b = ahead_b - total / lipschitz
            # Where the step goes against the momentum, the momentum starts anew.
            inner = ((ahead_w - new_w) * (new_w - w)).sum(0) + (ahead_b - new_b) * (new_b - b)
            against = inner > 0
            momentum = momentum.masked_fill(against, 1.0)
            following = (1 + torch.sqrt(1 + 4 * momentum * momentum)) / 2
            beta = ((momentum - 1) / following).masked_fill(against, 0.0)
            ahead_w, ahead_b = new_w + beta * (new_w - w), new_b + beta * (new_b - b)
            w, b, momentum = new_w, new_b, following
        return ProximalSteps(block, lipschitz, w, b, ahead_w, ahead_b, momentum)
