"""Every demand of the reference problem set is answered in Summary and report."""

from pathlib import Path
from typing import Any

import pytest
from questions import (
    BIOMARKER_QUESTIONS,
    PEROVSKITE_QUESTIONS,
    TUNING_QUESTIONS,
    ReferenceQuestion,
)

from foldwise.reporting.summary import Summary, read_summary
from foldwise.runs.folders import RunFolder
from foldwise.runs.runner import run_config
from foldwise.studies.config import make_config


@pytest.fixture(scope="module")
def biomarker_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Rows 1.1 to 1.7 on the embedded set, quickly."""
    config = make_config("biomarkers", {"dataset": "covid-plasma-191", "quick": True})
    return run_config(config, out=tmp_path_factory.mktemp("runs") / "biomarkers")


@pytest.fixture(scope="module")
def perovskite_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Rows 2.1 to 2.10 on the embedded set, quickly."""
    config = make_config("perovskites", {"quick": True, "epochs": 20})
    return run_config(config, out=tmp_path_factory.mktemp("runs") / "perovskites")


@pytest.fixture(scope="module")
def tuning_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Row 2.11 on the embedded set: every default of the grid, few epochs."""
    values = {"quick": True, "epochs": 2, "stack_holdout": True}
    config = make_config("tune-perovskites", values)
    return run_config(config, out=tmp_path_factory.mktemp("runs") / "tuning")


@pytest.mark.parametrize("question", BIOMARKER_QUESTIONS, ids=lambda one: one.word_id)
def test_every_demand_of_part_1_is_answered(
    biomarker_run: RunFolder, question: ReferenceQuestion
) -> None:
    assert_answered(biomarker_run, question)


@pytest.mark.parametrize("question", PEROVSKITE_QUESTIONS, ids=lambda one: one.word_id)
def test_every_demand_of_part_2_is_answered(
    perovskite_run: RunFolder, question: ReferenceQuestion
) -> None:
    assert_answered(perovskite_run, question)


@pytest.mark.parametrize("question", TUNING_QUESTIONS, ids=lambda one: one.word_id)
def test_every_demand_of_the_grid_search_is_answered(
    tuning_run: RunFolder, question: ReferenceQuestion
) -> None:
    assert_answered(tuning_run, question)


def test_the_default_grid_is_that_of_the_reference(tuning_run: RunFolder) -> None:
    search = read_summary(tuning_run.path).tables["search"].frame
    assert set(search["layers"]) == {"512-256-128", "256-128-64", "128-64-32"}
    assert set(search["lr"]) == {1e-3, 1e-4, 1e-5}
    assert set(search["weight_decay"]) == {0.01, 0.001, 0.0001}
    assert len(search) == 27


@pytest.mark.parametrize(
    ("questions", "rows"),
    [
        pytest.param(BIOMARKER_QUESTIONS, [f"1.{row}" for row in range(1, 8)], id="part-1"),
        pytest.param(
            PEROVSKITE_QUESTIONS + TUNING_QUESTIONS,
            [f"2.{row}" for row in range(1, 12)],
            id="part-2",
        ),
    ],
)
def test_the_list_covers_every_row(
    questions: tuple[ReferenceQuestion, ...], rows: list[str]
) -> None:
    assert sorted({one.row for one in questions}) == sorted(rows)


def assert_answered(run: RunFolder, question: ReferenceQuestion) -> None:
    summary = read_summary(run.path)
    page = run.report.read_text(encoding="utf-8")
    section = next(one for one in summary.result["sections"] if one["row"] == question.row)
    start = page.index(f'<section id="row-{question.row}"')
    following = page.find("<section ", start + 1)
    own_page = page[start:following] if following > 0 else page[start:]
    for place in question.places:
        kind, _, key = place.partition(":")
        assert _in_summary(summary, section, kind, key), f"{place} is not in the Summary"
        if kind == "figure":
            for ending in ("svg", "png"):
                assert (run.path / "figures" / f"{key}.{ending}").stat().st_size > 1000
        if kind != "metric":
            assert f'data-{kind}="{key}"' in own_page, f"{place} is not in its section"


def _in_summary(summary: Summary, section: dict[str, Any], kind: str, key: str) -> bool:
    if kind == "metric":
        name, model, split = key.split("/")
        return any(
            (one["name"], one["model"], one["split"]) == (name, model, split)
            for one in summary.result["metrics"]
        )
    if kind == "table":
        return key in section["tables"] and len(summary.tables[key].frame) > 0
    if kind == "figure":
        return key in section["figures"]
    return any(one["key"] == key for one in section[f"{kind}s"])


def test_run_folders_hold_what_the_readme_promises(
    biomarker_run: RunFolder, perovskite_run: RunFolder, tuning_run: RunFolder
) -> None:
    for run in (biomarker_run, perovskite_run, tuning_run):
        names = {path.name for path in run.path.iterdir()}
        assert names == {
            "audit.json",
            "config.toml",
            "figures",
            "model",
            "predictions.csv",
            "report.html",
            "splits.csv",
            "summary.json",
            "tables",
        }
        assert {path.name for path in (run.path / "model").iterdir()} == {
            "model.json",
            "weights.safetensors",
        }


def test_reports_are_one_file_without_network(
    biomarker_run: RunFolder, perovskite_run: RunFolder
) -> None:
    for run in (biomarker_run, perovskite_run):
        page = run.report.read_text(encoding="utf-8")
        assert not [
            start for start in ('src="http', 'href="http', "url(http", "@import") if start in page
        ]
        assert Path(run.report).stat().st_size < 8_000_000
