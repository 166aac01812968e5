"""Logistic regressions, compiled: one fit after the other, without the interpreter between.

With ``Z`` the standardised training rows of a fit as columns, ``s`` their classes as -1 and
1 and ``m`` their weights, a fit minimises over coefficients ``w`` and intercept ``b``

    sum m log(1 + exp(-s z)) + l1 |w| + l2/2 w'w        z = Z'w + b

Slopes, curvatures and the conditions of an optimum are in double precision; a direction
need not be, and is mostly solved in single. Everything here is compiled at its first call
and kept on disk, and one file holds it: Numba does not see that a function called from
another file has changed.
"""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numba import njit

from foldwise.arrays import BoolArray, FloatArray, IntArray, RealArray

__all__ = ["SEPARABLE_NORM", "score_fits", "solve_smooth_fits", "solve_sparse_fits"]

SEPARABLE_NORM = 6.0
"""Norm of the standardised coefficients of an unpenalised fit to separable rows.

At 6, one standard deviation along the direction that separates changes the odds 400-fold.
That is about where scikit-learn's lbfgs stops by its default tolerance on 168 rows x 128
metabolites (`docs/decisions/0007`).
"""

_Function = TypeVar("_Function", bound=Callable[..., object])


_VERSION = sha256(Path(__file__).read_bytes()).hexdigest()[:12]


def _compiled(function: _Function) -> _Function:
    """Compile, and let sums run in the order that vectors like: the same one each time.

    Files of compiled code are named after the source: Numba names them again when it has
    changed, and another process would load the old code under the new name.
    """
    function.__qualname__ += _VERSION
    fast = {"reassoc", "contract", "arcp", "nsz"}  # NaN and infinity stay what they are
    made = partial(njit, nogil=True, fastmath=fast, error_model="numpy")  # 1 / 0 is infinity
    try:
        return cast(_Function, made(cache=True)(function))
    except RuntimeError:  # no folder to keep it in can be written
        return cast(_Function, made()(function))


_STEPS, _HALVINGS = 300, 30
_SINGLE = np.float32

# Sparse fits
_FIRST, _NEXT = 0.3, 0.3  # penalties on the way, as shares of the largest slope and of the last
_SWEEPS = 5  # of coordinate descent, before signs are fixed
_ROUNDS = 2  # of fixing signs: the next model differs, and more rounds on this one do not pay
_LEAST_DAMPING, _MOST_DAMPING = 1e-6, 1e6
_NEW = 24  # zeros that may move in one step

# Smooth fits
_NO_PENALTY = 1e-11  # times the sum of weights: stands for none where an optimum is looked for
_LEAST_PENALTY = 1e-60  # times the sum of weights: slopes below would be lost
_STILL_GROWING = 0.02  # growth of log |w| as log l2 falls by 1, which no finite optimum shows
_FAR = 3.0  # largest change of log l2 in one step along the path
_LOST = 1e-13  # share of the largest squared size that rounding loses
_CLOSE, _MOST_INNER = 0.03, 5  # a factor is kept while so many steps with it come so close


@_compiled
def _loss(z: FloatArray, sign: FloatArray, weight: FloatArray) -> float:
    value = 0.0
    for i in range(len(z)):
        margin = sign[i] * z[i]
        value += weight[i] * (np.log1p(np.exp(-abs(margin))) - min(margin, 0.0))
    return value


@_compiled
def _slopes(
    z: FloatArray, sign: FloatArray, weight: FloatArray, slope: FloatArray, bend: FloatArray
) -> None:
    """Write slopes and curvatures of the loss by z; exact where p - y would be lost."""
    for i in range(len(z)):
        margin = sign[i] * z[i]
        small = np.exp(-abs(margin))
        large = 1.0 / (1.0 + small)
        slope[i] = -weight[i] * sign[i] * (small * large if margin > 0 else large)
        bend[i] = weight[i] * small * large * large


@_compiled
def _factored(system: RealArray) -> tuple[RealArray, bool]:
    """Return the lower Cholesky factor, Fortran ordered, and whether there is one."""
    try:
        return np.linalg.cholesky(system), True
    except Exception:
        return system.T, False


