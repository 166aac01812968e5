"""The command line starts quickly, teaches, and holds no defaults of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import foldwise
from foldwise.cli.main import app
from foldwise.studies.config import (
    BiomarkersConfig,
    PerovskitesConfig,
    StudyConfig,
    TuneBiomarkersConfig,
    TunePerovskitesConfig,
)
from foldwise.studies.settings import (
    BIOMARKERS,
    PEROVSKITES,
    TUNE_BIOMARKERS,
    TUNE_PEROVSKITES,
    Setting,
)

HEAVY = ("torch", "sklearn", "pandas", "scipy", "matplotlib", "pydantic", "numpy")


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['foldwise', '--help']\n"
        "from foldwise.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stderr.strip() == "[]"
    assert "biomarkers" in ended.stdout


def test_importing_the_package_loads_nothing_heavy_and_touches_nothing(tmp_path: Path) -> None:
    program = f"import foldwise, sys; print([n for n in {HEAVY} if n in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert ended.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", foldwise.__all__)
def test_every_public_name_loads_on_first_use(name: str) -> None:
    assert getattr(foldwise, name) is not None
    assert name in dir(foldwise)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = foldwise.no_such_name


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        pytest.param(BiomarkersConfig, BIOMARKERS, id="biomarkers"),
        pytest.param(PerovskitesConfig, PEROVSKITES, id="perovskites"),
        pytest.param(TuneBiomarkersConfig, TUNE_BIOMARKERS, id="tune-biomarkers"),
        pytest.param(TunePerovskitesConfig, TUNE_PEROVSKITES, id="tune-perovskites"),
    ],
)
def test_every_setting_is_declared_once_with_its_default(
    config: type[StudyConfig], settings: dict[str, Setting]
) -> None:
    fields = {name: field for name, field in config.model_fields.items() if name != "study"}
    assert fields.keys() == settings.keys()
    assert {name: field.default for name, field in fields.items()} == {
        name: setting.default for name, setting in settings.items()
    }


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        pytest.param("biomarkers", BIOMARKERS, id="biomarkers"),
        pytest.param("perovskites", PEROVSKITES, id="perovskites"),
        pytest.param("tune biomarkers", TUNE_BIOMARKERS, id="tune-biomarkers"),
        pytest.param("tune perovskites", TUNE_PEROVSKITES, id="tune-perovskites"),
    ],
)
def test_help_of_a_study_names_every_setting(command: str, settings: dict[str, Setting]) -> None:
    shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"}).output
    for name, setting in settings.items():
        assert setting.help.rstrip(".")[:40] in " ".join(shown.split()), name


def test_datasets_list_and_show_name_every_set() -> None:
    shown = CliRunner().invoke(app, ["datasets"], env={"COLUMNS": "200"}).output
    for name in ("covid-plasma", "sacurine", "perovskite-oxides", "course-perovskites"):
        assert name in shown
        one = CliRunner().invoke(app, ["datasets", "show", name], env={"COLUMNS": "200"}).output
        assert "licence:" in one


def test_version_is_the_package_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"foldwise {foldwise.__version__}\n"
