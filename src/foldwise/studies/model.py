"""Model: encoder, learned state and what a new table must hold, in one bundle.

A bundle is a folder of two files: ``model.json`` (what the numbers mean) and
``weights.safetensors`` (the numbers). Nothing in it is ever executed.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from scipy.special import expit

from foldwise.arrays import FloatArray, RealArray
from foldwise.errors import InvalidInputError, first_few
from foldwise.fits.preprocessing import MedianFill, Standardize, Step, apply_steps
from foldwise.fits.saved_steps import steps_as_data, steps_from_data

__all__ = ["MODEL_SCHEMA", "Model", "load_model"]

MODEL_SCHEMA = "foldwise.model/2"
_FIRST_SCHEMA = "foldwise.model/1"  # named no steps: they follow from what was learned
_LEARNED = {"fill", "center", "scale", "coef", "intercept"}


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model that can score a new table.

    Parameters
    ----------
    kind : {"logistic", "mlp"}
        How the state turns features into scores.
    state : mapping of str to array
        Learned arrays: of the preprocessing, such as ``fill, center, scale``, and
        ``coef, intercept`` or ``layer0.weight, layer0.bias, ...``.
    features : tuple of str
        Columns of the encoded input, in order.
    target : mapping
        ``name`` and ``unit``, for classes also ``positive`` and ``negative``.
    encoder : mapping
        ``kind``: "columns" (features by name), "one-hot", "descriptors" or "combined",
        with ``sites``, ``vocabulary``, ``properties`` and ``spread`` as they apply.
    facts : mapping
        Training data, metrics and limits: what a reader must know before using it.
    steps : tuple of Step, optional
        Preprocessing of the features, in order. Without it: a median fill and a
        standardisation, as far as ``state`` holds what they learned.

    Raises
    ------
    InvalidInputError
        If ``state`` holds more than those two learn and ``steps`` is not given.
    """

    kind: str
    state: Mapping[str, RealArray]
    features: tuple[str, ...]
    target: Mapping[str, str]
    encoder: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            return
        more = sorted(
            name for name in self.state if name not in _LEARNED and not name.startswith("layer")
        )
        if more:
            raise InvalidInputError(
                f"The state of a model holds {first_few(more)} and no step is named that learned "
                "it. Give `steps`, the preprocessing of the fit."
            )
        steps: tuple[Step, ...] = (MedianFill(),) if "fill" in self.state else ()
        steps += (Standardize(),) if "center" in self.state else ()
        object.__setattr__(self, "steps", steps)

    def predict(self, X: FloatArray) -> FloatArray:
        """Return scores of encoded rows X (n_samples, n_features), shape (n_samples,).

        Probability of the positive class for "logistic", the target in its unit
        for "mlp".
        """
        if X.shape[1] != len(self.features):
            raise InvalidInputError(
                f"The model takes {len(self.features)} features; X has {X.shape[1]} columns."
            )
        X = apply_steps(self.steps or (), self.state, X)
        if self.kind == "logistic":
            return np.asarray(expit(X @ self.state["coef"] + self.state["intercept"]))
        from foldwise.fits.mlp import MlpLearner  # torch loads only for networks

        return MlpLearner(activation=str(self.facts["activation"])).predict(self.state, X)

    def save(self, folder: Path) -> None:
        """Write the bundle into ``folder``, the description last."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.ascontiguousarray(value) for name, value in self.state.items()}
        weights = save_tensors(arrays)
        described = {
            "schema": MODEL_SCHEMA,
            "kind": self.kind,
            "features": list(self.features),
            "target": dict(self.target),
            "encoder": dict(self.encoder),
            "facts": dict(self.facts),
            "steps": steps_as_data(self.steps or ()),
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
        }
        described["sha256"] = _sha256_of(described)
        text = json.dumps(described, indent=1, ensure_ascii=False, allow_nan=False)
        _replace(folder / "weights.safetensors", weights)
        _replace(folder / "model.json", text.encode())


def _sha256_of(described: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a description, whatever its layout; without its own."""
    kept = {key: value for key, value in described.items() if key != "sha256"}
    text = json.dumps(kept, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _replace(path: Path, content: bytes) -> None:
    """Write under a temporary name and rename, so that no half file is ever read."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def load_model(folder: Path) -> Model:
    """Read a bundle, or the bundle of a run folder.

    Raises
    ------
    InvalidInputError
        If there is no bundle, or it is damaged, foreign or newer than this version.
    """
    if (folder / "model" / "model.json").exists():
        folder = folder / "model"
    try:
        described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        weights = (folder / "weights.safetensors").read_bytes()
    except FileNotFoundError:
        raise InvalidInputError(
            f"{folder}: no model here. Give a run folder, or a folder that holds model.json "
            "and weights.safetensors."
        ) from None
    except NotADirectoryError:
        raise InvalidInputError(
            f"{folder} is a file, not a model. Give a run folder first, then the table of new rows."
        ) from None
    except (ValueError, OSError) as error:
        raise InvalidInputError(
            f"{folder}/model.json: damaged ({error}). Copy the bundle again or rerun the study."
        ) from error
    _require_known(folder, described)
    for name, found, known in (
        ("model.json", _sha256_of(described), described["sha256"]),
        ("weights.safetensors", hashlib.sha256(weights).hexdigest(), described["weights_sha256"]),
    ):
        if found != known:
            raise InvalidInputError(
                f"{folder}/{name}: its SHA-256 differs from the one in model.json; the file was "
                "damaged, edited or exchanged. Copy the bundle again or rerun the study."
            )
    try:
        state = load_tensors(weights)
    except SafetensorError as error:
        raise InvalidInputError(f"{folder}/weights.safetensors: damaged ({error}).") from error
    return Model(
        described["kind"],
        state,
        tuple(described["features"]),
        described["target"],
        described["encoder"],
        described["facts"],
        steps_from_data(described["steps"]) if "steps" in described else None,
    )


def _require_known(folder: Path, described: Any) -> None:
    schema = described.get("schema") if isinstance(described, dict) else None
    if not isinstance(schema, str) or not schema.startswith("foldwise.model/"):
        raise InvalidInputError(
            f"{folder}/model.json: not a Foldwise model (schema {schema!r}). Expected "
            f"{MODEL_SCHEMA!r}."
        )
    if schema not in (_FIRST_SCHEMA, MODEL_SCHEMA):
        raise InvalidInputError(
            f"{folder}/model.json: schema {schema!r} is not known to this version, which reads "
            f"{MODEL_SCHEMA!r}. Install a newer foldwise or rerun the study."
        )
    needed = {"kind", "features", "target", "encoder", "facts", "weights_sha256", "sha256"}
    needed |= {"steps"} if schema == MODEL_SCHEMA else set()
    absent = needed - set(described)
    if absent:
        raise InvalidInputError(
            f"{folder}/model.json: damaged, {', '.join(sorted(absent))} missing. "
            "Copy the bundle again or rerun the study."
        )