@_compiled
def _solve(factor: RealArray, x: RealArray) -> None:
    """Solve L L' x = x in place, four columns at a time: x is read and written less often."""
    n = len(x)
    whole = n - n % 4
    for k in range(0, whole, 4):
        for a in range(k, k + 4):
            x[a] /= factor[a, a]
            for c in range(a + 1, k + 4):
                x[c] -= x[a] * factor[c, a]
        for j in range(k + 4, n):
            x[j] -= (
                x[k] * factor[j, k]
                + x[k + 1] * factor[j, k + 1]
                + x[k + 2] * factor[j, k + 2]
                + x[k + 3] * factor[j, k + 3]
            )
    for k in range(whole, n):
        x[k] /= factor[k, k]
        for j in range(k + 1, n):
            x[j] -= x[k] * factor[j, k]
    for k in range(n - 1, whole - 1, -1):
        value = x[k]
        for j in range(k + 1, n):
            value -= factor[j, k] * x[j]
        x[k] = value / factor[k, k]
    for k in range(whole - 4, -1, -4):
        first, second, third, fourth = x[k], x[k + 1], x[k + 2], x[k + 3]
        for j in range(k + 4, n):
            first -= factor[j, k] * x[j]
            second -= factor[j, k + 1] * x[j]
            third -= factor[j, k + 2] * x[j]
            fourth -= factor[j, k + 3] * x[j]
        x[k], x[k + 1], x[k + 2], x[k + 3] = first, second, third, fourth
        for a in range(k + 3, k - 1, -1):
            for c in range(a + 1, k + 4):
                x[a] -= factor[c, a] * x[c]
            x[a] /= factor[a, a]


@_compiled
def _bent(
    Z: FloatArray, chosen: IntArray, bend: FloatArray, l2: float, out: RealArray
) -> tuple[FloatArray, FloatArray]:
    """Write rows of Z, centred, scaled by the curvatures and to a norm of 1 or less.

    Z D Z' less what the intercept takes up, plus l2, is then one product whose diagonal is 1,
    in units that suit single precision whatever those of the columns.

    Returns
    -------
    means, norms : float arrays of shape (n_chosen,)
    """
    total = max(bend.sum(), 1e-300)
    root = np.sqrt(bend)
    means, norms = np.empty(len(chosen)), np.empty(len(chosen))
    for a in range(len(chosen)):
        j = chosen[a]
        mean, norm = 0.0, l2
        for i in range(len(bend)):
            mean += bend[i] * Z[j, i]
        mean /= total
        for i in range(len(bend)):
            norm += bend[i] * (Z[j, i] - mean) ** 2
        norm = np.sqrt(norm) if norm > 0.0 else 1.0
        for i in range(len(bend)):
            out[a, i] = root[i] * (Z[j, i] - mean) / norm
        means[a], norms[a] = mean, norm
    return means, norms


