"""StudyConfig: everything that decides the result of a study, and its defaults."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from foldwise.errors import InvalidInputError
from foldwise.studies.settings import BIOMARKERS, PEROVSKITES, Setting

__all__ = [
    "BiomarkersConfig",
    "Encoding",
    "PerovskitesConfig",
    "StudyConfig",
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
Names = Annotated[tuple[str, ...], Field(min_length=1)]


def _bio(name: str) -> Any:
    return _field(BIOMARKERS[name])


def _perov(name: str) -> Any:
    return _field(PEROVSKITES[name])


def _field(setting: Setting) -> Any:
    return Field(setting.default, description=setting.help)


class StudyConfig(BaseModel):
    """What both studies share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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


class BiomarkersConfig(StudyConfig):
    """Settings of the study ``biomarkers``."""

    study: Literal["biomarkers"] = "biomarkers"
    tables: Names | None = _bio("tables")
    positive: str | None = _bio("positive")
    groups: str | None = _bio("groups")
    scale: Scale | None = _bio("scale")
    folds: Annotated[int, Field(ge=2)] = _bio("folds")
    repeats: Count = _bio("repeats")
    random_splits: Annotated[int, Field(ge=2)] = _bio("random_splits")
    C: Positive = _bio("C")


class PerovskitesConfig(StudyConfig):
    """Settings of the study ``perovskites``."""

    study: Literal["perovskites"] = "perovskites"
    table: str | None = _perov("table")
    holdout: str | None = _perov("holdout")
    holdout_elements: Names | None = _perov("holdout_elements")
    elements: str | None = _perov("elements")
    descriptors: str = _perov("descriptors")
    encodings: Annotated[tuple[Encoding, ...], Field(min_length=1)] = _perov("encodings")
    scale_one_hot: bool = _perov("scale_one_hot")
    validation_size: Share = _perov("validation_size")
    hidden: Annotated[tuple[Width, ...], Field(min_length=1)] = _perov("hidden")
    activation: Literal["relu", "tanh"] = _perov("activation")
    lr: Positive = _perov("lr")
    weight_decay: NotNegative | None = _perov("weight_decay")
    alpha: NotNegative | None = _perov("alpha")
    epochs: Count = _perov("epochs")
    batch_size: Count = _perov("batch_size")
    device: Device = _perov("device")

    @model_validator(mode="after")
    def _one_penalty(self) -> Self:
        if self.alpha is not None and self.weight_decay is not None:
            raise ValueError("give either weight_decay or alpha, not both")
        if self.holdout is not None and self.holdout_elements:
            raise ValueError("give either holdout or holdout_elements, not both")
        return self


_QUICK: dict[str, dict[str, int]] = {
    "BiomarkersConfig": {"repeats": 2, "random_splits": 20},
    "PerovskitesConfig": {"epochs": 60},
}

_KINDS: dict[str, type[BiomarkersConfig] | type[PerovskitesConfig]] = {
    "biomarkers": BiomarkersConfig,
    "perovskites": PerovskitesConfig,
}


def make_config(study: str, values: dict[str, Any]) -> BiomarkersConfig | PerovskitesConfig:
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
    for problem in error.errors():
        where = ".".join(map(str, problem["loc"])) or "settings"
        given = "" if problem["type"] in ("missing", "value_error") else f" = {problem['input']!r}"
        lines.append(f"{where}{given}: {problem['msg'].removeprefix('Value error, ')}")
    known = ", ".join(sorted(_KINDS[study].model_fields))
    unknown = any(problem["type"] == "extra_forbidden" for problem in error.errors())
    return f"Settings of {study}: {'; '.join(lines)}." + (f" Known: {known}." if unknown else "")


def read_config(path: Path) -> BiomarkersConfig | PerovskitesConfig:
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
            f'{path}: no `study`. Write study = "biomarkers" or study = "perovskites".'
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
