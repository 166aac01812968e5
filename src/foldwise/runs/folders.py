"""Where a run writes, and how it finds its own half-finished folder again."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import tomli_w

from foldwise.errors import InvalidInputError
from foldwise.studies.config import StudyConfig, config_values, read_config

__all__ = ["RunFolder", "open_run_folder"]

RUNS = Path("foldwise-runs")


@dataclass(frozen=True)
class RunFolder:
    """One run on disk.

    Parameters
    ----------
    path : Path
        The folder.
    resumed : bool
        Whether it held an unfinished run of the same config.
    made : tuple of Path
        Folders that this call created, the innermost first.
    """

    path: Path
    resumed: bool
    made: tuple[Path, ...] = ()

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
    def trials(self) -> Path:
        """The trials of a search, which Optuna's tools can open."""
        return self.path / "search.db"

    @property
    def finished(self) -> bool:
        """Whether the run is complete."""
        return self.summary.exists()

    @property
    def inputs(self) -> Path:
        """SHA-256 of the input files an unfinished run has read."""
        return self.blocks / "inputs.json"

    def close(self) -> None:
        """Remove what only an unfinished run needs."""
        shutil.rmtree(self.blocks, ignore_errors=True)

    def take_back(self) -> None:
        """Remove what this call made, so that a corrected command finds nothing in its way."""
        self.close()
        for file in (self.path / "config.toml", self.trials):
            file.unlink(missing_ok=True)
        for folder in self.made:
            if not any(folder.iterdir()):
                folder.rmdir()


def open_run_folder(config: StudyConfig, out: Path | None) -> RunFolder:
    """Return a new folder, or the folder of the same config to go on with.

    Raises
    ------
    InvalidInputError
        If ``out`` holds another run, or files that are no run: nothing is overwritten;
        or if it cannot be written.
    """
    path = _fresh(config.study) if out is None else out
    if path.exists() and not path.is_dir():
        raise InvalidInputError(f"--out {path} is a file. Name a folder.")
    try:
        if path.exists() and any(path.iterdir()):
            _require_same(config, path)
            return RunFolder(path, resumed=True)
        made = tuple(one for one in (path, *path.parents) if not one.exists())
        path.mkdir(parents=True, exist_ok=True)
        (path / "config.toml").write_text(tomli_w.dumps(config_values(config)), encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(
            f"--out {path}: the folder cannot be written ({error.strerror}). Name another one."
        ) from error
    return RunFolder(path, resumed=False, made=made)


def _fresh(study: str) -> Path:
    """Return a folder named by study and time that does not exist yet."""
    stem = f"{study}-{datetime.now():%Y%m%d-%H%M%S}"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 100))]
    return next(RUNS / name for name in names if not (RUNS / name).exists())


def _require_same(config: StudyConfig, path: Path) -> None:
    stored = path / "config.toml"
    if not stored.is_file():
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
