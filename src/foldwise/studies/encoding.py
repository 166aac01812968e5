"""Encoders of composition tables as plain data, for training and for a saved model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from foldwise.arrays import BoolArray, Design, FloatArray
from foldwise.features.element_descriptors import ElementDescriptorEncoder
from foldwise.features.site_one_hot import SiteOneHotEncoder

__all__ = ["describe_encoder", "encode_sites", "network_design", "without_empty_columns"]


def describe_encoder(
    kind: str,
    sites: Sequence[str],
    vocabulary: Sequence[str],
    properties: pd.DataFrame,
    spread: bool,
) -> dict[str, Any]:
    """Return an encoder as JSON-ready data.

    Parameters
    ----------
    kind : {"one-hot", "descriptors", "combined"}
        Which columns.
    sites : sequence of str
        Site columns, in order.
    vocabulary : sequence of str
        Elements of the one-hot columns, in order.
    properties : DataFrame
        One row per element symbol, one column per property; NaN where unknown.
    spread : bool
        Whether descriptors carry the standard deviation over an alloyed site too.
    """
    encoder: dict[str, Any] = {"kind": kind, "sites": list(sites)}
    if kind != "descriptors":
        encoder["vocabulary"] = list(vocabulary)
    if kind != "one-hot":
        encoder["spread"] = spread
        encoder["properties"] = {
            "names": [str(name) for name in properties.columns],
            "values": {
                str(symbol): [None if np.isnan(value) else float(value) for value in row]
                for symbol, row in zip(properties.index, properties.to_numpy(float), strict=True)
            },
        }
    return encoder


def encode_sites(
    encoder: Mapping[str, Any], sites: pd.DataFrame
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return the encoded rows (n_samples, n_features) and the names of their columns."""
    chosen = sites[encoder["sites"]]
    transformers: list[SiteOneHotEncoder | ElementDescriptorEncoder] = []
    if "vocabulary" in encoder:
        transformers.append(SiteOneHotEncoder(vocabulary=encoder["vocabulary"]))
    if "properties" in encoder:
        properties = pd.DataFrame.from_dict(
            encoder["properties"]["values"],
            orient="index",
            columns=encoder["properties"]["names"],
            dtype=float,
        )
        transformers.append(ElementDescriptorEncoder(properties, spread=encoder["spread"]))
    X = np.hstack([np.asarray(one.fit_transform(chosen), float) for one in transformers])
    names = [str(name) for one in transformers for name in one.get_feature_names_out()]
    kept = [name not in encoder.get("left_out", ()) for name in names]
    return X[:, kept], tuple(name for name, keep in zip(names, kept, strict=True) if keep)


def network_design(encoder: Mapping[str, Any], sites: pd.DataFrame, X: FloatArray) -> Design:
    """Return what a network trains on: look-ups of one-hot columns, else X itself."""
    if encoder["kind"] != "one-hot":
        return X
    return SiteOneHotEncoder(vocabulary=encoder["vocabulary"]).fit(sites).lookup(sites)


def without_empty_columns(
    encoder: dict[str, Any], sites: pd.DataFrame, train: BoolArray
) -> dict[str, Any]:
    """Return the encoder less the columns that hold no value in any training row.

    No number could stand for such a descriptor; it is listed under ``left_out``.
    """
    X, names = encode_sites(encoder, sites)
    empty: BoolArray = np.asarray(np.isnan(X[train]).all(axis=0))
    left_out = [name for name, none in zip(names, empty, strict=True) if none]
    return {**encoder, "left_out": left_out} if left_out else encoder
