"""Splits are shuffled, seeded, stratified, and keep groups whole."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from foldwise.errors import InvalidInputError
from foldwise.evaluation.splits import (
    kfold_among,
    kfold_assignments,
    random_test_masks,
    require_both_classes,
)

# 30 persons with two rows each; every third person is a case.
PERSONS = np.repeat([f"person {number}" for number in range(30)], 2)
CASES = np.repeat(np.arange(30) % 3 == 0, 2).astype(float)
N_ROWS = len(CASES)

KINDS = [
    pytest.param({}, id="plain"),
    pytest.param({"classes": CASES}, id="classes"),
    pytest.param({"groups": PERSONS}, id="groups"),
    pytest.param({"classes": CASES, "groups": PERSONS}, id="classes-and-groups"),
]
SPLITTERS = [
    pytest.param(
        lambda seed, kind: kfold_assignments(N_ROWS, n_splits=5, n_repeats=4, seed=seed, **kind),
        id="k-fold",
    ),
    pytest.param(
        lambda seed, kind: random_test_masks(N_ROWS, test_size=0.2, n_splits=4, seed=seed, **kind),
        id="test-parts",
    ),
]
Splitter = Callable[[int, dict[str, np.ndarray]], np.ndarray]


@pytest.mark.parametrize("split", SPLITTERS)
@pytest.mark.parametrize("kind", KINDS[2:])
def test_groups_never_straddle_a_split(split: Splitter, kind: dict[str, np.ndarray]) -> None:
    for seed in range(10):
        for side in split(seed, kind):
            assert np.array_equal(side[0::2], side[1::2])  # both rows of each person


@pytest.mark.parametrize("split", SPLITTERS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_split(split: Splitter, kind: dict[str, np.ndarray]) -> None:
    assert np.array_equal(split(3, kind), split(3, kind))


@pytest.mark.parametrize("split", SPLITTERS)
@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_gives_another_split(split: Splitter, kind: dict[str, np.ndarray]) -> None:
    assert not np.array_equal(split(3, kind), split(4, kind))


@pytest.mark.parametrize("split", SPLITTERS)
@pytest.mark.parametrize("kind", KINDS)
def test_repeats_of_one_run_differ(split: Splitter, kind: dict[str, np.ndarray]) -> None:
    assert len(np.unique(split(0, kind), axis=0)) == 4


@pytest.mark.parametrize("n_samples", [pytest.param(20, id="even"), pytest.param(23, id="uneven")])
def test_every_fold_holds_its_share_of_rows(n_samples: int) -> None:
    expected = sorted(len(part) for part in np.array_split(np.arange(n_samples), 5))
    for folds in kfold_assignments(n_samples, n_splits=5, n_repeats=3):
        assert sorted(np.bincount(folds, minlength=5)) == expected


def test_stratified_folds_share_each_class_within_one_row() -> None:
    classes = np.repeat([0.0, 1.0], [37, 23])
    for folds in kfold_assignments(60, n_splits=5, n_repeats=10, classes=classes):
        for value in (0.0, 1.0):
            assert np.ptp(np.bincount(folds[classes == value], minlength=5)) <= 1


def test_stratified_folds_of_like_groups_hold_equal_numbers_of_cases() -> None:
    # 10 persons with and 20 without the disease, two rows each, over 5 folds.
    for folds in kfold_assignments(N_ROWS, n_splits=5, n_repeats=10, classes=CASES, groups=PERSONS):
        assert np.bincount(folds[CASES == 1]).tolist() == [4] * 5
        assert np.bincount(folds[CASES == 0]).tolist() == [8] * 5


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param({}, id="plain"),
        pytest.param({"classes": np.repeat([0.0, 1.0], 100)}, id="classes"),
    ],
)
@pytest.mark.parametrize("what", ["folds", "test-part"])
def test_a_sorted_file_is_never_cut_into_blocks(what: str, kind: dict[str, np.ndarray]) -> None:
    if what == "folds":
        side = kfold_assignments(200, n_splits=5, **kind)[0]
    else:
        side = random_test_masks(200, test_size=0.5, **kind)[0]
    # In file order neighbours change sides at most 2 * 5 - 1 times, once per block of each
    # class; by chance on at least half of the 199 places, with a deviation of 7.
    assert np.count_nonzero(np.diff(side.astype(int))) > 60


@pytest.mark.parametrize(
    "stratified", [pytest.param(False, id="plain"), pytest.param(True, id="classes")]
)
@pytest.mark.parametrize(
    ("n_samples", "test_size"),
    [
        pytest.param(10, 0.2, id="exact"),
        pytest.param(211, 0.2, id="rounded-up"),
        pytest.param(569, 0.3, id="nearly-whole"),
        pytest.param(40, 0.99 / 8, id="below-a-row"),
    ],
)
def test_test_parts_are_as_large_as_those_of_scikit_learn(
    n_samples: int, test_size: float, stratified: bool
) -> None:
    classes = (np.arange(n_samples) % 3 == 0).astype(float) if stratified else None
    masks = random_test_masks(n_samples, test_size=test_size, n_splits=3, classes=classes)
    _, test = train_test_split(np.arange(n_samples), test_size=test_size, stratify=classes)
    assert masks.sum(axis=1).tolist() == [len(test)] * 3


def test_stratified_test_parts_hold_each_class_within_one_row_of_its_share() -> None:
    classes = np.repeat([0.0, 1.0], [70, 33])
    for test in random_test_masks(103, test_size=0.2, n_splits=20, classes=classes):
        assert abs(classes[test].sum() - 33 * test.mean()) < 1


def test_a_test_part_of_groups_is_a_share_of_the_groups() -> None:
    groups = np.repeat(np.arange(11), np.arange(1, 12))  # group g has g + 1 rows
    for test in random_test_masks(66, test_size=0.2, n_splits=5, groups=groups):
        assert len(np.unique(groups[test])) == 3  # 0.2 * 11 = 2.2, rounded up


@pytest.mark.parametrize(
    ("n_samples", "kind", "said"),
    [
        pytest.param(4, {}, "5 folds need at least 5 samples; there are 4", id="samples"),
        pytest.param(
            9,
            {"groups": np.repeat(["a", "b", "c"], 3)},
            "5 folds need at least 5 groups; there are 3",
            id="groups",
        ),
        pytest.param(
            9,
            {"classes": np.repeat([0.0, 1.0], [7, 2])},
            "5 folds need at least 5 members of the smallest class; there are 2",
            id="members-of-a-class",
        ),
    ],
)
def test_more_folds_than_members_are_refused_with_both_numbers(
    n_samples: int, kind: dict[str, np.ndarray], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        kfold_assignments(n_samples, n_splits=5, **kind)


def test_one_fold_is_no_cross_validation() -> None:
    with pytest.raises(InvalidInputError, match="at least 2 folds, not 1"):
        kfold_assignments(10, n_splits=1)


# Four controls, then two cases.
FOUR_AND_TWO = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        pytest.param([[0, 1, 1, 0, 1, 1]], "Fold 1 of 2 holds no lung cancer: AUC", id="test-part"),
        pytest.param(
            [[0, 1, 1, 0, 1, 0], [0, 1, 1, 1, 0, 0]],
            "Fold 1 of 2 of repeat 2 leaves for training no lung cancer",
            id="training-part-of-a-repeat",
        ),
        pytest.param([[1, 1, 1, 1, 0, 1]], "Fold 1 of 2 holds no healthy", id="other-class"),
        pytest.param([[0, 1, 2, 2, 0, 1]], "Fold 3 of 3 holds no lung cancer", id="last-fold"),
    ],
)
def test_folds_with_one_class_are_refused_by_name(folds: list[list[int]], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        require_both_classes(np.array(folds), FOUR_AND_TWO, ("healthy", "lung cancer"))


def test_folds_that_hold_both_classes_are_taken() -> None:
    folds = np.array([[0, 0, 1, 1, 0, 1], [0, 1, 0, 1, 1, 0]])
    require_both_classes(folds, FOUR_AND_TWO)


# One family of nine rows, 30 of three; half of the families are affected.
FAMILIES = np.r_[np.full(9, 0), np.repeat(np.arange(1, 31), 3)]
AFFECTED = (FAMILIES % 2 == 0).astype(float)


def test_the_largest_group_is_tested_as_often_as_its_share() -> None:
    masks = random_test_masks(99, test_size=0.25, n_splits=200, classes=AFFECTED, groups=FAMILIES)
    # Four deviations of a share of a quarter over 200 splits.
    assert masks[:, 0].mean() == pytest.approx(0.25, abs=0.125)


@pytest.mark.parametrize("test_size", [0.2, 0.3, 0.4, 0.6, 0.75])
def test_test_parts_of_whole_groups_and_classes_have_the_size_asked_for(test_size: float) -> None:
    masks = random_test_masks(
        99, test_size=test_size, n_splits=5, classes=AFFECTED, groups=FAMILIES
    )
    assert masks.mean(axis=1) == pytest.approx(np.full(5, test_size), abs=0.07)  # a few families


@pytest.mark.parametrize(
    ("classes", "groups", "test_size"),
    [
        pytest.param(None, np.zeros(20, int), 0.2, id="one-group"),
        pytest.param(np.arange(20) % 2.0, np.zeros(20, int), 0.2, id="one-group-two-classes"),
        pytest.param(np.r_[1.0, np.zeros(19)], None, 0.2, id="one-case"),
        pytest.param(None, None, 0.99, id="nothing-left-to-train"),
    ],
)
def test_a_test_part_that_cannot_be_drawn_is_refused_in_words(
    classes: np.ndarray | None, groups: np.ndarray | None, test_size: float
) -> None:
    with pytest.raises(InvalidInputError, match=r"test part .*(20 rows|1 groups)"):
        random_test_masks(20, test_size=test_size, classes=classes, groups=groups)


def test_the_advice_for_too_few_members_is_possible() -> None:
    with pytest.raises(InvalidInputError, match=r"there are 1\. Collect more rows"):
        kfold_assignments(5, n_splits=2, classes=np.array([0.0, 0.0, 0.0, 0.0, 1.0]))


def test_folds_among_some_rows_are_those_of_a_table_of_these_rows() -> None:
    rows = np.random.default_rng(0).random(40) < 0.7
    classes = np.arange(40) % 3 % 2.0
    among = kfold_among(rows, n_splits=3, n_repeats=2, seed=5, classes=classes)
    alone = kfold_assignments(
        int(rows.sum()), n_splits=3, n_repeats=2, seed=5, classes=classes[rows]
    )
    np.testing.assert_array_equal(among[:, rows], alone)
    assert (among[:, ~rows] == -1).all()


def test_rows_that_take_no_part_cannot_stand_in_for_a_class() -> None:
    folds = np.array([[0, 0, 1, 1, -1, -1]])
    classes = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    require_both_classes(folds, classes)
    with pytest.raises(InvalidInputError, match=r"Fold 1 of 2 holds no case"):
        require_both_classes(folds, np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]))
    # Cases outside all folds do not help a fold whose own cases are all held out.
    with pytest.raises(InvalidInputError, match=r"Fold 1 of 2 leaves for training no case"):
        require_both_classes(folds, np.array([0.0, 1.0, 0.0, 0.0, 1.0, 1.0]))
