"""The study ``perovskites``: energy above hull from the elements on each site."""

from typing import Any

import numpy as np
import pandas as pd

from foldwise.audit.findings import Finding
from foldwise.fits.device import check_device
from foldwise.fits.mlp import count_parameters
from foldwise.reporting.summary import Summary
from foldwise.studies.config import PerovskitesConfig
from foldwise.studies.model import Model
from foldwise.studies.perovskite_evidence import (
    Compositions,
    PerovskiteEvidence,
    gather_evidence,
    load_compositions_of,
)
from foldwise.studies.perovskite_findings import find_in_encodings, find_in_rows
from foldwise.studies.perovskite_sections import best_baseline, write_sections
from foldwise.studies.perovskite_tables import (
    UNIT,
    PerovskiteScores,
    build_tables,
    score_everything,
    unseen_elements,
)
from foldwise.studies.sections import StudyResult, Watch
from foldwise.studies.verdicts import RegressionScore, Verdict, regression_verdict, stopped_verdict

__all__ = ["run_perovskites"]


def run_perovskites(
    config: PerovskitesConfig, *, watch: Watch | None = None, n_jobs: int | None = None
) -> StudyResult:
    """Run rows 2.1 to 2.10 and return summary, model, predictions and splits.

    Parameters
    ----------
    config : PerovskitesConfig
        What to read and how to train.
    watch : Watch, optional
        Progress and storage of finished blocks.
    n_jobs : int, optional
        Worker processes for the baselines; all cores when None.

    Raises
    ------
    InvalidInputError
        If a table or a setting cannot carry the study.
    """
    watch = watch or Watch()
    device = check_device(config.device)
    with watch.step("reading"):
        data = load_compositions_of(config)
    evidence = gather_evidence(data, config, watch, n_jobs=n_jobs)
    with watch.step("tables and answers"):
        scores = score_everything(data, evidence, config.seed)
        summary = _summary(data, evidence, scores, config, device)
    summary.run["seconds"] = watch.seconds
    model = _model(data, evidence, scores, config, summary)
    predictions = summary.tables["predictions"].frame
    return StudyResult(summary, model, predictions, _splits(data, evidence))


def _deployed(evidence: PerovskiteEvidence) -> str:
    """Return the encoding that is kept for new tables: one that knows new elements."""
    known = [kind for kind in ("descriptors", "combined") if kind in evidence.encodings]
    return known[0] if known else next(iter(evidence.encodings))


def _summary(
    data: Compositions,
    evidence: PerovskiteEvidence,
    scores: PerovskiteScores,
    config: PerovskitesConfig,
    device: dict[str, Any],
) -> Summary:
    tables = build_tables(data, evidence, scores, config)
    findings = _findings(data, evidence)
    verdict = stopped_verdict(findings) or _verdict(data, evidence, scores)
    sections = write_sections(data, evidence, scores, tables, config, device)
    result: dict[str, Any] = {
        "claim": verdict.claim,
        "metrics": [metric.as_dict() for metric in scores.metrics],
        "models": [
            {
                "name": "mlp",
                "encoding": kind,
                "n_parameters": count_parameters(own.X.shape[1], config.hidden),
                "hidden": list(config.hidden),
                "scaled_inputs": bool(own.learner.steps),
                "weight_decay": own.learner.weight_decay,
            }
            for kind, own in evidence.encodings.items()
        ],
        "data": {
            "n_rows": data.table.n_rows,
            "n_holdout": int(data.held_out.sum()),
            "n_elements": len(data.vocabulary),
            "unseen_elements": list(unseen_elements(data, dict(evidence.parts))),
            "target_mean": float(data.y[~data.held_out].mean()),
            "dataset": data.dataset.name if data.dataset else None,
        },
        "vocabulary": list(data.vocabulary),
        "deployed_encoding": _deployed(evidence),
        "sections": [section.as_dict() for section in sections],
    }
    run = {
        "seeds": {"run": config.seed},
        "data": [vars(source) for source in data.table.sources],
        "device": device,
    }
    title = "Energy above hull from composition"
    found = [finding.as_dict() for finding in findings]
    return Summary("perovskites", title, verdict.text, found, result, run, tables)


def _verdict(data: Compositions, evidence: PerovskiteEvidence, scores: PerovskiteScores) -> Verdict:
    kind = _deployed(evidence)
    best, value = best_baseline(scores, kind, "test")
    low, high = scores.gains[kind]
    score = RegressionScore(
        encoding=kind,
        mae=scores.value("mae", "mlp", kind, "test"),
        r2=scores.r2("mlp", kind, "test", digits=2),
        gain_low=low,
        gain_high=high,
        mean_mae=scores.value("mae", "mean", "none", "test"),
        best_baseline=best,
        best_baseline_mae=value,
    )
    n_test = int(evidence.parts["test"].sum())
    return regression_verdict(score, UNIT, n_test, _holdout_sentence(data, evidence, scores))


def _holdout_sentence(
    data: Compositions, evidence: PerovskiteEvidence, scores: PerovskiteScores
) -> str:
    if "holdout" not in evidence.parts:
        return "Nothing is claimed for elements outside the table: no holdout was given."
    unseen = unseen_elements(data, dict(evidence.parts))
    about = f"with elements it never saw ({', '.join(unseen)})" if unseen else "held out"
    reached = ", ".join(
        f"{scores.value('mae', 'mlp', kind, 'holdout'):.3f} with {kind}"
        for kind in evidence.encodings
    )
    guess = scores.value("mae", "mean", "none", "holdout")
    return (
        f"On {int(evidence.parts['holdout'].sum())} rows {about} the MAE is {reached}, and "
        f"{guess:.3f} {UNIT} for the training mean."
    )


def _findings(data: Compositions, evidence: PerovskiteEvidence) -> list[Finding]:
    return [
        *find_in_rows(data, evidence.parts),
        *find_in_encodings(data, evidence.parts["train"], evidence.encodings),
    ]


def _model(
    data: Compositions,
    evidence: PerovskiteEvidence,
    scores: PerovskiteScores,
    config: PerovskitesConfig,
    summary: Summary,
) -> Model:
    kind = _deployed(evidence)
    own = evidence.encodings[kind]
    trained = evidence.parts["train"]
    state = {
        name: value
        for name, value in own.network.states[0].items()
        if name.startswith("layer") or name in ("fill", "center", "scale")
    }
    facts = {
        "model": "mlp",
        "activation": config.activation,
        "trained_on": f"{int(trained.sum())} training rows",
        "training_elements": data.elements_in(trained),
        "fixed_sites": data.fixed_sites,
        "data": summary.run["data"],
        "metrics": [
            summary.metric("mae", model="mlp", encoding=kind, split=part)
            for part in ("test", "holdout")
            if part in evidence.parts
        ],
        "limits": "Energies of the cells in the training table; a new element is extrapolation.",
    }
    target = {"name": data.table.keys("target")[0], "unit": UNIT}
    return Model("mlp", state, own.features, target, own.encoder, facts)


def _splits(data: Compositions, evidence: PerovskiteEvidence) -> pd.DataFrame:
    part = np.full(data.table.n_rows, "", dtype=object)
    for name, rows in evidence.parts.items():
        part[rows] = name
    return pd.DataFrame({"id": data.table.ids, "part": part})