@_compiled
def _minimise_model(
    Q: RealArray, q: FloatArray, w: FloatArray, l1: FloatArray
) -> tuple[FloatArray, FloatArray, bool]:
    """Minimise q'd + d'Qd/2 + l1 . |w + d|, nearly, by fixing signs.

    A few sweeps of coordinate descent guess the signs. With these the minimum is a linear
    system; a coefficient that leaves its sign becomes zero, a zero whose slope is too steep
    gets the sign into which the model falls (primal-dual active sets: Hintermueller, Ito &
    Kunisch 2002, SIAM J. Optim. 13, 865).

    Returns
    -------
    d : array of shape (n_active,)
    sign : array of shape (n_active,)
        Of w + d; 0 where it is exactly zero.
    positive : bool
        Whether the model has a minimum; if not, d leads nowhere.
    """
    n = len(q)
    d, g, sign = np.zeros(n), q.copy(), np.zeros(n)
    for _ in range(_SWEEPS):
        for j in range(n):
            now = w[j] + d[j]
            pull = Q[j, j] * now - g[j]
            following = np.sign(pull) * max(abs(pull) - l1[j], 0.0) / Q[j, j]
            change = following - now
            if change != 0.0:
                d[j] += change
                for i in range(n):
                    g[i] += change * Q[j, i]
    for j in range(n):
        now = w[j] + d[j]
        sign[j] = np.sign(now) if now != 0.0 else -np.sign(g[j]) * (abs(g[j]) > l1[j])
    free = np.empty(n, np.int64)
    for _ in range(_ROUNDS):
        n_free = 0
        for j in range(n):
            if sign[j] != 0.0:
                free[n_free] = j
                n_free += 1
        system = np.empty((n_free, n_free), Q.dtype)
        right = np.empty(n_free, Q.dtype)
        for a in range(n_free):
            j = free[a]
            right[a] = -(q[j] + l1[j] * sign[j])
            for c in range(n_free):
                system[a, c] = Q[j, free[c]]
        for j in range(n):
            if sign[j] == 0.0:
                d[j] = -w[j]
                if w[j] != 0.0:
                    for a in range(n_free):
                        right[a] += w[j] * Q[j, free[a]]
        if n_free > 0:
            factor, positive = _factored(system)
            if not positive:
                return d, sign, False
            _solve(factor, right)
        g[:] = q
        for a in range(n_free):
            d[free[a]] = right[a]
        for j in range(n):
            if d[j] != 0.0:
                for i in range(n):
                    g[i] += d[j] * Q[j, i]
        settled = True
        for j in range(n):
            if sign[j] != 0.0:
                if sign[j] * (w[j] + d[j]) <= 0.0:
                    sign[j] = 0.0
                    settled = False
            elif abs(g[j]) > l1[j]:
                sign[j] = -np.sign(g[j])
                settled = False
        if settled:
            return d, sign, True
    for j in range(n):
        if sign[j] == 0.0 or sign[j] * (w[j] + d[j]) <= 0.0:
            sign[j], d[j] = 0.0, -w[j]
    return d, sign, True


@_compiled
def _violated(g: FloatArray, w: FloatArray, l1: float, wanted: BoolArray) -> float:
    """Return the largest violation of the conditions of an optimum; mark who may move."""
    largest = 0.0
    for j in range(len(w)):
        off = abs(g[j] + l1 * np.sign(w[j])) if w[j] != 0.0 else abs(g[j]) - l1
        wanted[j] = w[j] != 0.0 or off > 0.0
        largest = max(largest, off)
    return largest


@_compiled
def _steepest(g: FloatArray, w: FloatArray, wanted: BoolArray) -> IntArray:
    """Return who moves: all that are not zero, and of the others the steepest."""
    chosen = np.flatnonzero(wanted)
    most = _NEW
    for j in range(len(w)):
        most += w[j] != 0.0
    if len(chosen) <= most:
        return chosen
    height = np.empty(len(chosen))
    for a in range(len(chosen)):
        height[a] = np.inf if w[chosen[a]] != 0.0 else abs(g[chosen[a]])
    least = np.sort(height)[len(chosen) - most]
    steep = np.empty(most, np.int64)
    count = 0
    for a in range(len(chosen)):
        if height[a] >= least and count < most:
            steep[count] = chosen[a]
            count += 1
    return steep


