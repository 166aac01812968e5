"""Words a reader sees for the keys of models, encodings, parts and metrics."""

from collections.abc import Mapping

__all__ = ["BASELINES", "encoding_label", "metric_label", "model_label", "split_label"]

_MODELS: Mapping[str, str] = {
    "logistic-none": "Logistic, no penalty",
    "logistic-l1": "Logistic, L1",
    "logistic-l2": "Logistic, L2",
    "logistic-elastic-net": "Logistic, elastic net",
    "forest": "Random forest",
    "best-single-metabolite": "Best single feature",
    "majority": "Majority class",
    "mlp": "Network (MLP)",
    "mean": "Training mean",
    "nearest-neighbour": "Nearest neighbour",
    "ridge": "Ridge regression",
    "extra-trees": "Extra trees",
}
BASELINES = frozenset(
    {"best-single-metabolite", "majority", "mean", "nearest-neighbour", "ridge", "extra-trees"}
)
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
