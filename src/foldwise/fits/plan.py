"""FitPlan: what each fit of a batch sees."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.errors import InvalidInputError, first_few

__all__ = ["FitPlan"]

Setting = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class FitPlan:
    """Masks, targets, settings and seeds of a batch of fits.

    Parameters
    ----------
    train : bool array of shape (n_fits, n_samples)
        Rows a fit learns from, preprocessing included.
    score : bool array of shape (n_fits, n_samples)
        Rows a fit is asked to predict. A prediction exists nowhere else.
    target : float array of shape (n_samples,) or (n_fits, n_samples)
        What is predicted; one row per fit where targets differ (permutations).
    monitor : bool array of shape (n_fits, n_samples), optional
        Rows whose loss is watched while training and never learned from.
    weight : float array of shape (n_fits, n_samples), optional
        Sample weights, 1 where absent.
    settings : sequence of mappings, default=({},)
        Distinct hyperparameter settings of the batch.
    setting : int array of shape (n_fits,), optional
        Position in ``settings`` of each fit; 0 where absent.
    seed : int array of shape (n_fits,), optional
        Seed of initial weights, row order and random estimators; 0 where absent.
    members : mapping of str to int array of shape (n_fits,)
        What each fit is: its fold, repeat, permutation, resample.
    follows : int array of shape (n_fits,), optional
        Position of the fit whose solution is the starting point, or -1.
    number : int array of shape (n_fits,), optional
        What messages call each fit: its position, which slices of the plan keep.

    Raises
    ------
    InvalidInputError
        If shapes disagree, a fit has no training row, or a row is both learned
        from and monitored.

    Examples
    --------
    >>> folds = np.array([0, 0, 1, 1])
    >>> test = folds == np.arange(2)[:, None]
    >>> plan = FitPlan(~test, test, target=np.arange(4.0), members={"fold": np.arange(2)})
    >>> plan.n_fits, plan.n_samples, plan[1:].describe(0)
    (2, 4, 'fit 1 (fold 1)')
    """

    train: Bool[np.ndarray, "fit sample"]
    score: Bool[np.ndarray, "fit sample"]
    target: Float[np.ndarray, " sample"] | Float[np.ndarray, "fit sample"]
    monitor: Bool[np.ndarray, "fit sample"] | None = None
    weight: Float[np.ndarray, "fit sample"] | None = None
    settings: Sequence[Setting] = ({},)
    setting: Int[np.ndarray, " fit"] = field(default_factory=lambda: np.zeros(0, np.int64))
    seed: Int[np.ndarray, " fit"] = field(default_factory=lambda: np.zeros(0, np.int64))
    members: Mapping[str, Int[np.ndarray, " fit"]] = field(default_factory=dict)
    follows: Int[np.ndarray, " fit"] | None = None
    number: Int[np.ndarray, " fit"] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        if not len(self.number):
            object.__setattr__(self, "number", np.arange(len(self.train)))
        for name in ("setting", "seed"):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.zeros(len(self.train), np.int64))
        object.__setattr__(self, "settings", tuple(dict(one) for one in self.settings))
        _require_shapes(self)
        _require_rows(self)

    @property
    def n_fits(self) -> int:
        """Number of fits in the batch."""
        return len(self.train)

    @property
    def n_samples(self) -> int:
        """Number of rows every fit's masks speak of."""
        return int(self.train.shape[1])

    def __getitem__(self, fits: slice | IntArray) -> "FitPlan":
        """Return the plan of some of the fits; a chain of ``follows`` must stay whole."""
        chosen = np.arange(self.n_fits)[fits]
        return FitPlan(
            train=self.train[chosen],
            score=self.score[chosen],
            target=self.target if self.target.ndim == 1 else self.target[chosen],
            monitor=None if self.monitor is None else self.monitor[chosen],
            weight=None if self.weight is None else self.weight[chosen],
            settings=self.settings,
            setting=self.setting[chosen],
            seed=self.seed[chosen],
            members={name: column[chosen] for name, column in self.members.items()},
            follows=None if self.follows is None else _renumbered(self.follows, chosen),
            number=self.number[chosen],
        )

    def target_of(self, fit: int) -> FloatArray:
        """Return the target of one fit, shape (n_samples,)."""
        return self.target if self.target.ndim == 1 else self.target[fit]

    def monitor_of(self, fit: int) -> BoolArray:
        """Return the monitored rows of one fit, shape (n_samples,)."""
        return np.zeros(self.n_samples, bool) if self.monitor is None else self.monitor[fit]

    def setting_of(self, fit: int) -> Setting:
        """Return the hyperparameters of one fit."""
        return self.settings[int(self.setting[fit])]

    def describe(self, fit: int) -> str:
        """Return how messages name a fit: its number, setting and members."""
        parts = [f"{name}={value}" for name, value in self.setting_of(fit).items()]
        parts += [f"{name} {column[fit]}" for name, column in self.members.items()]
        name = f"fit {self.number[fit]}"
        return f"{name} ({', '.join(parts)})" if parts else name

    def fingerprint(self) -> str:
        """Return a SHA-256 of everything the fits depend on."""
        digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True, default=str).encode())
        columns = [self.train, self.score, self.target, self.monitor, self.weight]
        columns += [self.setting, self.seed, self.follows]
        for column in columns:
            digest.update(b"-" if column is None else repr((column.shape, column.dtype)).encode())
            digest.update(b"" if column is None else np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


def _require_shapes(plan: FitPlan) -> None:
    """Refuse arrays that would broadcast where they should be equal."""
    both = plan.train.shape
    expected: dict[str, tuple[tuple[int, ...], ...]] = {
        "train": (both,),
        "score": (both,),
        "target": (both, both[1:]),
        "monitor": (both,),
        "weight": (both,),
        "setting": (both[:1],),
        "seed": (both[:1],),
        "follows": (both[:1],),
        "number": (both[:1],),
    }
    for name, shapes in expected.items():
        column = getattr(plan, name)
        if column is not None and column.shape not in shapes:
            raise InvalidInputError(
                f"FitPlan.{name} has shape {column.shape}; expected "
                f"{' or '.join(map(str, shapes))} from train of shape (fit, sample) = {both}."
            )
    for name, column in plan.members.items():
        if column.shape != both[:1]:
            raise InvalidInputError(
                f"FitPlan.members[{name!r}] has shape {column.shape}; expected {both[:1]}."
            )


def _require_rows(plan: FitPlan) -> None:
    """Refuse fits that cannot learn, or that watch the rows they learn from."""
    empty = np.flatnonzero(~plan.train.any(axis=1))
    if empty.size:
        raise InvalidInputError(
            f"{empty.size} of {plan.n_fits} fits have no training row: fit {first_few(empty)}."
        )
    if plan.monitor is not None:
        both = np.flatnonzero((plan.train & plan.monitor).any(axis=1))
        if both.size:
            raise InvalidInputError(
                f"{both.size} of {plan.n_fits} fits monitor rows they train on: "
                f"fit {first_few(both)}. Keep `train` and `monitor` apart."
            )


def _renumbered(follows: IntArray, chosen: IntArray) -> IntArray:
    """Return ``follows`` for the chosen fits, counted among themselves."""
    place = {int(fit): position for position, fit in enumerate(chosen)}
    cut = [int(fit) for fit in chosen if follows[fit] >= 0 and int(follows[fit]) not in place]
    if cut:
        raise InvalidInputError(
            f"Fit {first_few(cut)} starts from a fit outside the slice. Keep chains together."
        )
    return np.array([place.get(int(follows[fit]), -1) for fit in chosen], np.int64)