@_compiled
def _solve_sparse(
    Z: FloatArray,
    sign: FloatArray,
    weight: FloatArray,
    goal: float,
    l2: float,
    w: FloatArray,
    b: float,
    tol: float,
) -> tuple[float, bool]:
    """Take proximal Newton steps (Lee, Sun & Saunders 2014) in w; return b and convergence.

    Cold fits come down to their penalty one step at a time, so that few coefficients move.
    """
    n_features, n = Z.shape
    z = np.full(n, b)
    cold = True
    for j in range(n_features):
        if w[j] != 0.0:
            cold = False
            for i in range(n):
                z[i] += w[j] * Z[j, i]
    slope, bend, after = np.empty(n), np.empty(n), np.empty(n)
    wanted = np.empty(n_features, np.bool_)
    l1, damping = goal, _LEAST_DAMPING
    for count in range(_STEPS):
        _slopes(z, sign, weight, slope, bend)
        g = np.dot(Z, slope)
        g += l2 * w
        t, total = slope.sum(), max(bend.sum(), 1e-300)
        if cold:
            l1 = max(goal, _FIRST * np.abs(g).max()) if count == 0 else max(goal, _NEXT * l1)
        violation = max(_violated(g, w, l1, wanted), abs(t))
        if violation <= tol and l1 == goal:
            return b, True
        chosen = _steepest(g, w, wanted)
        k = len(chosen)
        core = np.empty((k, n), _SINGLE)
        means, norms = _bent(Z, chosen, bend, l2, core)
        Q = np.dot(core, core.T)
        q, near, shrink = np.empty(k), np.empty(k), np.empty(k)
        for a in range(k):
            j = chosen[a]
            Q[a, a] = 1.0 + damping
            q[a] = (g[j] - means[a] * t) / norms[a]
            near[a] = w[j] * norms[a]
            shrink[a] = l1 / norms[a]
        d, signs, positive = _minimise_model(Q, q, near, shrink)

        db, dz = -t / total, np.zeros(n)
        before = _loss(z, sign, weight)
        for a in range(k):
            j = chosen[a]
            d[a] = d[a] / norms[a] if signs[a] != 0.0 else -w[j]  # exactly
            db -= means[a] * d[a]
            before += l1 * abs(w[j]) + 0.5 * l2 * w[j] * w[j]
            if d[a] != 0.0:
                for i in range(n):
                    dz[i] += d[a] * Z[j, i]
        length, moved = 1.0, False
        for _ in range(_HALVINGS):
            for i in range(n):
                after[i] = z[i] + length * (dz[i] + db)
            value = _loss(after, sign, weight)
            for a in range(k):
                now = w[chosen[a]] + length * d[a]
                value += l1 * abs(now) + 0.5 * l2 * now * now
            if value <= before * (1.0 + 1e-13):  # NaN never is
                moved = True
                break
            length *= 0.5
        if moved:
            z[:] = after
            b += length * db
            for a in range(k):
                w[chosen[a]] += length * d[a]
        damping *= 0.1 if moved and positive and length == 1.0 else 100.0
        damping = max(damping, _LEAST_DAMPING)
        if damping > _MOST_DAMPING:
            break
    return b, False


@_compiled
def _renewed(
    Z: FloatArray, core: RealArray, bend: FloatArray, l2: float
) -> tuple[RealArray, FloatArray]:
    """Return the factor of Z D Z' + l2 without the intercept, and the norms it is in units of.

    ``core`` lends its shape and precision. A ridge is added where rounding leaves no factor.
    """
    _, norms = _bent(Z, np.arange(len(Z)), bend, l2, core)
    system = np.dot(core, core.T)
    ridge = 1e-14 if core.itemsize == 8 else 1e-7
    for _ in range(9):
        for j in range(len(Z)):
            system[j, j] = 1.0 + ridge
        factor, positive = _factored(system)
        if positive:
            break
        ridge *= 100.0
    return factor, norms


@_compiled
def _newton_step(
    Z: FloatArray,
    factor: RealArray,
    norms: FloatArray,
    bend: FloatArray,
    l2: float,
    right: FloatArray,
) -> tuple[FloatArray, bool]:
    """Solve (Z D Z' + l2) x = right without the intercept, by conjugate gradients.

    The factor, of another D and l2 or of rounded numbers, makes it a few steps: return whether
    it did.
    """
    total = max(bend.sum(), 1e-300)
    x, left = np.zeros_like(right), right.copy()
    rounded = np.empty(len(right), factor.dtype)
    rounded[:] = left / norms
    _solve(factor, rounded)
    toward = rounded / norms
    size = (left * toward).sum()
    goal = _CLOSE * _CLOSE * size
    for _ in range(_MOST_INNER):
        if not size > 0.0:
            break
        along = np.dot(toward, Z)
        along -= (bend * along).sum() / total
        along *= bend
        bent = np.dot(Z, along) + l2 * toward
        length = size / (toward * bent).sum()
        x += length * toward
        left -= length * bent
        rounded[:] = left / norms
        _solve(factor, rounded)
        before, size = size, 0.0
        for j in range(len(x)):
            size += left[j] * (rounded[j] / norms[j])
        if size <= goal:
            return x, True
        toward *= size / before
        toward += rounded / norms
    return x, False


