"""Run folders: reproducible, resumable, never overwritten."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tables import BRIEF, write_cohort, write_perovskites

from foldwise.errors import InvalidInputError
from foldwise.reporting.summary import read_summary
from foldwise.runs.runner import run_config
from foldwise.studies.config import BiomarkersConfig, PerovskitesConfig, read_config


@pytest.fixture
def cohort(tmp_path: Path) -> BiomarkersConfig:
    X, y = write_cohort(tmp_path / "data", missing=0.02)
    return BiomarkersConfig(tables=(str(X), str(y)), random_splits=10, **BRIEF)


@pytest.fixture
def campaign(tmp_path: Path) -> PerovskitesConfig:
    table = write_perovskites(tmp_path / "data")
    return PerovskitesConfig(table=str(table), holdout_elements=("Y",), hidden=(16, 16), epochs=20)


def result_of(folder: Path) -> str:
    return json.dumps(json.loads((folder / "summary.json").read_text())["result"])


def found_in(folder: Path) -> dict[str, object]:
    """Return the result less what cites the SHA-256 of the files."""
    result: dict[str, object] = json.loads(result_of(folder))
    result.pop("methods", None)
    tables = result["tables"]
    assert isinstance(tables, dict)
    for name in ("tripod_ai", "reforms", "dome", "stard"):
        tables.pop(name, None)
    return result


def test_the_same_biomarker_config_gives_the_same_result_bits_for_any_workers(
    cohort: BiomarkersConfig, tmp_path: Path
) -> None:
    run_config(cohort, out=tmp_path / "one", n_jobs=1)
    run_config(cohort, out=tmp_path / "two", n_jobs=2)
    assert result_of(tmp_path / "one") == result_of(tmp_path / "two")


def test_the_written_config_reruns_the_same_perovskite_result(
    campaign: PerovskitesConfig, tmp_path: Path
) -> None:
    run_config(campaign, out=tmp_path / "one", n_jobs=1)
    again = read_config(tmp_path / "one" / "config.toml")
    run_config(again, out=tmp_path / "two", n_jobs=2)
    assert result_of(tmp_path / "one") == result_of(tmp_path / "two")
    for name in ("predictions.csv", "splits.csv", "model/weights.safetensors"):
        first, second = ((tmp_path / run / name).read_bytes() for run in ("one", "two"))
        assert first == second


def test_shuffling_the_rows_of_the_files_changes_nothing(
    cohort: BiomarkersConfig, campaign: PerovskitesConfig, tmp_path: Path
) -> None:
    for name, config in (("bio", cohort), ("perov", campaign)):
        run_config(config, out=tmp_path / name / "one", n_jobs=1)
        paths = config.tables if isinstance(config, BiomarkersConfig) else (config.table,)
        for path in paths:
            pd.read_csv(path, index_col=0).sample(frac=1.0, random_state=5).to_csv(path)
        run_config(config, out=tmp_path / name / "two", n_jobs=1)
        assert found_in(tmp_path / name / "one") == found_in(tmp_path / name / "two")


def test_a_finished_run_is_returned_and_not_written_again(
    campaign: PerovskitesConfig, tmp_path: Path
) -> None:
    first = run_config(campaign, out=tmp_path / "run", n_jobs=1)
    written = first.summary.stat().st_mtime_ns
    assert run_config(campaign, out=tmp_path / "run", n_jobs=1).path == first.path
    assert first.summary.stat().st_mtime_ns == written


def test_a_finished_run_of_files_that_changed_since_is_refused(
    campaign: PerovskitesConfig, tmp_path: Path
) -> None:
    run_config(campaign, out=tmp_path / "run", n_jobs=1)
    with Path(str(campaign.table)).open("a") as file:
        file.write("new,La,Mn,O,0.5\n")
    with pytest.raises(InvalidInputError, match=r"perov.csv changed, or is gone, since the run"):
        run_config(campaign, out=tmp_path / "run", n_jobs=1)


def test_a_folder_of_another_config_is_refused_with_the_difference(
    campaign: PerovskitesConfig, tmp_path: Path
) -> None:
    run_config(campaign, out=tmp_path / "run", n_jobs=1)
    other = campaign.model_copy(update={"seed": 7})
    with pytest.raises(InvalidInputError, match=r"other settings \(seed: 0 there, 7 now\)"):
        run_config(other, out=tmp_path / "run", n_jobs=1)


def test_a_folder_with_other_files_is_never_written_to(
    campaign: PerovskitesConfig, tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("precious")
    with pytest.raises(InvalidInputError, match="not empty and holds no run of Foldwise"):
        run_config(campaign, out=tmp_path / "thesis", n_jobs=1)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]


def test_an_input_error_leaves_no_folder_behind(cohort: BiomarkersConfig, tmp_path: Path) -> None:
    wrong = cohort.model_copy(update={"target": "no-such-column"})
    with pytest.raises(InvalidInputError, match="no-such-column"):
        run_config(wrong, out=tmp_path / "run", n_jobs=1)
    assert not (tmp_path / "run").exists()


def test_a_killed_run_resumes_with_its_finished_fits(
    cohort: BiomarkersConfig, tmp_path: Path
) -> None:
    """Kill -9 in the middle; the rerun trains only what is missing, to the same bits."""
    slow = cohort.model_copy(update={"random_splits": 200, "repeats": 10})
    run_config(slow, out=tmp_path / "whole", n_jobs=1)
    run = tmp_path / "killed"
    program = (
        "from pathlib import Path; from foldwise.runs.runner import run_config;"
        "from foldwise.studies.config import read_config;"
        f"run_config(read_config(Path({str(tmp_path / 'whole' / 'config.toml')!r})),"
        f"out=Path({str(run)!r}), n_jobs=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 120
    while len(list(run.glob(".blocks/*/*.npz"))) < 5 and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in run.glob(".blocks/*/*.npz")}
    assert len(kept) >= 5
    assert not (run / "summary.json").exists()

    seen = _CountingWatcher(run)
    run_config(slow, out=run, watcher=seen, n_jobs=1)
    assert result_of(run) == result_of(tmp_path / "whole")
    assert seen.stored_at_start >= 5
    assert not list(run.glob(".blocks"))


class _CountingWatcher:
    """Notes how many blocks were on disk when the first plan began."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.stored_at_start = 0

    def step(self, label: str) -> None:
        pass

    def begin(self, label: str, n_fits: int, effort: float) -> None:
        self.stored_at_start = self.stored_at_start or len(list(self.run.glob(".blocks/*/*")))

    def say(self, text: str) -> None:
        pass

    def announce(self, text: str) -> None:
        pass

    def advance(self, n_fits: int, effort: float) -> None:
        pass


