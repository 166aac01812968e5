"""One block of logistic fits: learn preprocessing, weigh rows, solve, chain by chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.fits.logistic import solve_split
from foldwise.fits.logistic_block import LogisticBlock
from foldwise.fits.logistic_smooth import SEPARABLE_NORM, solve_smooth
from foldwise.fits.logistic_sparse import solve_sparse
from foldwise.fits.plan import FitPlan
from foldwise.fits.preprocessing import MedianFill, Standardize, Step, apply_steps, learn_steps
from foldwise.fits.threads import one_blas_thread, one_torch_thread

__all__ = ["NOT_CONVERGED", "SEPARABLE", "LogisticSetting", "chain_places", "train_block"]

SEPARABLE = (
    "The training rows are separable: without penalty no finite optimum exists. The "
    "coefficients are those with the smallest loss among all of norm "
    f"{SEPARABLE_NORM:g} per standard deviation of the features."
)
NOT_CONVERGED = "A logistic fit stopped before it converged."

_SHARED = ((), (MedianFill,), (Standardize,), (MedianFill, Standardize))


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


def train_block(
    X: FloatArray,
    plan: FitPlan,
    settings: Sequence[LogisticSetting],
    *,
    steps: tuple[Step, ...],
    tol: float,
) -> tuple[list[dict[str, FloatArray]], tuple[tuple[int, str], ...]]:
    """Train every fit of a plan; the same at home and in a worker.

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

    Returns
    -------
    states : list of dict
        What the steps learned, ``coef`` and ``intercept``.
    notes : tuple of (int, str)
        Which fits are separable or have not converged.
    """
    block = _Block.of(X, plan, settings, steps)
    follows = np.full(plan.n_fits, -1) if plan.follows is None else plan.follows
    places = chain_places(follows)
    for place in range(places.max() + 1):
        fits = np.flatnonzero(places == place)
        with one_torch_thread():
            block.solve(fits, follows[fits], tol)
    return block.states, tuple(block.notes)


@dataclass(frozen=True, eq=False)
class _Block:
    """The fits of a block, on X or on the rows that steps of another kind leave."""

    X: FloatArray
    plan: FitPlan
    settings: Sequence[LogisticSetting]
    steps: tuple[Step, ...]
    weight: FloatArray  # (fit, sample)
    states: list[dict[str, FloatArray]]
    affine: list[tuple[FloatArray, FloatArray]]  # centre and scale beyond those of the steps
    notes: list[tuple[int, str]]

    @classmethod
    def of(
        cls,
        X: FloatArray,
        plan: FitPlan,
        settings: Sequence[LogisticSetting],
        steps: tuple[Step, ...],
    ) -> "_Block":
        """Return the block with its preprocessing learned."""
        _require_cells(X, plan, steps)
        weight = _weights(plan, settings)
        learned: dict[bytes, dict[str, FloatArray]] = {}  # fits on the same rows share it
        states, affine = [], []
        for fit, train in enumerate(plan.train):
            key = train.tobytes()
            if key not in learned:
                learned[key] = learn_steps(steps, X[train])
            states.append(dict(learned[key]))
            if np.isfinite(settings[fit].C):
                affine.append((np.zeros(X.shape[1]), np.ones(X.shape[1])))
            else:
                affine.append(_affine(apply_steps(steps, learned[key], X[train])))
        return cls(X, plan, settings, steps, weight, states, affine, [])

    def solve(self, fits: IntArray, before: IntArray, tol: float) -> None:
        """Find coefficients of some fits, starting from those of the fits before."""
        w, b = (torch.tensor(start) for start in self._starts(fits, before))
        shared = tuple(type(step) for step in self.steps) in _SHARED
        found = [w, b, torch.zeros(len(b), dtype=torch.bool), torch.zeros(len(b), dtype=torch.bool)]
        if shared:
            found = list(_solve(self._problems(fits), w, b, tol))
        # Where a column's mean is ten million times its spread, X V - c' V has no digits left.
        for column in (~found[2]).nonzero()[:, 0].tolist():
            one, fit = slice(column, column + 1), int(fits[column])
            sparse = self.settings[fit].l1_ratio > 0 and np.isfinite(self.settings[fit].C)
            alone = (
                self._split(fit, found[0][:, column], found[1][column], tol)
                if sparse
                else _solve(self._alone(fit), w[:, one], b[one], tol)
            )
            for whole, own in zip(found, alone, strict=True):
                whole[..., one] = own
        w, b, converged, separable = found
        for column, fit in enumerate(fits.tolist()):
            self._write(fit, w[:, column].numpy(), float(b[column]))
            self.notes.extend([(fit, SEPARABLE)] * bool(separable[column]))
            self.notes.extend([(fit, NOT_CONVERGED)] * (not converged[column]))

    def _starts(self, fits: IntArray, before: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return where fits start, (feature, fit) and (fit,): without penalty always at zero."""
        w, b = np.zeros((self.X.shape[1], len(fits))), np.zeros(len(fits))
        for column, (fit, previous) in enumerate(zip(fits, before, strict=True)):
            if previous >= 0 and np.isfinite(self.settings[fit].C):
                w[:, column] = self.states[previous]["coef"]
                b[column] = self.states[previous]["intercept"]
        return w, b

    def _write(self, fit: int, w: FloatArray, b: float) -> None:
        center, scale = self.affine[fit]
        coef = np.asarray(w / scale)
        self.states[fit] |= {"coef": coef, "intercept": np.asarray(b - center @ coef)}

    def _problems(self, fits: IntArray) -> LogisticBlock:
        """Return fits that share X."""
        missing = np.isnan(self.X)
        center, scale, fill = (
            torch.tensor(np.stack([self._column(name, fit) for fit in fits], 1))
            for name in ("center", "scale", "fill")
        )
        l1, l2 = self._penalties(fits)
        return LogisticBlock(
            X=torch.tensor(np.where(missing, 0.0, self.X)),
            weight=torch.tensor(self.weight[fits].T.copy()),
            y=torch.tensor(np.stack([self.plan.target_of(fit) for fit in fits], 1)),
            center=center,
            scale=scale,
            l1=l1,
            l2=l2,
            gap=torch.tensor(missing.astype(float)) if missing.any() else None,
            fill=fill if missing.any() else None,
        )

    def _column(self, name: str, fit: int) -> FloatArray:
        """Return centre, scale or fill of the steps and what is beyond them, together."""
        state, (center, scale) = self.states[fit], self.affine[fit]
        absent = np.zeros(self.X.shape[1])
        if name == "fill":
            return state.get("fill", absent)
        own = state.get("scale", absent + 1.0)
        return own * scale if name == "scale" else state.get("center", absent) + own * center

    def _alone(self, fit: int) -> LogisticBlock:
        """Return one fit on its training rows as its steps leave them."""
        train = self.plan.train[fit]
        center, scale = self.affine[fit]
        ready = (apply_steps(self.steps, self.states[fit], self.X[train]) - center) / scale
        l1, l2 = self._penalties(np.array([fit]))
        column = torch.zeros(ready.shape[1], 1, dtype=torch.float64)
        return LogisticBlock(
            X=torch.tensor(ready),
            weight=torch.tensor(self.weight[fit, train])[:, None],
            y=torch.tensor(self.plan.target_of(fit)[train])[:, None],
            center=column,
            scale=column + 1,
            l1=l1,
            l2=l2,
        )

    def _split(
        self, fit: int, w: torch.Tensor, b: torch.Tensor, tol: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Solve one fit with an L1 part by other means: weak ones take too many proximal steps."""
        alone, setting = self._alone(fit), self.settings[fit]
        with one_blas_thread():
            coef, intercept, _, converged = solve_split(
                alone.X.numpy(),
                alone.y[:, 0].numpy(),
                alone.weight[:, 0].numpy(),
                C=setting.C,
                l1_ratio=setting.l1_ratio,
                tol=tol,
                start=(w.numpy(), float(b)),
            )
        never = torch.tensor([False])
        return torch.tensor(coef)[:, None], torch.tensor([intercept]), never | converged, never

    def _penalties(self, fits: IntArray) -> tuple[torch.Tensor, torch.Tensor]:
        C = torch.tensor([self.settings[fit].C for fit in fits], dtype=torch.float64)
        share = torch.tensor([self.settings[fit].l1_ratio for fit in fits], dtype=torch.float64)
        return share / C, (1 - share) / C


def _affine(ready: FloatArray) -> tuple[FloatArray, FloatArray]:
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
    for fit, setting in enumerate(settings):
        y, own = plan.target_of(fit), weight[fit]
        _require_classes(y, own, plan.describe(fit))
        weight[fit] = own * setting.factors(y, own)
    return weight


def _require_cells(X: FloatArray, plan: FitPlan, steps: tuple[Step, ...]) -> None:
    """Refuse gaps that no step fills."""
    missing = int(np.isnan(X[(plan.train | plan.score).any(axis=0)]).sum())
    if missing and not any(step.kind == "fill" for step in steps):
        raise InvalidInputError(
            f"X holds {missing} missing cell{'s' * (missing > 1)} that no step fills. Add "
            "MedianFill() to the steps, or fill them before."
        )


def _require_classes(y: FloatArray, weight: FloatArray, fit: str) -> None:
    """Refuse weights and targets that no logistic regression can learn from."""
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise InvalidInputError(
            f"{fit}: its sample weights go from {weight.min():g} to {weight.max():g}. They must "
            "be finite and not below 0."
        )
    learned = y[weight > 0]
    case = learned == 1
    if not (case | (learned == 0)).all():
        other = learned[~(case | (learned == 0))][0]
        raise InvalidInputError(f"{fit}: a target is {other:g}. Classes are 0 and 1.")
    if case.all() or not case.any():
        raise InvalidInputError(
            f"{fit}: its training rows are all of one class. Use stratified folds, or fewer of "
            "them."
        )


def _solve(
    block: LogisticBlock, w: torch.Tensor, b: torch.Tensor, tol: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return w, b, who converged and who is separable; fits with an L1 part go their own way."""
    w, b = w.clone(), b.clone()
    converged = torch.zeros(len(b), dtype=torch.bool)
    separable = converged.clone()
    sparse = block.l1 > 0
    fits = sparse.nonzero()[:, 0]
    if len(fits):
        w[:, fits], b[fits], converged[fits] = solve_sparse(
            block.take(fits), w[:, fits], b[fits], tol=tol
        )
    fits = (~sparse).nonzero()[:, 0]
    if len(fits):
        w[:, fits], b[fits], converged[fits], separable[fits] = solve_smooth(
            block.take(fits), w[:, fits], b[fits], tol=tol
        )
    return w, b, converged, separable
