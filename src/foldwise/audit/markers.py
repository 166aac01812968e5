"""Single columns that give the class away, against what the best of many does by chance."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from foldwise.arrays import FloatArray
from foldwise.audit.findings import Finding
from foldwise.errors import first_few
from foldwise.evaluation.seeds import child_seed

__all__ = ["check_single_columns", "column_p_values", "present_aucs"]

_NEARLY_PERFECT = 0.95
_P = 0.01
_N_PERMUTATIONS = 199


def check_single_columns(
    X: Float[np.ndarray, "sample feature"],
    y: Float[np.ndarray, " sample"],
    names: Sequence[str],
    classes: tuple[str, str],
) -> list[Finding]:
    """Return a finding if a single column separates the classes nearly perfectly.

    Among a thousand columns of noise one often separates six from six; so the best column is
    compared with the best column under permuted labels. It weakens the claim and never stops
    it: a true marker may do the same.

    Examples
    --------
    >>> X, y = np.random.default_rng(0).normal(size=(40, 6)), np.repeat([0.0, 1.0], 20)
    >>> X[:, 3] += 5 * y
    >>> found = check_single_columns(X, y, list("abcdef"), ("no", "yes"))
    >>> [(one.severity, one.columns) for one in found]
    [('weakens', ('d',))]
    """
    aucs = present_aucs(X, y)
    strength = np.maximum(aucs, 1 - aucs)
    if not (strength >= _NEARLY_PERFECT).any():
        return []
    p_values = column_p_values(X, y)
    near = np.flatnonzero((strength >= _NEARLY_PERFECT) & (p_values <= _P))
    if not len(near):
        return []
    near = near[np.argsort(-strength[near], kind="stable")]
    listed = tuple(names[column] for column in near.tolist())
    best = near[0]
    return [
        Finding(
            "single-column",
            "weakens",
            f"{len(near)} of {X.shape[1]} columns separate '{classes[0]}' from '{classes[1]}' by "
            f"themselves with AUC {_NEARLY_PERFECT} or more: {first_few(listed)}; the best reaches "
            f"{strength[best]:.3f}. Under {_N_PERMUTATIONS} permutations of the labels the best "
            f"of all columns is as good with p = {p_values[best]:.3f}.",
            "Check how this column was made: a drug, a diet, a tube or a step that knew "
            "the class does this more often than a disease. Report the model without it as well.",
            columns=listed,
        )
    ]


def present_aucs(
    X: Float[np.ndarray, "sample feature"], y: Float[np.ndarray, " sample"]
) -> FloatArray:
    """Return the AUC of each column over the rows where it has a value; 0.5 without both classes.

    Examples
    --------
    >>> X = np.array([[1.0, 3.0], [2.0, np.nan], [3.0, 1.0], [np.nan, 2.0]])
    >>> present_aucs(X, np.array([0.0, 0.0, 1.0, 1.0]))
    array([1., 0.])
    """
    present = ~np.isnan(X)
    ranks = np.where(present, rankdata(np.where(present, X, np.inf), axis=0), 0.0)
    n_cases = present[y == 1].sum(axis=0)
    n_controls = present[y == 0].sum(axis=0)
    wins = ranks[y == 1].sum(axis=0) - n_cases * (n_cases + 1) / 2
    pairs = n_cases * n_controls
    return np.asarray(np.where(pairs > 0, wins / np.maximum(pairs, 1), 0.5))


def column_p_values(
    X: Float[np.ndarray, "sample feature"], y: Float[np.ndarray, " sample"]
) -> FloatArray:
    """Return how often the best column under permuted labels is as good as each column.

    Goodness is the rank sum of the cases in standard deviations of its null, so that columns with
    few values do not count as perfect; (c + 1) / (n + 1) over 199 permutations.

    References
    ----------
    .. [1] Westfall & Young (1993), Resampling-Based Multiple Testing, section 2.5: the
       distribution of the maximum over tests under permutation.
    """
    present = ~np.isnan(X)
    ranks = rankdata(np.where(present, X, np.inf), axis=0)
    middle = (present.sum(axis=0) + 1) / 2
    centred = np.where(present, ranks - middle, 0.0)
    size = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(size > 0, size, 1.0)
    rng = np.random.default_rng(child_seed(0, "best column"))
    labels = np.stack([y, *(rng.permutation(y) for _ in range(_N_PERMUTATIONS))])
    # A missing cell adds nothing, so labels are centred over all rows. (permutation, feature)
    goodness = np.abs((labels - y.mean()) @ unit)
    best = goodness[1:].max(axis=1)
    as_good = (best[:, None] >= goodness[0] - 1e-9).sum(axis=0)
    return np.asarray((as_good + 1) / (_N_PERMUTATIONS + 1))
