"""Logistic regressions without an L1 part on one X, solved together by Newton steps.

First-order steps in single precision bring a fit near its optimum. Slopes then come from
products with the shared X in double precision. A factored curvature is
kept while steps with it reach far, for a factor costs as much as ten steps. A step is
halved until the objective does not grow, and fits that have converged leave.

Without penalty the rows may be separable, and then no finite optimum exists. Such a fit is
the point of its path of L2 penalties at which the norm of the coefficients is
`SEPARABLE_NORM`: of all coefficients of this norm, those with the smallest loss. For a large
norm they point to the widest margin (Rosset, Zhu & Hastie 2004).
"""

from dataclasses import dataclass, replace

import torch
from torch.nn.functional import softplus

from foldwise.fits.logistic_block import LogisticBlock, full_columns
from foldwise.fits.logistic_curvature import Curvature, training_rows
from foldwise.fits.logistic_proximal import ProximalSteps, curvature_bound

__all__ = ["SEPARABLE_NORM", "solve_smooth"]

SEPARABLE_NORM = 6.0
"""Norm of the standardised coefficients of an unpenalised fit to separable rows.

At 6, one standard deviation along the direction that separates changes the odds 400-fold.
That is about where scikit-learn's lbfgs stops by its default tolerance on 168 rows x 128
metabolites (`docs/decisions/0007`).
"""

_STEPS, _HALVINGS = 300, 30
_APPROACH = 80  # first-order steps: they cost as much as one factor and save two or three
_MEMORY = 2**26  # bytes of standardised rows held at once
_NO_PENALTY = 1e-11  # times the sum of weights: stands for none where an optimum is looked for
_LEAST_PENALTY = 1e-60  # times the sum of weights: slopes below would be lost
_STILL_GROWING = 0.02  # growth of log |w| as log l2 falls by 1, which no finite optimum shows
_FAR = 3.0  # largest change of log l2 in one step along the path
_KEPT = 0.3  # a factor is kept while its steps reduce the slopes to this


