"""Words a reader sees for the keys of models, encodings, parts and metrics."""

from collections.abc import Mapping
from typing import Any

__all__ = [
    "BASELINES",
    "HEADLINES",
    "INTERVALS",
    "encoding_label",
    "metric_label",
    "model_label",
    "setting_label",
    "split_label",
]

INTERVALS = {
    "bca of average precision": "BCa bootstrap by class",
    "wilson": "Wilson",
    "clustered wilson": "Wilson, by person",
    "wald": "Wald",
    "clustered wald": "Wald, by person",
}
"""Names of intervals by the method of an estimate."""

_MODELS: Mapping[str, str] = {
    "logistic-none": "Logistic, no penalty",
    "logistic-l1": "Logistic, L1",
    "logistic-l2": "Logistic, L2",
    "logistic-elastic-net": "Logistic, elastic net",
    "forest": "Random forest",
    "best-single-metabolite": "Best single feature",
    "majority": "Majority class",
    "covariates-alone": "Covariates alone",
    "batch-alone": "Batch alone",
    "covariates-and-features": "Covariates + features, L1",
    "logistic-tuned": "Logistic, tuned",
    "logistic-untuned": "Logistic, untuned",
    "mlp": "Network (MLP)",
    "mlp-tuned": "Network, tuned",
    "mlp-untuned": "Network, untuned",
    "mlp-untuned-unscaled": "Network, untuned, unscaled",
    "mlp-untuned-fewer-rows": "Network, untuned, without the holdout",
    "mean": "Training mean",
    "nearest-neighbour": "Nearest neighbour",
    "ridge": "Ridge regression",
    "extra-trees": "Extra trees",
}
BASELINES = frozenset(
    {
        "best-single-metabolite",
        "majority",
        "covariates-alone",
        "batch-alone",
        "mean",
        "nearest-neighbour",
        "ridge",
        "extra-trees",
    }
)
HEADLINES = frozenset({"logistic-l1", "mlp", "logistic-tuned", "mlp-tuned"})
"""Models that the verdict of their study speaks of; titles speak of them, not of the best."""
_ENCODINGS: Mapping[str, str] = {
    "one-hot": "one-hot",
    "descriptors": "descriptors",
    "combined": "one-hot + descriptors",
}
_NO_ENCODING = (None, "none", "abundances")
_METRICS: Mapping[str, str] = {
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "r2": "R²",
    "mae": "MAE",
    "rmse": "RMSE",
}
_SPLITS: Mapping[str, str] = {
    "train": "Training rows",
    "validation": "Validation rows",
    "test": "Test rows",
    "holdout": "Holdout rows",
    "cv": "Cross-validation",
    "cv-contrast": "Cross-validation, harder contrast",
    "cv-nested": "Nested cross-validation",
}


def model_label(key: str) -> str:
    """Return a model's name in words.

    Examples
    --------
    >>> model_label("logistic-l1"), model_label("my-model")
    ('Logistic, L1', 'my-model')
    """
    return _MODELS.get(key, key)


def encoding_label(key: str | None) -> str:
    """Return an encoding in words; empty where there is no choice of one.

    Examples
    --------
    >>> encoding_label("combined"), encoding_label("none")
    ('one-hot + descriptors', '')
    """
    return "" if key in _NO_ENCODING else _ENCODINGS.get(str(key), str(key))


def metric_label(key: str) -> str:
    """Return a metric's name in words."""
    return _METRICS.get(key, key)


def split_label(key: str) -> str:
    """Return the rows a metric was taken on, in words."""
    return _SPLITS.get(key, key)


def setting_label(setting: Mapping[str, Any]) -> str:
    """Return a setting of hyperparameters in words.

    Examples
    --------
    >>> setting_label({"hidden": (256, 128), "lr": 1e-3, "weight_decay": 0.01})
    '256-128, lr 0.001, weight decay 0.01'
    >>> setting_label({"C": 0.3, "l1_ratio": 1.0}), setting_label({"C": 1, "l1_ratio": 0.25})
    ('L1, C 0.3', 'elastic net (L1 share 0.25), C 1')
    """
    words = []
    if "l1_ratio" in setting:
        share = float(setting["l1_ratio"])
        mixed = f"elastic net (L1 share {share:.3g})"
        words.append({0.0: "L2", 1.0: "L1"}.get(share, mixed))
    for name, value in setting.items():
        if name == "hidden":
            words.append("-".join(map(str, value)))
        elif name != "l1_ratio":
            words.append(f"{name.replace('_', ' ')} {float(value):.3g}")
    return ", ".join(words)