def test_a_users_own_splits_are_used_and_read_back(
    cohort: BiomarkersConfig, tmp_path: Path
) -> None:
    first = run_config(cohort, out=tmp_path / "one", n_jobs=1)
    given = cohort.model_copy(update={"splits": str(first.path / "splits.csv"), "seed": 99})
    second = run_config(given, out=tmp_path / "two", n_jobs=1)
    one, two = ((run.path / "splits.csv").read_text() for run in (first, second))
    assert one == two
    metrics = [
        read_summary(run.path).metric("roc_auc", model="logistic-l1", split="cv")["value"]
        for run in (first, second)
    ]
    # The same folds and a model without randomness: the seed no longer matters.
    assert metrics[0] == metrics[1]


def test_holdout_rows_are_never_trained_on(campaign: PerovskitesConfig, tmp_path: Path) -> None:
    """Absurd energies in the holdout move no prediction and no weight."""
    one = run_config(campaign, out=tmp_path / "one", n_jobs=1)
    frame = pd.read_csv(str(campaign.table), index_col=0)
    frame.loc[frame["A"] == "Y", "e_above_hull"] += 1e3
    frame.to_csv(str(campaign.table))
    two = run_config(campaign, out=tmp_path / "two", n_jobs=1)
    weights = [(run.path / "model" / "weights.safetensors").read_bytes() for run in (one, two)]
    assert weights[0] == weights[1]
    first, second = (pd.read_csv(run.path / "predictions.csv") for run in (one, two))
    np.testing.assert_array_equal(first["prediction"], second["prediction"])
