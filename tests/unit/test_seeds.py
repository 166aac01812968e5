"""Named children of one seed are independent and the same everywhere."""

import os
import subprocess
import sys
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldwise.evaluation.seeds import child_seed

_NUMBERS = st.integers(0, 2**31 - 1)


@given(_NUMBERS, st.text(), st.lists(_NUMBERS, max_size=3))
def test_child_seeds_fit_scikit_learn_and_pytorch(seed: int, name: str, place: list[int]) -> None:
    child = child_seed(seed, name, *place)
    assert type(child) is int
    assert 0 <= child < 2**31


def test_children_of_other_names_and_places_are_other_numbers() -> None:
    # 1800 numbers below 2**31 are all different by chance with probability 0.999.
    names, places = ["fit", "folds", "split", "fits", ""], product(range(1, 19), range(1, 21))
    children = {child_seed(0, name, *place) for name, place in product(names, places)}
    assert len(children) == 5 * 18 * 20


def test_children_of_other_runs_are_other_numbers() -> None:
    assert len({child_seed(seed, "folds", 0) for seed in range(1000)}) == 1000


def test_the_order_of_a_place_tells_children_apart() -> None:
    assert child_seed(0, "fit", 1, 2) != child_seed(0, "fit", 2, 1)


def test_a_seed_is_not_a_place() -> None:
    assert child_seed(1, "fit", 2) != child_seed(2, "fit", 1)


@pytest.mark.parametrize("hashing", ["1", "2"])
def test_another_process_gives_the_same_child(hashing: str) -> None:
    # Python salts `hash` per process; a run must not depend on it.
    code = "from foldwise.evaluation.seeds import child_seed; print(child_seed(5, 'folds', 3))"
    environment = {**os.environ, "PYTHONHASHSEED": hashing}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert int(printed.stdout) == child_seed(5, "folds", 3)


def test_a_child_without_a_place_is_not_the_child_at_place_zero() -> None:
    assert child_seed(0, "fit") != child_seed(0, "fit", 0)