@_compiled
def _solve_smooth(
    Z: FloatArray,
    core: RealArray,
    sign: FloatArray,
    weight: FloatArray,
    l2: float,
    w: FloatArray,
    b: float,
    tol: float,
    norm_of_separable: float,
) -> tuple[float, bool, bool]:
    """Take Newton steps in w; return b, whether it converged, and whether rows are separable.

    A factored curvature is kept while it makes the next systems easy. Without penalty the
    rows may be separable, and then no finite optimum exists. Such a fit is the point of its
    path of L2 penalties at which the norm of the coefficients is the given one: of all
    coefficients of this norm, those with the smallest loss. For a large norm they point to
    the widest margin (Rosset, Zhu & Hastie 2004).

    It is first ``looking`` for an optimum; once its rows are known to be separable it is
    ``bound`` for the norm instead, and ``l2`` is its multiplier.
    """
    n = Z.shape[1]
    mass = weight.sum()
    tol *= mass / n
    looking, bound = l2 == 0.0, False
    if looking:
        l2, b = _NO_PENALTY * mass, 0.0
        w[:] = 0.0
    least = _LEAST_PENALTY * mass
    z = np.dot(w, Z) + b
    loss = _loss(z, sign, weight)
    slope, bend, after = np.empty(n), np.empty(n), np.empty(n)
    before = 0.0  # the steepest slope before a Newton step, 0 where that counts no more
    (factor, norms), kept = _renewed(Z, core, 0.25 * weight, l2), True
    for _ in range(_STEPS):
        _slopes(z, sign, weight, slope, bend)
        by_w, t, total = np.dot(Z, slope), slope.sum(), max(bend.sum(), 1e-300)
        norm = np.sqrt((w * w).sum())
        apart = looking and (sign * z).min() > 0.0
        if apart:
            # Along w the loss falls by -sum(slope z): the multiplier that holds it there is
            # where the path is entered.
            l2 = -(slope * z).sum() / (norm * norm)
            looking, bound = False, True
        g = by_w + l2 * w
        steepest = max(np.abs(g).max(), abs(t))

        pull = l2 * norm  # what slopes count against where the penalty is small
        if bound:
            sharp, loose = 1e-7 * pull, 1e-5 * pull
        else:
            sharp, loose = 0.1 * tol * min(pull, 1.0), tol
            if looking:
                sharp = min(1e-2 * tol, 0.1 * pull)
        rounded = before > 0.0 and steepest > 0.5 * before  # Newton gains nothing more
        there = steepest <= sharp or (rounded and steepest <= loose)
        off = np.log(max(norm, 1e-300) / norm_of_separable)
        at_end = abs(off) <= 1e-8 or l2 <= least
        if there and (norm == 0.0 if looking else (not bound or at_end)):
            if bound:
                # Where slopes are lost to rounding before the norm is reached, the direction
                # is final.
                w *= norm_of_separable / norm
                b *= norm_of_separable / norm
            return b, True, bound

        asked = looking and there  # does only the trace of a penalty hold the norm?
        along = bound and not at_end and steepest <= 1e-3 * pull
        renewed = not kept or apart or along or asked
        if renewed:
            factor, norms = _renewed(Z, core, bend, l2)
        means = np.dot(Z, bend) / total
        right = -l2 * w if along or asked else means * t - g
        dw, kept = _newton_step(Z, factor, norms, bend, l2, right)
        db = -(means * dw).sum()
        if along or asked:
            rate = (w * dw).sum() / (norm * norm)  # d log |w| / d log l2
            if asked and -rate <= _STILL_GROWING:
                return b, True, False
            looking, bound, along = False, True, True
            far = min(max(-off / rate, -_FAR), _FAR)
            l2 = max(l2 * np.exp(far), least)
            dw *= far
            db *= far
        else:
            db -= t / total
        dz = np.dot(dw, Z) + db
        held = loss + 0.5 * l2 * (w * w).sum()
        length, moved = 1.0, False
        for _ in range(_HALVINGS):
            after[:] = z + length * dz
            following = w + length * dw
            new_loss = _loss(after, sign, weight)
            value = new_loss + 0.5 * l2 * (following * following).sum()
            if value <= held * (1.0 + 1e-14):  # NaN never is
                moved = True
                break
            length *= 0.5
        if moved:
            z[:] = after
            w[:] = following
            b += length * db
            loss = new_loss
        elif renewed and not along:
            return b, False, bound  # it can move no more
        before = steepest if moved and kept and not along else 0.0
        kept = kept and moved
    return b, False, bound


