"""The command `foldwise audit`: a page or JSON, its exit codes and its errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from foldwise.audit.findings import Finding
from foldwise.cli import audit_page
from foldwise.cli.audit_page import print_audit
from foldwise.cli.main import app
from foldwise.errors import InvalidInputError
from foldwise.studies.auditing import Audited, audit_tables


def audit(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)], catch_exceptions=True)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a file in which age gives the class away, and one subject stands twice."""
    rng = np.random.default_rng(0)
    ids = [f"s{i}" for i in rng.permutation(38)] + ["P7-1", "P7-2"]
    y = rng.permutation(np.repeat([0, 1], 20))
    frame = pd.DataFrame(rng.lognormal(size=(40, 5)), columns=list("abcde"))
    frame.insert(0, "id", ids)
    frame = frame.assign(
        age=np.where(y == 1, 60, 30) + np.arange(40) % 9,
        plate=rng.integers(1, 4, 40),
        remark=1.0,
        subject=[one.partition("-")[0] for one in ids],
        label=np.where(y == 1, "case", "control"),
    )
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path


ROLES = ("--target", "label", "--covariates", "age", "--batch", "plate", "--ignore", "remark")


def test_the_page_gives_each_finding_with_its_remedy_by_severity(table: Path) -> None:
    shown = audit(table, *ROLES)
    assert shown.exit_code == 0
    assert "table.csv: 40 rows, 5 features; 20 'case' against 20 'control'." in shown.output
    order = ["Weakens the claim (2)", "same-subject:", "covariate-goes-with-class:", "Notes ("]
    places = [shown.output.index(text) for text in order]
    assert places == sorted(places)
    assert shown.output.count("What to do: ") >= 3
    assert "P7-1 = P7-2" in shown.output


def test_declared_groups_turn_a_repeated_subject_into_a_note(table: Path) -> None:
    shown = audit(table, *ROLES, "--groups", "subject")
    assert "Weakens the claim (1)" in shown.output
    assert "keep them together" in shown.output


def test_json_goes_to_the_screen_and_to_a_file_alike(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "audit.json"
    shown = audit(table, *ROLES, "--json", "--out", out)
    assert shown.exit_code == 0
    held = json.loads(shown.output)
    assert json.loads(out.read_text(encoding="utf-8")) == held
    keys = {"check", "severity", "message", "rows", "columns", "remedy"}
    assert all(set(finding) == keys for finding in held["findings"])
    assert held["proposed_groups"] == {"P7-1": "P7", "P7-2": "P7"}
    assert held["table"]["n_positive"] == 20
    assert list(out.parent.iterdir()) == [out]


def test_nothing_is_overwritten(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "audit.json"
    out.write_text("mine")
    refused = audit(table, *ROLES, "--out", out)
    assert isinstance(refused.exception, InvalidInputError)
    assert out.read_text() == "mine"


def test_nothing_is_written_unless_asked(table: Path) -> None:
    audit(table, *ROLES)
    assert list(table.parent.iterdir()) == [table]


@pytest.mark.parametrize(
    ("severity", "strict", "code"),
    [("stops", True, 3), ("stops", False, 0), ("weakens", True, 0), ("note", True, 0)],
)
def test_strict_exits_with_3_only_if_a_finding_stops_the_claim(
    table: Path, monkeypatch: pytest.MonkeyPatch, severity: str, strict: bool, code: int
) -> None:
    planted = [Finding("planted", severity, "seen", "mend")]  # type: ignore[arg-type]
    monkeypatch.setattr("foldwise.studies.auditing.audit_cohort", lambda *_, **__: planted)
    shown = audit(table, *ROLES, *(["--strict"] if strict else []))
    assert shown.exit_code == code
    assert ("Stops the claim (1)" in shown.output) is (severity == "stops")
    assert ("no AUC of this table" in shown.output) is (severity == "stops")


def test_markup_in_a_users_names_is_printed_as_it_stands(table: Path) -> None:
    audited = audit_tables([table], target="label", ignore=["age", "plate", "remark"])
    finding = Finding("odd-names", "note", "[bold]x[/bold] [/nonsense]", "Rename [red]it.")
    for width, terminal in ((200, False), (60, True)):
        console = Console(width=width, force_terminal=terminal, record=True, highlight=False)
        print_audit(Audited(audited.table, audited.target, (finding,)), console)
        text = " ".join(console.export_text().split())
        assert "[bold]x[/bold] [/nonsense]" in text
        assert "Rename [red]it." in text


def test_a_sound_table_is_said_to_be_one(tmp_path: Path) -> None:
    shown = audit("--dataset", "sacurine", "--strict")
    assert shown.exit_code == 0
    assert "Nothing stops or weakens the claim." in shown.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "No table to audit", id="nothing"),
        pytest.param(["x.csv", "--dataset", "sacurine"], "Both files and a data set", id="both"),
        pytest.param(["--dataset", "sacurine", "--batch", "plate"], "--batch says how", id="role"),
        pytest.param(["--dataset", "sacurin"], "Did you mean 'sacurine'", id="misspelt"),
    ],
)
def test_what_cannot_be_audited_is_said_with_a_remedy(arguments: list[str], said: str) -> None:
    refused = audit(*arguments)
    assert isinstance(refused.exception, InvalidInputError)
    assert said in str(refused.exception)


def test_without_labels_the_option_that_names_them_is_told(tmp_path: Path) -> None:
    path = tmp_path / "features.csv"
    rows = [f"s{i},{i / 7},{i / 3}" for i in range(20)]
    path.write_text("id,glucose,lactate\n" + "\n".join(rows))
    refused = audit(path)
    assert isinstance(refused.exception, InvalidInputError)
    assert "--target" in str(refused.exception)


def test_help_teaches_with_an_example() -> None:
    shown = CliRunner().invoke(app, ["audit", "--help"], env={"COLUMNS": "200"}).output
    assert "Example: foldwise audit X.csv y.csv" in shown
    for option in ("--covariates", "--batch", "--ignore", "--out", "--json", "--strict"):
        assert option in shown


def test_a_file_that_cannot_be_written_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        audit_page.write_new("--out", tmp_path / "file" / "audit.json", "{}")


def test_the_course_table_is_audited_from_two_files(course_data: Path) -> None:
    shown = audit(*(course_data / f"breastcancer_{part}.csv" for part in "Xy"))
    for check in ("same-subject", "class-by-id-number", "names-do-not-fit"):
        assert f"{check}:" in shown.output
