"""Tuning: the search never sees test rows, and 'improvement' needs a paired interval."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import write_cohort, write_perovskites
from typer.testing import CliRunner

from foldwise.cli.main import app
from foldwise.errors import InvalidInputError
from foldwise.reporting.summary import Summary, read_summary
from foldwise.runs.runner import run_config
from foldwise.studies.config import TuneBiomarkersConfig, TunePerovskitesConfig
from foldwise.studies.predicting import predict_table
from foldwise.studies.sections import StudyResult
from foldwise.studies.tune_biomarkers import run_tune_biomarkers
from foldwise.studies.tune_perovskites import run_tune_perovskites
from foldwise.studies.verdicts import TuningStep, tuning_verdict


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> TunePerovskitesConfig:
    table = write_perovskites(tmp_path_factory.mktemp("perovskites"))
    return TunePerovskitesConfig(
        table=str(table),
        holdout_elements=("Y",),
        layers=((16, 8), (8,)),
        lr=(1e-2, 1e-3),
        weight_decay=(1e-3,),
        epochs=15,
        folds=3,
    )


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> TuneBiomarkersConfig:
    tables = write_cohort(tmp_path_factory.mktemp("cohort"), n=80)
    names = tuple(str(path) for path in tables)
    # Declared, for a guess of the scale looks at all rows.
    return TuneBiomarkersConfig(
        tables=names, scale="log2", C=(0.01, 0.1, 1.0), l1_ratio=(1.0, 0.5), repeats=2, folds=4
    )


@pytest.fixture(scope="module")
def tuned_network(campaign: TunePerovskitesConfig) -> StudyResult:
    return run_tune_perovskites(campaign, n_jobs=1)


@pytest.fixture(scope="module")
def tuned_logistic(cohort: TuneBiomarkersConfig) -> StudyResult:
    return run_tune_biomarkers(cohort, n_jobs=1)


def steps_of(summary: Summary) -> list[str]:
    return summary.tables["attribution"].frame["step"].tolist()


def test_every_combination_is_tried_on_every_fold(tuned_network: StudyResult) -> None:
    tables = tuned_network.summary.tables
    search = tables["search"].frame
    assert len(search.drop_duplicates(["layers", "lr", "weight_decay"])) == 4
    assert tables["search_folds"].frame.groupby("trial")["fold"].nunique().tolist() == [3] * 4
    assert search["cv_mean"].is_monotonic_decreasing
    means = tables["search_folds"].frame.groupby("trial")["cv_value"].mean()
    np.testing.assert_allclose(search["cv_mean"], means.loc[search["trial"]])


def test_test_rows_change_nothing_in_the_search(
    campaign: TunePerovskitesConfig, tuned_network: StudyResult, tmp_path: Path
) -> None:
    """Absurd energies in test and holdout rows move no fold's metric and no weight."""
    frame = pd.read_csv(str(campaign.table), index_col=0)
    part = tuned_network.splits.set_index("id")["part"]
    frame.index = frame.index.astype(str)
    frame.loc[part.index[part != "train"], "e_above_hull"] += 1e3
    frame.to_csv(tmp_path / "wild.csv", index_label="row")
    wild = run_tune_perovskites(
        campaign.model_copy(update={"table": str(tmp_path / "wild.csv")}), n_jobs=1
    )
    for name in ("search", "search_folds", "search_rows"):
        pd.testing.assert_frame_equal(
            wild.summary.tables[name].frame, tuned_network.summary.tables[name].frame
        )
    for name, value in tuned_network.model.state.items():
        np.testing.assert_array_equal(wild.model.state[name], value)


