"""Wrong files and settings end with exit code 2 and a message that says what to do."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from tables import write_cohort, write_perovskites

from foldwise.cli.main import main

Edit = Callable[[Path], list[str]]


@dataclass
class Ended:
    """How a command ended."""

    code: int
    stderr: str


Command = Callable[..., Ended]


@pytest.fixture
def foldwise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Return the command line, run in ``tmp_path``."""

    def run(*arguments: str) -> Ended:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["foldwise", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), capsys.readouterr().err)

    return run


def edited(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Edit:
    """Return a step that rewrites one file and names both files of a cohort."""

    def edit(folder: Path) -> list[str]:
        path = folder / name
        change(pd.read_csv(path, index_col=0)).to_csv(path)
        return ["biomarkers", "X.csv", "y.csv"]

    return edit


def perovskites(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Edit:
    def edit(folder: Path) -> list[str]:
        path = folder / "perov.csv"
        change(pd.read_csv(path, index_col=0)).to_csv(path)
        return ["perovskites", "perov.csv"]

    return edit


def with_cell(row: int, column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame[column] = frame[column].astype(object)
        frame.loc[frame.index[row], column] = value
        return frame

    return change


def written(text: str) -> Edit:
    def edit(folder: Path) -> list[str]:
        (folder / "one.csv").write_text(text)
        return ["biomarkers", "one.csv"]

    return edit


CASES: dict[str, tuple[Edit, tuple[str, ...]]] = {
    "ids-that-do-not-match": (
        edited("y.csv", lambda y: y.rename(index={"P003": "P900", "P004": "P901"})),
        ("2 of 60 samples in y.csv", "'P900', 'P901'", "X.csv"),
    ),
    "duplicate-ids": (
        edited("X.csv", lambda X: X.rename(index={"P003": "P004"})),
        ("X.csv", "'P004'"),
    ),
    "text-in-a-feature-column": (
        edited("X.csv", with_cell(5, "met-2", "n.d.")),
        ("X.csv", "'n.d.'", "met-2", "P005"),
    ),
    "infinite-value": (
        edited("X.csv", with_cell(7, "met-1", "inf")),
        ("inf", "met-1", "P007"),
    ),
    "one-class-only": (
        edited("y.csv", lambda y: y.assign(diagnosis="case")),
        ("'case'", "one class only"),
    ),
    "three-classes": (
        edited("y.csv", with_cell(0, "diagnosis", "unknown")),
        ("'unknown'", "--positive"),
    ),
    "missing-label": (edited("y.csv", with_cell(9, "diagnosis", None)), ("diagnosis", "P009")),
    "three-samples": (edited("X.csv", lambda X: X), ("3 rows",)),
    "empty-file": (written(""), ("one.csv", "empty")),
    "wrong-delimiter": (written("id|a|label\nx|1|case\ny|2|control\n"), ("one.csv", "|")),
    "no-label-column": (
        written("id,a,b\n" + "\n".join(f"s{i},{i}.5,{i}.25" for i in range(20))),
        ("label", "--target"),
    ),
    "no-such-file": (lambda folder: ["biomarkers", "nowhere.csv"], ("nowhere.csv",)),
    "unknown-element": (
        perovskites(with_cell(4, "B", "Xx")),
        ("perov.csv", "column 'B'", "'Xx'", "Write symbols"),
    ),
    "fractions-that-sum-to-0.9": (
        perovskites(with_cell(2, "A", "La0.5Sr0.4")),
        ("'La0.5Sr0.4'", "0.9"),
    ),
    "energy-missing": (
        perovskites(with_cell(2, "e_above_hull", None)),
        ("e_above_hull",),
    ),
    "no-energy-column": (
        perovskites(lambda frame: frame.rename(columns={"e_above_hull": "something"})),
        ("energy above hull", "--target"),
    ),
    "holdout-element-in-no-row": (
        lambda folder: ["perovskites", "perov.csv", "--holdout-elements", "U"],
        ("'U'",),
    ),
    "unknown-data-set": (
        lambda folder: ["biomarkers", "--dataset", "covid"],
        ("covid-plasma",),
    ),
    "data-set-of-the-other-study": (
        lambda folder: ["biomarkers", "--dataset", "perovskite-oxides"],
        ("foldwise perovskites",),
    ),
    "setting-out-of-range": (
        lambda folder: ["perovskites", "--lr", "-1"],
        ("lr = -1.0", "greater than 0"),
    ),
    "unknown-setting-in-config": (
        lambda folder: [
            "run",
            str(_text(folder / "c.toml", 'study = "biomarkers"\nfoldz = 3\n')),
        ],
        ("foldz", "folds"),
    ),
    "weight-decay-and-alpha": (
        lambda folder: ["perovskites", "--alpha", "0.1", "--weight-decay", "0.1"],
        ("either weight_decay or alpha",),
    ),
    "too-many-folds": (
        lambda folder: ["biomarkers", "X.csv", "y.csv", "--folds", "50"],
        ("50 folds need at least 50", "--folds 30"),
    ),
    "absent-device": (
        lambda folder: ["perovskites", "--device", "mps"],
        ("'mps' is not available", "cpu"),
    ),
    "predict-without-a-model": (
        lambda folder: ["predict", ".", "X.csv"],
        ("no model here",),
    ),
}


def _text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(("edit", "parts"), CASES.values(), ids=CASES.keys())
def test_bad_input_is_answered_with_what_where_and_what_next(
    edit: Edit,
    parts: tuple[str, ...],
    tmp_path: Path,
    foldwise: Command,
    request: pytest.FixtureRequest,
) -> None:
    write_cohort(tmp_path)
    write_perovskites(tmp_path)
    if request.node.callspec.id == "three-samples":
        for name in ("X.csv", "y.csv"):
            pd.read_csv(tmp_path / name, index_col=0).iloc[:3].to_csv(tmp_path / name)
    ended = foldwise(*edit(tmp_path))
    assert ended.code == 2
    assert ended.stderr.startswith("foldwise: ")
    # stderr is no terminal here, so the message stands on one line and can be searched.
    assert ended.stderr.count("\n") == 1
    for part in parts:
        assert part in ended.stderr
    assert not (tmp_path / "foldwise-runs").exists() or not any(
        (tmp_path / "foldwise-runs").iterdir()
    )


def test_a_bug_keeps_its_traceback_and_exits_with_1(tmp_path: Path) -> None:
    program = (
        "import sys; import foldwise.runs.runner as runner\n"
        "def broken(*_, **__): 1 / 0\n"
        "runner.run_config = broken\n"
        "sys.argv = ['foldwise', 'biomarkers']\n"
        "from foldwise.cli.main import main; main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "ZeroDivisionError" in ended.stderr
    assert "Traceback" in ended.stderr


def test_user_text_is_not_read_as_markup(tmp_path: Path, foldwise: Command) -> None:
    X, _ = write_cohort(tmp_path)
    frame = pd.read_csv(X, index_col=0).rename(columns={"met-3": "[red]met[/red]"})
    frame["[red]met[/red]"] = frame["[red]met[/red]"].astype(object)
    frame.iloc[0, 3] = "[bold]text"
    frame.to_csv(X)
    ended = foldwise("biomarkers", "X.csv", "y.csv")
    assert ended.code == 2
    assert "[bold]text" in ended.stderr
    assert "[red]met[/red]" in ended.stderr
