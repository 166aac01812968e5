"""Files of registered data sets: found in a local folder, in the cache, or downloaded."""

import os
from pathlib import Path

from foldwise.data.catalog import DataFile, DataSet
from foldwise.data.files import file_sha256
from foldwise.errors import InvalidInputError

__all__ = ["cache_folder", "fetch_files", "find_files"]

_SETS = Path(__file__).parent / "sets"
_TIMEOUT_S = 30
_PLACE_BY_HAND = "or put the file into a folder and set FOLDWISE_DATA_DIR to that folder"


def cache_folder() -> Path:
    """Return the folder of downloaded files: FOLDWISE_CACHE_DIR, or the user's cache."""
    if named := os.environ.get("FOLDWISE_CACHE_DIR"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("foldwise")


def find_files(dataset: DataSet) -> list[Path]:
    """Return the files of a data set, which must be there already.

    Raises
    ------
    InvalidInputError
        If a file is neither in FOLDWISE_DATA_DIR nor in the cache, or is not the
        registered one.
    """
    if dataset.embedded:
        return [_SETS / file.name for file in dataset.files]
    found = {file.name: _local(file) for file in dataset.files}
    absent = [name for name, path in found.items() if path is None]
    if absent:
        data_dir = os.environ.get("FOLDWISE_DATA_DIR")
        looked = (
            f"{data_dir} (FOLDWISE_DATA_DIR) or {cache_folder()}" if data_dir else cache_folder()
        )
        raise InvalidInputError(
            f"{dataset.name}: {', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not in "
            f"{looked}. Download once with `foldwise datasets fetch {dataset.name}`, "
            f"{_PLACE_BY_HAND}."
        )
    return [path for path in found.values() if path is not None]


def fetch_files(
    dataset: DataSet, *, base_url: str | None = None, folder: Path | None = None
) -> list[Path]:
    """Return the files of a data set, downloading those that are not there.

    Parameters
    ----------
    dataset : DataSet
        Embedded sets need no download.
    base_url : str, optional
        Where the files stand, instead of the registered address.
    folder : path, optional
        Where to put them, instead of the cache.
    """
    if dataset.embedded:
        return find_files(dataset)
    paths = []
    for file in dataset.files:
        present = None if folder is not None else _local(file)
        paths.append(present or _downloaded(file, dataset, base_url, folder or cache_folder()))
    return paths


def _local(file: DataFile) -> Path | None:
    for folder in (os.environ.get("FOLDWISE_DATA_DIR"), cache_folder()):
        if folder and (path := Path(folder) / file.name).is_file():
            _require_registered(path, file)
            return path
    return None


def _require_registered(path: Path, file: DataFile) -> None:
    found = file_sha256(path)
    if found != file.sha256:
        raise InvalidInputError(
            f"{path}: this is not the registered file: its SHA-256 is {found}, "
            f"expected {file.sha256}. Delete it and download it again."
        )


def _write_body(url: str, output_file: str, pooch: object) -> None:
    """Download as pooch wants it, and close the connection on failure too."""
    import requests

    with requests.get(url, stream=True, timeout=_TIMEOUT_S) as response:
        response.raise_for_status()
        with open(output_file, "wb") as target:
            for chunk in response.iter_content(65536):
                target.write(chunk)


def _downloaded(file: DataFile, dataset: DataSet, base_url: str | None, folder: Path) -> Path:
    import pooch  # loads requests, which no run without a download needs
    from requests import RequestException

    url = (base_url or dataset.base_url).rstrip("/") + "/" + file.path
    pooch.get_logger().setLevel("WARNING")
    try:
        return Path(
            pooch.retrieve(
                url,
                known_hash=f"sha256:{file.sha256}",
                fname=file.name,
                path=folder,
                downloader=_write_body,
            )
        )
    except RequestException as error:
        reason = f"{type(error).__name__}: {error}"
        raise InvalidInputError(
            f"{file.name} could not be downloaded from {url} ({reason}). Nothing was kept. "
            f"Check the connection and try again, {_PLACE_BY_HAND}."
        ) from None
    except ValueError as error:  # pooch reports a wrong hash so, and has deleted the file
        got = str(error).partition(" but got ")[2].partition(".")[0]
        raise InvalidInputError(
            f"The file at {url} is not the registered {file.name}: its SHA-256 is {got}, "
            f"expected {file.sha256}. Nothing was kept. Try again later, {_PLACE_BY_HAND}."
        ) from None
    except OSError as error:
        raise InvalidInputError(
            f"{file.name} could not be written to {folder} ({error.strerror}). "
            "Set FOLDWISE_CACHE_DIR to a folder that can be written."
        ) from None
