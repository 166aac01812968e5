"""A Summary with every table behind the figures a reviewer asks for, made up."""

import numpy as np
import pandas as pd
from reporting_samples import _LONG_NAMES, _section

from foldwise.evaluation.coefficients import coefficient_spread
from foldwise.evaluation.explanations import Explanations
from foldwise.evaluation.univariate import univariate_tests
from foldwise.reporting.summary import NamedTable, Summary
from foldwise.studies.metabolite_table import (
    coefficient_spread_table,
    metabolite_table,
    shap_table,
)
from foldwise.studies.sections import named_table

MODELS = ("logistic-l1", "forest")
FIGURES = (
    "design",
    "comparison",
    *(f"permutation_null_{model}" for model in MODELS),
    "calibration_logistic-l1",
    "operating_points_logistic-l1",
    "decision_curve",
    "volcano",
    "selection",
    "selection_path",
    "subset_curve",
    "learning_curve",
    "coefficient_spread_logistic-l1",
    *(f"shap_values_{model}" for model in MODELS),
)


def reviewed_summary(hostile: str = "citrate", *, scale: str = "raw") -> Summary:
    """Return a study of 133 people and 120 features; ``hostile`` names a leading feature."""
    rng = np.random.default_rng(3)
    features = [*_LONG_NAMES, hostile, *(f"X - {10000 + 37 * i}" for i in range(112))]
    y = (np.arange(133) % 5 == 0).astype(float)
    X, effect = _abundances(rng, y, len(features), scale)
    frequency = np.clip(np.abs(effect) * 0.62 + rng.uniform(0, 0.12, len(features)), 0, 1)
    frequency[np.argsort(-frequency)[:3]] = [1.0, 0.99, 0.97]
    clusters = np.arange(len(features)) - (np.arange(len(features)) % 7 == 1)
    spread = _spread(rng, effect)
    parts = [
        metabolite_table(
            features,
            univariate_tests(X, y, scale=scale),
            scale=scale,
            coefficients=spread,
            frequency=frequency,
            clusters=clusters,
            flags={features[9]: "drug"},
        ),
        coefficient_spread_table(features, {"logistic-l1": spread}),
        _shap(rng, features, X, effect),
        *_selection(rng, features, frequency, clusters),
        *_permutations(rng),
        _curve("learning_curve", rng),
        _subsets(),
        _calibration(rng),
        _decisions(),
        _points(),
        _comparison(),
        _design(y),
    ]
    section = _section("1.8", "What a reviewer asks", figures=list(FIGURES))
    section["tables"] = [part.name for part in parts if len(part.frame) < 400]
    result = {"claim": "unclear", "metrics": [_slope()], "sections": [section]}
    tables = {part.name: part for part in parts}
    return Summary("biomarkers", "severe against WHO 1-4", "V.", [], result, {}, tables)


def _abundances(rng, y, n_features, scale):
    effect = np.concatenate(
        [rng.permutation(np.linspace(-1.6, 1.9, 16)), np.zeros(n_features - 16)]
    )
    logs = rng.normal(size=(133, n_features)) + effect * y[:, None]
    X = {"raw": np.exp(8 + logs), "z": logs, "percentile": 100 * (logs.argsort(0).argsort(0)) / 132}
    return X[scale].astype(float), effect


def _slope():
    metric = {"name": "calibration_slope", "model": "logistic-l1", "encoding": "abundances"}
    return {**metric, "split": "cv", "value": 0.71, "low": 0.4, "high": 1.02, "unit": "", "n": 133}


def _spread(rng, effect):
    coef = rng.normal(effect * 0.8, 0.15, (100, len(effect)))
    coef = np.sign(coef) * np.maximum(np.abs(coef) - 0.25, 0)
    return coefficient_spread(coef)


def _shap(rng, features, X, effect) -> NamedTable:
    z = (X.argsort(axis=0).argsort(axis=0) / (len(X) - 1) - 0.5) * 4
    linear = effect * 0.7 * z
    trees = 0.03 * effect * np.sign(z) * rng.uniform(0.4, 1, z.shape)
    rows = np.ones(len(X), bool)
    ids = [f"INCOV{i:03d}" for i in range(len(X))]
    found = {
        model: Explanations(values, np.zeros(len(X)), rows)
        for model, values in zip(MODELS, (linear, trees), strict=True)
    }
    return shap_table(features, ids, X, found)


def _selection(rng, features, frequency, clusters) -> list[NamedTable]:
    of_cluster = pd.Series(frequency).groupby(clusters).transform(lambda own: min(1.0, own.sum()))
    panel = {
        "feature": features,
        "frequency": frequency,
        "cluster": clusters,
        "cluster_frequency": of_cluster.to_numpy(),
        "threshold": 0.9,
        "selected": frequency >= 0.9,
    }
    steps = np.arange(1, 13)
    rise = frequency[:, None] * (1 - np.exp(-steps / rng.uniform(1, 4, (len(features), 1))))
    path = {
        "feature": np.repeat(features, len(steps)),
        "step": np.tile(steps, len(features)),
        "frequency": rise.ravel()
        / rise[:, -1:].repeat(len(steps), axis=1).ravel()
        * np.repeat(frequency, len(steps)),
    }
    return [
        named_table("selection", "Selection frequencies", panel),
        named_table("selection_path", "Selection frequency by features entered", path),
    ]


