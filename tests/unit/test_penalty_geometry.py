"""The L1 optimum sits on a corner of its diamond, the L2 optimum on its circle."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit

from foldwise.evaluation.penalty_geometry import PenaltyGeometry, penalty_geometry


def drawn_pair(slopes: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """40 rows of two correlated, standardised features, and overlapping classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    X[:, 1] += 0.4 * X[:, 0]
    y = (rng.random(40) < expit(X @ np.array(slopes) + 0.5)).astype(float)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def mean_loss(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """Mean logistic loss at ``w``; the best intercept is where the mean residual is zero."""
    linear = X @ w
    reach = np.abs(linear).max() + 50
    intercept = brentq(lambda b: (expit(linear + b) - y).mean(), -reach, reach, xtol=1e-12)
    return float(np.logaddexp(0, np.where(y == 1, -1, 1) * (linear + intercept)).mean())


@pytest.fixture(scope="module", params=["first-feature", "second-feature", "negative"])
def solved(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, PenaltyGeometry]:
    slopes = {"first-feature": (1.5, 0.5), "second-feature": (0.3, 1.5), "negative": (-1.5, 0.3)}
    X, y = drawn_pair(slopes[request.param])
    return X, y, penalty_geometry(X, y)


Solved = tuple[np.ndarray, np.ndarray, PenaltyGeometry]


def test_the_l1_optimum_lies_on_a_corner_of_its_diamond(solved: Solved) -> None:
    _, _, geometry = solved
    assert sum(w == 0.0 for w in geometry.l1) == 1
    assert sum(abs(w) for w in geometry.l1) == geometry.radius > 0


def test_no_point_of_the_diamond_has_a_lower_loss_than_the_l1_optimum(solved: Solved) -> None:
    X, y, geometry = solved
    across = np.linspace(-1, 1, 41) * geometry.radius
    diamond = [
        np.array([w1, w2]) for w1 in across for w2 in across if abs(w1) + abs(w2) <= geometry.radius
    ]
    lowest = min(mean_loss(X, y, w) for w in diamond)
    # The solver stops at a gradient of 1e-5; the loss is flat to second order there.
    assert mean_loss(X, y, np.array(geometry.l1)) <= lowest + 1e-6


def test_a_slightly_weaker_l1_penalty_lets_the_other_feature_in(solved: Solved) -> None:
    X, y, geometry = solved
    at_l1 = np.array(geometry.l1)
    slopes = [
        (mean_loss(X, y, at_l1 + step) - mean_loss(X, y, at_l1 - step)) / 2e-4
        for step in 1e-4 * np.eye(2)
    ]
    moved, idle = np.abs(slopes)[np.argsort(at_l1 == 0)]
    # A feature enters when its slope reaches the penalty, which is the slope of the one
    # that is in. The path of penalties has steps of 12 %.
    assert 0.85 < idle / moved < 1.0


def test_the_l2_optimum_lies_on_the_circle_of_the_same_radius(solved: Solved) -> None:
    _, _, geometry = solved
    # The ridge solver's gradient of 1e-4 moves the length in the fifth digit at most.
    assert np.hypot(*geometry.l2) == pytest.approx(geometry.radius, rel=1e-4)


def test_no_point_of_the_circle_has_a_lower_loss_than_the_l2_optimum(solved: Solved) -> None:
    X, y, geometry = solved
    angles = np.linspace(0, 2 * np.pi, 721)
    circle = geometry.radius * np.column_stack([np.cos(angles), np.sin(angles)])
    lowest = min(mean_loss(X, y, w) for w in circle)
    # The solver stops at a gradient of 1e-4; along the circle the loss is flat there.
    assert mean_loss(X, y, np.array(geometry.l2)) <= lowest + 1e-6


def test_the_free_optimum_has_the_lowest_loss_of_the_plane(solved: Solved) -> None:
    X, y, geometry = solved
    free = np.array(geometry.free)
    assert mean_loss(X, y, free) <= geometry.loss.min()
    assert np.abs(free).max() < geometry.w1[-1]


def test_the_plane_holds_the_loss_at_w1_by_row_and_w2_by_column(solved: Solved) -> None:
    X, y, geometry = solved
    for i, j in [(0, 0), (0, 60), (60, 0), (30, 30), (11, 47), (52, 20)]:
        expected = mean_loss(X, y, np.array([geometry.w1[i], geometry.w2[j]]))
        # Both find the intercept to rounding.
        assert geometry.loss[i, j] == pytest.approx(expected, abs=1e-10)


def like_pair(seed: int, slope: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two features of similar strength."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = (rng.random(n) < expit(X @ np.array([slope, 0.8 * slope]))).astype(float)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


@pytest.mark.parametrize("seed", [2, 34, 36])
def test_two_nearly_equal_features_still_have_a_corner(seed: int) -> None:
    geometry = penalty_geometry(*like_pair(seed, 1.0, 100))
    assert sum(w == 0 for w in geometry.l1) == 1


def test_the_plane_of_separated_classes_holds_no_loss_above_that_of_intercept_zero() -> None:
    with np.errstate(over="ignore"):
        X, y = like_pair(0, 1000.0, 40)
    geometry = penalty_geometry(X, y)
    sign = np.where(y == 1, 1, -1)
    for i, j in np.ndindex(61, 61):
        linear = X @ np.array([geometry.w1[i], geometry.w2[j]])
        without = np.logaddexp(0, -sign * linear).mean()
        assert geometry.loss[i, j] <= without + 1e-9
