"""Where a run writes, and how it finds its own half-finished folder again."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import tomli_w

from foldwise.errors import InvalidInputError
from foldwise.studies.config import (
    BiomarkersConfig,
    PerovskitesConfig,
    config_values,
    read_config,
)

__all__ = ["RunFolder", "open_run_folder"]

RUNS = Path("foldwise-runs")
Config = BiomarkersConfig | PerovskitesConfig


@dataclass(frozen=True)
class RunFolder:
    """One run on disk.

    Parameters
    ----------
    path : Path
        The folder.
    resumed : bool
        Whether it held an unfinished run of the same config.
    """

    path: Path
    resumed: bool

    @property
    def blocks(self) -> Path:
        """Finished blocks of fits, only while the run is not done."""
        return self.path / ".blocks"

    @property
    def summary(self) -> Path:
        """Written last: a folder that holds it is finished."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.path / "report.html"

    @property
    def finished(self) -> bool:
        """Whether the run is complete."""
        return self.summary.exists()

    def close(self) -> None:
        """Remove what only an unfinished run needs."""
        shutil.rmtree(self.blocks, ignore_errors=True)


def open_run_folder(config: Config, out: Path | None) -> RunFolder:
    """Return a new folder, or the folder of the same config to go on with.

    Raises
    ------
    InvalidInputError
        If ``out`` holds another run, or files that are no run: nothing is overwritten.
    """
    path = _fresh(config.study) if out is None else out
    if path.exists() and not path.is_dir():
        raise InvalidInputError(f"--out {path} is a file. Name a folder.")
    if path.exists() and any(path.iterdir()):
        _require_same(config, path)
        return RunFolder(path, resumed=True)
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.toml").write_text(tomli_w.dumps(config_values(config)), encoding="utf-8")
    return RunFolder(path, resumed=False)


def _fresh(study: str) -> Path:
    """Return a folder named by study and time that does not exist yet."""
    stem = f"{study}-{datetime.now():%Y%m%d-%H%M%S}"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 100))]
    return next(RUNS / name for name in names if not (RUNS / name).exists())


def _require_same(config: Config, path: Path) -> None:
    stored = path / "config.toml"
    if not stored.exists():
        raise InvalidInputError(
            f"--out {path} is not empty and holds no run of Foldwise. Name a new folder."
        )
    before, now = config_values(read_config(stored)), config_values(config)
    if before != now:
        changed = sorted(
            key for key in before.keys() | now.keys() if before.get(key) != now.get(key)
        )
        listed = "; ".join(f"{key}: {before.get(key)} there, {now.get(key)} now" for key in changed)
        raise InvalidInputError(
            f"--out {path} holds a run with other settings ({listed}). Name a new folder, or rerun "
            f"that one with `foldwise run {stored}`."
        )
