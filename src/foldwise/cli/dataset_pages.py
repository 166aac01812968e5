"""How the command line prints registered data sets."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from foldwise.data.registry import data_sets, get

__all__ = ["print_list", "print_one"]


def print_list() -> None:
    """Print one line per registered set."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "study", "rows", "columns", "at hand", "what it is"):
        table.add_column(heading, no_wrap=heading == "name")
    for dataset in data_sets().values():
        table.add_row(
            dataset.name,
            dataset.study,
            str(dataset.n_rows),
            str(dataset.n_columns),
            "embedded" if dataset.embedded else "fetch",
            Text(dataset.title),
        )
    console = Console()
    # Where the output is no terminal nothing is wrapped, so that it can be searched.
    console.print(table, soft_wrap=not console.is_terminal)


def print_one(name: str) -> None:
    """Print what is known of one set."""
    dataset = get(name)
    lines = {
        "name": dataset.name,
        "study": dataset.study,
        "what": dataset.title,
        "rows": str(dataset.n_rows),
        "columns": str(dataset.n_columns),
        "source": dataset.source,
        "licence": dataset.licence,
        "unit": dataset.unit or dataset.scale,
        "limits": dataset.caveat,
        "held out": ", ".join(dataset.holdout_elements),
    }
    for rule in dataset.targets:
        default = " (default)" if rule.key == dataset.default_target else ""
        lines[f"target {rule.key}{default}"] = (
            f"{rule.positive_label} ({rule.column} {', '.join(rule.positive)}) against "
            f"{rule.negative_label} ({', '.join(rule.negative)}). {rule.caveat}"
        )
    for file in dataset.files:
        if file.sha256:
            lines[f"file {file.name}"] = f"SHA-256 {file.sha256}"
    if not dataset.embedded:
        lines["get it"] = f"foldwise datasets fetch {dataset.name}"
    console = Console(highlight=False)
    for label, text in lines.items():
        if text:
            console.print(Text(f"{label}: ", style="bold") + Text(text), soft_wrap=True)
