"""Stability selection: which features enter first, on half-sample after half-sample."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from foldwise.arrays import BoolArray, FloatArray, IntArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.half_samples import complementary_pairs
from foldwise.evaluation.penalty_path import path_plan, strongest_penalty
from foldwise.evaluation.questions import Question
from foldwise.evaluation.selection_bounds import SelectionDesign

__all__ = ["StabilitySelection", "ask_stability_selection"]

_REACH = 30.0  # the last penalty of a stretch is this much weaker than its first
_STRETCHES = 3  # beyond 27,000 no further feature is waited for
_MOST_COEFFICIENTS = 30_000_000  # of one plan: 240 MB
_ROUND = 1e-9


@dataclass(frozen=True, eq=False)
class StabilitySelection:
    """Which features each half-sample selected, and in which order they entered.

    Parameters
    ----------
    design : SelectionDesign
        q, threshold and the bound between them.
    rank : int array of shape (n_resamples, n_features)
        0 for the first feature to enter the path of a half-sample, up to q - 1; -1 for a
        feature that is not among its first q. Rows 2i and 2i + 1 are complementary.
    path : float array of shape (n_penalties, n_features)
        Share of half-samples in which a feature is among the first q and has entered at this
        penalty. Its last row is `frequency`.
    penalties : float array of shape (n_penalties,)
        C of each row of ``path``, from the strongest penalty on.
    """

    design: SelectionDesign
    rank: IntArray
    path: FloatArray
    penalties: FloatArray

    @property
    def selected(self) -> BoolArray:
        """Whether a half-sample selected a feature, shape (n_resamples, n_features)."""
        return np.asarray(self.rank >= 0)

    @property
    def frequency(self) -> FloatArray:
        """Share of half-samples that selected each feature, shape (n_features,)."""
        return np.asarray(self.selected.mean(axis=0))

    @property
    def panel(self) -> BoolArray:
        """Whether a feature reaches the threshold, shape (n_features,)."""
        return np.asarray(self.frequency >= self.design.threshold - _ROUND)

    def frequency_among_first(self, n_entered: int) -> FloatArray:
        """Return the share of half-samples with a feature among the first to enter."""
        return np.asarray((self.selected & (self.rank < n_entered)).mean(axis=0))


def ask_stability_selection(
    target: Float[np.ndarray, " sample"],
    design: SelectionDesign,
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    n_penalties: int = 64,
    seed: int = 0,
) -> Question[StabilitySelection]:
    """Ask which q features enter an L1 logistic path first, on complementary half-samples.

    The path of each half-sample is followed over a geometric grid of penalties. Features that
    enter between the same two penalties are ordered by the size of their coefficient at the
    weaker one, in units of the standardised features. A feature that leaves the path again has
    entered all the same. Each half-sample selects exactly q.

    One plan holds all half-samples and penalties, from the strongest that can be to one 30
    times as weak. Half-samples that have not let in q features there are followed on in
    another plan, and tables of very many features are cut into several (240 MB each).

    Run it with a `LogisticLearner` whose last step standardises, and
    ``keep=("parameters",)``.

    Parameters
    ----------
    target : float array of shape (n_samples,)
        Labels 0/1.
    design : SelectionDesign
        As from `solve_selection`; its ``n_features`` are the columns of X.
    groups : array of shape (n_samples,), optional
        Subjects: their rows go into the same half-sample.
    n_penalties : int, default=64
        Penalties of a plan.
    seed : int
        The run's seed.

    Raises
    ------
    InvalidInputError
        If X has another number of columns than the design, more than q features enter at the
        strongest penalty (X is not standardised), or a half-sample never lets in q features.

    References
    ----------
    .. [1] Meinshausen & Buhlmann (2010), J. R. Stat. Soc. B 72, 417.
    .. [2] Shah & Samworth (2013), J. R. Stat. Soc. B 75, 55.
    """
    halves = complementary_pairs(target, n_pairs=design.n_pairs, groups=groups, seed=seed)
    # One more penalty than steps: each stretch begins where the one before ended.
    grid = strongest_penalty(halves, target) * np.geomspace(
        1.0, _REACH**_STRETCHES, _STRETCHES * (n_penalties - 1) + 1
    )
    entries = _Entries.none(len(halves), design.n_features)
    size = max(1, _MOST_COEFFICIENTS // (n_penalties * design.n_features))
    n_followed = 0
    for stretch in range(_STRETCHES):
        waiting = np.flatnonzero(entries.counts < design.q)
        for resamples in np.split(waiting, range(size, len(waiting), size)):
            if not len(resamples):
                continue
            places = stretch * (n_penalties - 1) + np.arange(n_penalties)
            batch = yield path_plan(halves[resamples], target, grid[places])
            entries.add(resamples, places, batch.stacked("coef"))
            n_followed = places[-1] + 1
        if stretch == 0:
            _require_empty_start(entries, design.q)
    return _selection(design, entries, grid[:n_followed])


@dataclass(frozen=True, eq=False)
class _Entries:
    """Where each feature entered the path of each half-sample, and how large it was there."""

    place: IntArray  # (resample, feature), -1 where it has not
    size: FloatArray  # (resample, feature)

    @classmethod
    def none(cls, n_resamples: int, n_features: int) -> "_Entries":
        shape = n_resamples, n_features
        return cls(np.full(shape, -1), np.zeros(shape))

    @property
    def counts(self) -> IntArray:
        """Features that have entered, shape (n_resamples,)."""
        return np.asarray((self.place >= 0).sum(axis=1))

    def add(self, resamples: IntArray, places: IntArray, coef: FloatArray) -> None:
        """Note what enters along ``coef`` (resample * penalty, feature)."""
        if coef.shape[1] != self.place.shape[1]:
            raise InvalidInputError(
                f"X has {coef.shape[1]} columns and the design of the selection "
                f"{self.place.shape[1]}. Solve the design for the columns of X."
            )
        along = np.abs(coef).reshape(len(resamples), len(places), -1)
        enters = along > 0
        first = enters.argmax(axis=1)  # (resample, feature)
        new = enters.any(axis=1) & (self.place[resamples] < 0)
        sizes = np.take_along_axis(along, first[:, None], axis=1)[:, 0]
        self.place[resamples] = np.where(new, places[first], self.place[resamples])
        self.size[resamples] = np.where(new, sizes, self.size[resamples])


def _require_empty_start(entries: _Entries, q: int) -> None:
    crowded = (entries.place == 0).sum(axis=1)
    if crowded.max() > q:
        raise InvalidInputError(
            f"{crowded.max()} features enter at the strongest penalty, more than q = {q}: their "
            "order is not seen. Standardise X as the last step of the learner."
        )


def _selection(
    design: SelectionDesign, entries: _Entries, penalties: FloatArray
) -> StabilitySelection:
    short = np.flatnonzero(entries.counts < design.q)
    if len(short):
        raise InvalidInputError(
            f"{len(short)} of {len(entries.counts)} half-samples let in fewer than q = {design.q} "
            f"features, the least {entries.counts.min()}. Select fewer features."
        )
    absent = entries.place < 0
    late = np.where(absent, len(penalties), entries.place)
    # The last key counts first: by penalty, then the larger coefficient, then by column.
    order = np.lexsort((-entries.size, late), axis=1)
    rank = np.full(late.shape, -1)
    first = order[:, : design.q]
    np.put_along_axis(rank, first, np.arange(design.q)[None].repeat(len(rank), 0), axis=1)
    chosen = np.where(rank >= 0, late, len(penalties))
    path = np.stack([(chosen <= place).mean(axis=0) for place in range(len(penalties))])
    return StabilitySelection(design, rank, path, penalties)
