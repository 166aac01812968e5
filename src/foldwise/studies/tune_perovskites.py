"""The study ``tune-perovskites``: whether a search of settings improves the network."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from foldwise.fits.device import check_device
from foldwise.fits.mlp import count_parameters
from foldwise.reporting.labels import setting_label
from foldwise.reporting.summary import Summary
from foldwise.studies.config import TunePerovskitesConfig
from foldwise.studies.model import Model
from foldwise.studies.perovskite_evidence import load_compositions_of
from foldwise.studies.perovskite_findings import find_in_rows
from foldwise.studies.perovskite_tables import UNIT
from foldwise.studies.sections import StudyResult, Watch
from foldwise.studies.tune_perovskite_evidence import (
    N_SEEDS,
    TuningEvidence,
    gather_tuning_evidence,
)
from foldwise.studies.tune_perovskite_sections import (
    find_in_stack,
    measure_steps,
    part_of_rows,
    predictions_table,
    tuning_metrics,
    write_sections,
)
from foldwise.studies.tuning_tables import (
    cross_validated_words,
    find_in_search,
    rows_of_folds,
    search_tables,
    steps_table,
)
from foldwise.studies.verdicts import stopped_verdict, tuning_verdict

__all__ = ["run_tune_perovskites"]


def run_tune_perovskites(
    config: TunePerovskitesConfig, *, watch: Watch | None = None, n_jobs: int | None = None
) -> StudyResult:
    """Search settings on the training rows, refit the best, and say what tuning gained.

    Parameters
    ----------
    config : TunePerovskitesConfig
        What to read and what to try.
    watch : Watch, optional
        Progress, and storage of finished fits and trials.
    n_jobs : int, optional
        Worker processes; all cores when None. Results do not depend on it.

    Raises
    ------
    InvalidInputError
        If a table or a setting cannot carry the study.
    """
    watch = watch or Watch()
    device = check_device(config.device)
    with watch.step("reading"):
        data = load_compositions_of(config)
    evidence = gather_tuning_evidence(data, config, watch, n_jobs=n_jobs)
    with watch.step("tables and answers"):
        summary = _summary(evidence, config, device)
        model = _model(evidence, config, summary)
        splits = pd.DataFrame({"id": data.table.ids, "part": part_of_rows(evidence.inputs)})
    summary.run["seconds"] = watch.seconds
    return StudyResult(summary, model, summary.tables["predictions"].frame, splits)


def _summary(
    evidence: TuningEvidence, config: TunePerovskitesConfig, device: Mapping[str, Any]
) -> Summary:
    data, parts = evidence.data, evidence.inputs.parts
    steps = measure_steps(evidence, config.seed)
    n_test = int(parts["test"].sum())
    findings = [
        *find_in_rows(data, parts),
        *find_in_search(evidence.found, len(steps) * N_SEEDS, n_test),
        *find_in_stack(evidence),
    ]
    words = cross_validated_words(evidence.found)
    verdict = stopped_verdict(findings) or tuning_verdict(
        "R²", words, steps, n_test, f", mean of {N_SEEDS} seeds,"
    )
    metrics = tuning_metrics(evidence, config.seed)
    tables = {
        table.name: table
        for table in (
            *search_tables(evidence.found),
            steps_table(steps, "R²", n_test),
            rows_of_folds(data.table.ids, evidence.problem.folds),
            predictions_table(evidence),
        )
    }
    sections = write_sections(evidence, config, steps, metrics)
    result: dict[str, Any] = {
        "claim": verdict.claim,
        "metrics": [metric.as_dict() for metric in metrics],
        "models": [
            {
                "name": refit.model,
                "encoding": config.encoding,
                "n_parameters": _n_parameters(evidence, refit.setting),
                "setting": setting_label(refit.setting),
                "scaled_inputs": refit.scaled,
                "n_train": int(refit.train.sum()),
            }
            for refit in evidence.refits
        ],
        "data": {
            "n_rows": data.table.n_rows,
            "n_train": int(parts["train"].sum()),
            "n_test": n_test,
            "n_holdout": int(data.held_out.sum()),
            "n_stacked": int(evidence.inputs.stacked.sum()),
            "dataset": data.dataset.name if data.dataset else None,
        },
        "deployed_encoding": config.encoding,
        "sections": [section.as_dict() for section in sections],
    }
    run = {
        "seeds": {"run": config.seed},
        "data": [vars(source) for source in data.table.sources],
        "device": dict(device),
    }
    title = "Tuning the network for the energy above hull"
    found = [finding.as_dict() for finding in findings]
    return Summary("tune-perovskites", title, verdict.text, found, result, run, tables)


def _n_parameters(evidence: TuningEvidence, setting: Mapping[str, Any]) -> int:
    return count_parameters(evidence.inputs.dense.shape[1], setting["hidden"])


def _model(evidence: TuningEvidence, config: TunePerovskitesConfig, summary: Summary) -> Model:
    data, inputs = evidence.data, evidence.inputs
    facts = {
        "model": "mlp",
        "activation": config.activation,
        "setting": setting_label(evidence.found.best_setting),
        "trained_on": f"{int(inputs.parts['train'].sum())} training rows",
        "training_elements": data.elements_in(inputs.parts["train"]),
        "fixed_sites": data.fixed_sites,
        "data": summary.run["data"],
        "metrics": [
            summary.metric("mae", model="mlp-tuned", split=part)
            for part in ("test", "holdout")
            if part in inputs.parts
        ],
        "limits": "Energies of the cells in the training table; a new element is extrapolation.",
    }
    target = {"name": data.table.keys("target")[0], "unit": UNIT}
    state = evidence.tuned.batch.states[0]
    return Model("mlp", state, inputs.features, target, inputs.encoder, facts)
