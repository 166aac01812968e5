"""The Summary: everything a study found, as plain values and named tables.

On disk it is ``summary.json`` with one CSV file per table beside it. Figures, pages
and comparisons read a Summary and nothing else.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldwise.errors import InvalidInputError, first_few
from foldwise.reporting.table_csv import column_type, frame_to_csv, read_csv_frame

__all__ = ["SCHEMA", "NamedTable", "Summary", "TableColumn", "read_summary", "write_atomically"]

SCHEMA = "foldwise.summary/1"
_KEYS = ("study", "title", "verdict", "findings", "result", "run")
# A table's name becomes a file name, also when it is read from a file of unknown origin.
_TABLE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")


@dataclass(frozen=True)
class TableColumn:
    """A column as tables, plots and pages print it.

    Parameters
    ----------
    key : str
        Name of the column in the frame.
    label : str
        Heading.
    unit : str
        Unit in the heading; empty for text, counts and ratios.
    digits : int, optional
        Decimals to print. The file always holds every bit.
    """

    key: str
    label: str
    unit: str = ""
    digits: int | None = None


@dataclass(frozen=True, eq=False)
class NamedTable:
    """A table of a Summary.

    Parameters
    ----------
    name : str
        Lower-case letters, digits, ``_`` and ``-``; also the name of its file.
    title : str
        What the table shows.
    columns : tuple of TableColumn
        One per column of ``frame``, in the same order.
    frame : pandas.DataFrame
        Text, numbers, integers or truth values; the index is not kept. A missing
        text comes back as the empty text, a missing number as NaN.
    """

    name: str
    title: str
    columns: tuple[TableColumn, ...]
    frame: pd.DataFrame

    def __post_init__(self) -> None:
        """Refuse names that are no file names, and columns that are not declared."""
        if not _TABLE_NAME.match(self.name):
            raise ValueError(
                f"Table name {self.name!r} is no file name. Use a-z, 0-9, '_' and '-' only."
            )
        declared = [column.key for column in self.columns]
        if list(self.frame.columns) != declared:
            raise ValueError(
                f"Table {self.name!r} has columns {list(self.frame.columns)} but declares "
                f"{declared}. Declare each column once, in order."
            )

    @property
    def file(self) -> str:
        """Path of the CSV file, relative to the folder of the Summary."""
        return f"tables/{self.name}.csv"


@dataclass(eq=False)
class Summary:
    """Plain results of one study.

    Parameters
    ----------
    study : str
        "biomarkers" or "perovskites".
    title : str
        Heading of the report.
    verdict : str
        The answer in words, first sentence first.
    findings : list of dict
        Entries with ``check``, ``severity``, ``message``, ``remedy``, ``rows``, ``columns``.
    result : dict
        Metrics, models, claim, data and sections; the same bits on every rerun.
    run : dict
        Config, versions, seeds, times, host: what may differ between reruns.
    tables : dict of str to NamedTable
        Tables by name.

    Examples
    --------
    >>> frame = pd.DataFrame({"feature": ["alanine"], "coefficient": [0.1]})
    >>> columns = (TableColumn("feature", "Feature"), TableColumn("coefficient", "Coefficient"))
    >>> table = NamedTable("coefficients", "Coefficients", columns, frame)
    >>> metric = {"name": "roc_auc", "model": "forest", "split": "cv", "value": 0.91}
    >>> summary = Summary("biomarkers", "A study", "Not supported.", [],
    ...     {"metrics": [metric]}, {}, {"coefficients": table})
    >>> summary.metric("roc_auc", split="cv")["value"]
    0.91
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = summary.write(folder)
    ...     again = read_summary(folder)
    >>> path.name, again.tables["coefficients"].frame["coefficient"].tolist()
    ('summary.json', [0.1])
    """

    study: str
    title: str
    verdict: str
    findings: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, NamedTable] = field(default_factory=dict)

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write ``summary.json`` and ``tables/*.csv`` into ``folder``.

        Every file is written under a temporary name and renamed; ``summary.json``
        comes last, so a folder that has one is complete.

        Returns
        -------
        pathlib.Path
            The path of ``summary.json``.

        Raises
        ------
        ValueError
            If a number outside the tables is not finite; the message names its path.
        """
        folder = Path(folder)
        document, files = self._document()
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        for name, content in files.items():
            write_atomically(folder / name, content)
        return write_atomically(folder / "summary.json", f"{text}\n".encode())

    def document(self) -> dict[str, Any]:
        """Return what ``summary.json`` holds, the SHA-256 of each table included."""
        return self._document()[0]

    def _document(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        files = {table.file: frame_to_csv(table.frame) for table in self.tables.values()}
        declared = {
            table.name: {
                "file": table.file,
                "sha256": hashlib.sha256(files[table.file]).hexdigest(),
                "title": table.title,
                "columns": [
                    {**asdict(column), "type": column_type(table.frame[column.key])}
                    for column in table.columns
                ],
            }
            for table in self.tables.values()
        }
        document: dict[str, Any] = {"schema": SCHEMA}
        document.update({key: _plain(getattr(self, key), key) for key in _KEYS})
        document["result"]["tables"] = declared
        return document, files

    def metric(
        self,
        name: str,
        *,
        model: str | None = None,
        encoding: str | None = None,
        split: str | None = None,
    ) -> dict[str, Any]:
        """Return the one entry of ``result["metrics"]`` that fits what is given.

        Raises
        ------
        LookupError
            If no entry fits, or several do; the message lists them.
        """
        wanted = {"name": name, "model": model, "encoding": encoding, "split": split}
        wanted = {key: value for key, value in wanted.items() if value is not None}
        entries: list[dict[str, Any]] = self.result.get("metrics", [])
        fitting = [
            entry
            for entry in entries
            if all(entry.get(key) == value for key, value in wanted.items())
        ]
        if len(fitting) == 1:
            return fitting[0]
        listed = [
            "/".join(str(entry.get(key) or "-") for key in ("name", "model", "encoding", "split"))
            for entry in fitting or entries
        ]
        raise LookupError(
            f"{len(fitting)} metrics fit {wanted}, not one. "
            f"{'They are' if fitting else 'There are'} (name/model/encoding/split): "
            f"{first_few(listed)}."
        )


def read_summary(path: str | os.PathLike[str]) -> Summary:
    """Read a Summary from its folder or its ``summary.json``.

    Parameters
    ----------
    path : path
        Folder of a run, or the JSON file in it; the tables stand beside the file.

    Raises
    ------
    InvalidInputError
        If a file is missing, no Summary, of a newer schema, or not the one whose
        SHA-256 was recorded.
    """
    file = Path(path)
    file = file / "summary.json" if file.is_dir() else file
    document = _read_json(file)
    _require_schema(document, file)
    values = {key: document[key] for key in _KEYS}
    # Hashes and column types are the file's own; with them gone, a Summary that was
    # read holds the same `result` as the one that was written.
    declared = values["result"].pop("tables", {})
    tables = {name: _read_table(file, name, entry) for name, entry in declared.items()}
    return Summary(**values, tables=tables)


def write_atomically(path: Path, content: bytes) -> Path:
    """Write ``content`` under a temporary name, rename it to ``path``, and return that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _read_json(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise InvalidInputError(
            f"{file}: there is no such file. Give the folder of a finished run."
        ) from None
    except ValueError as error:
        raise InvalidInputError(
            f"{file} is not JSON: {error}. Give a run's summary.json."
        ) from None
    if not isinstance(document, dict):
        raise InvalidInputError(f"{file} holds no Summary. Give a run's summary.json.")
    return document


def _require_schema(document: Mapping[str, Any], file: Path) -> None:
    family, known = SCHEMA.split("/")
    schema = str(document.get("schema", ""))
    found, _, version = schema.partition("/")
    if found != family or not version.isdecimal():
        raise InvalidInputError(
            f"{file}: schema is {schema!r}, not {SCHEMA!r}. Give a run's summary.json."
        )
    if int(version) > int(known):
        raise InvalidInputError(
            f"{file}: schema {schema!r} is newer than {SCHEMA!r}, the newest this version of "
            "Foldwise reads. Update Foldwise."
        )
    missing = [key for key in _KEYS if key not in document]
    if missing:
        raise InvalidInputError(f"{file} lacks {first_few(missing)}. Give a run's summary.json.")


def _read_table(summary_file: Path, name: str, entry: Mapping[str, Any]) -> NamedTable:
    if not _TABLE_NAME.match(name):
        raise InvalidInputError(f"{summary_file}: {name!r} is no name of a table.")
    file = summary_file.parent / "tables" / f"{name}.csv"
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise InvalidInputError(
            f"{file} is missing: summary.json names this table. Copy the whole folder of the run."
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != entry["sha256"]:
        raise InvalidInputError(
            f"{file} is not the file that was written: SHA-256 {found[:12]}... instead of "
            f"{entry['sha256'][:12]}... It was changed after the run. Restore it or run again."
        )
    types = {column["key"]: column["type"] for column in entry["columns"]}
    columns = tuple(
        TableColumn(column["key"], column["label"], column["unit"], column["digits"])
        for column in entry["columns"]
    )
    return NamedTable(name, entry["title"], columns, read_csv_frame(content, types))


def _plain(value: Any, path: str) -> Any:
    """Return ``value`` as JSON can hold it; ``path`` names the place in messages."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise ValueError(
            f"{path} is {value}: JSON holds finite numbers only. Leave it out or write null."
        )
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item, f"{path}[{place}]") for place, item in enumerate(value)]
    raise ValueError(
        f"{path} is a {type(value).__name__}: a Summary holds text, numbers, lists and mappings."
    )
