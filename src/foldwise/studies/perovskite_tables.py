"""Tables and metrics of the study ``perovskites``, from its evidence."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldwise.arrays import BoolArray, FloatArray
from foldwise.data.composition import parse_site
from foldwise.data.held_elements import formulas
from foldwise.evaluation.intervals import bootstrap_interval, element_weights, row_weights
from foldwise.evaluation.metrics import REGRESSION_METRICS, Metric
from foldwise.evaluation.seeds import child_seed
from foldwise.fits.batch import FitState
from foldwise.fits.mlp import count_parameters
from foldwise.reporting.summary import NamedTable
from foldwise.studies.config import PerovskitesConfig
from foldwise.studies.perovskite_evidence import Compositions, EncodingEvidence, PerovskiteEvidence
from foldwise.studies.sections import named_table

__all__ = [
    "UNIT",
    "PerovskiteScores",
    "bootstrap_weights",
    "build_tables",
    "largest_weight",
    "part_metrics",
    "score_everything",
    "unseen_elements",
]

_RESAMPLES = 1000
UNIT = "eV/atom"


@dataclass(frozen=True, eq=False)
class PerovskiteScores:
    """Metrics of every model on every part, and the network's gain over the mean."""

    metrics: list[Metric]
    gains: dict[str, tuple[float, float]]

    def value(self, name: str, model: str, encoding: str, split: str) -> float:
        """Return one metric's value; NaN for an R2 of equal targets, which is not defined."""
        try:
            return self.metric(name, model, encoding, split).value
        except KeyError:
            if name != "r2":
                raise
            return float("nan")

    def r2(self, model: str, encoding: str, split: str, digits: int = 3) -> str:
        """Return R2 as text."""
        value = self.value("r2", model, encoding, split)
        return "not defined (equal targets)" if np.isnan(value) else f"{value:.{digits}f}"

    def metric(self, name: str, model: str, encoding: str, split: str) -> Metric:
        """Return one metric."""
        wanted = (name, model, encoding, split)
        for one in self.metrics:
            if (one.name, one.model, one.encoding, one.split) == wanted:
                return one
        raise KeyError(wanted)


def unseen_elements(data: Compositions, parts: dict[str, BoolArray]) -> tuple[str, ...]:
    """Return the elements of the holdout that no training row holds."""
    if "holdout" not in parts:
        return ()
    trained = set(data.elements_in(parts["train"]))
    return tuple(e for e in data.elements_in(parts["holdout"]) if e not in trained)


def _scored(evidence: PerovskiteEvidence) -> Iterator[tuple[str, str, FloatArray]]:
    """Yield model, encoding and predictions of all rows; the mean only once."""
    for place, (kind, own) in enumerate(evidence.encodings.items()):
        yield "mlp", kind, own.network.scores[0]
        for name, batch in own.baselines.items():
            if name != "mean":
                yield name, kind, batch.scores[0]
            elif place == 0:
                yield name, "none", batch.scores[0]


def score_everything(
    data: Compositions, evidence: PerovskiteEvidence, seed: int
) -> PerovskiteScores:
    """Return R2, MAE and RMSE of every model on every part, with intervals off training.

    Test rows are resampled as rows. Holdout rows that share an unseen element are not
    independent: there the elements are resampled, which is honest and, for four
    elements, wide.
    """
    parts = dict(evidence.parts)
    weights: dict[str, FloatArray | None] = {
        part: bootstrap_weights(data, parts, part, seed)
        for part in ("test", "holdout")
        if part in parts
    }
    metrics = [
        metric
        for model, kind, prediction in _scored(evidence)
        for part, rows in parts.items()
        for metric in part_metrics(
            model, kind, part, data.y[rows], prediction[rows], weights.get(part)
        )
    ]
    gains = {}
    for kind, own in evidence.encodings.items():
        rows = parts["test"]
        worse = np.abs(data.y - own.baselines["mean"].scores[0])[rows]
        error = np.abs(data.y - own.network.scores[0])[rows]
        drawn = row_weights(int(rows.sum()), n_resamples=_RESAMPLES, seed=child_seed(seed, "gain"))
        # Without an interval no gain is shown.
        gains[kind] = bootstrap_interval(_mean_gain, worse, error, drawn) or (0.0, 0.0)
    return PerovskiteScores(metrics, gains)


