"""StudyConfig: everything that decides the result of a study, and its defaults."""

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from foldwise.errors import InvalidInputError
from foldwise.studies.settings import (
    BIOMARKERS,
    PEROVSKITES,
    TUNE_BIOMARKERS,
    TUNE_PEROVSKITES,
    Setting,
)

__all__ = [
    "BiomarkersConfig",
    "CohortConfig",
    "CompositionsConfig",
    "Encoding",
    "PerovskitesConfig",
    "StudyConfig",
    "TuneBiomarkersConfig",
    "TunePerovskitesConfig",
    "config_values",
    "make_config",
    "read_config",
    "require_unset",
]

Encoding = Literal["one-hot", "descriptors", "combined"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Scale = Literal["raw", "log2", "log10", "ln", "percentile", "z"]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Width = Annotated[int, Field(ge=1, le=16_384)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Folds = Annotated[int, Field(ge=2)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Layers = Annotated[tuple[Width, ...], Field(min_length=1)]
Zeros = Literal["auto", "absent", "lod", "true"]
Impute = Literal["median", "half-minimum", "knn"]
Transform = Literal["auto", "none", "log2"]
Normalise = Literal["none", "sum", "median", "pqn"]
Scaling = Literal["auto", "pareto", "none"]
Values = TypeVar("Values", bound=tuple[Any, ...])


def _distinct(values: Values) -> Values:
    """Refuse a value that is listed twice: it would be searched, and counted, twice."""
    twice = [value for place, value in enumerate(values) if value in values[:place]]
    if twice:
        raise ValueError(f"{twice[0]} is listed twice; list each value once")
    return values


Once = AfterValidator(_distinct)
Names = Annotated[tuple[str, ...], Field(min_length=1)]
Columns = Annotated[tuple[str, ...], Once]


_RULE = re.compile(r"youden|(sensitivity|specificity|cost)=(\d*\.?\d+)")


def _known_rule(text: str) -> str:
    """Refuse a rule for the threshold that does not exist or cannot be met."""
    found = _RULE.fullmatch(text)
    kind, _, value = text.partition("=")
    if found is None or (value and not 0 < float(value) < (math.inf if kind == "cost" else 1)):
        raise ValueError(
            "write youden, sensitivity=0.9, specificity=0.9 (between 0 and 1) or cost=5 (above 0)"
        )
    return text


def _bio(name: str) -> Any:
    return _field(BIOMARKERS[name])


def _perov(name: str) -> Any:
    return _field(PEROVSKITES[name])


def _field(setting: Setting) -> Any:
    return Field(setting.default, description=setting.help)


class StudyConfig(BaseModel):
    """What all studies share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: str
    dataset: str | None = _bio("dataset")
    target: str | None = _bio("target")
    id_column: str | None = _bio("id_column")
    test_size: Share = _bio("test_size")
    splits: str | None = _bio("splits")
    seed: Annotated[int, Field(ge=0)] = _bio("seed")
    quick: bool = _bio("quick")

    @model_validator(mode="before")
    @classmethod
    def _apply_quick(cls, values: Any) -> Any:
        """Let ``quick`` lower what the user did not set."""
        if isinstance(values, dict) and values.get("quick"):
            return {**_QUICK[cls.__name__], **values}
        return values


class CohortConfig(StudyConfig):
    """How a table of abundances is read, prepared and folded."""

    tables: Names | None = _bio("tables")
    orientation: Literal["rows", "columns"] | None = _bio("orientation")
    positive: str | None = _bio("positive")
    groups: str | None = _bio("groups")
    scale: Scale | None = _bio("scale")
    ignore: Columns = _bio("ignore")
    folds: Folds = _bio("folds")
    repeats: Count = _bio("repeats")
    zeros: Zeros = _bio("zeros")
    impute: Impute = _bio("impute")
    missing_indicator: bool = _bio("missing_indicator")
    transform: Transform = _bio("transform")
    normalise: Normalise = _bio("normalise")
    scaling: Scaling = _bio("scaling")
    max_missing: Annotated[float, Field(ge=0, lt=1)] | None = _bio("max_missing")
    max_qc_rsd: Positive | None = _bio("max_qc_rsd")


class BiomarkersConfig(CohortConfig):
    """Settings of the study ``biomarkers``."""

    study: Literal["biomarkers"] = "biomarkers"
    covariates: Columns = _bio("covariates")
    batch: str | None = _bio("batch")
    random_splits: Annotated[int, Field(ge=2)] = _bio("random_splits")
    C: Positive = _bio("C")
    permutations: Annotated[int, Field(ge=0)] = _bio("permutations")
    permute_all: bool = _bio("permute_all")
    pairs: Annotated[int, Field(ge=0)] = _bio("pairs")
    panel_q: Count | None = _bio("panel_q")
    panel_threshold: Annotated[float, Field(gt=0.5, le=1)] | None = _bio("panel_threshold")
    pfer: Positive | None = _bio("pfer")
    threshold: Annotated[str, AfterValidator(_known_rule)] = _bio("threshold")
    prevalence: Share | None = _bio("prevalence")
    shap_forest: bool = _bio("shap_forest")

    @model_validator(mode="after")
    def _two_of_three(self) -> Self:
        given = (self.panel_q, self.panel_threshold, self.pfer)
        if all(one is not None for one in given):
            raise ValueError(
                "panel_q, panel_threshold and pfer depend on each other; give two of them"
            )
        return self


class CompositionsConfig(StudyConfig):
    """How a table of compositions is read, and what all networks on it share."""

    table: str | None = _perov("table")
    holdout: str | None = _perov("holdout")
    holdout_elements: Names | None = _perov("holdout_elements")
    elements: str | None = _perov("elements")
    descriptors: str = _perov("descriptors")
    activation: Literal["relu", "tanh"] = _perov("activation")
    epochs: Count = _perov("epochs")
    batch_size: Count = _perov("batch_size")
    device: Device = _perov("device")

    @model_validator(mode="after")
    def _one_holdout(self) -> Self:
        if self.holdout is not None and self.holdout_elements:
            raise ValueError("give either holdout or holdout_elements, not both")
        return self


class PerovskitesConfig(CompositionsConfig):
    """Settings of the study ``perovskites``."""

    study: Literal["perovskites"] = "perovskites"
    encodings: Annotated[tuple[Encoding, ...], Field(min_length=1)] = _perov("encodings")
    scale_one_hot: bool = _perov("scale_one_hot")
    validation_size: Share = _perov("validation_size")
    hidden: Layers = _perov("hidden")
    lr: Positive = _perov("lr")
    weight_decay: NotNegative | None = _perov("weight_decay")
    alpha: NotNegative | None = _perov("alpha")

    @model_validator(mode="after")
    def _one_penalty(self) -> Self:
        if self.alpha is not None and self.weight_decay is not None:
            raise ValueError("give either weight_decay or alpha, not both")
        return self


class _Search(BaseModel):
    """How settings are tried; mixed into the configs of tuning."""

    search: Literal["grid", "tpe"] = _field(TUNE_BIOMARKERS["search"])
    trials: Count | None = _field(TUNE_BIOMARKERS["trials"])
    nested: bool = _field(TUNE_PEROVSKITES["nested"])

    @model_validator(mode="after")
    def _one_search(self) -> Self:
        if self.search == "grid" and self.trials is not None:
            raise ValueError("trials belongs to search = tpe; a grid tries every combination")
        if self.search == "tpe" and self.nested:
            raise ValueError("nested searches a grid; leave nested out, or search = tpe")
        return self


class TuneBiomarkersConfig(_Search, CohortConfig):
    """Settings of the study ``tune-biomarkers``."""

    study: Literal["tune-biomarkers"] = "tune-biomarkers"
    nested: bool = _field(TUNE_BIOMARKERS["nested"])
    permute_all: bool = _field(TUNE_BIOMARKERS["permute_all"])
    C: Annotated[tuple[Positive, ...], Field(min_length=1), Once] = _field(TUNE_BIOMARKERS["C"])
    l1_ratio: Annotated[tuple[Ratio, ...], Field(min_length=1), Once] = _field(
        TUNE_BIOMARKERS["l1_ratio"]
    )

    @model_validator(mode="before")
    @classmethod
    def _nest_a_grid(cls, values: Any) -> Any:
        """Nest unless told not to: a grid of penalties costs seconds."""
        if isinstance(values, dict) and values.get("nested") is None:
            return {**values, "nested": values.get("search", "grid") == "grid"}
        return values

    @model_validator(mode="after")
    def _permute_a_grid(self) -> Self:
        if self.permute_all and self.search != "grid":
            raise ValueError("permute_all searches a grid; leave it out, or search = tpe")
        return self


def _tune(name: str) -> Any:
    return _field(TUNE_PEROVSKITES[name])


class TunePerovskitesConfig(_Search, CompositionsConfig):
    """Settings of the study ``tune-perovskites``."""

    study: Literal["tune-perovskites"] = "tune-perovskites"
    encoding: Encoding = _tune("encoding")
    folds: Folds = _tune("folds")
    repeats: Count = _tune("repeats")
    layers: Annotated[tuple[Layers, ...], Field(min_length=1), Once] = _tune("layers")
    lr: Annotated[tuple[Positive, ...], Field(min_length=1), Once] = _tune("lr")
    weight_decay: Annotated[tuple[NotNegative, ...], Field(min_length=1), Once] = _tune(
        "weight_decay"
    )
    stack_holdout: bool = _tune("stack_holdout")


_QUICK: dict[str, dict[str, int]] = {
    "BiomarkersConfig": {"repeats": 2, "random_splits": 20, "permutations": 100, "pairs": 10},
    "PerovskitesConfig": {"epochs": 60},
    "TuneBiomarkersConfig": {"repeats": 2},
    "TunePerovskitesConfig": {"epochs": 60},
}

_KINDS: dict[str, type[StudyConfig]] = {
    "biomarkers": BiomarkersConfig,
    "perovskites": PerovskitesConfig,
    "tune-biomarkers": TuneBiomarkersConfig,
    "tune-perovskites": TunePerovskitesConfig,
}


def make_config(study: str, values: dict[str, Any]) -> StudyConfig:
    """Return the checked config of a study.

    Raises
    ------
    InvalidInputError
        Naming every setting that is unknown or out of range.

    Examples
    --------
    >>> make_config("biomarkers", {"folds": 3}).folds
    3
    """
    if study not in _KINDS:
        raise InvalidInputError(f"Unknown study {study!r}. Known: {', '.join(_KINDS)}.")
    try:
        return _KINDS[study](**{**values, "study": study})
    except ValidationError as error:
        raise InvalidInputError(_explained(study, error)) from None


def _explained(study: str, error: ValidationError) -> str:
    lines = []
    problems = error.errors()
    for problem in problems:
        inner = [one for one in problems if one["loc"][: len(problem["loc"])] == problem["loc"]]
        if problem["type"] == "too_short" and len(inner) > 1:
            continue  # its parts were wrong, and are named themselves
        where = ".".join(map(str, problem["loc"])) or "settings"
        given = "" if problem["type"] in ("missing", "value_error") else f" = {problem['input']!r}"
        lines.append(f"{where}{given}: {problem['msg'].removeprefix('Value error, ')}")
    known = ", ".join(sorted(_KINDS[study].model_fields))
    unknown = any(problem["type"] == "extra_forbidden" for problem in problems)
    return f"Settings of {study}: {'; '.join(lines)}." + (f" Known: {known}." if unknown else "")


def read_config(path: Path) -> StudyConfig:
    """Read a ``config.toml`` as a run writes it."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: not a TOML file: {error}.") from error
    study = values.pop("study", None)
    if not isinstance(study, str):
        raise InvalidInputError(
            f"{path}: no `study`. Write study = ... with one of {', '.join(_KINDS)}."
        )
    return make_config(study, values)


def require_unset(options: Mapping[str, object], dataset: str) -> None:
    """Refuse options that would change nothing on a registered data set."""
    given = [option for option, value in options.items() if value is not None]
    if given:
        raise InvalidInputError(
            f"{', '.join(given)} says how to read a file, and no file is given: {dataset} is a "
            "registered data set that declares its own columns. Leave the option out, or give a "
            "file."
        )


def config_values(config: StudyConfig) -> dict[str, Any]:
    """Return the settings as plain values that `make_config` takes back unchanged."""
    return config.model_dump(mode="json", exclude_none=True)
