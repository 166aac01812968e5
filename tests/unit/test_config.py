"""Configs are checked, and a written config is read back unchanged."""

from pathlib import Path

import pytest
import tomli_w

from foldwise.errors import InvalidInputError
from foldwise.studies.config import config_values, make_config, read_config


@pytest.mark.parametrize(
    ("study", "values"),
    [
        pytest.param("biomarkers", {}, id="biomarkers-defaults"),
        pytest.param("biomarkers", {"tables": ("a.csv", "b.csv"), "C": 0.1}, id="two-tables"),
        pytest.param("perovskites", {"alpha": 0.16, "hidden": (64, 32)}, id="alpha"),
        pytest.param("perovskites", {"weight_decay": 0.0, "quick": True}, id="quick"),
        pytest.param("perovskites", {"encodings": ("combined",)}, id="one-encoding"),
        pytest.param("tune-perovskites", {"layers": ((8, 4), (2,))}, id="two-shapes"),
        pytest.param("tune-biomarkers", {"search": "tpe", "trials": 9}, id="trials"),
    ],
)
def test_a_written_config_is_read_back_unchanged(
    study: str, values: dict[str, object], tmp_path: Path
) -> None:
    config = make_config(study, values)
    (tmp_path / "config.toml").write_text(tomli_w.dumps(config_values(config)))
    assert read_config(tmp_path / "config.toml") == config


def test_quick_lowers_only_what_was_not_set() -> None:
    config = make_config("biomarkers", {"quick": True, "repeats": 7})
    assert (config_values(config)["repeats"], config_values(config)["random_splits"]) == (7, 20)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"folds": 1}, "folds = 1", id="one-fold"),
        pytest.param({"test_size": 1.5}, "test_size = 1.5", id="share-above-one"),
        pytest.param({"fold": 5}, r"fold = 5.* Known: C, batch, covariates", id="unknown-setting"),
        pytest.param({"folds": "many", "seed": -1}, r"seed = -1.*folds = 'many'", id="two-at-once"),
    ],
)
def test_wrong_settings_are_named_together(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        make_config("biomarkers", values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("folds = 3\n", "no `study`", id="no-study"),
        pytest.param('study = "astrology"\n', "Known: biomarkers, perovskites", id="no-such"),
        pytest.param("study = \n", "not a TOML file", id="no-toml"),
    ],
)
def test_a_config_file_that_cannot_run_says_why(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_config(tmp_path / "c.toml")


def test_a_config_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"c\.toml: cannot be read"):
        read_config(tmp_path / "c.toml")