def _mean_gain(worse: FloatArray, error: FloatArray) -> float:
    return float((worse - error).mean())


def bootstrap_weights(
    data: Compositions, parts: dict[str, BoolArray], part: str, seed: int
) -> FloatArray | None:
    """Return bootstrap weights of a part's rows; None where one element speaks for all.

    Holdout rows are drawn by their unseen elements, others one by one.
    """
    child = child_seed(seed, f"bootstrap {part}")
    unseen = unseen_elements(data, parts) if part == "holdout" else ()
    if len(unseen) == 1:
        return None
    if unseen:
        membership = data.members[list(unseen)].to_numpy()[parts[part]]
        return element_weights(membership, n_resamples=_RESAMPLES, seed=child)
    return row_weights(int(parts[part].sum()), n_resamples=_RESAMPLES, seed=child)


def part_metrics(
    model: str,
    kind: str,
    part: str,
    y: FloatArray,
    prediction: FloatArray,
    weights: FloatArray | None,
) -> Iterator[Metric]:
    """Yield R2, MAE and RMSE of one model on one part, with intervals where weights are given."""
    for name, function in REGRESSION_METRICS.items():
        if name == "r2" and len(np.unique(y)) < 2:
            continue  # not defined: all targets of this part are equal
        limits = None
        if weights is not None and name != "rmse":
            limits = bootstrap_interval(function, y, prediction, weights)
        low, high = limits or (None, None)
        unit = "" if name == "r2" else UNIT
        yield Metric(name, model, kind, part, function(y, prediction), unit, len(y), low, high)


def build_tables(
    data: Compositions,
    evidence: PerovskiteEvidence,
    scores: PerovskiteScores,
    config: PerovskitesConfig,
) -> dict[str, NamedTable]:
    """Return every table of rows 2.1 to 2.10."""
    tables = [
        _elements(data, evidence),
        _one_hot_example(data),
        _batches(evidence, config),
        _layers(evidence, config),
        _hyperparameters(evidence, config),
        _loss_curve(evidence),
        _predictions(data, evidence),
        _comparison(scores),
    ]
    for kind, own in evidence.encodings.items():
        if "center" in own.network.states[0] and kind != "one-hot":
            tables.append(_descriptor_scaling(evidence, own))
            break
    if "holdout" in evidence.parts:
        tables.append(_holdout_elements(data, evidence))
    return {table.name: table for table in tables}


def _elements(data: Compositions, evidence: PerovskiteEvidence) -> NamedTable:
    held = evidence.parts.get("holdout", np.zeros(data.table.n_rows, bool))
    first, second = (data.elements_of(site) for site in data.table.sites().columns[:2])
    rows = []
    for element in data.members.columns:
        on = [np.array([element in own for own in site]) for site in (first, second)]
        counts = [int((mask & ~held).sum()) for mask in on]
        counts += [int((mask & held).sum()) for mask in on]
        rows.append((element, *counts))
    columns = ["element", "n_a", "n_b", "n_a_holdout", "n_b_holdout"]
    title = "Rows per element and site"
    return named_table("elements", title, pd.DataFrame(rows, columns=columns))


def _one_hot_example(data: Compositions) -> NamedTable:
    rows = []
    for row in data.table.ids[:3]:
        for place, site in enumerate(data.sites):
            for element, fraction in parse_site(data.table.sites().at[row, site]):
                if element in data.vocabulary:
                    position = place * len(data.vocabulary) + data.vocabulary.index(element)
                    rows.append((row, site, element, position, fraction))
    columns = ["id", "site", "element", "position", "fraction"]
    title = "What the one-hot vector of the first rows holds; all other places are 0"
    return named_table("one_hot_example", title, pd.DataFrame(rows, columns=columns))


