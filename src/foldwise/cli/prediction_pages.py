"""How the command line prints what `predict` found beside the scores."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from foldwise.studies.external_metrics import ExternalValidation
    from foldwise.studies.predicting import Predicted

__all__ = ["print_remarks"]


def print_remarks(predicted: "Predicted") -> None:
    """Print notes, warnings and metrics on stderr: stdout may be the table of scores."""
    console = Console(stderr=True, highlight=False)
    wrap = not console.is_terminal  # unwrapped in a log, so that it can be searched
    for note in predicted.notes:
        console.print(note, markup=False, soft_wrap=wrap)
    for finding in predicted.findings:
        word = "Note" if finding.severity == "note" else "Warning"
        console.print(
            Text(f"{word}: ", style="bold") + Text(f"{finding.message} {finding.remedy}"),
            soft_wrap=wrap,
        )
    if predicted.validation is not None:
        _print_metrics(predicted.validation, console)


def _print_metrics(validation: "ExternalValidation", console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", title=validation.title)
    table.title_justify = "left"
    for heading in ("metric", "value", "95 % interval", "n", "interval by"):
        table.add_column(heading, justify="right" if heading in ("value", "n") else "left")
    for row in validation.as_dict()["metrics"]:
        limits = "" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        value = "not defined" if row["estimate"] is None else f"{row['estimate']:.3f}"
        table.add_row(row["metric"], value, limits, str(row["n"]), row["method"])
    wrap = not console.is_terminal
    console.print(table, soft_wrap=wrap)
    for note in validation.notes:
        console.print(note, markup=False, soft_wrap=wrap)
