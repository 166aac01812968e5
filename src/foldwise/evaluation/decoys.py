"""Decoys: columns that are noise by construction, to see how much noise is selected."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from foldwise.arrays import BoolArray, FloatArray
from foldwise.errors import InvalidInputError
from foldwise.evaluation.seeds import child_seed

__all__ = ["DecoyPanel", "decoy_panel", "with_decoys"]

_ROUND = 1e-9


def with_decoys(
    X: Float[np.ndarray, "sample feature"],
    *,
    groups: Shaped[np.ndarray, " sample"] | None = None,
    seed: int = 0,
) -> Float[np.ndarray, "sample column"]:
    """Return X with one permuted copy of every column behind it.

    Each column is permuted on its own: a decoy keeps the values and the gaps of its feature
    and loses every tie with labels and with other columns, so decoys do not correlate as the
    features do.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
    groups : array of shape (n_samples,), optional
        Subjects: the rows of one are exchanged with those of another that has as many, in a
        random order, so that a decoy keeps the likeness of the rows of a subject and no tie
        with labels that differ within subjects. A subject whose number of rows no other has
        keeps its values, in a random order.
    seed : int
        The run's seed.

    Returns
    -------
    float array of shape (n_samples, 2 * n_features)

    Examples
    --------
    >>> with_decoys(np.arange(4.0)[:, None]).shape
    (4, 2)
    """
    rng = np.random.default_rng(child_seed(seed, "decoys"))
    subject = np.arange(len(X)) if groups is None else np.unique(groups, return_inverse=True)[1]
    size = np.bincount(subject)
    rows = np.argsort(subject, kind="stable")
    decoys = X.copy()
    for n_rows in np.unique(size):
        blocks = rows[size[subject[rows]] == n_rows].reshape(-1, n_rows)  # (subject, row)
        for column in range(X.shape[1]):
            source = blocks[rng.permutation(len(blocks))]
            if n_rows > 1:  # as case and control of a pair may always come in one order
                source = rng.permuted(source, axis=1)
            decoys[blocks, column] = X[source, column]
    return np.hstack([X, decoys])


@dataclass(frozen=True, eq=False)
class DecoyPanel:
    """The panel whose estimated share of false features is smallest.

    Parameters
    ----------
    panel : bool array of shape (n_features,)
        Features selected at least as often as ``threshold``.
    threshold : float or None
        Share of half-samples; None if no feature reaches the lowest threshold tried.
    fdp : float or None
        FDP+ there. As the smallest over all thresholds it is on the low side.
    thresholds, fdps : float arrays of shape (n_thresholds,)
        FDP+ at every frequency that a feature has, from the lowest allowed on, ascending.
    floor : float or None
        1 / size of the panel: FDP+ cannot fall below it, however good the features are.
    """

    panel: BoolArray
    threshold: float | None
    fdp: float | None
    thresholds: FloatArray
    fdps: FloatArray
    floor: float | None


def decoy_panel(
    frequency: Float[np.ndarray, " column"], n_decoys: int, *, lowest: float = 0.5
) -> DecoyPanel:
    r"""Return the threshold that minimises FDP+, and its panel.

    .. math:: \mathrm{FDP}_+(t) = \frac{p}{p_0}
              \frac{1 + \#\{\text{decoys with frequency} \ge t\}}
                   {\#\{\text{features with frequency} \ge t\}}

    with p features and p_0 decoys. It stands for the share of false features if noise
    features are selected as often as decoys. Real noise correlates with real markers, decoys
    do not: FDP+ then is too low. Of equal values the lowest threshold is taken.

    Parameters
    ----------
    frequency : float array of shape (n_features + n_decoys,)
        As stability selection gives it for `with_decoys`: decoys last.
    n_decoys : int
        How many of them are decoys.
    lowest : float, default=0.5
        Thresholds below it are not tried. Where only q features enter, hardly any decoy is
        selected beside strong markers: FDP+ would go on falling as ever rarer features join.

    Raises
    ------
    InvalidInputError
        If not both features and decoys are there.

    References
    ----------
    .. [1] Hedou et al. (2024), Nat. Biotechnol. 42, 1581 (Stabl). There a frequency is the
       largest along a grid of penalties; here it is that among the first q to enter.

    Examples
    --------
    >>> found = decoy_panel(np.array([0.9, 0.8, 0.1, 0.2, 0.0, 0.1]), 3)
    >>> found.threshold, found.fdp, found.panel.tolist()
    (0.8, 0.5, [True, True, False])
    """
    n_features = len(frequency) - n_decoys
    if n_decoys < 1 or n_features < 1:
        raise InvalidInputError(
            f"{len(frequency)} columns with {n_decoys} decoys leave {n_features} features. Give "
            "the frequencies of features and decoys, decoys last."
        )
    features, decoys = frequency[:n_features], frequency[n_features:]
    thresholds = np.unique(features[(features > 0) & (features >= lowest - _ROUND)])
    if not len(thresholds):
        none = np.zeros(n_features, bool)
        return DecoyPanel(none, None, None, thresholds, thresholds, None)
    reached = (features >= thresholds[:, None]).sum(axis=1)
    false = 1 + (decoys >= thresholds[:, None]).sum(axis=1)
    fdps = n_features / n_decoys * false / reached
    best = int(np.argmin(fdps))
    return DecoyPanel(
        features >= thresholds[best],
        float(thresholds[best]),
        float(fdps[best]),
        thresholds,
        fdps,
        n_features / n_decoys / float(reached[best]),
    )
