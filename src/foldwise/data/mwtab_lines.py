"""Lines of mwTab files: what the parser of the format would fill in or pass over is refused."""

import re
from collections.abc import Mapping

from foldwise.data.files import MISSING
from foldwise.data.rows import listed
from foldwise.data.rules import counted
from foldwise.errors import InvalidInputError, first_few

__all__ = ["NULLS", "is_mwtab", "require_same_factors", "require_whole_lines"]

_HEADER = "#METABOLOMICS WORKBENCH"
NULLS = MISSING | {"-", r"\N"}
"""What stands for no value in the factors of a sample."""

NumberedRows = list[tuple[int, list[str]]]


def is_mwtab(text: str) -> bool:
    """Whether a text is an mwTab file, as text or JSON.

    Examples
    --------
    >>> is_mwtab("#METABOLOMICS WORKBENCH STUDY_ID:ST1"), is_mwtab("id,glucose")
    (True, False)
    """
    start = text.lstrip("\ufeff \t\r\n")
    return start.startswith(_HEADER) or (start.startswith("{") and '"METABOLOMICS WORKB' in start)


def require_whole_lines(text: str, where: str) -> None:
    """Raise where the parser would fill in: two analyses, or rows short of cells."""
    n_analyses = len(re.findall(f"^{_HEADER}", text, re.MULTILINE))
    if n_analyses > 1:
        raise InvalidInputError(
            f"{where}: the file holds {n_analyses} analyses, one after the other. Save each in its "
            "own file and give one."
        )
    for name, rows in _blocks(text):
        if name == "METABOLITES" or name.startswith("EXTENDED"):
            continue  # no values there, and writers cut empty cells off
        width = len("\t".join(rows[0][1]).rstrip("\t").split("\t")) if rows else 0
        odd = [
            f"line {line} has {len(row)}"
            for line, row in rows
            if len(row) < width or any(cell.strip() for cell in row[width:])
        ]
        if odd:
            raise InvalidInputError(
                f"{where}: the heading of {name} has {width} cells, but {listed(odd)}. "
                "Cells are separated by tabs: leave a cell empty where a value is missing."
            )


def require_same_factors(text: str, samples: Mapping[str, Mapping[str, str]], where: str) -> None:
    """Raise if the line ``Factors`` above the values says other than the samples' own section."""
    for name, rows in _blocks(text):
        lines = {row[0].strip(): row[1:] for _, row in rows[:2]}
        if not name.endswith("METABOLITE_DATA") or "Factors" not in lines or len(lines) < 2:
            continue
        ids = rows[0][1][1:]
        differ = [
            i.strip()
            for i, said in zip(ids, lines["Factors"], strict=False)
            if i.strip() in samples and _factor_pairs(said) - set(samples[i.strip()].items())
        ]
        if differ:
            raise InvalidInputError(
                f"{where}: the line Factors of {name} and SUBJECT_SAMPLE_FACTORS differ for "
                f"{counted(len(differ), 'sample')}: {first_few(differ)}. One of them is wrong: "
                "correct it."
            )


def _factor_pairs(text: str) -> set[tuple[str, str]]:
    split = (part.partition(":") for part in text.strip('" ').split("| "))
    pairs = {(key.strip(), value.strip()) for key, _, value in split}
    return {(key, value) for key, value in pairs if value not in NULLS}


def _blocks(text: str) -> list[tuple[str, NumberedRows]]:
    """Return the tables between ``..._START`` and ``..._END`` as numbered rows of cells."""
    found: list[tuple[str, NumberedRows]] = []
    inside = False
    for number, line in enumerate(text.split("\n"), start=1):
        if line.rstrip().endswith("_START"):
            found.append((line.strip().removesuffix("_START"), []))
            inside = True
        elif line.rstrip().endswith("_END"):
            inside = False
        elif inside and line.strip():
            found[-1][1].append((number, line.split("\t")))
    return found
