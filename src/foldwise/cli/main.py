"""The command ``foldwise``: arguments become a StudyConfig, and the runner does the rest."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from foldwise import __version__
from foldwise.errors import InvalidInputError
from foldwise.studies.settings import (
    BIOMARKERS,
    PEROVSKITES,
    TUNE_BIOMARKERS,
    TUNE_PEROVSKITES,
    Setting,
)

if TYPE_CHECKING:
    from foldwise.studies.config import StudyConfig

__all__ = ["app", "main"]

app = typer.Typer(
    name="foldwise",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Honest machine learning on small scientific tables.\n\n"
    "[bold]foldwise biomarkers[/bold] asks whether metabolites separate cases from controls; "
    "[bold]foldwise perovskites[/bold] whether a network predicts the energy above hull. Each "
    "writes a folder with a report to open in a browser. Without a file both run on embedded data.",
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"foldwise {__version__}")
        raise typer.Exit


@app.callback()
def _foldwise(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None: ...


tune = typer.Typer(
    no_args_is_help=True,
    help="Search settings by cross-validation, and say what tuning gained over not tuning.",
)
app.add_typer(tune, name="tune")
datasets = typer.Typer(no_args_is_help=False, help="List, show and fetch registered data sets.")
app.add_typer(datasets, name="datasets")


def _option(setting: Setting, *names: str, metavar: str | None = None) -> Any:
    """Return an option whose help and default are those of the setting."""
    shown = setting.shown or _written(setting.default)
    text = f"{setting.help.rstrip('.')} [default: {shown}]" if shown else setting.help
    return typer.Option(*names, help=text.replace("[", r"\["), metavar=metavar, show_default=False)


def _written(default: object) -> str:
    if default is None or default is False or default == ():
        return ""
    if isinstance(default, tuple):
        return ",".join(f"{one:g}" if isinstance(one, float) else str(one) for one in default)
    return str(default)


def _bio(field: str, *names: str, metavar: str | None = None) -> Any:
    return _option(BIOMARKERS[field], *names, metavar=metavar)


def _perov(field: str, *names: str, metavar: str | None = None) -> Any:
    return _option(PEROVSKITES[field], *names, metavar=metavar)


Out = Annotated[
    Path | None,
    typer.Option(
        help=r"Folder to write; an unfinished run of the same settings is resumed there. "
        r"\[default: foldwise-runs/<study>-<time>]",
        show_default=False,
    ),
]


@app.command(epilog="Example: foldwise biomarkers X.csv y.csv --groups subject --out my-run")
def biomarkers(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[X.csv [y.csv]]",
            help=BIOMARKERS["tables"].help,
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[str | None, _bio("dataset", metavar="NAME")] = None,
    target: Annotated[str | None, _bio("target", metavar="COL")] = None,
    positive: Annotated[str | None, _bio("positive", metavar="LABEL")] = None,
    id_column: Annotated[str | None, _bio("id_column", "--id", metavar="COL")] = None,
    orientation: Annotated[str | None, _bio("orientation", metavar="rows|columns")] = None,
    groups: Annotated[str | None, _bio("groups", metavar="COL")] = None,
    scale: Annotated[str | None, _bio("scale", metavar="SCALE")] = None,
    covariates: Annotated[str | None, _bio("covariates", metavar="AGE,SEX")] = None,
    batch: Annotated[str | None, _bio("batch", metavar="COL")] = None,
    ignore: Annotated[str | None, _bio("ignore", metavar="A,B")] = None,
    zeros: Annotated[str | None, _bio("zeros", metavar="absent|lod|true")] = None,
    impute: Annotated[str | None, _bio("impute", metavar="NAME")] = None,
    missing_indicator: Annotated[
        bool | None, _bio("missing_indicator", "--missing-indicator")
    ] = None,
    transform: Annotated[str | None, _bio("transform", metavar="none|log2")] = None,
    normalise: Annotated[str | None, _bio("normalise", metavar="NAME")] = None,
    scaling: Annotated[str | None, _bio("scaling", metavar="NAME")] = None,
    max_missing: Annotated[float | None, _bio("max_missing", metavar="F")] = None,
    max_qc_rsd: Annotated[float | None, _bio("max_qc_rsd", metavar="F")] = None,
    test_size: Annotated[float | None, _bio("test_size", metavar="F")] = None,
    folds: Annotated[int | None, _bio("folds", metavar="K")] = None,
    repeats: Annotated[int | None, _bio("repeats", metavar="R")] = None,
    random_splits: Annotated[int | None, _bio("random_splits", metavar="N")] = None,
    C: Annotated[float | None, _bio("C", "--C", metavar="C")] = None,
    permutations: Annotated[int | None, _bio("permutations", metavar="N")] = None,
    permute_all: Annotated[bool | None, _bio("permute_all", "--permute-all")] = None,
    pairs: Annotated[int | None, _bio("pairs", metavar="N")] = None,
    panel_q: Annotated[int | None, _bio("panel_q", metavar="Q")] = None,
    panel_threshold: Annotated[float | None, _bio("panel_threshold", metavar="F")] = None,
    pfer: Annotated[float | None, _bio("pfer", metavar="F")] = None,
    threshold: Annotated[str | None, _bio("threshold", metavar="RULE")] = None,
    prevalence: Annotated[float | None, _bio("prevalence", metavar="F")] = None,
    shap_forest: Annotated[bool | None, _bio("shap_forest", "--shap-forest")] = None,
    splits: Annotated[str | None, _bio("splits", metavar="FILE")] = None,
    seed: Annotated[int | None, _bio("seed", metavar="N")] = None,
    quick: Annotated[bool | None, _bio("quick", "--quick")] = None,
    out: Out = None,
) -> None:
    """Separate cases from controls: disease from metabolites.

    Logistic regression without and with penalties, a random forest and baselines;
    AUC with intervals, coefficients, and how often the top features return.
    """
    given = {
        **locals(),
        "tables": tuple(tables) if tables else None,
        "covariates": None if covariates is None else _parts(covariates),
        "ignore": None if ignore is None else _parts(ignore),
    }
    _run_study("biomarkers", given)


@app.command(epilog="Example: foldwise perovskites train.csv --holdout-elements Ba,Li --out run")
def perovskites(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="[TRAIN.csv]",
            help=PEROVSKITES["table"].help,
            show_default=False,
        ),
    ] = None,
    holdout: Annotated[str | None, _perov("holdout", metavar="FILE")] = None,
    holdout_elements: Annotated[str | None, _perov("holdout_elements", metavar="Dy,Ho")] = None,
    dataset: Annotated[str | None, _perov("dataset", metavar="NAME")] = None,
    target: Annotated[str | None, _perov("target", metavar="COL")] = None,
    id_column: Annotated[str | None, _perov("id_column", "--id", metavar="COL")] = None,
    elements: Annotated[str | None, _perov("elements", metavar="FILE")] = None,
    descriptors: Annotated[str | None, _perov("descriptors", metavar="FILE|extended")] = None,
    encoding: Annotated[list[str] | None, _perov("encodings", "--encoding")] = None,
    scale_one_hot: Annotated[bool | None, _perov("scale_one_hot", "--scale-one-hot")] = None,
    hidden: Annotated[str | None, _perov("hidden", metavar="256,256,256")] = None,
    activation: Annotated[str | None, _perov("activation", metavar="NAME")] = None,
    lr: Annotated[float | None, _perov("lr", metavar="F")] = None,
    weight_decay: Annotated[float | None, _perov("weight_decay", metavar="F")] = None,
    alpha: Annotated[float | None, _perov("alpha", metavar="F")] = None,
    epochs: Annotated[int | None, _perov("epochs", metavar="N")] = None,
    batch_size: Annotated[int | None, _perov("batch_size", metavar="N")] = None,
    device: Annotated[str | None, _perov("device", metavar="NAME")] = None,
    test_size: Annotated[float | None, _perov("test_size", metavar="F")] = None,
    validation_size: Annotated[float | None, _perov("validation_size", metavar="F")] = None,
    splits: Annotated[str | None, _perov("splits", metavar="FILE")] = None,
    seed: Annotated[int | None, _perov("seed", metavar="N")] = None,
    quick: Annotated[bool | None, _perov("quick", "--quick")] = None,
    out: Out = None,
) -> None:
    """Predict the energy above hull of ABX3 from composition.

    One network on one-hot elements and on physical descriptors, beside baselines;
    scored on random rows and on elements it never saw.
    """
    given = {
        **locals(),
        "encodings": tuple(p for one in encoding for p in _parts(one)) if encoding else None,
        "holdout_elements": None if holdout_elements is None else _parts(holdout_elements),
        "hidden": None if hidden is None else _parts(hidden),
    }
    del given["encoding"]
    _run_study("perovskites", given)


def _tune_bio(field: str, *names: str, metavar: str | None = None) -> Any:
    return _option(TUNE_BIOMARKERS[field], *names, metavar=metavar)


def _tune_perov(field: str, *names: str, metavar: str | None = None) -> Any:
    return _option(TUNE_PEROVSKITES[field], *names, metavar=metavar)


@tune.command(
    "biomarkers",
    epilog="Example: foldwise tune biomarkers X.csv y.csv --C 0.1,1,10 --l1-ratio 1 --nested",
)
def tune_biomarkers(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[X.csv [y.csv]]", help=BIOMARKERS["tables"].help, show_default=False
        ),
    ] = None,
    C: Annotated[str | None, _tune_bio("C", "--C", metavar="0.1,1,10")] = None,
    l1_ratio: Annotated[str | None, _tune_bio("l1_ratio", metavar="1,0.5,0")] = None,
    search: Annotated[str | None, _tune_bio("search", metavar="grid|tpe")] = None,
    trials: Annotated[int | None, _tune_bio("trials", metavar="N")] = None,
    nested: Annotated[bool | None, _tune_bio("nested", "--nested/--no-nested")] = None,
    permute_all: Annotated[bool | None, _tune_bio("permute_all", "--permute-all")] = None,
    dataset: Annotated[str | None, _tune_bio("dataset", metavar="NAME")] = None,
    target: Annotated[str | None, _tune_bio("target", metavar="COL")] = None,
    positive: Annotated[str | None, _tune_bio("positive", metavar="LABEL")] = None,
    id_column: Annotated[str | None, _tune_bio("id_column", "--id", metavar="COL")] = None,
    orientation: Annotated[str | None, _tune_bio("orientation", metavar="rows|columns")] = None,
    groups: Annotated[str | None, _tune_bio("groups", metavar="COL")] = None,
    scale: Annotated[str | None, _tune_bio("scale", metavar="SCALE")] = None,
    ignore: Annotated[str | None, _tune_bio("ignore", metavar="A,B")] = None,
    zeros: Annotated[str | None, _tune_bio("zeros", metavar="absent|lod|true")] = None,
    impute: Annotated[str | None, _tune_bio("impute", metavar="NAME")] = None,
    missing_indicator: Annotated[
        bool | None, _tune_bio("missing_indicator", "--missing-indicator")
    ] = None,
    transform: Annotated[str | None, _tune_bio("transform", metavar="none|log2")] = None,
    normalise: Annotated[str | None, _tune_bio("normalise", metavar="NAME")] = None,
    scaling: Annotated[str | None, _tune_bio("scaling", metavar="NAME")] = None,
    max_missing: Annotated[float | None, _tune_bio("max_missing", metavar="F")] = None,
    max_qc_rsd: Annotated[float | None, _tune_bio("max_qc_rsd", metavar="F")] = None,
    test_size: Annotated[float | None, _tune_bio("test_size", metavar="F")] = None,
    folds: Annotated[int | None, _tune_bio("folds", metavar="K")] = None,
    repeats: Annotated[int | None, _tune_bio("repeats", metavar="R")] = None,
    splits: Annotated[str | None, _tune_bio("splits", metavar="FILE")] = None,
    seed: Annotated[int | None, _tune_bio("seed", metavar="N")] = None,
    quick: Annotated[bool | None, _tune_bio("quick", "--quick")] = None,
    out: Out = None,
) -> None:
    """Search penalties of the logistic regression of cases against controls.

    The search sees training rows only, scaled inside every fold. The best setting is
    refitted and scored beside the untuned one on the test rows.
    """
    given = {
        **locals(),
        "tables": tuple(tables) if tables else None,
        "C": None if C is None else _parts(C),
        "l1_ratio": None if l1_ratio is None else _parts(l1_ratio),
        "ignore": None if ignore is None else _parts(ignore),
    }
    _run_study("tune-biomarkers", given)


@tune.command(
    "perovskites",
    epilog="Example: foldwise tune perovskites train.csv --layers 256,256 --layers 64,64 "
    "--lr 0.01,0.001 --weight-decay 0.01 --epochs 100",
)
def tune_perovskites(
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TRAIN.csv]", help=PEROVSKITES["table"].help, show_default=False),
    ] = None,
    layers: Annotated[list[str] | None, _tune_perov("layers", metavar="512,256,128")] = None,
    lr: Annotated[str | None, _tune_perov("lr", metavar="0.001,0.0001")] = None,
    weight_decay: Annotated[str | None, _tune_perov("weight_decay", metavar="0.01,0.001")] = None,
    search: Annotated[str | None, _tune_perov("search", metavar="grid|tpe")] = None,
    trials: Annotated[int | None, _tune_perov("trials", metavar="N")] = None,
    nested: Annotated[bool | None, _tune_perov("nested", "--nested")] = None,
    stack_holdout: Annotated[bool | None, _tune_perov("stack_holdout", "--stack-holdout")] = None,
    encoding: Annotated[str | None, _tune_perov("encoding", metavar="NAME")] = None,
    folds: Annotated[int | None, _tune_perov("folds", metavar="K")] = None,
    repeats: Annotated[int | None, _tune_perov("repeats", metavar="R")] = None,
    holdout: Annotated[str | None, _tune_perov("holdout", metavar="FILE")] = None,
    holdout_elements: Annotated[
        str | None, _tune_perov("holdout_elements", metavar="Dy,Ho")
    ] = None,
    dataset: Annotated[str | None, _tune_perov("dataset", metavar="NAME")] = None,
    target: Annotated[str | None, _tune_perov("target", metavar="COL")] = None,
    id_column: Annotated[str | None, _tune_perov("id_column", "--id", metavar="COL")] = None,
    elements: Annotated[str | None, _tune_perov("elements", metavar="FILE")] = None,
    descriptors: Annotated[str | None, _tune_perov("descriptors", metavar="FILE|extended")] = None,
    activation: Annotated[str | None, _tune_perov("activation", metavar="NAME")] = None,
    epochs: Annotated[int | None, _tune_perov("epochs", metavar="N")] = None,
    batch_size: Annotated[int | None, _tune_perov("batch_size", metavar="N")] = None,
    device: Annotated[str | None, _tune_perov("device", metavar="NAME")] = None,
    test_size: Annotated[float | None, _tune_perov("test_size", metavar="F")] = None,
    splits: Annotated[str | None, _tune_perov("splits", metavar="FILE")] = None,
    seed: Annotated[int | None, _tune_perov("seed", metavar="N")] = None,
    quick: Annotated[bool | None, _tune_perov("quick", "--quick")] = None,
    out: Out = None,
) -> None:
    """Search settings of the network for the energy above hull.

    Every setting on every fold is one batch. The best is refitted and scored beside the
    untuned network: with the same scaling, and on the same rows.
    """
    given = {
        **locals(),
        "layers": tuple(_parts(one) for one in layers) if layers else None,
        "lr": None if lr is None else _parts(lr),
        "weight_decay": None if weight_decay is None else _parts(weight_decay),
        "holdout_elements": None if holdout_elements is None else _parts(holdout_elements),
    }
    _run_study("tune-perovskites", given)


@app.command(
    epilog="Example: foldwise audit X.csv y.csv --covariates age,sex --batch plate --out audit.json"
)
def audit(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[X.csv [y.csv]]", help=BIOMARKERS["tables"].help, show_default=False
        ),
    ] = None,
    dataset: Annotated[str | None, _bio("dataset", metavar="NAME")] = None,
    target: Annotated[str | None, _bio("target", metavar="COL")] = None,
    positive: Annotated[str | None, _bio("positive", metavar="LABEL")] = None,
    id_column: Annotated[str | None, _bio("id_column", "--id", metavar="COL")] = None,
    groups: Annotated[str | None, _bio("groups", metavar="COL")] = None,
    scale: Annotated[str | None, _bio("scale", metavar="SCALE")] = None,
    orientation: Annotated[str | None, _bio("orientation", metavar="rows|columns")] = None,
    covariates: Annotated[str | None, _bio("covariates", metavar="AGE,SEX")] = None,
    batch: Annotated[str | None, _bio("batch", metavar="COL")] = None,
    ignore: Annotated[str | None, _bio("ignore", metavar="A,B")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON file to write.", show_default=False)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of the page.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 if a finding stops the claim.")
    ] = False,
) -> None:
    """Look for what makes a table's AUC mean less than it says; nothing is fitted.

    Labels in the form of the values, one subject twice, classes apart by id, batch,
    date, age or sex, names that do not fit, too few rows. Each finding stops the claim,
    weakens it, or is a note, and says what to do.
    """
    from foldwise.cli.audit_page import as_text, print_audit, write_new
    from foldwise.studies.auditing import audit_tables

    given = {
        "dataset": dataset,
        "target": target,
        "positive": positive,
        "id_column": id_column,
        "groups": groups,
        "orientation": orientation,
        "scale": scale,
        "covariates": _parts(covariates or ""),
        "batch": batch,
        "ignore": _parts(ignore or ""),
    }
    audited = audit_tables(tables or (), **given)
    if out is not None:
        write_new("--out", out, as_text(audited))
    if as_json:
        sys.stdout.write(as_text(audited))
    else:
        print_audit(audited)
    if strict and audited.stops:
        raise typer.Exit(3)


@app.command()
def run(
    config: Annotated[
        Path, typer.Argument(metavar="config.toml", help="As a run writes it, or its folder.")
    ],
    out: Out = None,
) -> None:
    """Run a study from a config file: what a run folder holds reruns it."""
    from foldwise.studies.config import read_config

    _run(read_config(config / "config.toml" if config.is_dir() else config), out)


def _flag(name: str, metavar: str, text: str) -> Any:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="RUN_OR_MODEL", help="A run folder or bundle.")],
    table: Annotated[Path, typer.Argument(metavar="NEW.csv", help="New rows, target not needed.")],
    id_column: Annotated[
        str | None, _flag("--id", "COL", r"Column of row ids. \[default: the first]")
    ] = None,
    target: Annotated[
        str | None, _flag("--target", "COL", "Column of labels: asks for metrics.")
    ] = None,
    positive: Annotated[
        str | None, _flag("--positive", "LABEL", "Label of the cases, if not the model's own.")
    ] = None,
    labels: Annotated[
        Path | None, _flag("--labels", "FILE", "Labels in a second file, joined by id.")
    ] = None,
    groups: Annotated[
        str | None, _flag("--groups", "COL", "Column of persons, if several rows are of one.")
    ] = None,
    scale: Annotated[
        str | None, _flag("--scale", "NAME", r"Scale of the new values. \[default: guessed]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV to write; printed when not given.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None, _flag("--report", "FILE.json", "Metrics, drift and warnings as JSON.")
    ] = None,
) -> None:
    """Score new rows with the model of a run; with labels, say how well.

    Rows are matched by the names of features. Rows the model was trained on, another scale
    and drift are warned about.
    """
    from foldwise.cli.audit_page import write_new
    from foldwise.cli.prediction_pages import print_remarks
    from foldwise.studies.predicting import predict_table

    for option, path in (("--out", out), ("--report", report)):
        if path is not None and path.exists():
            raise InvalidInputError(
                f"{option} {path} exists; nothing is overwritten. Name a new file."
            )
    predicted = predict_table(
        model,
        table,
        id_column=id_column,
        target=target,
        positive=positive,
        labels=labels,
        groups=groups,
        scale=scale,
    )
    print_remarks(predicted)
    text = predicted.frame.to_csv(index=False, lineterminator="\n")
    if report is not None:
        document = json.dumps(predicted.document(), indent=1, ensure_ascii=False, allow_nan=False)
        write_new("--report", report, document + "\n")
    if out is None:
        sys.stdout.write(text)
    else:
        write_new("--out", out, text)
        print(f"{len(predicted.frame)} predictions: {out}")


@datasets.callback(invoke_without_command=True)
def _datasets(context: typer.Context) -> None:
    """List, show and fetch registered data sets."""
    if context.invoked_subcommand is None:
        list_datasets()


@datasets.command("list")
def list_datasets() -> None:
    """List the registered data sets."""
    from foldwise.cli.dataset_pages import print_list

    print_list()


@datasets.command("show")
def show_dataset(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Show one data set: source, licence, targets, limits."""
    from foldwise.cli.dataset_pages import print_one

    print_one(name)


