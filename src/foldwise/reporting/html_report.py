"""The report: one HTML file that needs nothing else, written from a Summary."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from foldwise.reporting.figures import caption, draw, tables_behind
from foldwise.reporting.labels import encoding_label, metric_label, model_label, split_label
from foldwise.reporting.page_tables import PageTable, cell_text, page_table, plain_table
from foldwise.reporting.style import signed
from foldwise.reporting.summary import Summary
from foldwise.reporting.svg import inline_svg

__all__ = ["render_report"]

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SEVERITIES = {
    "stops": "Stops the claim",
    "weakens": "Weakens the claim",
    "note": "Note",
}
_CLAIMS = {"supported": "✓", "not supported": "✗", "unclear": "?"}
# What a verdict rests on: the study's own model, and the baselines it has to beat.
_CARRYING = {
    "biomarkers": ("roc_auc", "logistic-l1", ("best-single-metabolite",)),
    "perovskites": ("mae", "mlp", ("mean",)),
    "tune-biomarkers": ("roc_auc", "logistic-tuned", ("logistic-untuned",)),
    "tune-perovskites": ("r2", "mlp-tuned", ("mlp-untuned",)),
}
_UNSEEN_SPLITS = ("cv", "cv-contrast", "cv-nested", "test", "holdout")
_N_NUMBERS = 4
_RUN_TITLES = {
    "config": "Configuration",
    "versions": "Versions",
    "seeds": "Seeds",
    "data": "Data",
    "seconds": "Seconds per step",
    "host": "Computer",
    "device": "Device",
}


def render_report(summary: Summary, drawn: Mapping[str, Figure] | None = None) -> str:
    """Return the report of a study as one HTML page.

    The page carries its own style and figures, asks the network for nothing, and can be
    read without scripts. Its links to ``tables/*.csv`` work beside the Summary's files.

    Parameters
    ----------
    summary : Summary
        Written by a study, or read with `read_summary`.
    drawn : mapping of str to Figure, optional
        Figures that are drawn already, as by `draw_figures`; drawn here when None.

    Raises
    ------
    InvalidInputError
        If a section names a table or a figure the Summary does not hold.

    Examples
    --------
    >>> page = render_report(Summary("biomarkers", "Cases & controls", "No: it is noise."))
    >>> "<h1>Cases &amp; controls</h1>" in page
    True
    """
    result = summary.result
    first, rest = _sentences(summary.verdict)
    return _ENVIRONMENT.get_template("report.html.j2").render(
        summary=summary,
        claim=result.get("claim", "unclear"),
        claim_mark=_CLAIMS.get(result.get("claim", "unclear"), "?"),
        verdict_first=first,
        verdict_rest=rest,
        numbers=_numbers(summary),
        metrics=_metrics_table(summary),
        models=plain_table("models", "Models", result.get("models", [])),
        findings=_findings(summary),
        sections=[_section(summary, section, drawn) for section in result.get("sections", [])],
        methods=_paragraphs(result.get("methods")),
        run=list(_run_parts(summary.run)),
        cell=cell_text,
    )


def _sentences(text: str) -> tuple[str, str]:
    """Split off the first sentence: up to a stop that a capital letter follows."""
    first, *rest = re.split(r"(?<=[.!?])\s+(?=[A-Z])", text.strip(), maxsplit=1)
    return first, "".join(rest)


def _paragraphs(methods: Any) -> list[str]:
    if not methods:
        return []
    return [methods] if isinstance(methods, str) else [str(part) for part in methods]


def _numbers(summary: Summary) -> list[dict[str, str]]:
    """Return the few metrics that carry the verdict: own model and baseline, unseen rows.

    None where a finding stops the claim: a number there would be read as a result.
    """
    if any(finding["severity"] == "stops" for finding in summary.findings):
        return []
    name, model, baselines = _CARRYING.get(summary.study, ("", "", ()))
    kept = summary.result.get("deployed_encoding")
    metrics = [one for one in summary.result.get("metrics", []) if one["name"] == name]
    own = [m for m in metrics if m["model"] == model and kept in (None, m.get("encoding"))]
    beside = [m for m in metrics if m["model"] in baselines]
    chosen = [m for split in _UNSEEN_SPLITS for m in (*own, *beside) if m["split"] == split]
    return [_number(metric) for metric in chosen[:_N_NUMBERS]]


def _number(metric: Mapping[str, Any]) -> dict[str, str]:
    inputs = encoding_label(metric.get("encoding"))
    return {
        "name": metric_label(metric["name"]),
        "value": signed(metric["value"], 3),
        "unit": metric.get("unit") or "",
        "interval": _interval(metric),
        "model": model_label(metric["model"]) + (f", {inputs}" if inputs else ""),
        "split": split_label(metric["split"]),
        "n": cell_text(metric.get("n")),
    }


def _interval(metric: Mapping[str, Any]) -> str:
    if metric.get("low") is None or metric.get("high") is None:
        return ""
    return f"{signed(metric['low'], 3)} to {signed(metric['high'], 3)}"


def _metrics_table(summary: Summary) -> PageTable:
    rows = []
    for metric in summary.result.get("metrics", []):
        number = _number(metric)
        rows.append(
            {
                "metric": number["name"],
                "model": number["model"],
                "rows": number["split"],
                "value": metric["value"],
                "unit": number["unit"],
                "95 % interval": number["interval"],
                "n": metric.get("n"),
            }
        )
    return plain_table("metrics", "Every metric of this run", rows)


def _findings(summary: Summary) -> list[dict[str, Any]]:
    """Return the findings with their severity in words, the gravest first."""
    order = list(_SEVERITIES)
    rank = {
        severity: order.index(severity) if severity in order else len(order)
        for severity in (finding["severity"] for finding in summary.findings)
    }
    return [
        {
            **finding,
            "severity_label": _SEVERITIES.get(finding["severity"], finding["severity"]),
            "places": [(kind, finding[kind]) for kind in ("rows", "columns") if finding.get(kind)],
        }
        for finding in sorted(summary.findings, key=lambda finding: rank[finding["severity"]])
    ]


def _section(
    summary: Summary, section: Mapping[str, Any], drawn: Mapping[str, Figure] | None
) -> dict[str, Any]:
    for name in section["tables"]:
        if name not in summary.tables:
            raise ValueError(f"Section {section['row']} names table {name!r}, which is missing.")
    return {
        **section,
        # Rows of the two studies are numbered; others have a name, which only links need.
        "number": section["row"] if section["row"][:1].isdigit() else "",
        "figures": [_figure(summary, name, section["row"], drawn) for name in section["figures"]],
        "tables": [page_table(summary.tables[name]) for name in section["tables"]],
    }


def _figure(
    summary: Summary, name: str, row: str, drawn: Mapping[str, Figure] | None
) -> dict[str, Any]:
    figure = draw(name, summary) if drawn is None else drawn[name]
    return {
        "name": name,
        "title": figure.get_suptitle().replace("\n", " "),
        "caption": caption(name),
        "files": [summary.tables[table].file for table in tables_behind(name)],
        "svg": inline_svg(figure, f"row-{row}-{name}"),
        "wide": figure.get_figwidth() > 4,  # inches: two columns of print
    }


def _run_parts(run: Mapping[str, Any]) -> Iterator[tuple[str, PageTable]]:
    """Yield everything the run recorded, the known parts first, each as a small table."""
    names = [name for name in _RUN_TITLES if name in run]
    names += [name for name in run if name not in _RUN_TITLES and name != "command"]
    for name in names:
        title = _RUN_TITLES.get(name, name.replace("_", " ").capitalize())
        value = run[name]
        if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            yield name, plain_table(f"run-{name}", title, value)
            continue
        pairs = value if isinstance(value, Mapping) else {name: value}
        rows = [{"name": key, "value": _as_text(item)} for key, item in pairs.items()]
        yield name, plain_table(f"run-{name}", title, rows)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "not set" if value is None else json.dumps(value, ensure_ascii=False, default=str)
