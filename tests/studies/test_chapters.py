"""The chapters beyond rows 1.1 to 1.7: what each says, and what it must not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, rankdata
from sklearn.metrics import roc_auc_score
from tables import BRIEF, write_cohort

from foldwise.errors import InvalidInputError
from foldwise.runs.runner import run_config
from foldwise.studies.biomarkers import run_biomarkers
from foldwise.studies.config import BiomarkersConfig, make_config
from foldwise.studies.sections import StudyResult


def config_of(paths: tuple[Path, ...], **settings: Any) -> BiomarkersConfig:
    given = {"random_splits": 2, **BRIEF, **settings}
    return BiomarkersConfig(tables=tuple(map(str, paths)), **given)


def frame_of(result: StudyResult, name: str) -> pd.DataFrame:
    return result.summary.tables[name].frame


def answers(result: StudyResult) -> dict[str, str]:
    sections = result.summary.result["sections"]
    return {one["key"]: one["answer"] for section in sections for one in section["answers"]}


def rows_of(result: StudyResult) -> list[str]:
    return [section["row"] for section in result.summary.result["sections"]]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_cohort(tmp_path_factory.mktemp("chapters"), n=80, effect=1.2)


@pytest.fixture(scope="module")
def result(cohort: tuple[Path, Path]) -> StudyResult:
    return run_biomarkers(config_of(cohort, pairs=20, prevalence=0.1), n_jobs=1)


def write_lattice(folder: Path) -> tuple[Path, Path]:
    """Write percentiles among the controls, computed with the labels over all rows."""
    X, y = write_cohort(folder, n=80, n_features=10)
    table, labels = pd.read_csv(X, index_col=0), pd.read_csv(y, index_col=0)
    control = (labels["diagnosis"] == "control").to_numpy()
    for name in table:
        column = table[name].to_numpy()
        below = (column[control] < column[:, None]).mean(axis=1)
        equal = (column[control] == column[:, None]).mean(axis=1)
        table[name] = 100 * (below + equal / 2)
    table.to_csv(X)
    return X, y


def test_a_stopped_audit_comes_first_and_leaves_no_score_in_verdict_and_methods(
    tmp_path: Path,
) -> None:
    run = run_config(config_of(write_lattice(tmp_path / "data")), out=tmp_path / "run", n_jobs=1)
    summary = json.loads(run.summary.read_text())
    written = json.loads((run.path / "audit.json").read_text())["findings"]
    assert written[0]["severity"] == "stops"
    assert {"check", "severity", "message", "rows", "columns", "remedy"} == set(written[0])
    assert summary["verdict"].startswith("No: The values are percentiles")
    assert summary["result"]["claim"] == "not supported"
    methods = " ".join(summary["result"]["methods"])
    panel = pd.read_csv(run.path / "tables" / "selection.csv")
    for text in (summary["verdict"], methods):
        assert "AUC" not in text
        assert "p =" not in text
        assert not any(f"'{name}'" in text for name in panel.loc[panel["selected"], "feature"])


def test_the_panel_holds_the_planted_features_and_few_others(result: StudyResult) -> None:
    selection = frame_of(result, "selection")
    kept = set(selection.loc[selection["selected"], "feature"])
    assert {"met-0", "met-1", "met-2"} >= kept
    assert len(kept) >= 2
    bounds = frame_of(result, "selection_bounds").set_index("bound")["expected"]
    assert bounds["shah-samworth"] <= 1.0


def test_single_features_are_tested_as_scipy_tests_them(
    result: StudyResult, cohort: tuple[Path, Path]
) -> None:
    table, labels = (pd.read_csv(path, index_col=0) for path in cohort)
    case = (labels.loc[table.index, "diagnosis"] == "case").to_numpy()
    found = frame_of(result, "metabolites").set_index("feature")
    p = [mannwhitneyu(table.loc[case, name], table.loc[~case, name]).pvalue for name in table]
    order = np.argsort(p)
    q = np.minimum.accumulate((np.sort(p) * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1]
    np.testing.assert_allclose(found.loc[table.columns, "mann_whitney_p"], p, rtol=1e-9)
    np.testing.assert_allclose(found.loc[table.columns[order], "q"], np.minimum(q, 1), rtol=1e-9)
    auc = [roc_auc_score(case, table[name]) for name in table]
    np.testing.assert_allclose(found.loc[table.columns, "univariate_auc"], auc, rtol=1e-12)


def test_predictive_values_follow_from_the_counts_at_the_stated_prevalence(
    result: StudyResult,
) -> None:
    for row in frame_of(result, "operating_points").itertuples():
        sens, spec = row.tp / (row.tp + row.fn), row.tn / (row.tn + row.fp)
        assert row.tp + row.fn == row.tn + row.fp == 40
        ppv = 0.1 * sens / (0.1 * sens + 0.9 * (1 - spec))
        npv = 0.9 * spec / (0.9 * spec + 0.1 * (1 - sens))
        assert (row.ppv, row.npv) == (pytest.approx(ppv), pytest.approx(npv))


def test_without_a_stated_prevalence_nothing_that_needs_one_is_said(
    cohort: tuple[Path, Path],
) -> None:
    quick = run_biomarkers(config_of(cohort, permutations=0, pairs=0), n_jobs=1)
    assert "decision_curve" not in quick.summary.tables
    assert "ppv" not in frame_of(quick, "operating_points")
    assert "--prevalence" in answers(quick)["operating-threshold"]


def test_without_permutations_there_is_no_p_but_the_pipeline_still_tests_itself(
    cohort: tuple[Path, Path],
) -> None:
    quick = run_biomarkers(config_of(cohort, permutations=0, pairs=0), n_jobs=1)
    assert "permutation" not in rows_of(quick)
    assert "panel" not in rows_of(quick)
    assert "20 shuffles" in answers(quick)["self-tests-shuffled"]
    assert "0 of 30 learned arrays" in answers(quick)["self-tests-unseen-logistic-l1"]


def test_the_permutation_p_counts_the_permutations_in_its_table(result: StudyResult) -> None:
    test = frame_of(result, "permutation_test").iloc[0]
    null = frame_of(result, "permutation_null")["auc"]
    assert test["p_value"] == pytest.approx(((null >= test["auc"]).sum() + 1) / (len(null) + 1))
    assert test["p_floor"] == pytest.approx(1 / 21)


def test_a_cost_needs_a_prevalence(cohort: tuple[Path, Path]) -> None:
    with pytest.raises(InvalidInputError, match="--prevalence"):
        run_biomarkers(config_of(cohort, threshold="cost=5"), n_jobs=1)


@pytest.mark.parametrize("rule", ["sensitivity=1.5", "youden=2", "cost=0", "best"])
def test_a_rule_for_the_threshold_that_does_not_exist_is_refused(rule: str) -> None:
    with pytest.raises(InvalidInputError, match="threshold: write youden"):
        make_config("biomarkers", {"threshold": rule})


def test_all_three_numbers_of_a_panel_are_refused_for_they_depend_on_each_other() -> None:
    with pytest.raises(InvalidInputError, match="give two of them"):
        make_config("biomarkers", {"panel_q": 5, "panel_threshold": 0.8, "pfer": 1.0})


def test_with_groups_intervals_count_people_and_folds_keep_them_whole(
    cohort: tuple[Path, Path], tmp_path: Path
) -> None:
    table, labels = (pd.read_csv(path, index_col=0) for path in cohort)
    rng = np.random.default_rng(4)
    again = table.iloc[:30] + rng.normal(0, 0.05, (30, table.shape[1]))
    again.index = [f"{one}-2" for one in again.index]
    both = pd.concat([table, again])
    people = [str(one).removesuffix("-2") for one in both.index]
    both.insert(0, "diagnosis", labels.loc[people, "diagnosis"].to_numpy())
    both.insert(1, "person", people)
    path = tmp_path / "repeated.csv"
    both.to_csv(path, index_label="id")
    found = run_biomarkers(config_of((path,), groups="person"), n_jobs=1)
    assert (frame_of(found, "auc_intervals")["n"] == 80).all()
    assert (frame_of(found, "metabolites")["n_cases"] == 40).all()
    splits = found.splits.set_index("id")["fold_1"]
    for one in again.index:
        assert splits[one] == splits[one.removesuffix("-2")]


def test_shap_values_rank_the_planted_features_first(result: StudyResult) -> None:
    sizes = frame_of(result, "metabolites").set_index("feature")["shap_size"]
    assert set(sizes.nlargest(3).index) == {"met-0", "met-1", "met-2"}
    ranks = rankdata(-sizes)
    assert ranks.min() == 1


def test_every_chapter_stands_in_the_report_in_its_order(result: StudyResult) -> None:
    assert rows_of(result)[7:] == [
        "uncertainty",
        "baselines",
        "permutation",
        "operating",
        "panel",
        "metabolites",
        "curves",
        "self-tests",
        "standards",
    ]


def test_permute_all_permutes_the_forest_too(cohort: tuple[Path, Path]) -> None:
    found = run_biomarkers(config_of(cohort, permutations=4, permute_all=True, pairs=0), n_jobs=1)
    tests = frame_of(found, "permutation_test").set_index("model")
    assert tests["n_permutations"].to_dict() == {"logistic-l1": 4, "forest": 4}
    assert (frame_of(found, "permutation_null").groupby("model").size() == 4).all()


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_shap_values_of_the_forest_stand_beside_those_of_the_linear_model_on_request(
    cohort: tuple[Path, Path],
) -> None:
    pytest.importorskip("shap", reason="the extra foldwise[shap] is not installed")
    found = run_biomarkers(config_of(cohort, permutations=0, pairs=0, shap_forest=True), n_jobs=1)
    assert set(frame_of(found, "shap_values")["model"]) == {"logistic-l1", "forest"}


def test_labels_that_cannot_move_within_batches_are_said_not_tested(
    cohort: tuple[Path, Path], tmp_path: Path
) -> None:
    table, labels = (pd.read_csv(path, index_col=0) for path in cohort)
    both = table.assign(diagnosis=labels["diagnosis"], plate=labels["diagnosis"])
    path = tmp_path / "batched.csv"
    both.to_csv(path, index_label="id")
    config = config_of((path,), target="diagnosis", batch="plate", permutations=5, pairs=0)
    found = run_biomarkers(config, n_jobs=1)
    severities = {one["check"]: one["severity"] for one in found.summary.findings}
    assert severities["no-permutation-test"] == "weakens"
    assert "permutation_test" not in found.summary.tables
    assert "20 shuffles" in answers(found)["self-tests-shuffled"]
