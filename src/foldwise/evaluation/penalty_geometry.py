"""Why an L1 penalty makes zeros: the loss of two features and the balls it touches."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logit

from foldwise.arrays import FloatArray
from foldwise.fits.logistic_learner import LogisticLearner
from foldwise.fits.plan import FitPlan

__all__ = ["PenaltyGeometry", "penalty_geometry"]

_GRID = 61
_PENALTIES = np.geomspace(1e-4, 1e2, 121)


@dataclass(frozen=True, eq=False)
class PenaltyGeometry:
    """Loss over a plane of two coefficients, and the optimum free and inside two balls.

    Parameters
    ----------
    w1, w2 : float arrays of shape (n_grid,)
        Axes of the plane.
    loss : float array of shape (n_grid, n_grid)
        Mean logistic loss at ``(w1[i], w2[j])``, the intercept at its best.
    free, l1, l2 : pairs of float
        Optimum without penalty, with L1 and with L2, both balls of one radius.
    radius : float
        ``|w1| + |w2|`` of the L1 optimum, and the length of the L2 optimum.
    """

    w1: FloatArray
    w2: FloatArray
    loss: FloatArray
    free: tuple[float, float]
    l1: tuple[float, float]
    l2: tuple[float, float]
    radius: float


def penalty_geometry(
    X: Float[np.ndarray, "sample 2"], y: Float[np.ndarray, " sample"]
) -> PenaltyGeometry:
    """Return the geometry for two standardised features and labels 0/1.

    The L1 optimum is the one with the weakest penalty that still leaves exactly
    one coefficient at zero; the L2 optimum is the one on a circle of the same
    radius. The free optimum carries a ridge of 1e-4 so that it exists for
    separable classes.
    """
    free = _solved(X, y, np.array([1e4]), l1_ratio=0.0)[0]
    l1 = _corner(X, y, _PENALTIES)
    radius = float(np.abs(l1).sum())
    l2 = _on_circle(X, y, radius)
    reach = 1.25 * max(radius, *np.abs(free)) or 1.0
    axis = np.linspace(-reach, reach, _GRID)
    return PenaltyGeometry(
        axis, axis, _loss_plane(X, y, axis), _pair(free), _pair(l1), _pair(l2), radius
    )


def _solved(X: FloatArray, y: FloatArray, C: FloatArray, *, l1_ratio: float) -> FloatArray:
    """Return the coefficients at each C, shape (n_penalties, 2); one plan for all."""
    every = np.ones((len(C), len(X)), bool)
    settings = [{"C": float(one)} for one in C]
    plan = FitPlan(every, ~every, y, settings=settings, setting=np.arange(len(C)))
    learner = LogisticLearner(l1_ratio=l1_ratio, steps=(), n_jobs=1)
    return learner.run(X, plan, keep=("parameters",)).stacked("coef")


def _corner(X: FloatArray, y: FloatArray, penalties: FloatArray) -> FloatArray:
    """Return the L1 solution of the largest C that leaves exactly one coefficient at zero.

    Two features of nearly equal strength enter at nearly the same C: where a grid has
    none with one zero, a finer grid lies between the last empty and the first full one.
    """
    path = _solved(X, y, penalties, l1_ratio=1.0)
    n_zero = (path == 0).sum(axis=1)
    if (n_zero == 1).any():
        return np.asarray(path[np.flatnonzero(n_zero == 1)[-1]])
    empty = np.flatnonzero(n_zero == 2)
    if not len(empty) or empty[-1] + 1 == len(path):
        return np.asarray(path[0])  # no penalty of the grid empties the model, or each does
    low, high = penalties[empty[-1]], penalties[empty[-1] + 1]
    if high < low * (1 + 1e-9):
        return np.asarray(path[empty[-1]])
    return _corner(X, y, np.geomspace(low, high, 31))


def _pair(w: FloatArray) -> tuple[float, float]:
    return float(w[0]), float(w[1])


def _on_circle(X: FloatArray, y: FloatArray, radius: float) -> FloatArray:
    """Return the ridge solution of length ``radius``, by bisection on log C."""
    low, high = np.log(1e-6), np.log(1e4)
    for _ in range(40):
        middle = (low + high) / 2
        w = _solved(X, y, np.exp([middle]), l1_ratio=0.0)[0]
        low, high = (middle, high) if np.linalg.norm(w) < radius else (low, middle)
    return np.asarray(w)


def _loss_plane(X: FloatArray, y: FloatArray, axis: FloatArray) -> FloatArray:
    """Return the mean loss on the grid, the intercept found by bisection.

    Its slope is 0 between the log-odds of the cases' share less and plus the largest
    |x w|; Newton steps would leave that range where the classes are nearly apart.
    """
    w1, w2 = np.meshgrid(axis, axis, indexing="ij")
    linear = X @ np.stack([w1.ravel(), w2.ravel()])  # (sample, point)
    reach = np.abs(linear).max(axis=0)
    low, high = logit(y.mean()) - reach, logit(y.mean()) + reach
    for _ in range(60):
        intercept = (low + high) / 2
        above = (expit(linear + intercept) - y[:, None]).mean(axis=0) > 0
        low, high = np.where(above, low, intercept), np.where(above, intercept, high)
    sign = np.where(y == 1, 1.0, -1.0)[:, None]
    loss = np.logaddexp(0.0, -sign * (linear + intercept)).mean(axis=0)
    return np.asarray(loss.reshape(w1.shape))
