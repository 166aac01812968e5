"""Drift: what chance does to rows of one population is no alarm, and a shift is one."""

from collections.abc import Callable

import numpy as np
import pytest

from foldwise.evaluation.drift import mean_shift, moments, out_of_range

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
SHAPES: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(size=shape),
    "student-t-3": lambda rng, shape: rng.standard_t(3, size=shape),
    "half-zeros": lambda rng, shape: np.maximum(rng.normal(size=shape), 0.0),
}


def alarms(draw: Draw, n_train: int, n_new: int, n_features: int) -> tuple[int, int]:
    """Return in how many of 100 clean cohorts any feature shifted, or left the range."""
    shifted = outside = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        train, new = draw(rng, (n_train, n_features)), draw(rng, (n_new, n_features))
        shifted += mean_shift(moments(train), new).drifted.any()
        found = out_of_range(
            new, train.min(axis=0), train.max(axis=0), np.full(n_features, n_train)
        )
        outside += found.unusual.any()
    return shifted, outside


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sizes", [(60, 20), (150, 80), (30, 5)], ids=["small", "large", "few"])
def test_clean_cohorts_alarm_at_most_at_the_stated_level(
    shape: str, sizes: tuple[int, int]
) -> None:
    shifted, outside = alarms(SHAPES[shape], *sizes, 50)
    # 5 of 100 expected at most; 12 of 100 has probability 0.002 at a true 5 %.
    assert max(shifted, outside) <= 12


def test_a_shift_of_one_standard_deviation_is_found_in_a_hundred_rows() -> None:
    rng = np.random.default_rng(0)
    train, new = rng.normal(size=(150, 60)), rng.normal(size=(100, 60))
    new[:, :10] += 1.0
    found = mean_shift(moments(train), new)
    assert found.drifted[:10].all()
    assert not found.drifted[10:].any()


def test_the_shift_is_the_difference_of_means_in_training_standard_deviations() -> None:
    train, new = np.array([[1.0], [2.0], [6.0]]), np.array([[5.0], [np.nan], [9.0]])
    shift = mean_shift(moments(train), new).shift
    np.testing.assert_allclose(shift, (7.0 - 3.0) / np.std([1.0, 2.0, 6.0], ddof=1))


def test_a_large_cohort_is_not_alarmed_by_a_shift_nobody_would_see() -> None:
    rng = np.random.default_rng(0)
    train, new = rng.normal(size=(20_000, 5)), rng.normal(0.1, 1.0, size=(20_000, 5))
    assert not mean_shift(moments(train), new).drifted.any()


def test_empty_and_constant_columns_are_no_shift() -> None:
    train = np.array([[1.0, 2.0, np.nan], [1.0, 2.0, np.nan], [1.0, 2.0, np.nan]])
    new = np.array([[1.0, np.nan, 5.0], [1.0, np.nan, 5.0]])
    found = mean_shift(moments(train), new)
    assert np.isnan(found.shift).all()
    assert not found.drifted.any()


def test_the_count_out_of_range_has_the_probability_of_a_simulation() -> None:
    """Two of 8 new values beyond 20 training values: drawn, not derived."""
    rng = np.random.default_rng(0)
    drawn = rng.random((200_000, 28))
    low, high = drawn[:, :20].min(axis=1), drawn[:, :20].max(axis=1)
    outside = ((drawn[:, 20:] < low[:, None]) | (drawn[:, 20:] > high[:, None])).sum(axis=1)
    for n_out in (1, 2, 3, 4, 5):
        chance = (outside >= n_out).mean()
        new = np.r_[np.full(n_out, 9.0), np.full(8 - n_out, 0.5)][:, None]
        arguments = new, np.zeros(1), np.ones(1), np.array([20])
        slack = 5 * np.sqrt(chance / 200_000)
        assert not out_of_range(*arguments, level=float(chance - slack)).unusual[0]
        assert out_of_range(*arguments, level=float(chance + slack)).unusual[0]


def test_missing_cells_are_neither_filled_nor_counted() -> None:
    new = np.array([[0.5, 7.0], [np.nan, np.nan], [7.0, np.nan]])
    found = out_of_range(new, np.zeros(2), np.ones(2), np.array([30, 30]))
    assert found.n.tolist() == [1, 1]
    assert found.share.tolist() == [0.5, 1.0]


@pytest.mark.parametrize("n", [3, 6, 7])
def test_a_constant_column_shifts_by_nothing_or_without_bound(n: int) -> None:
    train = moments(np.full((n, 1), 0.1))
    assert train.sd[0] == 0
    assert np.isnan(mean_shift(train, np.full((10, 1), 0.1)).shift[0])
    assert np.isinf(mean_shift(train, np.full((10, 1), 0.2)).shift[0])