def _permutations(rng) -> list[NamedTable]:
    frames, tests = [], []
    for model, observed, n in (("logistic-l1", 0.871, 1000), ("forest", 0.57, 200)):
        aucs = rng.normal(0.496, 0.06, n)
        reached = int((aucs >= observed).sum())
        frames.append(
            pd.DataFrame({"model": model, "permutation": np.arange(1, n + 1), "auc": aucs})
        )
        tests.append(
            {
                "model": model,
                "n_permutations": n,
                "auc": observed,
                "null_mean": aucs.mean(),
                "null_sd": aucs.std(ddof=1),
                "p_value": (reached + 1) / (n + 1),
                "p_floor": 1 / (n + 1),
            }
        )
    return [
        named_table("permutation_null", "AUC with permuted labels", pd.concat(frames)),
        named_table("permutation_test", "Permutation tests", pd.DataFrame(tests)),
    ]


def _curve(name: str, rng) -> NamedTable:
    sizes = np.array([27, 40, 60, 84, 106])
    frames = []
    for model, top in (("logistic-l1", 0.88), ("forest", 0.86)):
        mean = top - 0.5 / np.sqrt(sizes) - 0.02 * rng.random(5)
        half = 0.6 / np.sqrt(sizes)
        limits = {"low": mean - half, "high": np.minimum(1, mean + half)}
        frames.append(pd.DataFrame({"model": model, "n_train": sizes, "mean": mean, **limits}))
    return named_table(name, "AUC by training rows", pd.concat(frames))


def _subsets() -> NamedTable:
    n = np.array([1, 2, 3, 5, 8, 12, 20, 40, 80, 120])
    mean = np.array([0.72, 0.76, 0.8, 0.83, 0.85, 0.865, 0.87, 0.868, 0.86, 0.855])
    columns = {"n_features": n, "mean": mean, "low": mean - 0.06, "high": mean + 0.05}
    return named_table("subset_curve", "AUC by number of features", columns)


def _calibration(rng) -> NamedTable:
    n = np.array([52, 24, 12, 9, 6, 0, 5, 7, 8, 10])
    predicted = np.where(n > 0, (np.arange(10) + 0.5) / 10, np.nan)
    observed = np.clip(0.15 + 0.62 * predicted + rng.normal(0, 0.05, 10), 0, 1)
    half = 0.8 / np.sqrt(np.maximum(n, 1))
    columns = {
        "model": "logistic-l1",
        "bin": np.arange(1, 11),
        "predicted": predicted,
        "observed": observed,
        "low": np.maximum(0, observed - half),
        "high": np.minimum(1, observed + half),
        "n": n,
    }
    return named_table("calibration", "Calibration", columns)


def _decisions() -> NamedTable:
    t = np.linspace(0.01, 0.6, 60)
    frames = []
    for model, sensitivity in (("logistic-l1", 0.9), ("forest", 0.82)):
        found = sensitivity * np.exp(-0.6 * t)
        called = 0.45 * np.exp(-4 * t)
        benefit = 0.1 * found - 0.9 * called * t / (1 - t)
        columns = {
            "model": model,
            "threshold": t,
            "net_benefit": benefit,
            "treat_all": 0.1 - 0.9 * t / (1 - t),
            "treat_none": 0.0,
            "prevalence": 0.1,
        }
        frames.append(pd.DataFrame(columns))
    return named_table("decision_curve", "Net benefit", pd.concat(frames))


def _points() -> NamedTable:
    rules = [
        ("Youden", 0.31, 23, 4, 91, 15),
        ("sensitivity at least 0.95", 0.12, 26, 1, 62, 44),
        ("specificity at least 0.95", 0.71, 17, 10, 101, 5),
        ("cost 5 : 1", 0.17, 25, 2, 74, 32),
    ]
    rows = []
    for rule, threshold, tp, fn, tn, fp in rules:
        row = {"model": "logistic-l1", "rule": rule, "threshold": threshold}
        row |= {"tp": tp, "fn": fn, "tn": tn, "fp": fp}
        for name, good, all_of in (("sensitivity", tp, 27), ("specificity", tn, 106)):
            share, half = good / all_of, 1 / np.sqrt(all_of)
            row |= {name: share, f"{name}_low": share - half, f"{name}_high": min(1, share + half)}
        rows.append(row)
    return named_table("operating_points", "Operating points", pd.DataFrame(rows))


def _comparison() -> NamedTable:
    rows = [
        ("logistic-l1", "model", 0.871, 0.80, 0.94),
        ("logistic-none", "model", 0.815, 0.72, 0.89),
        ("forest", "model", 0.85, 0.77, 0.92),
        ("best-single-metabolite", "baseline", 0.874, 0.79, 0.93),
        ("majority", "baseline", 0.5, 0.5, 0.5),
    ]
    columns = ["model", "kind", "mean", "low", "high"]
    return named_table("comparison", "AUCs", pd.DataFrame(rows, columns=columns))


def _design(y) -> NamedTable:
    row = np.random.default_rng(5).permutation(len(y)) + 1
    number = np.where(y == 1, 100 + np.arange(len(y)), 400 + 3 * np.arange(len(y)))
    columns = {
        "id": [f"P{n:04d}" for n in number],
        "label": np.where(y == 1, "severe", "WHO 1-4"),
        "case": y == 1,
        "row": row.astype(float),
        "number": number.astype(float),
    }
    return named_table("design", "Where the classes stand", columns)
