"""Rows 2.1 to 2.10 of the study ``perovskites``: facts, figures, and answers in words.

Every answer is computed from this table's numbers; none is fixed text.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from foldwise.arrays import BoolArray
from foldwise.fits.mlp import count_parameters, weight_decay_of
from foldwise.reporting.summary import NamedTable
from foldwise.studies.config import PerovskitesConfig
from foldwise.studies.perovskite_evidence import Compositions, EncodingEvidence, PerovskiteEvidence
from foldwise.studies.perovskite_tables import PerovskiteScores, largest_weight, unseen_elements
from foldwise.studies.sections import Fact, Section

__all__ = ["write_sections"]


def write_sections(
    data: Compositions,
    evidence: PerovskiteEvidence,
    scores: PerovskiteScores,
    tables: dict[str, NamedTable],
    config: PerovskitesConfig,
    device: dict[str, Any],
) -> list[Section]:
    """Return the sections of the report, in the order of the rows."""
    first = next(iter(evidence.encodings))
    physical = [kind for kind in evidence.encodings if kind != first]
    rows = {kind: "" if place == 0 else f"-{kind}" for place, kind in enumerate(physical)}
    return [
        _row_2_1(data, evidence),
        _row_2_2(device),
        _row_2_3(evidence, tables["batches"]),
        _row_2_4(evidence, config),
        _row_2_5(evidence, config),
        _row_2_6(data, evidence, scores, config, first),
        _row_2_7(evidence, config),
        _row_2_8(data, evidence, scores, first),
        *(_row_2_9(evidence, scores, first, kind, rows[kind]) for kind in physical),
        *(_row_2_10(data, evidence, scores, tables, first, kind, rows[kind]) for kind in physical),
    ]


def _row_2_1(data: Compositions, evidence: PerovskiteEvidence) -> Section:
    section = Section(
        "2.1",
        "From formulas to feature vectors",
        " ".join(data.table.notes),
        tables=["one_hot_example", "elements"],
        figures=["target_histogram"],
    )
    n_elements, sites = len(data.vocabulary), data.sites
    y = data.y[~data.held_out]
    section.facts = [Fact("n_elements", "Elements in the vocabulary", n_elements)]
    for kind, own in evidence.encodings.items():
        usable = int((~data.held_out).sum())
        section.facts.append(
            Fact(f"X_shape_{kind}", f"Shape of X, {kind}", str((usable, own.X.shape[1])))
        )
    section.facts += [
        Fact("y_shape", "Shape of y", str(y.shape)),
        Fact("y_mean", "Mean of the target", round(float(y.mean()), 4), "eV/atom"),
        Fact("y_sd", "Standard deviation", round(float(y.std()), 4), "eV/atom"),
    ]
    for part, rows in evidence.parts.items():
        section.facts.append(Fact(f"n_{part}", f"Rows, {part}", int(rows.sum())))
    section.answer(
        "2.1-encoding",
        "How does a formula become numbers?",
        f"Each of the sites {' and '.join(sites)} has one column per element of the vocabulary of "
        f"{n_elements}: {len(sites)} x {n_elements} = {len(sites) * n_elements} columns, holding "
        f"the element's share of the site; the {len(y)} rows outside the holdout become a matrix "
        f"of shape {(len(y), len(sites) * n_elements)}. Columns follow the saved vocabulary, whose "
        f"first elements are {', '.join(data.vocabulary[:3])}.",
    )
    return section


def _row_2_2(device: dict[str, Any]) -> Section:
    section = Section("2.2", "The device")
    section.facts = [
        Fact("device", "Device", str(device["device"])),
        Fact("device_name", "Name", str(device["name"])),
        Fact("sent", "Tensor sent to it", str(device["sent"])),
        Fact("returned", "Tensor that came back", str(device["returned"])),
    ]
    same = "came back unchanged" if device["equal"] else "CAME BACK CHANGED"
    section.answer(
        "2.2-device",
        "Which device trains, and do tensors come back from it?",
        f"{device['requested']!r} was asked for and {device['device']} used (PyTorch "
        f"{device['torch']}); a tensor of {len(device['sent'])} numbers {same}, "
        f"{device['returned']}.",
    )
    return section


def _row_2_3(evidence: PerovskiteEvidence, batches: NamedTable) -> Section:
    section = Section("2.3", "Training, validation and test batches", tables=["batches"])
    rows: dict[str, Any] = {str(row.part): row for row in batches.frame.itertuples()}
    train = rows["train"]
    others = ", ".join(
        f"{part} {row.n_batches} ({row.n_rows} rows)"
        for part, row in rows.items()
        if part != "train"
    )
    section.answer(
        "2.3-batches",
        "What is the shape of each batch, and how many batches are there?",
        f"Training: {train.n_batches} batches from {train.n_rows} rows, X and y of shape "
        f"{train.first_batch} and the last {train.last_batch}. Batches elsewhere: {others}.",
    )
    return section


def _row_2_4(evidence: PerovskiteEvidence, config: PerovskitesConfig) -> Section:
    section = Section("2.4", "The network", tables=["layers"])
    widths = [*config.hidden, 1]
    for kind, own in evidence.encodings.items():
        n = count_parameters(own.X.shape[1], config.hidden)
        section.facts.append(Fact(f"n_parameters_{kind}", f"Parameters, {kind}", n))
    own = next(iter(evidence.encodings.values()))
    section.answer(
        "2.4-network",
        "What is the network?",
        f"Linear layers {own.X.shape[1]} -> {' -> '.join(map(str, widths))} with "
        f"{config.activation} after each of the {len(config.hidden)} hidden ones; the output is "
        "one number in eV/atom. Predictions lose their last axis before the loss: (n, 1) against "
        "(n,) would broadcast to (n, n) and train on nonsense.",
    )
    return section


def _row_2_5(evidence: PerovskiteEvidence, config: PerovskitesConfig) -> Section:
    section = Section("2.5", "The training loop", tables=["hyperparameters"])
    learner = next(iter(evidence.encodings.values())).learner
    n_train = int(evidence.parts["train"].sum())
    steps = config.epochs * -(-n_train // config.batch_size)
    section.answer(
        "2.5-loop",
        "How is it trained?",
        f"Adam with step size {config.lr:g} on the mean squared error, {config.epochs} epochs of "
        f"{steps // config.epochs} batches: {steps} steps. Each epoch's loss is the mean over its "
        "batches.",
    )
    as_alpha = learner.weight_decay * config.batch_size / 2
    section.answer(
        "2.5-weight-decay",
        "What do weight_decay and alpha mean?",
        f"PyTorch's weight_decay adds {learner.weight_decay:g} * w to the gradient of the mean "
        "squared error; scikit-learn's alpha adds alpha / 2 * ||W||² / n_batch to half of it and "
        f"leaves intercepts free. At batches of {config.batch_size} this run's weight_decay equals "
        f"alpha {as_alpha:.4g}, and alpha 0.16 would be a weight_decay of "
        f"{weight_decay_of(0.16, config.batch_size):.3g}.",
    )
    return section


def _row_2_6(
    data: Compositions,
    evidence: PerovskiteEvidence,
    scores: PerovskiteScores,
    config: PerovskitesConfig,
    kind: str,
) -> Section:
    scaled = "standardised" if evidence.encodings[kind].learner.steps else "not scaled"
    section = Section(
        "2.6",
        f"Training on {kind} inputs ({scaled})",
        tables=["model_comparison"],
        figures=[f"loss_curve_{kind}", f"parity_{kind}", "model_comparison"],
    )
    section.facts = _metric_facts(scores, kind, ("train", "test"))
    curve = evidence.encodings[kind].network.states[0]
    watched = curve.get("monitor_loss")
    ending = f", on the validation rows at {watched[-1]:.4f}" if watched is not None else ""
    section.answer(
        "2.6-fit",
        "How well does it predict, and has it converged?",
        f"R² {scores.r2('mlp', kind, 'train')} on training rows and "
        f"{scores.r2('mlp', kind, 'test')} on test rows, MAE "
        f"{scores.value('mae', 'mlp', kind, 'test'):.3f} eV/atom. The loss falls from "
        f"{curve['train_loss'][0]:.4f} in the first epoch to {curve['train_loss'][-1]:.4f} in the "
        f"last{ending}.",
    )
    best, value = best_baseline(scores, kind, "test")
    section.answer(
        "2.6-baselines",
        "Does it beat the baselines?",
        f"On the same test rows the training mean has MAE "
        f"{scores.value('mae', 'mean', 'none', 'test'):.3f} and the best baseline, {best}, "
        f"{value:.3f}; the network {scores.value('mae', 'mlp', kind, 'test'):.3f} eV/atom.",
    )
    n_features = evidence.encodings[kind].X.shape[1]
    section.answer(
        "2.6-hidden-layers",
        f"What does {config.hidden} mean?",
        f"{len(config.hidden)} hidden layers of {', '.join(map(str, config.hidden))} units. The "
        f"first has weights of shape ({config.hidden[0]}, {n_features}) and {config.hidden[0]} "
        f"intercepts: each unit takes all {n_features} inputs; the output has weights of shape "
        f"(1, {config.hidden[-1]}) and 1 intercept.",
    )
    unit, column = largest_weight(evidence.encodings[kind].network.states[0])
    weight = evidence.encodings[kind].network.states[0]["layer0.weight"][unit, column]
    section.answer(
        "2.6-hyperparameters",
        "What is a hyperparameter, and what is learned?",
        f"Hyperparameters are set before training and stay: {len(config.hidden)} layers, step size "
        f"{config.lr:g}, {config.epochs} epochs. Learned are the "
        f"{count_parameters(n_features, config.hidden)} weights and intercepts, such as the "
        f"largest of the first layer: {evidence.encodings[kind].features[column]} counts "
        f"{weight:+.3f} in unit {unit + 1}.",
    )
    return section


def _metric_facts(scores: PerovskiteScores, kind: str, parts: tuple[str, ...]) -> list[Fact]:
    labels = {"r2": "R²", "mae": "MAE", "rmse": "RMSE"}
    found = [
        one
        for part in parts
        for one in scores.metrics
        if (one.model, one.encoding, one.split) == ("mlp", kind, part)
    ]
    return [
        Fact(
            f"{one.name}_{one.split}",
            f"{labels[one.name]}, {one.split}",
            round(one.value, 4),
            one.unit,
            digits=3,
        )
        for one in found
    ]


def best_baseline(scores: PerovskiteScores, kind: str, split: str) -> tuple[str, float]:
    """Return the baseline of lowest MAE on one encoding and part, and that MAE."""
    found = [
        one
        for one in scores.metrics
        if one.name == "mae"
        and one.encoding == kind
        and one.split == split
        and one.model not in ("mlp", "mean")
    ]
    best = min(found, key=lambda one: one.value)
    return best.model, best.value


def _row_2_7(evidence: PerovskiteEvidence, config: PerovskitesConfig) -> Section:
    section = Section("2.7", "The size of the network, before training")
    widths = [*config.hidden, 1]
    for kind, own in evidence.encodings.items():
        sizes = [own.X.shape[1], *widths]
        terms = " + ".join(f"({a} + 1) x {b}" for a, b in pairwise(sizes))
        total = count_parameters(own.X.shape[1], config.hidden)
        stored = sum(
            value.size for name, value in own.network.states[0].items() if name.startswith("layer")
        )
        section.answer(
            f"2.7-count-{kind}",
            f"How many parameters does it have on {kind} inputs?",
            f"{terms} = {total}; the trained network holds {stored}, "
            f"{total / evidence.parts['train'].sum():.0f} per training row.",
        )
    return section


def _row_2_8(
    data: Compositions, evidence: PerovskiteEvidence, scores: PerovskiteScores, kind: str
) -> Section:
    section = Section("2.8", f"New elements, {kind} inputs")
    if "holdout" not in evidence.parts:
        section.lead = (
            "No holdout was given: add --holdout FILE or --holdout-elements to ask whether the "
            "network knows elements it never saw."
        )
        return section
    section.figures = [f"parity_holdout_{kind}"]
    section.facts = _metric_facts(scores, kind, ("holdout",))
    unseen = unseen_elements(data, dict(evidence.parts))
    held = evidence.parts["holdout"]
    own = evidence.encodings[kind]
    train = evidence.parts["train"]
    idle = np.asarray(~own.X[train].any(axis=0) & own.X[held].any(axis=0))
    mae, guess = (
        scores.value("mae", model, encoding, "holdout")
        for model, encoding in (("mlp", kind), ("mean", "none"))
    )
    fails = mae >= guess or scores.value("r2", "mlp", kind, "holdout") < 0.3
    section.answer(
        "2.8-transfer",
        "Does the network generalise to elements it never saw?",
        f"{'No' if fails else 'In part'}: on the {int(held.sum())} holdout rows "
        f"R² is {scores.r2('mlp', kind, 'holdout', digits=2)} against "
        f"{scores.r2('mlp', kind, 'test', digits=2)} on test rows, and "
        f"the MAE is {mae:.3f} eV/atom against {guess:.3f} for the training mean. Elements "
        f"without a training row: {', '.join(unseen) or 'none'}.",
    )
    if kind == "one-hot":
        section.answer("2.8-why", "Why?", _why_one_hot(data, evidence, own, idle))
    return section


def _why_one_hot(
    data: Compositions, evidence: PerovskiteEvidence, own: EncodingEvidence, idle: BoolArray
) -> str:
    """Say what training left of the weights of columns that only holdout rows use."""
    n_train, held = int(evidence.parts["train"].sum()), evidence.parts["holdout"]
    if not idle.any():
        return (
            f"Every column that the {int(held.sum())} holdout rows use is used in some of the "
            f"{n_train} training rows too: no element is new here."
        )
    weight = own.network.states[0]["layer0.weight"]  # (unit, column)
    still, moved = (float(np.sqrt((weight[:, mask] ** 2).mean())) for mask in (idle, ~idle))
    outcome = (
        "Weight decay has shrunk them, so such an element counts as none at all"
        if still < 0.01 * moved
        else "What such an element adds is left over from the random start"
    )
    share = own.X[held][:, idle].sum(axis=1).mean() / len(data.sites)
    return (
        f"{int(idle.sum())} of the {own.X.shape[1]} columns are 0 in all {n_train} training rows "
        f"and not 0 in the holdout, so their weights get no gradient from the data. {outcome}: "
        f"their root mean square is {still:.1g} against {moved:.1g} in the other columns. On "
        f"average these columns carry {share:.0%} of a holdout row's occupation."
    )


def _row_2_9(
    evidence: PerovskiteEvidence, scores: PerovskiteScores, first: str, kind: str, suffix: str
) -> Section:
    own = evidence.encodings[kind]
    section = Section(
        f"2.9{suffix}",
        f"The same network on {kind}, standardised on training rows",
        tables=["descriptor_scaling"],
        figures=["descriptor_scaling", f"loss_curve_{kind}", f"parity_{kind}"],
    )
    section.facts = _metric_facts(scores, kind, ("train", "test"))
    section.answer(
        f"2.9-{kind}",
        f"What do {kind} change on random test rows?",
        f"With {own.X.shape[1]} columns instead of {evidence.encodings[first].X.shape[1]} and the "
        f"same hyperparameters test R² is {scores.r2('mlp', kind, 'test')} against "
        f"{scores.r2('mlp', first, 'test')} with {first}, MAE "
        f"{scores.value('mae', 'mlp', kind, 'test'):.3f} against "
        f"{scores.value('mae', 'mlp', first, 'test'):.3f} eV/atom.",
    )
    return section


def _row_2_10(
    data: Compositions,
    evidence: PerovskiteEvidence,
    scores: PerovskiteScores,
    tables: dict[str, NamedTable],
    first: str,
    kind: str,
    suffix: str,
) -> Section:
    section = Section(f"2.10{suffix}", f"New elements, {kind}")
    if "holdout" not in evidence.parts:
        section.lead = "No holdout was given: see row 2.8."
        return section
    section.figures = [f"parity_holdout_{kind}", "holdout_elements"]
    section.tables = ["holdout_elements"]
    section.facts = _metric_facts(scores, kind, ("holdout",))
    maes = {one: scores.value("mae", "mlp", one, "holdout") for one in (first, kind)}
    r2s = {one: scores.r2("mlp", one, "holdout", digits=2) for one in (first, kind)}
    word = "improved" if maes[kind] < maes[first] else "not improved"
    section.answer(
        f"2.10-{kind}",
        "Has the prediction on the holdout improved, and why?",
        f"It has {word}: MAE {maes[kind]:.3f} against {maes[first]:.3f} eV/atom with {first}, R² "
        f"{r2s[kind]} against {r2s[first]}. {kind.capitalize()} place a new element among "
        "known ones by its radius, mass or electronegativity; what is learned from its neighbours "
        "carries over as far as it has neighbours.",
    )
    frame = tables["holdout_elements"].frame
    if frame.empty:
        return section
    wide = frame.pivot(index="element", columns="encoding", values="mae")
    worse = wide[wide[kind] >= wide[first]]
    named = ", ".join(
        f"{element} ({row[kind]:.3f} against {row[first]:.3f})" for element, row in worse.iterrows()
    )
    hardest = wide[kind].idxmax()
    n_rows = int(frame[frame["element"] == hardest]["n"].iloc[0])
    section.answer(
        f"2.10-elements-{kind}",
        "For which elements did it not improve?",
        f"{named or f'For none of the {len(wide)}: it improved for each'}. The hardest is "
        f"{hardest}, MAE {wide[kind].max():.3f} eV/atom over {n_rows} rows.",
    )
    return section
