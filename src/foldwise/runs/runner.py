"""Run a study into a folder: the same way for Python, the command line and the page."""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data.files import file_sha256
from foldwise.errors import InvalidInputError, first_few
from foldwise.runs.blocks import FolderBlockStore
from foldwise.runs.folders import RunFolder, open_run_folder
from foldwise.studies.config import (
    CohortConfig,
    CompositionsConfig,
    StudyConfig,
    config_values,
)
from foldwise.studies.sections import StudyResult, Watch, Watcher
from foldwise.studies.versions import package_versions

__all__ = ["run_config"]


def run_config(
    config: StudyConfig,
    *,
    out: Path | None = None,
    watcher: Watcher | None = None,
    n_jobs: int | None = None,
) -> RunFolder:
    """Run the study of a config and write its folder.

    Parameters
    ----------
    config : StudyConfig
        What to run; file names are made absolute so that the folder can rerun it.
    out : Path, optional
        Folder to write; a folder of the same config is resumed, and a finished one
        returned as it is. ``foldwise-runs/<study>-<time>`` when None.
    watcher : Watcher, optional
        Told of steps and fits.
    n_jobs : int, optional
        Worker processes; all cores when None. Results do not depend on it.

    Raises
    ------
    InvalidInputError
        If the input is wrong, or ``out`` holds something else.
    """
    config = _absolute(config)
    folder = open_run_folder(config, out)
    try:
        files = _input_files(config)
        if folder.finished:
            _require_unchanged(files, _recorded(folder), folder)
            return folder
        if folder.inputs.exists():
            _require_unchanged(files, json.loads(folder.inputs.read_text("utf-8")), folder)
        watch = Watch(watcher, FolderBlockStore(folder.blocks), folder.trials)
        started = datetime.now(UTC)
        _note_inputs(files, folder)
        result = _study(config)(config, watch=watch, n_jobs=n_jobs)
    except InvalidInputError:
        if not folder.resumed:
            folder.take_back()
        raise
    except KeyboardInterrupt:
        command = f"foldwise run {folder.path / 'config.toml'} --out {folder.path}"
        raise KeyboardInterrupt(f"Stopped. Finished fits are kept; go on with: {command}") from None
    result.summary.run |= _circumstances(config, folder, started) | {"files": files}
    with watch.step("figures and report"):
        _write(result, folder)
    result.summary.write(folder.path)
    folder.close()
    return folder


_STUDIES = {
    "biomarkers": "foldwise.studies.biomarkers:run_biomarkers",
    "perovskites": "foldwise.studies.perovskites:run_perovskites",
    "tune-biomarkers": "foldwise.studies.tune_biomarkers:run_tune_biomarkers",
    "tune-perovskites": "foldwise.studies.tune_perovskites:run_tune_perovskites",
}


def _study(config: StudyConfig) -> Callable[..., StudyResult]:
    """Return what runs a study; only its own module is imported."""
    module, name = _STUDIES[config.study].split(":")
    found: Callable[..., StudyResult] = getattr(import_module(module), name)
    return found


def _absolute(config: StudyConfig) -> StudyConfig:
    """Return the config with every file name absolute."""
    if isinstance(config, CohortConfig) and config.tables is not None:
        tables = tuple(str(Path(path).absolute()) for path in config.tables)
        config = config.model_copy(update={"tables": tables})
    names = [name for name in ("table", "holdout", "elements", "splits") if hasattr(config, name)]
    found = {name: getattr(config, name) for name in names}
    if getattr(config, "descriptors", "reference") not in ("reference", "extended"):
        found["descriptors"] = config.descriptors  # type: ignore[attr-defined]
    files = {name: str(Path(path).absolute()) for name, path in found.items() if path is not None}
    return config.model_copy(update=files)


def _input_files(config: StudyConfig) -> dict[str, str]:
    """Return the SHA-256 of every file a config names, by its absolute path."""
    named: list[str | None] = [config.splits]
    if isinstance(config, CohortConfig):
        named += config.tables or ()
    elif isinstance(config, CompositionsConfig):
        named += [config.table, config.holdout, config.elements]
        named += [] if config.descriptors in ("reference", "extended") else [config.descriptors]
    # A file that is not there is named by whoever reads it.
    return {name: file_sha256(Path(name)) for name in named if name and Path(name).is_file()}


def _note_inputs(files: dict[str, str], folder: RunFolder) -> None:
    folder.blocks.mkdir(exist_ok=True)
    folder.inputs.write_text(json.dumps(files), encoding="utf-8")


def _recorded(folder: RunFolder) -> dict[str, str]:
    from foldwise.reporting.summary import read_summary

    recorded: dict[str, str] = read_summary(folder.path).run["files"]
    return recorded


def _require_unchanged(files: dict[str, str], before: dict[str, str], folder: RunFolder) -> None:
    """Refuse to go on with, or to show again, a run of files that changed since."""
    changed = sorted(name for name, known in before.items() if files.get(name) != known)
    if changed:
        raise InvalidInputError(
            f"{first_few(changed, quoted=False)} changed, or is gone, since the run in "
            f"{folder.path} read it. Name a new folder."
        )


def _circumstances(config: StudyConfig, folder: RunFolder, started: datetime) -> dict[str, Any]:
    """Return what describes this one run: everything that may differ in a rerun."""
    return {
        "config": config_values(config),
        "command": f"foldwise run {folder.path / 'config.toml'}",
        "started": started.isoformat(timespec="seconds"),
        "versions": package_versions(),
        "host": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count() or 1,
            "executable": Path(sys.executable).name,
        },
    }


def _write(result: StudyResult, folder: RunFolder) -> None:
    """Write everything but the summary, which marks the run as finished."""
    from foldwise.reporting.html_report import render_report
    from foldwise.reporting.svg import draw_figures, save_figures

    _write_audit(result, folder.path / "audit.json")
    _write_csv(result.predictions, folder.path / "predictions.csv")
    _write_csv(result.splits, folder.path / "splits.csv")
    result.model.save(folder.path / "model")
    drawn = draw_figures(result.summary)
    save_figures(result.summary, folder.path / "figures", drawn=drawn)
    page = folder.report.with_suffix(".part")
    page.write_text(render_report(result.summary, drawn), encoding="utf-8")
    page.replace(folder.report)


def _write_audit(result: StudyResult, path: Path) -> None:
    from foldwise.reporting.summary import write_atomically

    text = json.dumps({"findings": result.summary.findings}, indent=1, ensure_ascii=False)
    write_atomically(path, f"{text}\n".encode())


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    temporary = path.with_suffix(".part")
    frame.to_csv(temporary, index=False, lineterminator="\n")
    temporary.replace(path)