def test_abundances_of_test_rows_change_nothing_in_the_search(
    cohort: TuneBiomarkersConfig, tuned_logistic: StudyResult, tmp_path: Path
) -> None:
    assert cohort.tables is not None
    frame = pd.read_csv(cohort.tables[0], index_col=0)
    part = tuned_logistic.splits.set_index("id")["part"]
    frame.loc[part.index[part == "test"]] *= 7.0
    frame.to_csv(tmp_path / "X.csv", index_label="sample")
    tables = (str(tmp_path / "X.csv"), cohort.tables[1])
    wild = run_tune_biomarkers(cohort.model_copy(update={"tables": tables}), n_jobs=1)
    pd.testing.assert_frame_equal(
        wild.summary.tables["search"].frame, tuned_logistic.summary.tables["search"].frame
    )


def test_fold_aucs_equal_scikit_learn_on_the_same_folds(
    cohort: TuneBiomarkersConfig, tuned_logistic: StudyResult
) -> None:
    assert cohort.tables is not None
    X = pd.read_csv(cohort.tables[0], index_col=0)
    y = (pd.read_csv(cohort.tables[1], index_col=0)["diagnosis"] == "case").loc[X.index]
    folds = tuned_logistic.summary.tables["search_rows"].frame
    values = tuned_logistic.summary.tables["search_folds"].frame
    values = values[values["setting"] == "L1, C 0.1"]
    for row in values.itertuples():
        own = folds[folds["repeat"] == row.repeat]
        held = own.loc[own["fold"] == row.fold, "id"]
        train = own.loc[own["fold"] != row.fold, "id"]
        model = make_pipeline(
            StandardScaler(),
            LogisticRegression(
                C=0.1, l1_ratio=1.0, solver="saga", tol=1e-8, max_iter=100_000, random_state=0
            ),
        ).fit(X.loc[train], y.loc[train])
        expected = roc_auc_score(y.loc[held], model.decision_function(X.loc[held]))
        assert row.cv_value == pytest.approx(expected, abs=1e-9)


def test_steps_change_one_thing_at_a_time(
    campaign: TunePerovskitesConfig, tuned_network: StudyResult
) -> None:
    assert steps_of(tuned_network.summary) == ["untuned", "+ scaling", "+ tuned"]
    stacked = run_tune_perovskites(
        campaign.model_copy(update={"stack_holdout": True}), n_jobs=1
    ).summary
    n_holdout = tuned_network.summary.result["data"]["n_holdout"]
    assert steps_of(stacked) == ["untuned", "+ scaling", f"+ {n_holdout} holdout rows", "+ tuned"]
    rows = stacked.tables["attribution"].frame["n_train"].tolist()
    assert rows[2] - rows[1] == rows[3] - rows[0] == n_holdout
    # The steps before the holdout is stacked are those of a run without it.
    before = tuned_network.summary.tables["attribution"].frame["reached"].tolist()
    assert stacked.tables["attribution"].frame["reached"].tolist()[:2] == before[:2]


def test_a_stacked_holdout_tests_nothing_and_a_kept_one_is_scored_once(
    campaign: TunePerovskitesConfig, tuned_network: StudyResult
) -> None:
    scored = [m for m in tuned_network.summary.result["metrics"] if m["split"] == "holdout"]
    assert {metric["model"] for metric in scored} == {"mlp-tuned"}
    stacked = run_tune_perovskites(
        campaign.model_copy(update={"stack_holdout": True}), n_jobs=1
    ).summary
    assert not [m for m in stacked.result["metrics"] if m["split"] == "holdout"]
    finding = next(one for one in stacked.findings if one["check"] == "holdout-in-training")
    assert "Y" in finding["message"]


def test_a_holdout_that_is_not_there_cannot_be_stacked(campaign: TunePerovskitesConfig) -> None:
    config = campaign.model_copy(update={"stack_holdout": True, "holdout_elements": None})
    with pytest.raises(InvalidInputError, match=r"--stack-holdout .* there is none"):
        run_tune_perovskites(config, n_jobs=1)