@_compiled
def _solve_narrow(
    Z: FloatArray,
    sign: FloatArray,
    weight: FloatArray,
    l2: float,
    w: FloatArray,
    b: float,
    tol: float,
    norm_of_separable: float,
) -> tuple[float, bool, bool]:
    """Solve a smooth fit among the columns."""
    if l2 > 0.0:
        single = np.empty(Z.shape, _SINGLE)
        return _solve_smooth(Z, single, sign, weight, l2, w, b, tol, norm_of_separable)
    # Slopes vanish along the path of a separable fit: single precision would lose them.
    core = np.empty(Z.shape)
    return _solve_smooth(Z, core, sign, weight, l2, w, b, tol, norm_of_separable)


@_compiled
def _solve_wide(
    Z: FloatArray,
    sign: FloatArray,
    weight: FloatArray,
    l2: float,
    w: FloatArray,
    b: float,
    tol: float,
    norm_of_separable: float,
) -> tuple[float, bool, bool]:
    """Solve a smooth fit with more columns than rows in the span of its rows.

    With Z'Z = U S U', w = Z U S^-1/2 v: norms and losses are those of v on S^1/2 U'.
    """
    values, U = np.linalg.eigh(np.dot(Z.T, Z))
    first = 0
    while first < len(values) - 1 and values[first] <= _LOST * values[-1]:
        first += 1
    root = np.sqrt(np.maximum(values[first:], 1e-300))
    basis = np.ascontiguousarray(U[:, first:].T)  # (direction, row)
    rotated = basis * root[:, None]
    v = np.dot(basis, np.dot(w, Z)) / root
    core = np.empty_like(rotated)
    b, converged, separable = _solve_smooth(
        rotated, core, sign, weight, l2, v, b, tol, norm_of_separable
    )
    w[:] = np.dot(Z, np.dot(v / root, basis))
    if l2 == 0.0 or not converged:
        return b, converged, separable
    # Columns a million times smaller than others are lost in the span: the slopes show it.
    slope, bend = np.empty(len(sign)), np.empty(len(sign))
    _slopes(np.dot(w, Z) + b, sign, weight, slope, bend)
    off = max(np.abs(np.dot(Z, slope) + l2 * w).max(), abs(slope.sum()))
    if off <= tol * weight.sum() / len(sign):
        return b, True, separable
    return _solve_narrow(Z, sign, weight, l2, w, b, tol, norm_of_separable)


@_compiled
def _standardised(
    X: FloatArray, rows: IntArray, fill: FloatArray, center: FloatArray, scale: FloatArray
) -> FloatArray:
    """Return the rows as columns, gaps filled."""
    Z = np.empty((X.shape[1], len(rows)))
    for i in range(len(rows)):
        for j in range(X.shape[1]):
            cell = X[rows[i], j]
            Z[j, i] = ((fill[j] if np.isnan(cell) else cell) - center[j]) / scale[j]
    return Z


