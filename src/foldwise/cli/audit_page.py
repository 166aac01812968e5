"""How the command line prints an audit."""

import json
import os
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from foldwise.audit.findings import Severity
from foldwise.errors import InvalidInputError
from foldwise.studies.auditing import Audited

__all__ = ["as_text", "print_audit", "write_new"]

_TITLES: dict[Severity, tuple[str, str]] = {
    "stops": ("Stops the claim", "bold red"),
    "weakens": ("Weakens the claim", "bold yellow"),
    "note": ("Notes", "bold"),
}


def print_audit(audited: Audited, console: Console | None = None) -> None:
    """Print findings by severity, each with its remedy.

    Text of the user's table is printed as it is: no markup in it is read.
    """
    console = console or Console(highlight=False)
    table, target = audited.table, audited.target
    n_cases = int(target.y.sum())
    _print(
        console,
        Text(
            f"{table.name}: {table.n_rows} rows, {len(table.keys('feature'))} features; "
            f"{n_cases} '{target.positive}' against {table.n_rows - n_cases} '{target.negative}'."
        ),
    )
    for severity, (title, style) in _TITLES.items():
        found = [one for one in audited.findings if one.severity == severity]
        if not found:
            continue
        console.print()
        console.print(Text(f"{title} ({len(found)})", style=style))
        for finding in found:
            _print(console, Text(f"{finding.check}: ", "bold") + Text(finding.message), indent=2)
            _print(console, Text(f"What to do: {finding.remedy}", "dim"), indent=4)
    console.print()
    _print(console, Text(_closing(audited)))


def _print(console: Console, text: Text, indent: int = 0) -> None:
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent)))
    else:  # nothing is wrapped where the output is no terminal, so that it can be searched
        console.print(Text(" " * indent) + text, soft_wrap=True)


def _closing(audited: Audited) -> str:
    if audited.stops:
        return "The form of the values stops the claim: no AUC of this table can support it."
    if any(one.severity == "weakens" for one in audited.findings):
        return "Nothing in the form of the values stops the claim; read what weakens it first."
    return "Nothing stops or weakens the claim. An audit sees the form of a table, not its making."


def as_text(audited: Audited) -> str:
    """Return the JSON of an audit."""
    return json.dumps(audited.as_dict(), indent=2, ensure_ascii=False) + "\n"


def write_new(option: str, path: Path, text: str) -> None:
    """Write a file that must not be there yet, whole or not at all."""
    if path.exists():
        raise InvalidInputError(f"{option} {path} exists; nothing is overwritten. Name a new file.")
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise InvalidInputError(
            f"{option} {path}: the file cannot be written ({error.strerror}). Name another one."
        ) from error