def test_a_search_in_which_nothing_learns_says_so(campaign: TunePerovskitesConfig) -> None:
    config = campaign.model_copy(update={"lr": (1e4,), "layers": ((8,),)})
    summary = run_tune_perovskites(config, n_jobs=1).summary
    finding = next(one for one in summary.findings if one["check"] == "no-setting-learned")
    assert "better than the training mean" in finding["message"]
    assert "alone has a mean R²" in summary.verdict
    assert summary.result["claim"] == "not supported"
    assert len(summary.verdict) < 700  # no number of forty digits


def test_the_report_says_how_often_the_test_rows_were_scored(tuned_network: StudyResult) -> None:
    finding = next(
        one for one in tuned_network.summary.findings if one["check"] == "test-rows-scored-again"
    )
    assert "scored by 9 fits" in finding["message"]  # 3 steps x 3 seeds


def test_a_best_setting_at_an_edge_of_the_grid_is_pointed_out(tuned_network: StudyResult) -> None:
    assert tuned_network.summary.tables["search"].frame["lr"].iloc[0] == 1e-2
    finding = next(
        one for one in tuned_network.summary.findings if one["check"] == "best-setting-at-an-edge"
    )
    assert "lr 0.01 is the largest tried" in finding["message"]
    assert "weight decay" not in finding["message"]  # one value only: no edge


def test_nested_prints_the_optimism_of_the_best_mean(campaign: TunePerovskitesConfig) -> None:
    config = campaign.model_copy(update={"nested": True})
    summary = run_tune_perovskites(config, n_jobs=1).summary
    nested = summary.tables["nested"].frame
    assert len(nested) == 3
    section = next(one for one in summary.result["sections"] if one["row"] == "nested")
    facts = {fact["key"]: fact["value"] for fact in section["facts"]}
    best = summary.tables["search"].frame["cv_mean"].iloc[0]
    assert facts["optimism"] == pytest.approx(best - nested["outer"].mean())
    assert f"{nested['outer'].mean():.3f}" in summary.verdict


def test_nested_search_of_penalties_runs_on_a_cohort(cohort: TuneBiomarkersConfig) -> None:
    summary = run_tune_biomarkers(cohort.model_copy(update={"nested": True}), n_jobs=1).summary
    nested = summary.tables["nested"].frame
    assert len(nested) == 4
    # Both sides on the folds of the first repeat: other folds would be another difference.
    folds = summary.tables["search_folds"].frame
    best = folds[folds["repeat"] == 1].groupby("trial")["cv_value"].mean().max()
    section = next(one for one in summary.result["sections"] if one["row"] == "nested")
    facts = {fact["key"]: fact["value"] for fact in section["facts"]}
    assert facts["optimism"] == pytest.approx(best - nested["outer"].mean())
    assert 0.5 < summary.metric("roc_auc", split="cv-nested")["value"] <= 1.0


def test_the_tuned_model_scores_a_new_table(
    cohort: TuneBiomarkersConfig, campaign: TunePerovskitesConfig, tmp_path: Path
) -> None:
    run = run_config(campaign, out=tmp_path / "network", n_jobs=1)
    predicted = predict_table(run.path, Path(str(campaign.table))).frame
    own = pd.read_csv(run.path / "predictions.csv")
    np.testing.assert_allclose(
        predicted.filter(like="_predicted").iloc[:, 0], own["prediction"], atol=1e-6
    )
    run = run_config(cohort, out=tmp_path / "logistic", n_jobs=1)
    assert cohort.tables is not None
    predicted = predict_table(run.path, Path(cohort.tables[0])).frame
    own = pd.read_csv(run.path / "predictions.csv")
    own = own[own["model"] == "logistic-tuned"]
    np.testing.assert_allclose(predicted["score_case"], own["score"], atol=1e-9)


