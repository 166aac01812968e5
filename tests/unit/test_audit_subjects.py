"""Samples of one subject and repeated rows are found; other ids and rows are left alone."""

from pathlib import Path

import numpy as np
import pytest

from foldwise.audit.duplicates import (
    check_duplicates,
    comparable_columns,
    near_pairs,
    row_distances,
)
from foldwise.audit.subjects import check_subjects, propose_groups
from foldwise.data.readers import read_abundances

PLAIN = [f"S{i}" for i in range(1, 40)]


def abundances(n: int, p: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(size=(n, p))


def names(n: int) -> list[str]:
    return [f"s{i}" for i in range(n)]


def groups_of(ids: list[str]) -> dict[str, list[str]]:
    proposed = propose_groups(ids)
    return {
        stem: [one for one, own in zip(ids, proposed, strict=True) if own == stem]
        for stem in proposed
        if stem is not None
    }


@pytest.mark.parametrize(
    ("repeats", "stem"),
    [
        pytest.param(["PN00614-1", "PN00614-2"], "PN00614", id="dash"),
        pytest.param(["PN01055-0001", "PN01055-0002"], "PN01055", id="zeros"),
        pytest.param(["PN01766-0001.5", "PN01766-0002.6"], "PN01766", id="decimals"),
        pytest.param(["Q12a", "Q12b"], "Q12", id="letters"),
        pytest.param(["101.1", "101.2"], "101", id="numbers"),
        pytest.param(["P7_T0", "P7_T1"], "P7", id="visits"),
        pytest.param(["T0_P7", "T1_P7"], "P7", id="visit-first"),
        pytest.param(["P7", "P7 (2)"], "P7", id="a-copy-of-a-plain-id"),
        pytest.param(["INCOV007-BL", "INCOV007-AC"], "INCOV007", id="words"),
    ],
)
def test_a_stem_of_a_few_ids_is_a_subject(repeats: list[str], stem: str) -> None:
    assert groups_of([*PLAIN, *repeats]) == {stem: repeats}


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param(PLAIN, id="running-number"),
        pytest.param([f"INCOV{i:03d}-BL" for i in range(40)], id="one-visit-of-all"),
        pytest.param([f"HU_{i:03d}" for i in range(40)], id="study-name"),
        pytest.param([f"X1-{i}" for i in range(40)], id="numbered-study"),
        pytest.param([f"X{i % 2}-{i // 2}" for i in range(40)], id="two-numbered-arms"),
        pytest.param([f"X{i % 3}-{i // 3}" for i in range(90)], id="thirty-of-an-arm"),
        pytest.param([f"Case-{i}" for i in range(9)] + [f"Control-{i}" for i in range(9)], id="cl"),
        pytest.param([f"Case{k}-{i}" for k in (1, 2) for i in range(9)], id="class-and-number"),
        pytest.param([f"Plate{k}_{i}" for k in range(9) for i in range(4)], id="plates"),
        pytest.param([f"S{i % 8}-{i:03d}" for i in range(40)], id="sites"),
        pytest.param([f"{n}{letter}" for letter in "ABCDEFGH" for n in range(1, 13)], id="wells"),
        pytest.param([f"202103{d:02d}_{k}" for d in range(1, 9) for k in range(4)], id="dates"),
        pytest.param([f"TCGA-A{i % 7}-A0{i:02d}" for i in range(50)], id="site-within-study"),
        pytest.param([f"M{i:02d}F" for i in range(30)], id="sex-letter"),
        pytest.param([str(i) for i in range(30)], id="bare-numbers"),
    ],
)
def test_ids_of_single_samples_propose_no_group(ids: list[str]) -> None:
    assert groups_of(ids) == {}


def test_a_study_of_pairs_proposes_every_pair() -> None:
    ids = [f"P{i}_T{k}" for i in range(20) for k in (0, 1)]
    assert groups_of(ids) == {f"P{i}": [f"P{i}_T0", f"P{i}_T1"] for i in range(20)}


def test_shared_stems_weaken_until_groups_are_declared() -> None:
    ids = [*PLAIN, "P7-1", "P7-2"]
    X = abundances(len(ids), 5)
    (open_,) = check_subjects(X, ids)
    assert (open_.check, open_.severity, open_.rows) == (
        "same-subject",
        "weakens",
        ("P7-1", "P7-2"),
    )
    assert "--groups" in open_.remedy
    (split,) = check_subjects(X, ids, np.array(ids))
    assert split.severity == "weakens"  # a group column that parts the two does not help
    (covered,) = check_subjects(X, ids, np.array([*PLAIN, "P7", "P7"]))
    assert covered.severity == "note"


