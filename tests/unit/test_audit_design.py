"""What of ids, order, batches and covariates goes with the class is told, and no more."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from foldwise.audit.association import category_association, holm, number_association
from foldwise.audit.cohort import audit_cohort, design_columns
from foldwise.audit.columns import check_scale
from foldwise.audit.confounders import (
    DesignColumn,
    Kind,
    check_confounders,
    check_feature_roles,
    recognise,
)
from foldwise.audit.design import (
    check_id_numbers,
    check_id_words,
    check_row_order,
    running_numbers,
)
from foldwise.audit.findings import Finding
from foldwise.audit.transforms import check_near_columns, check_transforms
from foldwise.data.readers import abundances_from_frame, read_abundances
from foldwise.data.registry import load_abundances
from foldwise.data.rules import binary_target
from foldwise.evaluation.metrics import roc_auc

CLASSES = ("control", "case")
Y = np.repeat([1.0, 0.0], [30, 20])


def checks(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.check, finding.severity) for finding in found]


# ---------------------------------------------------------------- ids and order


@pytest.mark.parametrize(
    "pattern", ["PN{:05d}", "INCOV{:03d}-BL", "{}", "HU_{:03d}", "M1-S{:04d}-2", "sample {}"]
)
@pytest.mark.parametrize("first", ["cases", "controls"])
def test_separate_ranges_of_one_number_weaken(pattern: str, first: str) -> None:
    numbers = np.arange(50) if first == "cases" else np.arange(50)[::-1]
    ids = [pattern.format(100 + i) for i in numbers]
    found = check_id_numbers(ids, Y, CLASSES)
    assert checks(found) == [("class-by-id-number", "weakens")]
    assert "AUC 1.000" in found[0].message
    assert "dates" in found[0].remedy


def test_the_ranges_of_both_classes_are_told() -> None:
    (finding,) = check_id_numbers([f"PN{i:05d}" for i in range(50)], Y, CLASSES)
    assert "'case' 0 to 29, 'control' 30 to 49" in finding.message


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param([f"S{i}" for i in np.random.default_rng(0).permutation(50)], id="mixed"),
        pytest.param(
            [f"CASE-{i}" for i in range(30)] + [f"CTRL-{i}" for i in range(20)], id="restarts"
        ),
        pytest.param(["a" * (i + 1) for i in range(50)], id="no-number"),
        pytest.param([f"visit1-{chr(97 + i % 26)}{'x' * (i // 26)}" for i in range(50)], id="one"),
        pytest.param(
            [f"INCOV{i:03d}" for i in range(30)] + [str(1_000_000 + i) for i in range(20)],
            id="two-schemes",
        ),
    ],
)
def test_numbers_that_are_mixed_or_not_one_series_are_left_alone(ids: list[str]) -> None:
    assert check_id_numbers(ids, Y, CLASSES) == []


def test_restarting_numbers_of_very_unequal_classes_are_left_alone() -> None:
    y = np.repeat([1.0, 0.0], [90, 10])
    ids = [f"P{i}" for i in range(90)] + [f"K{i}" for i in range(10)]
    number = running_numbers(ids)
    assert number is not None
    assert roc_auc(y, number) > 0.9  # the flaw that would be seen if numbers were one series
    assert check_id_numbers(ids, y, CLASSES) == []


def test_six_people_in_a_row_are_chance() -> None:
    y = np.array([1.0, 1, 1, 0, 0, 0])
    assert check_id_numbers([f"S{i}" for i in range(6)], y, CLASSES) == []


@pytest.mark.parametrize(
    ("case", "control", "check"),
    [
        ("CASE-{}", "CTRL-{}", ("class-in-ids", "note")),
        ("patient {}", "healthy {}", ("class-in-ids", "note")),
        ("P{}", "C{}", ("class-in-ids", "note")),
        ("{}_case", "{}_x_control", ("class-in-ids", "note")),
        ("INCOV{}-BL", "10{}", ("id-scheme-by-class", "weakens")),
    ],
)
def test_ids_that_spell_the_class_are_a_note_and_two_schemes_weaken(
    case: str, control: str, check: tuple[str, str]
) -> None:
    ids = [case.format(i) for i in range(30)] + [control.format(i) for i in range(20)]
    assert checks(check_id_words(ids, Y, CLASSES)) == [check]
    assert checks(check_id_words(ids, 1 - Y, CLASSES[::-1])) == [check]


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param([f"S{i}" for i in range(50)], id="one-text"),
        pytest.param([f"{'ABC'[i % 3]}{i}" for i in range(50)], id="centres-of-both-classes"),
        pytest.param([f"id{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(50)], id="words"),
    ],
)
def test_texts_of_both_classes_are_left_alone(ids: list[str]) -> None:
    assert check_id_words(ids, Y, CLASSES) == []


def test_a_file_sorted_by_class_is_a_note_and_a_mixed_one_nothing() -> None:
    ids = [f"s{i:02d}" for i in range(50)]
    assert checks(check_row_order(ids, ids, Y)) == [("class-by-row-order", "note")]
    assert checks(check_row_order(ids[::-1], ids, Y)) == [("class-by-row-order", "note")]
    mixed = [ids[i] for i in np.random.default_rng(0).permutation(50)]
    assert check_row_order(mixed, ids, Y) == []
    assert check_row_order(["other"], ids, Y) == []


def test_the_order_of_a_file_survives_sorting_by_id(tmp_path: Path) -> None:
    ids = [f"s{i:02d}" for i in np.random.default_rng(0).permutation(50)]
    for by_class in (True, False):
        labels = np.where(Y == 1, "case", "control")
        if not by_class:
            labels = np.random.default_rng(1).permutation(labels)
        path = tmp_path / f"{by_class}.csv"
        frame = pd.DataFrame({"id": ids, "glucose": np.arange(50) % 7 + 0.5, "label": labels})
        frame.to_csv(path, index=False)
        table = read_abundances(path)
        assert table.file_orders == (tuple(ids),)
        found = audit_cohort(table, binary_target(table.values("target")))
        assert ("class-by-row-order" in [one.check for one in found]) is by_class


# ---------------------------------------------------------------- confounders


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Age", "covariate"),
        ("age_at_diagnosis", "covariate"),
        ("SEX", "covariate"),
        ("BMI", "covariate"),
        ("Smoking status", "covariate"),
        ("study_site", "covariate"),
        ("batch", "batch"),
        ("Plate_ID", "batch"),
        ("LC.Batch", "batch"),
        ("injection_order", "order"),
        ("InjectionOrder", "order"),
        ("run order", "order"),
        ("Collection date", "date"),
        ("date_of_draw", "date"),
        ("storage time", "date"),
        ("glucose", None),
        ("agmatine", None),
        ("sexual hormone binding globulin", None),
        ("orotate", None),
        ("dates palm sugar", None),
        ("platelet activating factor", None),
    ],
)
def test_columns_of_the_design_are_known_by_name(name: str, kind: Kind | None) -> None:
    assert recognise(name) == kind


def test_names_of_published_metabolites_are_no_columns_of_the_design() -> None:
    for name in ("covid-plasma", "sacurine"):
        names = load_abundances(name).table.keys("feature")
        assert check_feature_roles(names) == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param("covariate", np.where(Y == 1, 55.0, 35.0) + np.arange(50) % 9, id="age"),
        pytest.param("order", np.arange(50.0), id="order"),
        pytest.param("batch", np.where(Y == 1, "b1", "b2"), id="batch"),
        pytest.param("batch", np.where(Y == 1, 1.0, 2.0), id="numbered-batch"),
        pytest.param(
            "date", [f"2020-{1 if v else 6:02d}-{i % 28 + 1:02d}" for i, v in enumerate(Y)], id="d"
        ),
    ],
)
def test_a_column_that_goes_with_the_class_weakens(kind: Kind, values: object) -> None:
    column = DesignColumn("column", kind, pd.Series(values))
    (finding,) = check_confounders([column], Y, CLASSES)
    assert (finding.check, finding.severity) == (f"{kind}-goes-with-class", "weakens")
    assert finding.columns == ("column",)
    assert "gives the class away by itself" in finding.message


@pytest.mark.parametrize("kind", ["order", "date"])
def test_blocks_that_alternate_are_told_though_no_class_comes_later(kind: Kind) -> None:
    y = np.repeat([0.0, 1.0, 0.0], [10, 30, 10])
    order = DesignColumn("run", kind, pd.Series(np.arange(50.0)))
    assert roc_auc(y, np.arange(50.0)) == 0.5
    (finding,) = check_confounders([order], y, CLASSES)
    assert "Cramer's V 1.00 over its fifths" in finding.message


@pytest.mark.parametrize("kind", ["covariate", "order", "batch", "date"])
def test_chance_alone_is_told_of_no_more_often_than_its_level(kind: Kind) -> None:
    n_found = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        values = rng.integers(1, 5, 50).astype(str) if kind == "batch" else rng.normal(size=50)
        column = DesignColumn("column", kind, pd.Series(values))
        n_found += bool(check_confounders([column], Y, CLASSES))
    # Level 0.01: of 100 tables one is expected; six or more have a chance of 0.05 %.
    assert n_found < 6


def test_many_columns_share_one_level() -> None:
    def column(number: int, shift: float) -> DesignColumn:
        values = np.random.default_rng(number).normal(size=50) + shift * Y
        return DesignColumn(f"c{number}", "covariate", pd.Series(values))

    weak = next(c for c in (column(i, 0.8) for i in range(99)) if 0.002 < p_of(c) < 0.008)
    assert len(check_confounders([weak], Y, CLASSES)) == 1
    others = [column(1000 + i, 0.0) for i in range(40)]
    assert "c" + weak.name[1:] not in [
        name for one in check_confounders([weak, *others], Y, CLASSES) for name in one.columns
    ]


def p_of(column: DesignColumn) -> float:
    values = column.values.to_numpy()
    return float(stats.mannwhitneyu(values[Y == 1], values[Y == 0]).pvalue)


def test_missing_cells_are_left_out_and_empty_columns_not_asked() -> None:
    values = pd.Series(np.where(Y == 1, 50.0, 30.0))
    values[::2] = np.nan
    assert len(check_confounders([DesignColumn("age", "covariate", values)], Y, CLASSES)) == 1
    for hopeless in (values * np.nan, values.where(Y == 1)):
        column = DesignColumn("age", "covariate", hopeless)
        assert check_confounders([column], Y, CLASSES) == []


def test_cramers_v_and_its_p_value_agree_with_scipy() -> None:
    rng = np.random.default_rng(0)
    values = rng.choice(["a", "b", "c"], 300, p=[0.5, 0.3, 0.2])
    y = (rng.random(300) < np.where(values == "a", 0.35, 0.55)).astype(float)
    table = pd.crosstab(values, y).to_numpy()
    found = category_association(list(values), y)
    assert found.strength == pytest.approx(stats.contingency.association(table, method="cramer"))
    asymptotic = stats.chi2_contingency(table, correction=False).pvalue
    # 9999 tables: the standard error of a p value near 0.003 is 0.0005.
    assert found.p == pytest.approx(asymptotic, abs=0.002)


def test_the_p_value_of_two_by_two_tables_is_fishers() -> None:
    values, y = ["a"] * 9 + ["b"] * 11, np.array([1.0] * 7 + [0] * 2 + [1] * 3 + [0] * 8)
    exact = stats.fisher_exact([[7, 2], [3, 8]]).pvalue
    assert category_association(values, y).p == pytest.approx(exact, abs=0.01)


def test_numbers_are_judged_by_auc_and_mann_whitney() -> None:
    values = np.random.default_rng(0).normal(size=50) + Y
    found = number_association(values, Y)
    statistic, p = stats.mannwhitneyu(values[Y == 1], values[Y == 0])
    assert found.p == pytest.approx(p)
    assert found.strength == pytest.approx(abs(2 * statistic / 600 - 1))


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.4 times 4, 3, 2, 1: 0.04, 0.06, 0.06 and 0.4.
    assert holm([0.4, 0.01, 0.03, 0.02]) == pytest.approx([0.4, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


# ---------------------------------------------------------------- the whole


def cohort(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.lognormal(size=(50, 4)), columns=list("abcd"))
    frame.insert(0, "id", [f"s{i}" for i in rng.permutation(50)])
    return frame.assign(label=np.where(Y == 1, "case", "control"), **columns)


def test_declared_ignored_and_feature_columns_are_all_asked() -> None:
    ages = np.where(Y == 1, 50.0, 30.0)
    frame = cohort(age=ages, bmi=ages, when=ages, plate=np.where(Y == 1, "x", "y"), sex=ages)
    table = abundances_from_frame(
        frame, target="label", covariates=["when"], batch="plate", ignore=["bmi"]
    )
    kinds = {column.name: column.kind for column in design_columns(table)}
    assert kinds == {
        "age": "covariate",
        "bmi": "covariate",
        "when": "covariate",
        "plate": "batch",
        "sex": "covariate",
    }
    found = audit_cohort(table, binary_target(table.values("target")))
    told = [one.columns for one in found if one.check.endswith("goes-with-class")]
    assert sorted(told) == [("age",), ("bmi",), ("plate",), ("sex",), ("when",)]
    (among,) = [one for one in found if one.check == "design-among-features"]
    assert among.columns == ("age", "sex")


def test_findings_come_gravest_first_and_a_clean_cohort_has_notes_only() -> None:
    frame = cohort(age=np.where(Y == 1, 50.0, 30.0))
    for given, graves in ((frame, ["weakens"] * 3), (frame.drop(columns="age"), [])):
        table = abundances_from_frame(given.sample(frac=1, random_state=0).reset_index(drop=True))
        found = audit_cohort(table, binary_target(table.values("target")))
        severities = [one.severity for one in found]
        assert [one for one in severities if one != "note"] == graves
        assert severities == sorted(severities, key=["stops", "weakens", "note"].index)


def test_a_check_that_breaks_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> list[Finding]:
        raise ZeroDivisionError

    monkeypatch.setattr("foldwise.audit.cohort.check_names", broken)
    table = abundances_from_frame(cohort())
    with pytest.raises(ZeroDivisionError):
        audit_cohort(table, binary_target(table.values("target")))


def test_nothing_stops_the_claim_in_published_tables() -> None:
    for name, target, positive in (
        ("sacurine", None, "F"),
        ("covid-plasma", "severe", "severe"),
        ("covid-plasma", "severe-vs-moderate", "severe"),
    ):
        table = load_abundances(name, target=target).table
        found = audit_cohort(table, binary_target(table.values("target"), positive))
        assert [one for one in found if one.severity == "stops"] == []


def test_two_sources_of_samples_are_told_of_in_a_published_table() -> None:
    table = load_abundances("covid-plasma", target="case").table
    found = audit_cohort(table, binary_target(table.values("target"), "COVID-19"))
    assert ("id-scheme-by-class", "weakens") in checks(found)


def test_the_course_table_has_its_four_flaws(course_data: Path) -> None:
    table = read_abundances([course_data / f"breastcancer_{part}.csv" for part in "Xy"])
    found = audit_cohort(table, binary_target(table.values("target")))
    assert {one.check for one in found if one.severity != "note"} >= {
        "transformed-values",
        "same-subject",
        "class-by-id-number",
        "names-do-not-fit",
    }


# ---------------------------------------------------------------- transformed columns


def raw(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(size=(40, 6))


@pytest.mark.parametrize(
    ("made", "word"),
    [
        pytest.param(lambda X: stats.rankdata(X, axis=0), "ranked", id="ranks"),
        pytest.param(lambda X: 100 * stats.rankdata(X, axis=0) / 40, "ranked", id="percentiles"),
        pytest.param(
            lambda X: stats.norm.ppf((stats.rankdata(X, axis=0) - 0.5) / 40),
            "same distribution",
            id="normal-scores",
        ),
        pytest.param(
            lambda X: stats.rankdata(np.round(X, 1), axis=0), "ranked", id="ranks-with-ties"
        ),
        pytest.param(lambda X: stats.zscore(X), "standardised", id="z"),
        pytest.param(lambda X: stats.zscore(np.log(X), ddof=1), "standardised", id="z-of-logs"),
        pytest.param(lambda X: np.round(stats.zscore(X), 3), "standardised", id="rounded-z"),
        pytest.param(lambda X: (X - X.mean(0)) / np.sqrt(X.std(0)), "centred", id="pareto"),
    ],
)
def test_columns_scaled_over_all_rows_are_told(made: object, word: str) -> None:
    assert callable(made)
    (finding,) = check_transforms(made(raw()))
    assert (finding.check, finding.severity) == ("transformed-values", "weakens")
    assert word in finding.message


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(raw(), id="raw"),
        pytest.param(np.log2(raw()), id="logs"),
        pytest.param(np.round(raw(), 1), id="rounded"),
        pytest.param(np.random.default_rng(0).integers(0, 4, (40, 6)).astype(float), id="counts"),
        pytest.param(
            np.random.default_rng(0)
            .permuted(np.tile(np.repeat([0.0, 1, 2, 3], 10), (6, 1)), axis=1)
            .T,
            id="grades-of-equal-number",
        ),
        pytest.param(stats.zscore(raw())[:30], id="z-over-other-rows-too"),
        pytest.param(np.full((40, 3), np.nan), id="empty"),
    ],
)
def test_columns_in_their_own_scale_are_left_alone(X: np.ndarray) -> None:
    assert check_transforms(X) == []


def test_a_scale_is_not_told_twice() -> None:
    frame = cohort()
    frame[list("abcd")] = stats.zscore(frame[list("abcd")])
    table = abundances_from_frame(frame, target="label")
    assert check_scale(table.scale, table.scale_origin) != []
    found = audit_cohort(table, binary_target(table.values("target")))
    assert [one.check for one in found].count("transformed-values") == 1


def test_columns_in_two_units_are_told_and_outliers_do_not_make_them() -> None:
    X = raw()
    names = list("abcdef")
    X[:, 4] = 18.0 * X[:, 1] + 3.0
    (finding,) = check_near_columns(X, names)
    assert (finding.check, finding.severity, finding.columns) == (
        "columns-in-two-units",
        "note",
        ("e",),
    )
    X = raw()
    X[0] *= 1e6  # one spoilt sample makes all columns correlate
    assert np.corrcoef(X.T).min() > 0.9999
    assert check_near_columns(X, names) == []


def test_exact_repeats_are_left_to_the_other_check() -> None:
    X = raw()
    X[:, 4] = X[:, 1]
    assert check_near_columns(X, list("abcdef")) == []


def test_sparse_columns_with_two_shared_rows_are_no_copies() -> None:
    X = np.random.default_rng(0).normal(size=(60, 4))
    X[:, 2:] = np.nan
    X[[3, 9], 2:] = [[1.0, 9.0], [2.7, 4.0]]
    assert check_near_columns(X, list("abcd")) == []