@datasets.command("fetch")
def fetch_dataset(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Download a set that is not embedded; every file is checked against its SHA-256."""
    from foldwise.data.registry import fetch

    for path in fetch(name):
        print(path)


def _parts(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated argument."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _run_study(study: str, given: dict[str, Any]) -> None:
    from foldwise.studies.config import make_config

    out = given.pop("out")
    values = {key: value for key, value in given.items() if value is not None}
    _run(make_config(study, values), out)


def _run(config: "StudyConfig", out: Path | None) -> None:
    from foldwise.cli.progress import RichWatcher
    from foldwise.reporting.summary import read_summary
    from foldwise.runs.runner import run_config

    try:
        with RichWatcher() as watcher:
            folder = run_config(config, out=out, watcher=watcher)
    except KeyboardInterrupt as stopped:  # the runner says how to go on
        print(f"foldwise: {stopped}", file=sys.stderr)
        raise typer.Exit(130) from None
    console = Console(soft_wrap=True, highlight=False)
    console.print(read_summary(folder.path).verdict, markup=False)
    console.print(f"Report: {folder.report}", markup=False)


def main() -> None:
    """Run the command line; what a user can fix ends with a message and exit code 2."""
    try:
        app()
    except InvalidInputError as error:
        # Unwrapped where stderr is no terminal, so that logs can be searched.
        console = Console(stderr=True, highlight=False)
        console.print(f"foldwise: {error}", markup=False, soft_wrap=not console.is_terminal)
        sys.exit(2)