def test_the_command_line_gives_the_result_of_python(
    campaign: TunePerovskitesConfig, tuned_network: StudyResult, tmp_path: Path
) -> None:
    words = ["tune", "perovskites", str(campaign.table), "--holdout-elements", "Y"]
    words += ["--layers", "16,8", "--layers", "8", "--lr", "1e-2,1e-3", "--weight-decay", "1e-3"]
    words += ["--epochs", "15", "--folds", "3", "--out", str(tmp_path / "run")]
    ended = CliRunner().invoke(app, words, catch_exceptions=False)
    assert ended.exit_code == 0
    found = read_summary(tmp_path / "run")
    for key in ("metrics", "models", "claim"):
        assert json.dumps(found.result[key]) == json.dumps(tuned_network.summary.result[key])
    assert (tmp_path / "run" / "figures" / "attribution.svg").stat().st_size > 1000


def test_groups_stay_whole_and_claim_no_interval(tmp_path: Path) -> None:
    X, y = write_cohort(tmp_path, n=80)
    frame = pd.read_csv(X, index_col=0).assign(subject=np.arange(80) // 4)
    frame.to_csv(X, index_label="sample")
    labels = pd.read_csv(y, index_col=0)
    labels["diagnosis"] = np.where(np.arange(80) // 4 % 2, "case", "control")
    labels.to_csv(y, index_label="sample")
    config = TuneBiomarkersConfig(
        tables=(str(X), str(y)), groups="subject", C=(0.1, 1.0), l1_ratio=(1.0,), repeats=1
    )
    summary = run_tune_biomarkers(config, n_jobs=1).summary
    rows = summary.tables["search_rows"].frame
    subject = frame["subject"].loc[rows["id"]].to_numpy()
    assert rows.groupby(subject)["fold"].nunique().max() == 1
    assert summary.tables["attribution"].frame["says"].iloc[-1] == "no interval"
    assert "not independent" in summary.verdict


@pytest.mark.parametrize(
    ("low", "high", "claim", "start"),
    [
        pytest.param(0.001, 0.03, "supported", "Yes: ", id="above-zero"),
        pytest.param(-0.001, 0.03, "unclear", "No improvement is shown: ", id="around-zero"),
        pytest.param(-0.03, -0.001, "not supported", "No, tuning made it worse: ", id="below"),
        pytest.param(None, None, "unclear", "No improvement is shown: ", id="no-interval"),
    ],
)
def test_improvement_is_said_only_where_the_paired_interval_allows_it(
    low: float | None, high: float | None, claim: str, start: str
) -> None:
    before = TuningStep("untuned", "256", 100, 0.80)
    after = TuningStep("+ tuned", "512", 100, 0.81, gain=0.01, gain_low=low, gain_high=high)
    verdict = tuning_verdict("R²", "Words.", [before, after], 50)
    assert verdict.claim == claim
    assert verdict.text.startswith(start)
    assert (after.says == "improvement") == (claim == "supported")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"trials": 5}, "trials belongs to search = tpe", id="trials-of-a-grid"),
        pytest.param({"search": "tpe", "nested": True}, "nested searches a grid", id="nested-tpe"),
        pytest.param({"lr": (0.0,)}, r"lr\.0 = 0", id="no-step"),
        pytest.param({"layers": ((),)}, r"layers\.0", id="no-layer"),
        pytest.param({"lr": (0.1, 0.1)}, "0.1 is listed twice", id="twice"),
        pytest.param({"lr": ("x",)}, r"^[^;]*lr\.0 = 'x'[^;]*$", id="named-once"),
    ],
)
def test_settings_that_cannot_be_searched_are_refused(
    values: dict[str, object], message: str
) -> None:
    from foldwise.studies.config import make_config

    with pytest.raises(InvalidInputError, match=message):
        make_config("tune-perovskites", values)


