"""Clusters hold features that correlate within classes, as R's hclust finds them."""

import numpy as np
import pytest

from foldwise.errors import InvalidInputError
from foldwise.evaluation.clusters import (
    cluster_frequency,
    feature_clusters,
    within_class_correlation,
)


def drawn_table() -> tuple[np.ndarray, np.ndarray]:
    """Six columns of which some repeat others; classes lie far apart in all of them."""
    X = np.sin(np.arange(1, 61) ** 1.3).reshape(6, 10).T.copy()
    rows = np.arange(1, 11)
    X[:, 3] = -2 * X[:, 0] + 0.2 * np.cos(rows)
    X[:, 5] = X[:, 1] + 0.35 * np.cos(rows**2)
    y = np.tile([0.0, 1.0], 5)
    return X + 3 * np.outer(y, np.arange(1, 7)), y


def test_correlation_within_classes_is_that_of_rs_cor_of_residuals() -> None:
    # R: for (k in 0:1) R[y == k, ] <- scale(X[y == k, ], scale = FALSE); cor(R)
    found = within_class_correlation(*drawn_table())
    assert found[0, [1, 2, 3]] == pytest.approx([-0.220721, 0.454516, -0.995618], abs=1e-6)
    assert found[1, [2, 5]] == pytest.approx([-0.827748, 0.889288], abs=1e-6)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        # R: cutree(hclust(as.dist(1 - abs(cor(R))), "average"), h = 1 - threshold) - 1;
        # heights 0.0044, 0.1107, 0.2554, 0.6514, 0.8365.
        pytest.param(0.8, [0, 1, 2, 0, 3, 1], id="default"),
        pytest.param(0.4, [0, 1, 1, 0, 2, 1], id="loose"),
        pytest.param(0.9, [0, 1, 2, 0, 3, 4], id="strict"),
    ],
)
def test_clusters_are_those_of_rs_hclust(threshold: float, expected: list[int]) -> None:
    assert feature_clusters(*drawn_table(), threshold=threshold).tolist() == expected


def test_markers_that_only_differ_between_classes_are_not_interchangeable() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0.0, 1.0], 40)
    X = rng.normal(size=(80, 3)) + 8 * y[:, None]
    assert np.corrcoef(X.T)[0, 1] > 0.9
    assert feature_clusters(X, y).tolist() == [0, 1, 2]


def test_gaps_and_constant_columns_leave_the_other_clusters_as_they_are() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0.0, 1.0], 50)
    base = rng.normal(size=(100, 2))
    X = np.column_stack([base[:, 0], base[:, 0] + 0.1 * base[:, 1], base[:, 1], np.ones(100)])
    X[::25, 1] = np.nan
    X[y == 1, 3] = np.nan
    assert feature_clusters(X, y).tolist() == [0, 0, 1, 2]


def test_a_cluster_counts_once_per_half_sample() -> None:
    selected = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]], bool)
    found = cluster_frequency(selected, np.array([0, 0, 1]))
    assert found.tolist() == [0.75, 0.0]


@pytest.mark.parametrize(
    ("X", "threshold", "message"),
    [
        pytest.param(np.zeros((4, 2)), 1.5, "threshold of clusters is 1.5", id="threshold"),
        pytest.param(np.zeros((4, 10_001)), 0.8, "would need 1.6 GB", id="memory"),
    ],
)
def test_impossible_clusters_are_refused(X: np.ndarray, threshold: float, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        feature_clusters(X, np.array([0.0, 0.0, 1.0, 1.0]), threshold=threshold)