def test_likeness_is_the_share_of_pairs_that_are_further_apart() -> None:
    ids = [*(f"S{i}" for i in range(9)), "P7-1", "P7-2"]
    X = np.r_[np.arange(9.0), 20.0, 22.5][:, None]
    (finding,) = check_subjects(X, ids)
    # Of 55 pairs, 8 are 1 apart, 7 are 2 apart, and one is the pair itself: 39 are further.
    assert "nearer than 70.9 %" in finding.message


@pytest.mark.parametrize("spoil", ["exact", "jitter", "rounded", "one-percent", "half-missing"])
@pytest.mark.parametrize(("n", "p"), [(12, 200), (60, 30), (150, 12)])
def test_a_row_that_stands_twice_is_found(spoil: str, n: int, p: int) -> None:
    rng = np.random.default_rng(n)
    X = abundances(n, p)
    X[4] = X[1]
    if spoil == "jitter":
        X[4] += 1e-9 * rng.normal(size=p)
    elif spoil == "rounded":
        X[4] = np.round(X[4], 3)
    elif spoil == "one-percent":
        X[4] *= 1 + 0.01 * rng.normal(size=p)
    elif spoil == "half-missing":
        X[4, ::2] = np.nan
    found = check_duplicates(X, np.arange(n) % 2.0, names(n))
    assert [(one.rows, one.severity) for one in found] == [(("s1", "s4"), "weakens")]
    assert found[0].check == ("repeated-rows" if spoil == "exact" else "nearly-repeated-rows")
    assert "both labels" in found[0].message


def test_a_row_that_stands_four_times_is_found_whole() -> None:
    X = abundances(50, 20)
    X[[5, 6, 7]] = X[4] * (1 + 1e-6 * np.random.default_rng(1).normal(size=(3, 20)))
    (finding,) = check_duplicates(X, np.zeros(50), names(50))
    assert finding.rows == ("s4", "s5", "s6", "s7")


def test_repeats_within_a_declared_group_and_class_are_a_note() -> None:
    X = abundances(40, 10)
    X[4] = X[1]
    groups = np.array(names(40))
    groups[4] = groups[1]
    assert check_duplicates(X, np.zeros(40), names(40), groups)[0].severity == "note"
    across = check_duplicates(X, np.eye(40)[4], names(40), groups)
    assert across[0].severity == "weakens"  # one subject cannot be case and control


def test_equal_rows_of_a_table_of_few_values_are_chance() -> None:
    X = np.random.default_rng(0).integers(0, 3, size=(60, 3)).astype(float)
    assert len(np.unique(X, axis=0)) < 60
    assert check_duplicates(X, np.zeros(60), names(60)) == []


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(np.ones((20, 4)), id="constant"),
        pytest.param(np.full((20, 4), np.nan), id="empty"),
        pytest.param(np.where(np.eye(20)[:, :4] > 0, 1.0, np.nan), id="one-cell-a-column"),
    ],
)
def test_tables_without_any_difference_are_not_judged(X: np.ndarray) -> None:
    assert check_duplicates(X, np.zeros(20), names(20)) == []
    (finding,) = check_subjects(X, [*names(18), "P7-1", "P7-2"])
    assert "cannot be compared" in finding.message


@pytest.mark.parametrize("kind", ["plain", "zeros", "missing", "rounded", "factors", "scattered"])
def test_different_rows_are_seldom_called_near(kind: str) -> None:
    n_found = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n, p = int(rng.integers(10, 90)), int(rng.choice([2, 5, 40, 200]))
        X = abundances(n, p, seed)
        if kind == "zeros":
            X[np.quantile(X, 0.5, axis=0) > X] = 0.0
        elif kind == "missing":
            X[rng.random((n, p)) < 0.5 * rng.random((n, 1))] = np.nan
        elif kind == "rounded":
            X = np.round(X, 1)
        elif kind == "factors":
            X = np.exp(rng.normal(size=(n, 2)) @ rng.normal(size=(2, p)) + 0.3 * np.log(X))
        elif kind == "scattered":  # some rows lie nearer to the middle than others
            X = np.log(X) * rng.lognormal(0.0, 0.7, size=(n, 1))
        n_found += bool(near_pairs(X))
    # Level 0.001 of each table, with a dimension that is estimated: one in 60 is allowed.
    assert n_found <= 1


def test_distances_do_not_depend_on_the_unit_of_a_column() -> None:
    X = abundances(20, 4)
    in_other_units = X * np.array([1.0, 1e-3, 18.0, 1e6])
    np.testing.assert_allclose(
        row_distances(comparable_columns(X)),
        row_distances(comparable_columns(in_other_units)),
        rtol=1e-6,
    )


def test_the_course_table_names_three_repeated_subjects(course_data: Path) -> None:
    table = read_abundances([course_data / f"breastcancer_{part}.csv" for part in "Xy"])
    (finding,) = check_subjects(table.X(), table.ids)
    assert "3 subjects" in finding.message
    assert len(finding.rows) == 6
    assert check_duplicates(table.X(), np.zeros(len(table)), table.ids) == []