def _batches(evidence: PerovskiteEvidence, config: PerovskitesConfig) -> NamedTable:
    n_features = next(iter(evidence.encodings.values())).X.shape[1]
    rows = []
    for part, mask in evidence.parts.items():
        n_rows = int(mask.sum())
        sizes = [min(config.batch_size, n_rows - s) for s in range(0, n_rows, config.batch_size)]
        shapes = [f"({size}, {n_features}) and ({size},)" for size in (sizes[0], sizes[-1])]
        rows.append((part, n_rows, len(sizes), *shapes))
    columns = ["part", "n_rows", "n_batches", "first_batch", "last_batch"]
    title = f"Batches of up to {config.batch_size} rows, shuffled in every epoch"
    return named_table("batches", title, pd.DataFrame(rows, columns=columns))


def _layers(evidence: PerovskiteEvidence, config: PerovskitesConfig) -> NamedTable:
    rows = []
    for kind, own in evidence.encodings.items():
        state = own.network.states[0]
        for layer in range(len(config.hidden) + 1):
            weight, bias = state[f"layer{layer}.weight"], state[f"layer{layer}.bias"]
            name = f"hidden {layer + 1}" if layer < len(config.hidden) else "output"
            n = weight.size + bias.size
            rows.append((kind, name, str(weight.shape), str(bias.shape), n))
        total = count_parameters(own.X.shape[1], config.hidden)
        rows.append((kind, "all", "", "", total))
    columns = ["encoding", "layer", "weight_shape", "intercept_shape", "n_parameters"]
    return named_table("layers", "Layers of the network", pd.DataFrame(rows, columns=columns))


def _hyperparameters(evidence: PerovskiteEvidence, config: PerovskitesConfig) -> NamedTable:
    own = next(iter(evidence.encodings.values()))
    learner, state = own.learner, own.network.states[0]
    decay = (
        "Adam adds weight_decay * w to the gradient, intercepts included"
        if learner.decay_intercepts
        else f"2 * alpha / batch size from alpha {config.alpha}; intercepts are free"
    )
    chosen = [
        ("hidden layers", str(config.hidden), "units of each hidden layer"),
        ("activation", config.activation, "follows each hidden layer"),
        ("lr", f"{config.lr:g}", "step size of Adam"),
        ("weight_decay", f"{learner.weight_decay:g}", decay),
        ("epochs", str(config.epochs), "passes over the training rows"),
        ("batch_size", str(config.batch_size), "rows per step"),
        ("loss", "mean squared error", "averaged over the rows of a batch"),
        ("seed", str(config.seed), "initial weights, row order, splits"),
    ]
    unit, column = largest_weight(state)
    learned = [
        (
            f"weight of layer 1, unit {unit + 1}, input {column + 1}",
            f"{state['layer0.weight'][unit, column]:.4f}",
            f"{own.features[column]}, the largest of that layer",
        ),
        ("intercept of the output", f"{state[_last_bias(state)][0]:.4f}", "eV/atom"),
    ]
    columns = ["name", "value", "meaning", "kind"]
    rows = [(*row, "hyperparameter") for row in chosen] + [(*row, "learned") for row in learned]
    title = "Chosen before training, and learned by it"
    return named_table("hyperparameters", title, pd.DataFrame(rows, columns=columns))


def largest_weight(state: FitState) -> tuple[int, int]:
    """Return unit and input of the first layer's weight of largest size."""
    weight = state["layer0.weight"]
    unit, column = np.unravel_index(int(np.argmax(np.abs(weight))), weight.shape)
    return int(unit), int(column)


def _last_bias(state: FitState) -> str:
    return max(name for name in state if name.endswith("bias"))


