"""The audit of values: planted forms are found, and tables of abundances are left in peace."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import fisher_exact, percentileofscore
from simulated_cohorts import (
    CLEAN,
    FLAWS,
    Cohort,
    cohort,
    draw_clean,
    percentiles_among,
    plant_cells,
    plant_decimals,
    plant_percentiles,
)

from foldwise.audit.codes import code_cells
from foldwise.audit.contrast import count_p_values, mixed_labels, rounding_unit
from foldwise.audit.findings import Finding
from foldwise.audit.gaps import gap_pattern
from foldwise.audit.lattices import lattice_phases
from foldwise.audit.markers import column_p_values, present_aucs
from foldwise.audit.ties import tied_pairs
from foldwise.audit.values import check_values
from foldwise.data.readers import read_abundances
from foldwise.data.registry import load_abundances
from foldwise.data.rules import binary_target
from foldwise.evaluation.metrics import roc_auc


def audited(table: Cohort) -> list[Finding]:
    return check_values(table.X, table.y, table.names, table.ids, ("control", "case"))


def of_check(found: list[Finding], check: str) -> Finding:
    (finding,) = [one for one in found if one.check == check]
    return finding


PLANTED = [
    pytest.param(flaw, plant, size, id=f"{name}-{strength}-{size[0] + size[1]}-rows")
    for name, flaw in FLAWS.items()
    for size in (flaw.sizes[0], flaw.sizes[-1])
    for strength, plant in flaw.strengths.items()
]


@pytest.mark.parametrize(("flaw", "plant", "size"), PLANTED)
def test_planted_flaws_of_the_values_are_found(flaw, plant, size) -> None:
    rng = np.random.default_rng(3)
    found = audited(plant(cohort(rng, *size), rng))
    assert {(one.check, one.severity) for one in found} & {
        (check, severity) for check in flaw.checks for severity in flaw.severities
    }


@pytest.mark.parametrize("turn", [0, 1])
def test_clean_cohorts_of_every_kind_are_not_stopped(turn: int) -> None:
    stopped = {}
    for number in range(turn * len(CLEAN), (turn + 1) * len(CLEAN)):
        kind, table = draw_clean(number)
        said = [one.message for one in audited(table) if one.severity == "stops"]
        if said:
            stopped[number, kind] = said
    assert stopped == {}


@pytest.mark.parametrize(("name", "target"), [("sacurine", "sex"), ("covid-plasma", "severe")])
def test_published_tables_are_not_stopped(name: str, target: str) -> None:
    loaded = load_abundances(name, target=target)
    assert loaded.target is not None
    table = loaded.table
    labels = binary_target(table.values("target"), positive=loaded.target.positive_label)
    classes = (labels.negative, labels.positive)
    found = check_values(table.X(), labels.y, table.keys("feature"), table.ids, classes)
    assert [one for one in found if one.severity == "stops"] == []


def test_severe_covid_patients_miss_more_cells() -> None:
    table = load_abundances("covid-plasma", target="severe").table
    y = (table.values("target") == "severe").to_numpy().astype(float)
    found = check_values(table.X(), y, table.keys("feature"), table.ids, ("mild", "severe"))
    missing = of_check(found, "missing-by-class")
    assert missing.severity == "weakens"
    assert "AUC 0.80" in missing.message
    per_row = np.isnan(table.X()).sum(axis=1)
    assert round(roc_auc(y, per_row.astype(float)), 2) == 0.80


def test_the_course_table_is_stopped_by_its_lattice_and_its_zeros(course_data: Path) -> None:
    table = read_abundances(
        [course_data / "breastcancer_X.csv", course_data / "breastcancer_y.csv"]
    )
    labels = binary_target(table.values("target"))
    found = check_values(table.X(), labels.y, table.keys("feature"), table.ids, ("control", "case"))
    lattice = of_check(found, "percentile-lattice")
    assert lattice.severity == "stops"
    for said in ("steps of 1.316", "full scale / 76", "'control'", "on half steps", "100% of"):
        assert said in lattice.message
    assert len(lattice.columns) == 128
    zeros = of_check(found, "zeros-by-class")
    assert zeros.severity == "stops"
    assert "492 zeros" in zeros.message
    assert "0 in 'control', 492 in 'case'" in zeros.message
    assert of_check(found, "single-column").severity == "weakens"


# ---------------------------------------------------------------- the parts


@pytest.mark.parametrize("kind", ["mean", "weak", "strict", "rank"])
def test_planted_percentiles_are_those_of_scipy(kind: str) -> None:
    rng = np.random.default_rng(0)
    reference, X = rng.integers(0, 6, size=(9, 2)) / 2, rng.integers(0, 6, size=(7, 2)) / 2
    expected = [percentileofscore(reference[:, j], X[:, j], kind=kind) for j in range(X.shape[1])]
    np.testing.assert_allclose(percentiles_among(X, reference, kind), np.transpose(expected))


@pytest.mark.parametrize("n_controls", [20, 33, 76, 150])
@pytest.mark.parametrize("reference", [0, 1])
def test_the_step_is_one_over_the_size_of_the_reference(n_controls: int, reference: int) -> None:
    rng = np.random.default_rng(1)
    flawed = plant_percentiles(reference=reference)(cohort(rng, n_controls, 60, 40), rng)
    lattice = lattice_phases(flawed.X, flawed.y)
    assert lattice is not None
    assert lattice.n_reference == (n_controls, 60)[reference]
    places = {label: lattice.phases[label] for label in (0, 1)}
    assert abs(places[reference] - 0.5) < 0.01  # each reference row counts itself by half
    assert min(places[1 - reference], 1 - places[1 - reference]) < 0.01
    assert lattice.on_phase == (1.0, 1.0)


def test_the_step_is_found_when_half_of_the_reference_has_left() -> None:
    rng = np.random.default_rng(2)
    flawed = plant_percentiles(kept=0.5)(cohort(rng, 84, 90, 50), rng)
    lattice = lattice_phases(flawed.X, flawed.y)
    assert lattice is not None
    assert lattice.n_reference == 84
    found = of_check(audited(flawed), "percentile-lattice")
    assert "number of rows" not in found.message


def test_percentiles_over_all_rows_have_no_lattice_by_class() -> None:
    rng = np.random.default_rng(4)
    clean = cohort(rng, 30, 30, 40, n_markers=20, effect=3.0)
    for kind in ("mean", "weak"):
        X = percentiles_among(clean.X, clean.X, kind)
        assert lattice_phases(X, clean.y) is None
        assert [one.severity for one in audited(replace(clean, X=X))] in ([], ["weakens"])


def test_separated_columns_are_no_evidence_of_ranks() -> None:
    rng = np.random.default_rng(5)
    y = np.repeat([0.0, 1.0], 8)
    X = rng.normal(size=(16, 12)) + 30 * y[:, None]
    ranks = X.argsort(axis=0).argsort(axis=0) + 1.0
    found = check_values(ranks, y, [str(j) for j in range(12)], [], ("no", "yes"))
    assert [one.severity for one in found] == ["weakens"]


def test_copies_of_one_ranked_column_are_no_evidence_of_ranks_within_a_class() -> None:
    rng = np.random.default_rng(6)
    ranks = np.argsort(np.argsort(rng.normal(size=40))).astype(float)[:, None]
    y = rng.permutation(np.repeat([0.0, 1.0], 20))
    X = np.repeat(ranks, 6, axis=1)
    assert check_values(X, y, list("abcdef"), [], ("no", "yes")) == []


def test_labels_coded_the_other_way_round_give_the_same_checks() -> None:
    for plant in (plant_percentiles("weak"), plant_cells(0.0, 0.2), plant_decimals(1, 4)):
        rng = np.random.default_rng(7)
        flawed = plant(cohort(rng, 40, 50, 60), rng)
        straight, turned = audited(flawed), audited(replace(flawed, y=1 - flawed.y))
        assert [(one.check, one.severity, one.columns) for one in straight] == [
            (one.check, one.severity, one.columns) for one in turned
        ]
        assert straight


def test_zeros_that_follow_abundance_weaken_and_zeros_without_it_stop() -> None:
    rng = np.random.default_rng(8)
    clean = cohort(rng, 60, 60, 80, n_markers=12, effect=2.5)
    censored = np.where(np.quantile(clean.X, 0.25, axis=0) > clean.X, 0.0, clean.X)
    biology = of_check(audited(replace(clean, X=censored)), "zeros-by-class")
    assert biology.severity == "weakens"
    planted = plant_cells(0.0, 0.1)(clean, rng)
    assert of_check(audited(planted), "zeros-by-class").severity == "stops"


def test_a_drug_in_all_cases_weakens_and_does_not_stop() -> None:
    rng = np.random.default_rng(9)
    clean = cohort(rng, 50, 50, 20, n_markers=0)
    X = clean.X.copy()
    X[:, :4] = np.where(clean.y[:, None] == 1, X[:, :4], 0.0)
    found = audited(replace(clean, X=X))
    assert {one.severity for one in found} == {"weakens"}
    assert of_check(found, "zeros-by-class").columns == tuple(clean.names[:4])


def test_ends_over_all_rows_are_no_scaling_by_a_class_even_if_all_columns_shift() -> None:
    rng = np.random.default_rng(22)
    clean = cohort(rng, 40, 40, 60, n_markers=0)
    X = np.log(clean.X) + 1.5 * clean.y[:, None]  # cases hold the largest value of each column
    X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
    assert "scaled-by-class" not in [one.check for one in audited(replace(clean, X=X))]


def test_a_small_panel_of_markers_is_not_stopped_by_its_zeros() -> None:
    rng = np.random.default_rng(10)
    clean = cohort(rng, 60, 60, 6, n_markers=6, effect=3.0)
    censored = np.where(np.quantile(clean.X, 0.3, axis=0) > clean.X, 0.0, clean.X)
    assert "stops" not in {one.severity for one in audited(replace(clean, X=censored))}


def test_gaps_are_described_by_their_counts() -> None:
    X = np.arange(24.0).reshape(6, 4)
    y = np.array([0.0, 0, 0, 1, 1, 1])
    gaps = np.zeros(X.shape, dtype=bool)
    gaps[0, 0] = gaps[1, :3] = gaps[4, 3] = True
    pattern = gap_pattern(X, gaps, y)
    assert pattern.counts == (4, 1)
    np.testing.assert_allclose(pattern.rates, [[2 / 3, 1 / 3, 1 / 3, 0], [0, 0, 0, 1 / 3]])
    assert pattern.auc == roc_auc(y, gaps.sum(axis=1).astype(float))
    assert pattern.exclusive_p_value == 1.0


def test_count_p_values_are_fishers_for_equal_classes() -> None:
    # With classes of one size the null is symmetric: twice a tail is Fisher's two-sided test.
    rng = np.random.default_rng(11)
    y = np.repeat([0.0, 1.0], 9)
    mask = rng.random((18, 7)) < np.linspace(0.1, 0.9, 7)
    expected = [
        fisher_exact(
            [[m[y == 1].sum(), 9 - m[y == 1].sum()], [m[y == 0].sum(), 9 - m[y == 0].sum()]]
        )
        for m in mask.T
    ]
    np.testing.assert_allclose(count_p_values(mask, y), [one.pvalue for one in expected])


def test_tied_pairs_agree_with_a_loop_over_pairs() -> None:
    rng = np.random.default_rng(12)
    X = rng.integers(0, 12, size=(25, 3)).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (rng.random(25) < 0.4).astype(float)
    observed = np.zeros((3, 3))
    for j, x in enumerate(X.T):
        for value in np.unique(x[~np.isnan(x)])[1:-1]:
            tied = y[x == value]
            for one in range(len(tied)):
                for other in range(one):
                    observed[int(tied[one] + tied[other]), j] += 2 / len(tied)
    np.testing.assert_allclose(tied_pairs(X, y).observed, observed)


def test_repeated_values_of_mixed_neighbours_are_as_expected() -> None:
    rng = np.random.default_rng(13)
    X = rng.integers(0, 40, size=(200, 60)).astype(float)
    y = (rng.random(200) < 0.3).astype(float)
    pairs = tied_pairs(X, y)
    # The observed share of each kind is that of labels drawn at random: 0.49, 0.42, 0.09. The
    # window is small, so q^2 is a little too large and q (1 - q) too small, by q (1 - q) / 10.
    share = pairs.observed.sum(axis=1) / pairs.observed.sum()
    np.testing.assert_allclose(share, [0.49, 0.42, 0.09], atol=0.06)
    expected = pairs.expected.sum(axis=1) / pairs.expected.sum()
    np.testing.assert_allclose(expected, share, atol=0.05)


def test_whole_rows_that_repeat_are_left_to_their_own_check() -> None:
    rng = np.random.default_rng(14)
    clean = cohort(rng, 40, 40, 80)
    cases = np.flatnonzero(clean.y == 1)
    X = clean.X.copy()
    X[cases[20:]] = X[cases[:20]]
    assert "ties-by-class" not in [one.check for one in audited(replace(clean, X=X))]


@pytest.mark.parametrize("seed", range(15, 21))
def test_significant_digits_that_follow_abundance_are_no_precision_by_class(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.repeat([0.0, 1.0], 40)
    X = rng.uniform(1.0, 9.0, size=(80, 20)) * np.where(y[:, None] == 1, 1000.0, 1.0)
    size = 10.0 ** (3 - np.floor(np.log10(X)))
    digits = np.round(X * size) / size  # cases have no decimals, controls three
    found = check_values(digits, y, [str(j) for j in range(20)], [], ("no", "yes"))
    assert [one.check for one in found] == ["single-column"]


def test_a_few_round_cells_in_a_tiny_table_are_chance() -> None:
    y = np.repeat([0.0, 1.0], 6)
    X = np.array([[1.25, 2.5, 3.75, 4.62, 5.83, 6.14, 3.0, 4.0, 5.0, 2.0, 6.5, 1.55]]).T
    assert check_values(X, y, ["a"], [], ("no", "yes")) == []


def test_zeros_of_one_class_are_no_precision() -> None:
    rng = np.random.default_rng(20)
    y = np.repeat([0.0, 1.0], 60)
    X = rng.uniform(0.01, 2.0, size=(120, 12)).round(2)
    X[:, 0] = np.where(y == 1, 0.0, 0.1)
    X[-2:, 0] = 0.25  # the only digits of the cases: two cells tell little
    found = check_values(X, y, [str(j) for j in range(12)], [], ("no", "yes"))
    assert "precision-by-class" not in [one.check for one in found]


def test_counts_are_judged_among_the_cells_that_could_be_marked() -> None:
    mask = np.array([[True, True], [True, True], [False, False], [False, False], [False, False]])
    y, among = np.array([1.0, 1, 0, 0, 0]), mask | (np.arange(5) < 4)[:, None]
    expected = 2 / 6  # two of four cells, both on the two cases: twice 1/6
    np.testing.assert_allclose(count_p_values(mask, y, among), expected)


def test_codes_are_told_from_zeros_saturation_and_large_values() -> None:
    X = np.array(
        [
            [1.0, 3.0, -99.0, 2.0, 10.0, 90.0],
            [2.0, 4.0, -99.0, 3.0, 20.0, 95.0],
            [3.0, 0.0, 5.0, 5.0, 30.0, 97.0],
            [4.0, 0.0, 6.0, 5.0, 1e6, 99.0],
            [5.0, 6.0, 7.0, 4.0, 1e6, 99.0],
        ]
    )
    np.testing.assert_array_equal(code_cells(X).sum(axis=0), [0, 0, 2, 0, 2, 0])


def test_codes_in_both_classes_weaken() -> None:
    rng = np.random.default_rng(16)
    clean = cohort(rng, 40, 40, 30)
    X = np.where(rng.random(clean.X.shape) < 0.05, -999.0, clean.X)
    found = of_check(audited(replace(clean, X=X)), "codes-among-values")
    assert found.severity == "weakens"
    assert "-999" in found.message


def test_perfect_columns_among_a_thousand_of_noise_are_chance() -> None:
    rng = np.random.default_rng(17)
    y = np.repeat([0.0, 1.0], 6)
    X = rng.normal(size=(12, 1000))
    X[:, 0] = y + 0.01 * np.arange(12)
    aucs = present_aucs(X, y)
    assert aucs[0] == 1.0
    assert column_p_values(X, y).min() > 0.5
    assert check_values(X, y, [str(j) for j in range(1000)], [], ("no", "yes")) == []


def test_aucs_over_present_rows_are_those_of_the_rows_alone() -> None:
    rng = np.random.default_rng(18)
    X = rng.integers(0, 9, size=(30, 6)).astype(float)
    X[rng.random(X.shape) < 0.3] = np.nan
    y = (rng.random(30) < 0.5).astype(float)
    for x, auc in zip(X.T, present_aucs(X, y), strict=True):
        kept = ~np.isnan(x)
        assert auc == pytest.approx(roc_auc(y[kept], x[kept]), abs=1e-12)


@pytest.mark.parametrize(("n_controls", "n_cases"), [(6, 6), (76, 135), (4, 60), (60, 4)])
def test_mixed_labels_have_the_sizes_and_share_rows_in_proportion(
    n_controls: int, n_cases: int
) -> None:
    y = np.repeat([0.0, 1.0], [n_controls, n_cases])
    mixed = mixed_labels(y, 1)
    assert mixed.sum() == n_cases
    assert abs(mixed[y == 1].mean() - mixed[y == 0].mean()) < 1 / min(n_controls, n_cases)


@pytest.mark.parametrize("decimals", range(7))
def test_the_unit_of_rounding_is_read_from_the_cells(decimals: int) -> None:
    X = np.random.default_rng(19).lognormal(3, 1, size=(50, 2)).round(decimals)
    np.testing.assert_allclose(rounding_unit(X), 10.0**-decimals)
    assert rounding_unit(np.array([[np.pi]]))[0] == 0.0


def _constant(clean: Cohort) -> Cohort:
    return replace(clean, X=np.ones_like(clean.X))


def _empty(clean: Cohort) -> Cohort:
    return replace(clean, X=np.full_like(clean.X, np.nan))


def _sparse(clean: Cohort) -> Cohort:
    X = np.full_like(clean.X, np.nan)
    X[::9] = clean.X[::9]
    return replace(clean, X=X)


def _one_column(clean: Cohort) -> Cohort:
    return replace(clean, X=clean.X[:, :1], names=clean.names[:1])


def _binary(clean: Cohort) -> Cohort:
    return replace(clean, X=(np.median(clean.X, axis=0) < clean.X).astype(float))


def _grades(clean: Cohort) -> Cohort:
    return replace(clean, X=np.digitize(clean.X, np.quantile(clean.X, [0.2, 0.4, 0.6, 0.8])) + 0.0)


def _enormous(clean: Cohort) -> Cohort:
    X = clean.X.copy()
    X[0] = 1e90
    return replace(clean, X=X)


@pytest.mark.parametrize(
    "change", [_constant, _empty, _sparse, _one_column, _binary, _grades, _enormous]
)
@pytest.mark.parametrize("n_rows", [8, 60])
def test_odd_tables_are_audited_without_a_stop(
    change: Callable[[Cohort], Cohort], n_rows: int
) -> None:
    rng = np.random.default_rng(21)
    clean = cohort(rng, n_rows // 2, n_rows // 2, 25, effect=0.5)
    assert "stops" not in {one.severity for one in audited(change(clean))}


def test_two_codes_do_not_hide_cells_that_are_missing_by_class() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.lognormal(size=(60, 12)), np.repeat([0.0, 1.0], 30)
    X[30:][rng.random((30, 12)) < 0.6] = np.nan
    X[:2, 0] = -99.0
    found = check_values(X, y, [str(j) for j in range(12)], [], ("no", "yes"))
    assert {("codes-among-values", "weakens"), ("missing-by-class", "stops")} <= {
        (one.check, one.severity) for one in found
    }


def test_a_sparse_column_beside_a_marker_is_not_called_perfect() -> None:
    X, y = np.random.default_rng(0).normal(size=(60, 5)), np.repeat([0.0, 1.0], 30)
    X[:, 0] += 1.5 * y
    X[:, 4] = np.nan
    X[[0, 1, 58, 59], 4] = [1.0, 2.0, 3.0, 4.0]
    assert column_p_values(X, y)[0] <= 0.01
    found = check_values(X, y, list("abcde"), [], ("no", "yes"))
    assert "single-column" not in [one.check for one in found]
