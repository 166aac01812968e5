"""Clusters of interchangeable features: correlated within the classes."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from foldwise.arrays import FloatArray, IntArray
from foldwise.errors import InvalidInputError

__all__ = ["cluster_frequency", "feature_clusters", "within_class_correlation"]

_MOST_FEATURES = 10_000  # two square matrices of 0.8 GB each


def feature_clusters(
    X: Float[np.ndarray, "sample feature"],
    classes: Float[np.ndarray, " sample"],
    *,
    threshold: float = 0.8,
) -> Int[np.ndarray, " feature"]:
    """Return the cluster of each feature, from 0 in order of each cluster's first feature.

    Average linkage on one minus the absolute correlation within classes: two clusters are
    joined while the mean |r| over their pairs of features is at least ``threshold``. Single
    pairs of a cluster may lie below it. Signs are ignored: features that mirror one another
    carry the same information.

    This is a description of the table. Nothing of it enters a fit.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        NaN where missing: filled with the median of the class.
    classes : float array of shape (n_samples,)
        The class of each sample. Correlation within the classes is what counts: any two
        markers of a disease correlate over both classes.
    threshold : float, default=0.8
        Mean |r|, above 0 and at most 1.

    Returns
    -------
    int array of shape (n_features,)
        Features of one number are interchangeable. A feature that is constant within the
        classes stands alone.

    Raises
    ------
    InvalidInputError
        If there are more than 10,000 features (memory grows with their square: 16 bytes
        times it, 0.4 GB for 5000), the threshold is out of range, or no class has two rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 40))
    >>> X = np.stack([a, b, -a + 0.1 * rng.normal(size=40)], axis=1)
    >>> feature_clusters(X, np.tile([0.0, 1.0], 20))
    array([0, 1, 0])
    """
    if not 0 < threshold <= 1:
        raise InvalidInputError(
            f"The threshold of clusters is {threshold:g}. It is a correlation: above 0, at most 1."
        )
    n_features = X.shape[1]
    if n_features > _MOST_FEATURES:
        raise InvalidInputError(
            f"Clusters of {n_features} features would need {16e-9 * n_features**2:.1f} GB; the "
            f"limit is {_MOST_FEATURES} features. Leave out rarely measured features first."
        )
    if n_features < 2:
        return np.zeros(n_features, np.int64)
    distance = 1 - np.abs(within_class_correlation(X, classes))
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(np.clip(distance, 0, 1), checks=False), "average")
    # Rounding must not part features whose |r| equals the threshold.
    found = fcluster(tree, 1 - threshold + 1e-9, criterion="distance")
    return _by_first_member(found)


def within_class_correlation(
    X: Float[np.ndarray, "sample feature"], classes: Float[np.ndarray, " sample"]
) -> Float[np.ndarray, "feature feature"]:
    """Return the correlation of features once the mean of each class is taken off.

    Missing cells hold the median of their class. A feature that is constant within every
    class has correlation 0 with all others.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0], [10.0, 1.0], [11.0, 0.0]])
    >>> within_class_correlation(X, np.array([0.0, 0.0, 1.0, 1.0])).round(3)
    array([[1., 0.],
           [0., 1.]])
    """
    labels, counts = np.unique(classes, return_counts=True)
    if counts.max(initial=0) < 2:
        raise InvalidInputError("Correlation within classes needs a class of at least two rows.")
    rest = np.zeros_like(X)
    for label in labels:
        own = classes == label
        filled = _filled(X[own])
        middle = filled.mean(axis=0)
        # A mean of equal values may differ from them in the last bit.
        rest[own] = np.where((filled == filled[0]).all(axis=0), 0.0, filled - middle)
    length = np.sqrt((rest**2).sum(axis=0))
    unit = rest / np.where(length > 0, length, 1.0)
    return np.asarray(unit.T @ unit)


def _filled(X: FloatArray) -> FloatArray:
    """Return the rows of one class with medians in their gaps; 0 where no value exists."""
    gaps = np.isnan(X)
    if not gaps.any():
        return X
    empty = gaps.all(axis=0)
    medians = np.zeros(X.shape[1])
    medians[~empty] = np.nanmedian(X[:, ~empty], axis=0)
    return np.where(gaps, medians, X)


def _by_first_member(found: np.ndarray) -> IntArray:
    """Return the same clusters, numbered in order of their first feature."""
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return np.asarray(number[inverse])


def cluster_frequency(
    selected: Bool[np.ndarray, "resample feature"], cluster: Int[np.ndarray, " feature"]
) -> Float[np.ndarray, " cluster"]:
    """Return how often at least one member of each cluster is selected.

    Correlated features split the votes: each may be selected rarely while one of them nearly
    always is.

    Parameters
    ----------
    selected : bool array of shape (n_resamples, n_features)
        As of stability selection.
    cluster : int array of shape (n_features,)
        As from `feature_clusters`.

    Returns
    -------
    float array of shape (n_clusters,)
        Share of resamples.

    Examples
    --------
    >>> selected = np.array([[True, False, False], [False, True, False]])
    >>> cluster_frequency(selected, np.array([0, 0, 1]))
    array([1., 0.])
    """
    any_member = [selected[:, cluster == one].any(axis=1) for one in range(int(cluster.max()) + 1)]
    return np.asarray(np.mean(any_member, axis=1))
