"""The stability index and its interval are those of Nogueira, Sechidis & Brown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldwise.errors import InvalidInputError
from foldwise.evaluation.stability_index import stability_index

SETS = np.array(
    [
        [1, 1, 1, 0, 0, 1, 0, 0, 1, 0],
        [1, 1, 1, 1, 0, 0, 1, 0, 0, 1],
        [1, 1, 1, 0, 0, 0, 0, 1, 0, 0],
        [1, 1, 1, 1, 0, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 0, 1, 0, 0, 1],
        [1, 1, 1, 0, 0, 1, 0, 0, 0, 0],
    ],
    bool,
)


def sets_of(*features: tuple[int, ...], n_features: int = 10) -> np.ndarray:
    return np.array([np.isin(np.arange(1, n_features + 1), one) for one in features])


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        # R, the formula in the help of stabm::stabilityNogueira:
        # m <- length(f); h <- tabulate(unlist(f), p); q <- sum(h)
        # 1 - (1/p * sum(m/(m-1) * h/m * (1 - h/m))) / (q/(m*p) * (1 - q/(m*p)))
        pytest.param(
            sets_of((1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 4, 5)), 0.722222222222222, id="help-page"
        ),
        pytest.param(
            sets_of((1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 5, 6, 7)), 0.457013574660633, id="vignette"
        ),
    ],
)
def test_the_index_is_that_of_stabm(sets: np.ndarray, expected: float) -> None:
    assert stability_index(sets).value == pytest.approx(expected, abs=1e-12)


def test_the_interval_is_that_of_the_authors() -> None:
    # confidenceIntervals(Z, alpha=0.05) of the package that accompanies the paper.
    found = stability_index(SETS)
    expected = (0.2533333333333332, 0.05216253616423597, 0.45450413050243044)
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=1e-12)


def test_the_interval_is_near_that_of_the_jackknife() -> None:
    rng = np.random.default_rng(0)
    sets = rng.random((200, 30)) < np.where(np.arange(30) < 5, 0.8, 0.08)
    found = stability_index(sets)
    without = [stability_index(np.delete(sets, one, axis=0)).value for one in range(200)]
    spread = np.sqrt(199 * np.var(np.array(without, float)))
    assert found.high is not None
    assert found.low is not None
    # Both estimate the same variance from 200 sets.
    assert (found.high - found.low) / (2 * 1.959964) == pytest.approx(spread, rel=0.05)


def test_sets_drawn_by_chance_have_an_index_near_zero() -> None:
    rng = np.random.default_rng(0)
    sets = np.argsort(rng.random((400, 50)), axis=1) < 8
    # Its standard error over 400 sets of 50 is below 0.002.
    assert stability_index(sets).value == pytest.approx(0.0, abs=0.006)


def test_equal_sets_have_index_one_and_show_no_spread() -> None:
    found = stability_index(np.tile(SETS[:1], (4, 1)))
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
    assert "nothing shows a spread" in found.note


@pytest.mark.parametrize(
    ("sets", "reason"),
    [
        pytest.param(np.zeros((3, 4), bool), "selects no feature", id="none"),
        pytest.param(np.ones((3, 4), bool), "selects all 4 features", id="all"),
    ],
)
def test_an_index_of_nothing_or_everything_is_not_defined(sets: np.ndarray, reason: str) -> None:
    found = stability_index(sets)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert reason in found.note


def test_one_set_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="needs two sets"):
        stability_index(SETS[:1])


@given(st.integers(2, 12), st.integers(2, 15), st.integers(0, 10**6))
def test_index_and_limits_stay_in_their_range(n_sets: int, n_features: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = stability_index(rng.random((n_sets, n_features)) < rng.random(n_features))
    if found.value is not None:
        assert found.low is not None
        assert found.high is not None
        lowest = -1 / (n_sets - 1)
        assert lowest - 1e-12 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1