def test_a_search_killed_in_the_middle_resumes_to_the_same_result(
    campaign: TunePerovskitesConfig, tmp_path: Path
) -> None:
    """Kill -9 between trials; the rerun keeps every finished one, to the same bits."""
    config = campaign.model_copy(update={"search": "tpe", "trials": 40})
    whole = run_config(config, out=tmp_path / "whole", n_jobs=1)
    run = tmp_path / "killed"
    program = (
        "from pathlib import Path; from foldwise.runs.runner import run_config;"
        "from foldwise.studies.config import read_config;"
        f"run_config(read_config(Path({str(whole.path / 'config.toml')!r})),"
        f"out=Path({str(run)!r}), n_jobs=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 120
    while len(finished_trials(run / "search.db")) < 16 and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = finished_trials(run / "search.db")
    assert 16 <= len(kept) < 40
    resumed = run_config(config, out=run, n_jobs=1)
    assert finished_trials(run / "search.db")[: len(kept)] == kept
    results = [json.loads((one.path / "summary.json").read_text()) for one in (whole, resumed)]
    assert results[0]["result"] == results[1]["result"]


def finished_trials(store: Path) -> list[tuple[int, str]]:
    """Return number and time of completion of each finished trial, read as SQLite."""
    if not store.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        try:
            rows = connection.execute(
                "SELECT number, datetime_complete FROM trials WHERE state = 'COMPLETE' "
                "ORDER BY number"
            )
            return [(int(number), str(done)) for number, done in rows]
        except sqlite3.OperationalError:  # no table yet
            return []


def test_a_search_that_cannot_run_leaves_no_folder_behind(
    campaign: TunePerovskitesConfig, tmp_path: Path
) -> None:
    config = campaign.model_copy(update={"search": "tpe", "trials": 3, "weight_decay": (0.0, 0.01)})
    with pytest.raises(InvalidInputError, match="0 has no place there"):
        run_config(config, out=tmp_path / "run", n_jobs=1)
    assert not (tmp_path / "run").exists()


def test_folds_of_a_splits_file_are_those_of_the_search(
    campaign: TunePerovskitesConfig, tuned_network: StudyResult, tmp_path: Path
) -> None:
    given = tuned_network.splits.assign(fold_1=np.arange(len(tuned_network.splits)) % 4)
    given.to_csv(tmp_path / "splits.csv", index=False)
    config = campaign.model_copy(update={"splits": str(tmp_path / "splits.csv")})
    rows = run_tune_perovskites(config, n_jobs=1).summary.tables["search_rows"].frame
    expected = given[given["part"] == "train"].set_index("id")["fold_1"] + 1
    assert rows.set_index("id")["fold"].to_dict() == expected.to_dict()
    given["fold_1"] = np.where(given["part"] == "train", 0, 1)
    given.to_csv(tmp_path / "splits.csv", index=False)
    with pytest.raises(InvalidInputError, match="of 2 folds 1 hold no training row"):
        run_tune_perovskites(config, n_jobs=1)


def test_a_grid_of_penalties_is_nested_unless_told_not_to_and_tpe_never() -> None:
    assert TuneBiomarkersConfig().nested
    assert not TuneBiomarkersConfig(nested=False).nested
    assert not TuneBiomarkersConfig(search="tpe").nested
    with pytest.raises(ValidationError, match="permute_all searches a grid"):
        TuneBiomarkersConfig(search="tpe", permute_all=True)


def test_the_p_value_of_a_search_counts_its_own_null(tmp_path: Path) -> None:
    X, y = write_cohort(tmp_path, n=50, n_features=5, effect=2.0)
    config = TuneBiomarkersConfig(
        tables=(str(X), str(y)),
        C=(0.1, 1.0),
        l1_ratio=(1.0,),
        repeats=1,
        folds=3,
        nested=False,
        permute_all=True,
    )
    summary = run_tune_biomarkers(config, n_jobs=1).summary
    test = summary.tables["permutation_test"].frame.iloc[0]
    null = summary.tables["permutation_null"].frame["auc"]
    assert test["n_permutations"] == len(null) == 200
    assert test["p_value"] == pytest.approx(((null >= test["auc"]).sum() + 1) / 201)
    assert test["p_value"] < 0.05
    assert "permutation" in [section["row"] for section in summary.result["sections"]]