@_compiled
def solve_sparse_fits(
    fits: IntArray,
    X: FloatArray,
    weight: FloatArray,
    y: FloatArray,
    steps: IntArray,
    fill: FloatArray,
    center: FloatArray,
    scale: FloatArray,
    l1: FloatArray,
    l2: FloatArray,
    follows: IntArray,
    tol: float,
    w: FloatArray,
    b: FloatArray,
    converged: BoolArray,
) -> None:
    """Solve fits with an L1 part in order, and write what was found into the last arrays.

    Parameters
    ----------
    fits : int array
        Which to solve, of those that the other arrays hold.
    X : float array of shape (n_samples, n_features)
        NaN where a cell is missing.
    weight, y : float arrays of shape (n_fits, n_samples)
        Weight of each row in each fit, 0 outside its training rows; labels 0 and 1.
    steps : int array of shape (n_fits,)
        Which preprocessing each fit has; fits with the same one have the same rows.
    fill, center, scale : float arrays of shape (n_steps, n_features)
    l1, l2 : float arrays of shape (n_fits,)
        Penalties in units of the loss.
    follows : int array of shape (n_fits,)
        The fit to start from, solved before, or -1.
    tol : float
        Largest violation of the conditions of an optimum, in units of the loss.
    w, b : float arrays of shape (n_fits, n_features) and (n_fits,)
        Coefficients on standardised features, and intercepts, which are never penalised.
    converged : bool array of shape (n_fits,)
    """
    rows, Z, now = np.empty(0, np.int64), np.empty((0, 0)), -1
    for fit in fits:
        if steps[fit] != now:
            now = steps[fit]
            rows = np.flatnonzero(weight[fit] > 0.0)
            Z = _standardised(X, rows, fill[now], center[now], scale[now])
        if follows[fit] >= 0:
            w[fit], b[fit] = w[follows[fit]], b[follows[fit]]
        sign, mass = 2.0 * y[fit][rows] - 1.0, weight[fit][rows]
        b[fit], converged[fit] = _solve_sparse(Z, sign, mass, l1[fit], l2[fit], w[fit], b[fit], tol)


@_compiled
def solve_smooth_fits(
    fits: IntArray,
    X: FloatArray,
    weight: FloatArray,
    y: FloatArray,
    steps: IntArray,
    fill: FloatArray,
    center: FloatArray,
    scale: FloatArray,
    l2: FloatArray,
    follows: IntArray,
    tol: float,
    norm_of_separable: float,
    w: FloatArray,
    b: FloatArray,
    converged: BoolArray,
    separable: BoolArray,
) -> None:
    """Solve fits without an L1 part, as `solve_sparse_fits` does; an l2 of 0 means no penalty.

    Parameters
    ----------
    norm_of_separable : float
        `SEPARABLE_NORM`.
    separable : bool array of shape (n_fits,)
        Whose rows a plane separates: without penalty they have no finite optimum.
    """
    rows, Z, now = np.empty(0, np.int64), np.empty((0, 0)), -1
    for fit in fits:
        if steps[fit] != now:
            now = steps[fit]
            rows = np.flatnonzero(weight[fit] > 0.0)
            Z = _standardised(X, rows, fill[now], center[now], scale[now])
        if follows[fit] >= 0 and l2[fit] > 0.0:
            w[fit], b[fit] = w[follows[fit]], b[follows[fit]]
        sign, mass = 2.0 * y[fit][rows] - 1.0, weight[fit][rows]
        if len(Z) > len(rows):
            b[fit], converged[fit], separable[fit] = _solve_wide(
                Z, sign, mass, l2[fit], w[fit], b[fit], tol, norm_of_separable
            )
        else:
            b[fit], converged[fit], separable[fit] = _solve_narrow(
                Z, sign, mass, l2[fit], w[fit], b[fit], tol, norm_of_separable
            )


@_compiled
def score_fits(
    fits: IntArray,
    asked: BoolArray,
    X: FloatArray,
    steps: IntArray,
    fill: FloatArray,
    center: FloatArray,
    scale: FloatArray,
    coef: FloatArray,
    intercept: FloatArray,
    z: FloatArray,
) -> None:
    """Write linear predictors (fit, sample) where they are asked for.

    Parameters
    ----------
    fits, X, steps, fill, center, scale
        As in `solve_sparse_fits`.
    asked : bool array of shape (n_fits, n_samples)
    coef, intercept : float arrays of shape (n_fits, n_features) and (n_fits,)
        On X as the steps leave it.
    z : float array of shape (n_fits, n_samples)
    """
    for fit in fits:
        own = steps[fit]
        for row in range(len(X)):
            if asked[fit, row]:
                value = intercept[fit]
                for j in range(X.shape[1]):
                    cell = fill[own, j] if np.isnan(X[row, j]) else X[row, j]
                    value += coef[fit, j] * ((cell - center[own, j]) / scale[own, j])
                z[fit, row] = value
