"""One block of logistic fits: learn preprocessing, weigh rows, solve, score."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.fits import logistic_kernels as kernels
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import Standardize, Step, StepsAhead, apply_steps, fills_gaps

__all__ = [
    "NOT_CONVERGED",
    "SEPARABLE",
    "LogisticSetting",
    "TrainedBlock",
    "chain_heads",
    "chain_places",
    "count_own",
    "train_block",
]

SEPARABLE = (
    "The training rows are separable: without penalty no finite optimum exists. The "
    "coefficients are those with the smallest loss among all of norm "
    f"{kernels.SEPARABLE_NORM:g} per standard deviation of the features."
)
NOT_CONVERGED = "A logistic fit stopped before it converged."

_SHARED = ((), ("fill",), ("affine",), ("fill", "affine"))
"""Kinds of last steps that become a fill, a centre and a scale of the X they apply to."""


@dataclass(frozen=True)
class LogisticSetting:
    """Penalty and class weights of one fit, checked."""

    C: float
    l1_ratio: float
    class_weight: str | tuple[float, float] | None = None

    @classmethod
    def of(cls, setting: Mapping[str, Any], fit: str) -> "LogisticSetting":
        """Return the setting of the fit that messages call ``fit``.

        Raises
        ------
        InvalidInputError
            If a name is unknown or a value outside its range.
        """
        known = cls.__dataclass_fields__
        unknown = sorted(set(setting) - set(known))
        if unknown:
            raise InvalidInputError(
                f"{fit}: logistic regression has no setting {', '.join(unknown)}. "
                f"Known: {', '.join(sorted(known))}."
            )
        C, share = float(setting["C"]), float(setting["l1_ratio"])
        if not (C > 0 and 0 <= share <= 1):
            raise InvalidInputError(
                f"{fit}: C is {C:g} and l1_ratio {share:g}. C must be above 0 and "
                "l1_ratio between 0 and 1."
            )
        return cls(C, share, _class_weight(setting["class_weight"], fit))

    def factors(self, y: FloatArray, weight: FloatArray) -> FloatArray:
        """Return what class weights multiply the weights of rows by, shape (n_samples,)."""
        if self.class_weight is None:
            return np.ones_like(weight)
        if isinstance(self.class_weight, str):
            sums = np.array([weight[y == 0].sum(), weight[y == 1].sum()])
            return np.asarray((sums.sum() / (2 * sums))[y.astype(int)])
        return np.asarray(np.array(self.class_weight)[y.astype(int)])


def _class_weight(given: Any, fit: str) -> str | tuple[float, float] | None:
    if given is None or (isinstance(given, str) and given == "balanced"):
        return given
    if isinstance(given, Mapping) and set(given) <= {0, 1}:
        both = float(given.get(0, 1.0)), float(given.get(1, 1.0))
        if all(np.isfinite(one) and one > 0 for one in both):
            return both
    raise InvalidInputError(
        f"{fit}: class_weight is {given!r}. It must be None, 'balanced' or a mapping of the "
        "classes 0 and 1 to numbers above 0, such as {0: 1.0, 1: 2.5}."
    )


def chain_places(follows: IntArray) -> IntArray:
    """Return how many fits come before each in its chain, shape (n_fits,).

    Parameters
    ----------
    follows : int array of shape (n_fits,)
        Position of the fit before, or -1.

    Raises
    ------
    InvalidInputError
        If a chain has no beginning.

    Examples
    --------
    >>> chain_places(np.array([-1, 0, 1, -1, 0]))
    array([0, 1, 2, 0, 1])
    """
    place = np.where(follows < 0, 0, -1)
    for depth in range(len(follows)):
        following = (place < 0) & (place[follows] == depth)
        if not following.any():
            break
        place[following] = depth + 1
    if (place < 0).any():
        raise InvalidInputError(
            f"{int((place < 0).sum())} fits follow one another in a circle. A chain begins with "
            "a fit that follows none (-1)."
        )
    return place


def chain_heads(follows: IntArray) -> IntArray:
    """Return the first fit of each fit's chain, shape (n_fits,).

    Examples
    --------
    >>> chain_heads(np.array([-1, 0, 1, -1, 0]))
    array([0, 0, 0, 3, 0])
    """
    head = np.arange(len(follows))
    for _ in range(chain_places(follows).max()):
        head = np.where(follows[head] < 0, head, follows[head])
    return head


def train_block(
    X: FloatArray,
    plan: FitPlan,
    settings: Sequence[LogisticSetting],
    *,
    steps: tuple[Step, ...],
    tol: float,
) -> "TrainedBlock":
    """Train every fit of a plan.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
    plan : FitPlan
        The fits of the block; chains of ``follows`` are whole.
    settings : sequence of LogisticSetting
        One per fit.
    steps : tuple of Step
        Preprocessing learned from the training rows of each fit.
    tol : float
        Largest violation of the conditions of an optimum, in units of the loss.
    """
    weight = _weights(plan, settings)
    learned = _Learned.of(X, plan, settings, steps, weight > 0)
    C = np.array([one.C for one in settings])
    share = np.array([one.l1_ratio for one in settings])
    l1, l2 = share / C, (1 - share) / C
    follows = np.full(plan.n_fits, -1) if plan.follows is None else plan.follows
    # One layout for all plans: every other one would be compiled anew.
    target = np.array(np.broadcast_to(plan.target, plan.train.shape), order="C")
    w, b = np.zeros((plan.n_fits, learned.affine.fill.shape[1])), np.zeros(plan.n_fits)
    converged, separable = np.zeros(plan.n_fits, bool), np.zeros(plan.n_fits, bool)
    whole, norm = learned.affine.then(learned.beyond), kernels.SEPARABLE_NORM
    affine = learned.of_fit, whole.fill, whole.center, whole.scale
    order = _order(follows, l1 > 0)
    for alike in _split(order, (l1 > 0)[order]):
        for fits, design in learned.runs(alike):
            problem = fits, design, weight, target, *affine
            if l1[fits[0]] > 0:
                kernels.solve_sparse_fits(*problem, l1, l2, follows, tol, w, b, converged)
            else:
                found = w, b, converged, separable
                kernels.solve_smooth_fits(*problem, l2, follows, tol, norm, *found)
    beyond = learned.beyond
    coef = w / beyond.scale[learned.of_fit]
    intercept = b - (beyond.center[learned.of_fit] * coef).sum(axis=1)
    return TrainedBlock(learned, coef, intercept, converged, separable)


@dataclass(frozen=True, eq=False)
class TrainedBlock:
    """The fits of a block, on X as its steps leave it."""

    learned: "_Learned"
    coef: FloatArray  # (fit, feature)
    intercept: FloatArray  # (fit,)
    converged: BoolArray
    separable: BoolArray

    def states(self, *, parameters: bool, steps: bool) -> tuple[dict[str, FloatArray], ...]:
        """Return, per fit, ``coef`` and ``intercept`` and what the steps learned, as asked."""
        if not (parameters or steps):
            return ()
        own = zip(self.learned.of_fit, self.coef, self.intercept, strict=True)
        return tuple(
            (self.learned.states[learned] if steps else {})
            | ({"coef": coef, "intercept": np.asarray(intercept)} if parameters else {})
            for learned, coef, intercept in own
        )

    def notes(self) -> tuple[tuple[int, str], ...]:
        """Return which fits are separable or have not converged."""
        found = [(int(fit), SEPARABLE) for fit in np.flatnonzero(self.separable)]
        return (*found, *((int(fit), NOT_CONVERGED) for fit in np.flatnonzero(~self.converged)))

    def scores(self, asked: BoolArray) -> FloatArray:
        """Return the probabilities of class 1, shape (n_fits, n_samples), NaN if not asked for."""
        z = np.full(asked.shape, np.nan)
        fits = np.flatnonzero(asked.any(axis=1))
        affine = self.learned.affine
        steps = self.learned.of_fit, affine.fill, affine.center, affine.scale
        for own, design in self.learned.runs(fits):
            kernels.score_fits(own, asked, design, *steps, self.coef, self.intercept, z)
        return np.asarray(expit(z))


@dataclass(frozen=True, eq=False)
class _Affine:
    """Fill, centre and scale of several preprocessings, each (n_steps, n_features)."""

    fill: FloatArray
    center: FloatArray
    scale: FloatArray

    @classmethod
    def none(cls, n_steps: int, n_features: int) -> "_Affine":
        """Return steps that leave X as it is."""
        shape = n_steps, n_features
        return cls(np.zeros(shape), np.zeros(shape), np.ones(shape))

    @classmethod
    def of(
        cls, steps: Sequence[Step], states: Sequence[Mapping[str, FloatArray]], n_features: int
    ) -> "_Affine":
        """Return what a fill and a centring learned, by fit."""
        found = cls.none(len(states), n_features)
        for step in steps:
            for name in ("fill",) if step.kind == "fill" else ("center", "scale"):
                getattr(found, name)[:] = [one[name] for one in states]
        return found

    def then(self, after: "_Affine") -> "_Affine":
        """Return these steps followed by a centre and scale."""
        center = self.center + self.scale * after.center
        return _Affine(self.fill, center, self.scale * after.scale)


@dataclass(frozen=True, eq=False)
class _Learned:
    """The preprocessing of a block: fits on the same rows share theirs.

    Parameters
    ----------
    of_fit : int array of shape (n_fits,)
        Position of each fit's preprocessing in the others.
    states : sequence of mappings
        What the steps learned.
    X : float array of shape (n_samples, n_features)
        The table after the steps that are the same for every fit.
    affine : _Affine
        The last steps, as fill, centre and scale.
    designs : sequence of float arrays of shape (n_samples, n_features)
        X as the steps between those leave it; empty if there are none. Fill, centre and
        scale are never part of a design: then a step that has nothing to do changes no bit.
    beyond : _Affine
        Centre and scale that follow the steps.
    """

    of_fit: IntArray
    states: list[dict[str, FloatArray]]
    X: FloatArray
    affine: _Affine
    designs: list[FloatArray]
    beyond: _Affine

    @classmethod
    def of(
        cls,
        X: FloatArray,
        plan: FitPlan,
        settings: Sequence[LogisticSetting],
        steps: tuple[Step, ...],
        used: BoolArray,
    ) -> "_Learned":
        """Return what the steps learn from the training rows of each fit."""
        free = [bool(np.isinf(setting.C)) for setting in settings]
        of_fit, first = _alike(plan.train, used, free)
        rows: BoolArray = np.asarray((plan.train | plan.score).any(axis=0))
        ahead = StepsAhead.of(steps, X, rows)
        states = [ahead.learn(plan.train[fit]) for fit in first]
        n_own = count_own(ahead.left)
        own, last = ahead.left[:n_own], ahead.left[n_own:]
        designs = [_design(own, one, ahead.X, rows) for one in states] if own else []
        for design in designs or [ahead.X]:
            _require_cells(design[rows], filled=fills_gaps(last))
        affine = _Affine.of(last, states, (designs or [ahead.X])[0].shape[1])
        beyond = _Affine.none(*affine.fill.shape)
        for place, fit in enumerate(first):
            if free[fit]:
                ready = apply_steps(ahead.left, states[place], ahead.X[plan.train[fit]])
                beyond.center[place], beyond.scale[place] = _spread(ready)
        return cls(of_fit, states, ahead.X, affine, designs, beyond)

    def runs(self, fits: IntArray) -> Iterator[tuple[IntArray, FloatArray]]:
        """Yield fits, in order, with the X that fill, centre and scale apply to."""
        if not self.designs:
            yield fits, self.X
            return
        for own in _split(fits, self.of_fit[fits]) if len(fits) else []:
            yield own, self.designs[self.of_fit[own[0]]]


def _alike(train: BoolArray, used: BoolArray, free: Sequence[bool]) -> tuple[IntArray, list[int]]:
    """Return which preprocessing each fit has, and the first fit of each."""
    places: dict[tuple[bytes, bytes, bool], int] = {}
    first: list[int] = []
    of_fit = np.zeros(len(train), np.int64)
    for fit, rows in enumerate(train):
        key = rows.tobytes(), used[fit].tobytes(), free[fit]
        if key not in places:
            places[key] = len(first)
            first.append(fit)
        of_fit[fit] = places[key]
    return of_fit, first


def count_own(steps: Sequence[Step]) -> int:
    """Return how many steps give each fit a table of its own: all but those of `_SHARED`."""
    kinds = tuple(step.kind for step in steps)
    return next(place for place in range(len(kinds) + 1) if kinds[place:] in _SHARED)


def _design(
    steps: Sequence[Step], state: Mapping[str, FloatArray], X: FloatArray, rows: BoolArray
) -> FloatArray:
    """Return X as some steps of a fit leave it; rows that no fit uses stay 0."""
    ready = apply_steps(steps, state, X[rows])
    design = np.zeros((len(X), ready.shape[1]))
    design[rows] = ready
    return design


def _split(fits: IntArray, by: IntArray | BoolArray) -> list[IntArray]:
    """Return runs of fits with the same value."""
    return np.split(fits, np.flatnonzero(np.diff(by)) + 1)


def _order(follows: IntArray, sparse: BoolArray) -> IntArray:
    """Return fits such that each comes after the one it follows, chain by chain."""
    places = chain_places(follows)
    if not places.any():
        return np.argsort(sparse, kind="stable")
    head = chain_heads(follows)
    return np.lexsort((places, head))


def _spread(ready: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return centre and scale of a fit without penalty, beyond those of its steps.

    The norm at which separable rows stop counts in standard deviations. Nothing holds the
    coefficient of a constant column: an infinite scale leaves it at zero.
    """
    own = Standardize().learn(ready)
    constant = (ready == ready[0]).all(axis=0)
    return own["center"], np.where(constant, np.inf, own["scale"])


