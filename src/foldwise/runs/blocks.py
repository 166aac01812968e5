"""Finished blocks of fits on disk, so that an interrupted run loses nothing."""

import os
import zipfile
from pathlib import Path

import numpy as np

__all__ = ["FolderBlockStore"]


class FolderBlockStore:
    """Keep blocks as ``<folder>/<key>/<first fit>.npz``; nothing is ever unpickled.

    Examples
    --------
    >>> import tempfile
    >>> store = FolderBlockStore(Path(tempfile.mkdtemp()))
    >>> store.save("key", {"fits": np.array([3, 4]), "scores": np.zeros((2, 5))})
    >>> [block["fits"].tolist() for block in store.load("key")]
    [[3, 4]]
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: str) -> list[dict[str, np.ndarray]]:
        """Return the finished blocks of a plan; a half-written one is thrown away."""
        blocks = []
        for path in sorted((self.folder / key).glob("*.npz")):
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                    blocks.append({name: stored[name] for name in stored.files})
            except (OSError, ValueError, EOFError, zipfile.BadZipFile):
                path.unlink()
        return blocks

    def save(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """Write one block under a temporary name and rename it."""
        folder = self.folder / key
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{int(arrays['fits'].min()):08d}.npz"
        temporary = path.with_suffix(f".{os.getpid()}.part")
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        temporary.replace(path)