def _loss_curve(evidence: PerovskiteEvidence) -> NamedTable:
    frames = []
    for kind, own in evidence.encodings.items():
        state = own.network.states[0]
        n_epochs = len(state["train_loss"])
        watched = state.get("monitor_loss", np.full(n_epochs, np.nan))
        frames.append(
            pd.DataFrame(
                {
                    "encoding": kind,
                    "epoch": np.arange(1, n_epochs + 1),
                    "train": state["train_loss"],
                    "validation": watched,
                }
            )
        )
    title = "Mean squared error per epoch, averaged over batches"
    return named_table("loss_curve", title, pd.concat(frames, ignore_index=True))


def _predictions(data: Compositions, evidence: PerovskiteEvidence) -> NamedTable:
    part = np.full(data.table.n_rows, "", dtype=object)
    for name, rows in evidence.parts.items():
        part[rows] = name
    frames = [
        pd.DataFrame(
            {
                "id": data.table.ids,
                "formula": formulas(data.table),
                "part": part,
                "target": data.y,
                "encoding": kind,
                "prediction": own.network.scores[0],
            }
        )
        for kind, own in evidence.encodings.items()
    ]
    title = "Target and prediction of the network, every row"
    return named_table("predictions", title, pd.concat(frames, ignore_index=True))


def _comparison(scores: PerovskiteScores) -> NamedTable:
    rows = []
    keys = dict.fromkeys((one.model, one.encoding, one.split) for one in scores.metrics)
    for model, encoding, split in keys:
        mae = scores.metric("mae", model, encoding, split)
        own = {
            one.name: one.value for one in scores.metrics if _key(one) == (model, encoding, split)
        }
        rows.append(
            {
                "model": model,
                "encoding": encoding,
                "split": split,
                "n": mae.n,
                "mae": mae.value,
                "mae_low": mae.low,
                "mae_high": mae.high,
                "r2": own.get("r2", np.nan),
                "rmse": own["rmse"],
            }
        )
    title = "The network beside the baselines it has to beat"
    return named_table(
        "model_comparison", title, pd.DataFrame(rows).astype({"mae_low": float, "mae_high": float})
    )


def _key(metric: Metric) -> tuple[str, str, str]:
    return metric.model, metric.encoding, metric.split


def _descriptor_scaling(evidence: PerovskiteEvidence, own: EncodingEvidence) -> NamedTable:
    state = own.network.states[0]
    train, test = evidence.parts["train"], evidence.parts["test"]
    filled = np.where(np.isnan(own.X), state["fill"], own.X)
    scaled = (filled - state["center"]) / state["scale"]
    columns = {
        "feature": own.features,
        "mean_train_raw": filled[train].mean(axis=0),
        "var_train_raw": filled[train].var(axis=0),
        "mean_train": scaled[train].mean(axis=0),
        "var_train": scaled[train].var(axis=0),
        "mean_test": scaled[test].mean(axis=0),
        "var_test": scaled[test].var(axis=0),
    }
    title = "Mean and variance of each descriptor before and after scaling on training rows"
    return named_table("descriptor_scaling", title, columns)


def _holdout_elements(data: Compositions, evidence: PerovskiteEvidence) -> NamedTable:
    held = evidence.parts["holdout"]
    unseen = unseen_elements(data, dict(evidence.parts))
    membership = data.members[list(unseen)].to_numpy()
    rows = []
    for kind, own in evidence.encodings.items():
        error = own.network.scores[0] - data.y
        guess = np.abs(own.baselines["mean"].scores[0] - data.y)
        for place, element in enumerate(unseen):
            mask = held & membership[:, place]
            rows.append(
                {
                    "encoding": kind,
                    "element": element,
                    "n": int(mask.sum()),
                    "mae": np.abs(error[mask]).mean(),
                    "bias": error[mask].mean(),
                    "mae_mean_predictor": guess[mask].mean(),
                }
            )
    columns = ["encoding", "element", "n", "mae", "bias", "mae_mean_predictor"]
    title = "Holdout rows by the element that training never saw"
    return named_table("holdout_elements", title, pd.DataFrame(rows, columns=columns))