def _weights(plan: FitPlan, settings: Sequence[LogisticSetting]) -> FloatArray:
    """Return the weight of each row in each fit, 0 outside its training rows."""
    weight = plan.train.astype(float)
    if plan.weight is not None:
        weight[plan.train] = plan.weight[plan.train]
    _require_classes(plan, weight)
    for fit, setting in enumerate(settings):
        if setting.class_weight is not None:
            weight[fit] *= setting.factors(plan.target_of(fit), weight[fit])
    return weight


def _require_cells(X: FloatArray, *, filled: bool) -> None:
    """Refuse gaps that no step fills."""
    missing = int(np.isnan(X).sum())
    if missing and not filled:
        raise InvalidInputError(
            f"X holds {missing} missing cell{'s' * (missing > 1)} that no step fills. Add "
            "MedianFill() to the steps, or fill them before."
        )


def _require_classes(plan: FitPlan, weight: FloatArray) -> None:
    """Refuse weights and targets that no logistic regression can learn from."""
    impossible = ~(np.isfinite(weight) & (weight >= 0)).all(axis=1)
    for fit in np.flatnonzero(impossible)[:1]:
        raise InvalidInputError(
            f"{plan.describe(fit)}: its sample weights go from {weight[fit].min():g} to "
            f"{weight[fit].max():g}. They must be finite and not below 0."
        )
    learned = weight > 0
    case, control = (learned & (plan.target == label) for label in (1, 0))
    other = learned & ~case & ~control
    for fit in np.flatnonzero(other.any(axis=1))[:1]:
        value = plan.target_of(fit)[other[fit]][0]
        raise InvalidInputError(
            f"{plan.describe(fit)}: a target is {value:g}. Classes are 0 and 1."
        )
    for fit in np.flatnonzero(~(case.any(axis=1) & control.any(axis=1)))[:1]:
        raise InvalidInputError(
            f"{plan.describe(fit)}: its training rows are all of one class. Use stratified "
            "folds, or fewer of them."
        )