def solve_smooth(
    block: LogisticBlock, w: torch.Tensor, b: torch.Tensor, *, tol: float = 1e-6
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Solve every problem of a block.

    Parameters
    ----------
    block : LogisticBlock
        In double precision; every ``l1`` is 0, and an ``l2`` of 0 means no penalty.
    w, b : tensors of shape (n_features, n_fits) and (n_fits,)
        Where to start.
    tol : float, default=1e-6
        Largest slope at an optimum, in units of the loss.

    Returns
    -------
    w : tensor of shape (n_features, n_fits)
        Coefficients on standardised features. Without penalty: the smallest of all optima,
        or those of norm `SEPARABLE_NORM` where the rows are separable.
    b : tensor of shape (n_fits,)
        Intercepts; never penalised.
    converged, separable : bool tensors of shape (n_fits,)
    """
    block = block.with_full_rows()
    w, b = w.clone(), b.clone()
    converged = torch.zeros(len(b), dtype=torch.bool)
    separable = converged.clone()
    for fits, rows in training_rows(block.weight):
        held = max(1, _MEMORY // (8 * rows.shape[1] * min(rows.shape[1], len(w))))
        for own, own_rows in zip(torch.split(fits, held), torch.split(rows, held), strict=True):
            columns = full_columns(own)
            moving = _Fits.start(block.take(columns), own_rows, w[:, columns], b[columns], tol)
            for _ in range(_STEPS):
                moving = moving.advance()
                if bool(moving.left.all()):
                    break
            n_fits = len(own)
            w[:, own], b[own] = moving.w[:, :n_fits], moving.b[:n_fits]
            converged[own] = moving.converged[:n_fits]
            separable[own] = moving.bound[:n_fits]
    return w, b, converged, separable


@dataclass(frozen=True, eq=False)
class _Fits:
    """Fits on their way. All but ``curvature`` are padded to full columns.

    A fit without penalty is first ``looking`` for an optimum; once its rows are known to
    be separable it is ``bound`` for the norm instead, and ``block.l2`` is its multiplier.
    """

    curvature: Curvature
    block: LogisticBlock
    w: torch.Tensor
    b: torch.Tensor
    tol: torch.Tensor
    looking: torch.Tensor
    bound: torch.Tensor
    before: torch.Tensor  # the largest slope before the last step, 0 where that counts no more
    renewed: torch.Tensor  # the last step was one of Newton with a new factor
    converged: torch.Tensor
    left: torch.Tensor  # converged, or able to move no more

    @classmethod
    def start(
        cls,
        block: LogisticBlock,
        rows: torch.Tensor,
        w: torch.Tensor,
        b: torch.Tensor,
        tol: float,
    ) -> "_Fits":
        """Return fits that stand still: without penalty at zero, else where w and b lead."""
        looking = block.l2 == 0
        # Among fewer rows than columns a factor is cheap, and the steps are not.
        if rows.shape[1] >= len(block.center) and not bool(looking.all()):
            w, b = _approached(block, w, b)
        total = block.weight.sum(0)
        never = torch.zeros_like(looking)
        return cls(
            Curvature.of(block, rows),
            replace(block, l2=torch.where(looking, _NO_PENALTY * total, block.l2)),
            w=torch.where(looking, 0.0, w),
            b=torch.where(looking, 0.0, b),
            tol=tol * total / (block.weight > 0).sum(0),
            looking=looking,
            bound=never,
            before=torch.zeros_like(total),
            renewed=never,
            converged=never,
            left=torch.arange(len(total)) >= len(rows),  # padding has nowhere to go
        )

    def advance(self) -> "_Fits":
        """Return the fits after one step each: of Newton, or along the path of penalties."""
        fits, at, apart = self._parted(_Place.of(self.block, self.w, self.b))
        bound, looking, l2 = fits.bound, fits.looking, fits.block.l2
        there = fits._settled(at)
        off = torch.log(at.norm / SEPARABLE_NORM)
        at_end = (off.abs() <= 1e-8) | (l2 <= fits._least())
        done = self.left | (there & ~looking & (~bound | at_end))
        done |= there & looking & (at.norm == 0)
        asked = looking & there & ~done  # does only the trace of a penalty hold the norm?
        along = bound & ~done & ~at_end & (at.steepest <= 1e-3 * l2 * at.norm)

        renewed = ~(self.before > 0) | (at.steepest > _KEPT * self.before) | apart | along | asked
        who = (renewed & ~done)[: len(fits.curvature.rest)].nonzero()[:, 0]
        fits.curvature.renew(fits.block, at.bend, who)
        onward = along | asked
        dw, db = fits.curvature.solve(
            fits.block, torch.where(onward, l2 * self.w, at.g), torch.where(onward, 0.0, at.t)
        )
        # Along the path d log|w| / d log l2 is (w . dw) / |w|^2 < 0.
        rate = (self.w * dw).sum(0) / at.norm**2
        growing = asked & (-rate > _STILL_GROWING)
        done, along = done | (asked & ~growing), along | growing
        far = torch.where(along, (-off / rate).clamp(-_FAR, _FAR), 0.0)
        block = replace(fits.block, l2=torch.maximum(l2 * torch.exp(far), fits._least()))
        dw, db = (torch.where(along, far * one, one) for one in (dw, db))
        w, b, moved = _descended(block, (self.w, self.b, at.z), dw, db, ~done)
        # Where slopes are lost to rounding before the norm is reached, the direction is final.
        scaled = torch.where(done & ~self.left & bound, SEPARABLE_NORM / at.norm, 1.0)
        stuck = ~moved & renewed & ~along & ~done
        return replace(
            fits,
            block=replace(block, l2=torch.where(done, l2, block.l2)),
            w=w * scaled,
            b=b * scaled,
            bound=bound | growing,
            looking=looking & ~growing,
            before=torch.where(moved & ~along, at.steepest, 0.0),
            renewed=renewed & ~along,
            converged=self.converged | (done & ~self.left),
            left=done | stuck,
        )

    def _parted(self, at: "_Place") -> tuple["_Fits", "_Place", torch.Tensor]:
        """Tell fits apart whose rows lie on their sides of a plane: they have no optimum.

        Along w their loss falls by -sum(slope z): the multiplier that holds them there is
        where they enter the path.
        """
        margin = torch.where(self.block.weight > 0, (2 * self.block.y - 1) * at.z, 1.0)
        apart = self.looking & (margin > 0).all(0)
        entry = -(at.slope * at.z).sum(0) / at.norm**2
        l2 = torch.where(apart, entry, self.block.l2)
        fits = replace(
            self,
            block=replace(self.block, l2=l2),
            bound=self.bound | apart,
            looking=self.looking & ~apart,
        )
        return fits, at.with_pull(l2 * self.w), apart

    def _settled(self, at: "_Place") -> torch.Tensor:
        """Return who is at the optimum of the penalty of the moment."""
        pull = self.block.l2 * at.norm  # what slopes count against where the penalty is small
        goal = 1e-2 * self.tol * pull.clamp(max=1.0)
        goal = torch.where(self.looking, torch.minimum(1e-2 * self.tol, 0.1 * pull), goal)
        goal = torch.where(self.bound, 1e-7 * pull, goal)
        loose = torch.where(self.bound, 1e-5 * pull, self.tol)
        rounded = self.renewed & (at.steepest > 0.5 * self.before)  # Newton gains nothing more
        return (at.steepest <= goal) | (rounded & (at.steepest <= loose))

    def _least(self) -> torch.Tensor:
        return _LEAST_PENALTY * self.block.weight.sum(0)


@dataclass(frozen=True, eq=False)
class _Place:
    """The slopes where some fits are."""

    z: torch.Tensor  # (sample, fit)
    slope: torch.Tensor  # of the loss by z
    bend: torch.Tensor  # its curvature
    by_w: torch.Tensor  # slopes of the loss by w, (feature, fit)
    norm: torch.Tensor
    g: torch.Tensor  # slopes of the objective by w and b
    t: torch.Tensor
    steepest: torch.Tensor

    @classmethod
    def of(cls, block: LogisticBlock, w: torch.Tensor, b: torch.Tensor) -> "_Place":
        """Return the slopes of the loss alone."""
        z = block.linear(w, b)
        sign = 1 - 2 * block.y
        side = torch.sigmoid(sign * z)
        slope = block.weight * sign * side  # exact where p - y would be lost
        by_w, t = block.back(slope), slope.sum(0)
        bend = block.weight * side * torch.sigmoid(-sign * z)
        return cls(z, slope, bend, by_w, w.norm(dim=0), by_w, t, t.abs())

    def with_pull(self, pull: torch.Tensor) -> "_Place":
        """Return the slopes with those of the penalty."""
        g = self.by_w + pull
        return replace(self, g=g, steepest=torch.maximum(g.abs().max(0).values, self.t.abs()))


def _approached(
    block: LogisticBlock, w: torch.Tensor, b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where first-order steps in single precision lead, if the objective falls."""
    bound = curvature_bound(block).float()
    near = ProximalSteps.start(block.single(), w.float(), b.float(), bound).run(_APPROACH)
    new_w, new_b = near.w.double(), near.b.double()
    before, after = (
        _objective(block, *at)
        for at in ((w, block.linear(w, b)), (new_w, block.linear(new_w, new_b)))
    )
    better = after < before  # NaN never is
    return torch.where(better, new_w, w), torch.where(better, new_b, b)


def _descended(
    block: LogisticBlock,
    place: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    dw: torch.Tensor,
    db: torch.Tensor,
    waiting: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return w, b and who moved from a place (w, b, z).

    Steps are halved until the objective does not grow, beyond its rounding.
    """
    w, b, z = place
    dz = block.linear(dw, db)
    value = _objective(block, w, z)
    limit = value + 1e-14 * value
    moved = torch.zeros_like(waiting)
    length = torch.ones_like(b)
    for _ in range(_HALVINGS):
        new_w = w + length * dw
        better = waiting & (_objective(block, new_w, z + length * dz) <= limit)  # NaN never is
        w, b = torch.where(better, new_w, w), torch.where(better, b + length * db, b)
        z = torch.where(better, z + length * dz, z)
        waiting, moved = waiting & ~better, moved | better
        if not bool(waiting.any()):
            break
        length = length / 2
    return w, b, moved


def _objective(block: LogisticBlock, w: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    loss = block.weight * softplus((1 - 2 * block.y) * z, threshold=50.0)
    return loss.sum(0) + 0.5 * block.l2 * (w * w).sum(0)
