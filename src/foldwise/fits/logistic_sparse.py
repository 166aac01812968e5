"""Logistic regressions with an L1 part on one X, solved together.

Accelerated proximal steps in single precision find which coefficients are not zero; Newton
steps on these, in double precision, find their values, and the conditions of an optimum are
checked on all. Fits that satisfy them leave the block.
"""

from dataclasses import dataclass

import torch

from foldwise.fits.logistic_block import LogisticBlock, full_columns
from foldwise.fits.logistic_proximal import ProximalSteps, curvature_bound

__all__ = ["solve_sparse"]

_STRETCH, _MOST_STRETCHES = 40, 12  # proximal steps between looks at what is not zero
_ROUNDS = 3  # what is not solved by then takes long; none of 250 permutations at C = 1 needed more
_NEWTON_STEPS = 6
_CHUNK = 8  # fits whose Newton systems stay in a core's cache
_ACTIVE = 16  # padded to full vectors, the bits of a fit depend on no other fit of its block


def solve_sparse(
    block: LogisticBlock, w: torch.Tensor, b: torch.Tensor, *, tol: float = 1e-6
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Solve every problem of a block.

    Parameters
    ----------
    block : LogisticBlock
        In double precision; every ``l1`` above 0.
    w, b : tensors of shape (n_features, n_fits) and (n_fits,)
        Where to start.
    tol : float, default=1e-6
        Largest violation of the conditions of an optimum, in units of the loss.

    Returns
    -------
    w : tensor of shape (n_features, n_fits)
        Coefficients on standardised features, exact zeros included.
    b : tensor of shape (n_fits,)
        Intercepts; never penalised.
    converged : bool tensor of shape (n_fits,)
    """
    n_fits = len(block.l1)
    block = block.with_full_rows()
    w_all, b_all = w.clone(), b.clone()
    converged = torch.zeros(n_fits, dtype=torch.bool)
    left = torch.arange(n_fits)
    lipschitz = curvature_bound(block.take(full_columns(left)))
    for _ in range(_ROUNDS):
        padded = full_columns(left)
        own = block.take(left)
        w, b = _proximal_steps(own, w_all[:, left], b_all[left], lipschitz[left])
        w, b = _newton_by_size(own, w, b, tol)
        w_all[:, left], b_all[left] = w, b
        done = _violation(block.take(padded), w_all[:, padded], b_all[padded])[0] <= tol
        done = done[: len(left)]
        converged[left[done]] = True
        left = left[~done]
        if not len(left):
            break
    return w_all, b_all, converged


def _proximal_steps(
    block: LogisticBlock, w: torch.Tensor, b: torch.Tensor, lipschitz: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return w and b once the set of non-zero coefficients of each fit has settled."""
    w, b = w.clone(), b.clone()
    left = torch.arange(len(b))
    single = block.single()
    steps = ProximalSteps.start(single, w.float(), b.float(), lipschitz.float())
    support = steps.w != 0
    for _ in range(_MOST_STRETCHES):
        own = steps.take(full_columns(torch.arange(len(left)))).run(_STRETCH)
        steps = own.take(torch.arange(len(left)))
        w[:, left], b[left] = steps.w.double(), steps.b.double()
        moving = ((steps.w != 0) != support).any(0)
        left, steps = left[moving], steps.take(moving.nonzero()[:, 0])
        support = steps.w != 0
        if not len(left):
            break
    return w, b


def _violation(
    block: LogisticBlock, w: torch.Tensor, b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far each fit is from the conditions of an optimum, and the slopes."""
    g, total = block.slopes(block.linear(w, b))
    g = g + block.l2 * w
    off = torch.where(w != 0, (g + block.l1 * w.sign()).abs(), (g.abs() - block.l1).clamp_min(0))
    return torch.maximum(off.max(0).values, total.abs()), g


def _newton_by_size(
    block: LogisticBlock, w: torch.Tensor, b: torch.Tensor, tol: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take Newton steps on the active coefficients, fits of one padded size together."""
    n_fits, n_features = len(b), len(w)
    padded = full_columns(torch.arange(n_fits))
    _, g = _violation(block.take(padded), w[:, padded], b[padded])
    wanted = (w != 0) | (g[:, :n_fits].abs() > block.l1 * (1 + 1e-9))
    # Where every coefficient is zero the intercept still moves.
    size = (-(-wanted.sum(0).clamp_min(1) // _ACTIVE) * _ACTIVE).clamp(max=n_features)
    w, b = w.clone(), b.clone()
    for width in sorted(set(size.tolist())):
        for fits in torch.split((size == width).nonzero()[:, 0], _CHUNK):
            own = block.take(fits)
            w[:, fits], b[fits] = _newton(
                own, w[:, fits], b[fits], wanted[:, fits], int(width), tol
            )
    return w, b


def _newton(
    block: LogisticBlock,
    w: torch.Tensor,
    b: torch.Tensor,
    wanted: torch.Tensor,
    width: int,
    tol: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take Newton steps within the orthant of the current signs.

    A coefficient that would change its sign stops at zero. The objective never grows:
    a step is halved until it does not.
    """
    # (fit, active): the wanted features first, padded with others that stay zero.
    index = torch.sort(wanted.T.to(torch.int8), dim=1, descending=True, stable=True).indices
    index = index[:, :width].contiguous()
    on = torch.gather(wanted.T, 1, index)
    active = torch.gather(w.T, 1, index) * on
    center, scale = (torch.gather(one.T, 1, index) for one in (block.center, block.scale))
    X = block.X.T[index]  # (fit, active, sample)
    if block.gap is not None and block.fill is not None:
        X = X + block.gap.T[index] * torch.gather(block.fill.T, 1, index)[:, :, None]
    X = (X - center[:, :, None]) / scale[:, :, None] * on[:, :, None]
    weight, y = block.weight.T.contiguous(), block.y.T.contiguous()
    problem = _Active(X, weight, y, block.l1[:, None], block.l2[:, None])
    value, z = problem.value(active, b)
    for _ in range(_NEWTON_STEPS):
        step, sign, steepest = problem.step(active, z, on)
        finished = steepest < 0.1 * tol
        if bool(finished.all()):
            break
        step = torch.where(finished[:, None], 0.0, step)  # who waits for others stays where it is
        active, b, value, z = problem.descend(active, b, value, z, step, sign)
    found = torch.zeros_like(w.T).scatter_(1, index, active * on)
    return found.T, b


@dataclass(frozen=True, eq=False)
class _Active:
    """Problems on their active features: X (fit, active, sample), standardised."""

    X: torch.Tensor
    weight: torch.Tensor
    y: torch.Tensor
    l1: torch.Tensor
    l2: torch.Tensor

    def value(self, w: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return objectives (fit,) and linear predictors (fit, sample)."""
        # Two rows, the second idle: products of one row are slow, and their bits depend on K.
        rows = torch.stack([w, torch.zeros_like(w)], 1)
        z = torch.bmm(rows, self.X)[:, 0] + b[:, None]
        loss = (self.weight * (torch.nn.functional.softplus(z) - self.y * z)).sum(1)
        return loss + (self.l1 * w.abs() + 0.5 * self.l2 * w * w).sum(1), z

    def step(
        self, w: torch.Tensor, z: torch.Tensor, on: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return Newton steps (fit, active + 1), the signs of the orthant, the steepest slope."""
        p = torch.sigmoid(z)
        r, curve = self.weight * (p - self.y), self.weight * p * (1 - p)
        sums = torch.bmm(self.X, torch.stack([r, curve], 2))  # (fit, active, 2)
        g = sums[:, :, 0] + self.l2 * w
        # At zero the orthant is the one into which the objective falls, if any.
        sign = torch.where(w != 0, w.sign(), -g.sign() * (g.abs() > self.l1))
        free = on & (sign != 0)
        g, total = (g + self.l1 * sign) * free, r.sum(1)
        n_active = w.shape[1]
        system = w.new_zeros(len(w), n_active + 1, n_active + 1)
        bent = torch.bmm(self.X * curve[:, None, :], self.X.transpose(1, 2))
        system[:, :n_active, :n_active] = bent * (free[:, :, None] & free[:, None, :])
        system[:, :n_active, -1] = system[:, -1, :n_active] = sums[:, :, 1] * free
        system[:, -1, -1] = curve.sum(1)
        # Features that stay zero keep the system solvable, as does a trace of curvature.
        diagonal = torch.where(free, self.l2 + 1e-9, torch.ones_like(g))
        ridge = torch.cat([diagonal, torch.full_like(total[:, None], 1e-12)], 1)
        system.diagonal(dim1=1, dim2=2).add_(ridge)
        factor, _ = torch.linalg.cholesky_ex(system)
        slope = torch.cat([g, total[:, None]], 1)
        step = torch.cholesky_solve(-slope[:, :, None], factor)[:, :, 0]
        return step, sign, slope.abs().max(1).values

    def descend(
        self,
        w: torch.Tensor,
        b: torch.Tensor,
        value: torch.Tensor,
        z: torch.Tensor,
        step: torch.Tensor,
        sign: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the state after the step, halved for each fit until its objective falls."""
        length = torch.ones_like(b)
        waiting = torch.ones_like(b, dtype=torch.bool)
        for _ in range(8):
            new_w = w + length[:, None] * step[:, :-1]
            new_w = torch.where(new_w.sign() == sign, new_w, 0.0)
            new_b = b + length * step[:, -1]
            new_value, new_z = self.value(new_w, new_b)
            better = waiting & (new_value <= value)  # NaN is never better
            w = torch.where(better[:, None], new_w, w)
            b = torch.where(better, new_b, b)
            value = torch.where(better, new_value, value)
            z = torch.where(better[:, None], new_z, z)
            waiting = waiting & ~better
            if not bool(waiting.any()):
                break
            length = length / 2
        return w, b, value, z
