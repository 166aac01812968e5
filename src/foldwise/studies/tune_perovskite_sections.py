"""Steps, metrics, tables, findings and answers of the study ``tune-perovskites``."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from foldwise.arrays import FloatArray
from foldwise.audit.findings import Finding
from foldwise.data.held_elements import formulas
from foldwise.evaluation.intervals import interval_over_seeds, row_weights
from foldwise.evaluation.metrics import REGRESSION_METRICS, Metric
from foldwise.evaluation.seeds import child_seed
from foldwise.reporting.labels import setting_label
from foldwise.reporting.summary import NamedTable
from foldwise.studies.config import TunePerovskitesConfig
from foldwise.studies.perovskite_tables import (
    UNIT,
    bootstrap_weights,
    part_metrics,
    unseen_elements,
)
from foldwise.studies.sections import Fact, Section, named_table
from foldwise.studies.tune_perovskite_evidence import N_SEEDS, EncodedRows, TuningEvidence
from foldwise.studies.tuning_tables import (
    cross_validated_words,
    nested_section,
    plan_section,
)
from foldwise.studies.verdicts import TuningStep, plainly

__all__ = [
    "find_in_stack",
    "measure_steps",
    "part_of_rows",
    "predictions_table",
    "tuning_metrics",
    "write_sections",
]

_RESAMPLES = 1000
_R2 = REGRESSION_METRICS["r2"]


def measure_steps(evidence: TuningEvidence, seed: int) -> list[TuningStep]:
    """Return what each refit reaches on the test rows, and gains over the one before."""
    test = evidence.inputs.parts["test"]
    y = evidence.data.y[test]
    child = child_seed(seed, "bootstrap test")
    weights = row_weights(len(y), n_resamples=_RESAMPLES, seed=child)
    steps = []
    before: FloatArray | None = None
    for refit in evidence.refits:
        scores = refit.batch.scores[:, test]  # (seed, test row)
        reached, limits = interval_over_seeds(_R2, y, scores, weights, seed=seed)
        gain, bounds = None, None
        if before is not None:
            gain, bounds = interval_over_seeds(_R2, y, scores, weights, against=before, seed=seed)
        steps.append(
            TuningStep(
                label=refit.label,
                setting=setting_label(refit.setting),
                n_train=int(refit.train.sum()),
                reached=reached,
                low=limits[0] if limits else None,
                high=limits[1] if limits else None,
                seed_sd=float(np.std([_R2(y, own) for own in scores])),
                gain=gain,
                gain_low=bounds[0] if bounds else None,
                gain_high=bounds[1] if bounds else None,
                mae=float(np.mean([REGRESSION_METRICS["mae"](y, own) for own in scores])),
            )
        )
        before = scores
    return steps


def tuning_metrics(evidence: TuningEvidence, seed: int) -> list[Metric]:
    """Return the metrics of the refits from the first seed, the one that is kept."""
    data, parts = evidence.data, dict(evidence.inputs.parts)
    weights: dict[str, FloatArray | None] = {
        part: bootstrap_weights(data, parts, part, seed)
        for part in ("test", "holdout")
        if part in parts
    }
    kind = str(evidence.inputs.encoder["kind"])
    found: list[Metric] = []
    for refit in evidence.refits:
        # The holdout is opened once, by the tuned network.
        shown = ["test"] if refit.model != "mlp-tuned" else list(parts)
        for part in shown:
            rows = parts[part]
            scores = refit.batch.at(0, rows)
            found += part_metrics(refit.model, kind, part, data.y[rows], scores, weights.get(part))
    search = evidence.found
    best = float(search.means[search.best])
    n_rows = int(parts["train"].sum())
    found.append(Metric("r2", "mlp-tuned", kind, "cv", best, "", n_rows))
    if search.nested is not None:
        nested = float(search.nested.outer.mean())
        found.append(Metric("r2", "mlp-tuned", kind, "cv-nested", nested, "", n_rows))
    return found


def find_in_stack(evidence: TuningEvidence) -> list[Finding]:
    """Return a finding if the holdout was trained on: nothing tests new elements then."""
    data, inputs = evidence.data, evidence.inputs
    if not inputs.stacked.any():
        return []
    elements = data.elements_in(inputs.stacked)
    missing = [one for one in elements if one not in data.elements_in(~data.held_out)]
    return [
        Finding(
            "holdout-in-training",
            "note",
            f"The {int(inputs.stacked.sum())} holdout rows were trained on"
            + (f", and with them {', '.join(missing)}" if missing else "")
            + ": nothing in this run tests elements the network never saw.",
            "Leave --stack-holdout out to keep them as a test.",
        )
    ]


def part_of_rows(inputs: EncodedRows) -> np.ndarray:
    """Return the part each row stands in: train, test or holdout."""
    part = np.full(len(inputs.stacked), "", dtype=object)
    for name, rows in inputs.parts.items():
        part[rows] = name
    return part


def predictions_table(evidence: TuningEvidence) -> NamedTable:
    """Return target and prediction of every row, by the network that is kept."""
    columns = {
        "id": evidence.data.table.ids,
        "formula": formulas(evidence.data.table),
        "part": part_of_rows(evidence.inputs),
        "target": evidence.data.y,
        "encoding": str(evidence.inputs.encoder["kind"]),
        "prediction": evidence.tuned.batch.scores[0],
    }
    title = "Target and prediction of the tuned network, every row"
    return named_table("predictions", title, pd.DataFrame(columns))


def write_sections(
    evidence: TuningEvidence,
    config: TunePerovskitesConfig,
    steps: Sequence[TuningStep],
    metrics: Sequence[Metric],
) -> list[Section]:
    """Return the sections of the report."""
    found, parts = evidence.found, evidence.inputs.parts
    counts = {name: int(rows.sum()) for name, rows in parts.items()}
    plan = plan_section(found, counts)
    plan.facts += [
        Fact("epochs", "Epochs of each", config.epochs),
        Fact("n_scored", "Times the test rows were scored", len(steps) * N_SEEDS),
    ]
    plan.answer(
        "plan-scaling",
        "Where does the scaling come from?",
        "Each fit learns mean and standard deviation of its columns from its own training rows: "
        "in the search from the other folds, in a refit from all training rows. No fold and no "
        "test row is seen by the scaling that is applied to it.",
    )
    nested = nested_section(found)
    return [
        plan,
        _row_2_11(evidence, steps, metrics),
        *([nested] if nested else []),
        *_holdout_section(evidence, metrics),
    ]


def _value(metrics: Sequence[Metric], name: str, split: str) -> Metric:
    return next(
        one for one in metrics if (one.name, one.model, one.split) == (name, "mlp-tuned", split)
    )


def _row_2_11(
    evidence: TuningEvidence, steps: Sequence[TuningStep], metrics: Sequence[Metric]
) -> Section:
    found = evidence.found
    kind = str(evidence.inputs.encoder["kind"])
    history = ["search_history"] if found.asked == "tpe" else []
    section = Section(
        "2.11",
        "Search, refit, and what each step gains",
        tables=["search", "attribution"],
        figures=["search_settings", *history, "attribution", f"parity_{kind}"],
    )
    section.facts = [
        Fact("best", "Best setting", setting_label(found.best_setting)),
        Fact("cv_r2", "Mean R² over folds", float(found.means[found.best]), "", 3),
        Fact("cv_sd", "Spread of folds", float(found.spreads[found.best]), "", 3),
        Fact("r2_test", "Test R² of the refit", _value(metrics, "r2", "test").value, "", 3),
        Fact("mae_test", "Test MAE", _value(metrics, "mae", "test").value, UNIT, 3),
        Fact("rmse_test", "Test RMSE", _value(metrics, "rmse", "test").value, UNIT, 3),
    ]
    order = np.argsort(-found.means, kind="stable")
    fifth = found.means[order[min(4, len(order) - 1)]]
    section.answer(
        "2.11-grid",
        "Which setting is best, and how sure is that?",
        f"{cross_validated_words(found)} The first five lie within "
        f"{plainly(found.means[order[0]] - fifth)}.",
    )
    lines = [
        f"{step.label} ({step.n_train} rows) {plainly(step.reached)}"
        + ("" if step.gain is None else f", gain {step.gained}: {step.says}")
        for step in steps
    ]
    section.answer(
        "2.11-improvement",
        "Have you seen any improvement, and where does it come from?",
        f"Test R², mean over {N_SEEDS} seeds, one change at a time: {'; '.join(lines)}. "
        "Intervals are 95 %, paired on the same rows and seeds; 'improvement' is said only where "
        "the whole interval lies above 0.",
    )
    return section


def _holdout_section(evidence: TuningEvidence, metrics: Sequence[Metric]) -> list[Section]:
    """Return what the tuned network is worth on the holdout, if it is still one."""
    if "holdout" not in evidence.inputs.parts:
        return []
    kind = str(evidence.inputs.encoder["kind"])
    rows = evidence.inputs.parts["holdout"]
    mae = _value(metrics, "mae", "holdout")
    section = Section("holdout", "The holdout, scored once", figures=[f"parity_holdout_{kind}"])
    section.facts = [
        Fact(f"{one.name}_holdout", f"Holdout {name}", one.value, one.unit, 3)
        for one, name in ((mae, "MAE"), (_value(metrics, "rmse", "holdout"), "RMSE"))
    ]
    mean = float(
        np.abs(evidence.data.y[rows] - evidence.data.y[evidence.tuned.train].mean()).mean()
    )
    unseen = unseen_elements(evidence.data, dict(evidence.inputs.parts))
    about = f" They hold {', '.join(unseen)}, which no training row does." if unseen else ""
    section.answer(
        "holdout-transfer",
        "Does the tuned network know elements it never saw?",
        f"On the {int(rows.sum())} holdout rows its MAE is {mae.value:.3f} {UNIT}, that of the "
        f"training mean {mean:.3f}.{about} The search chose on rows of known elements and says "
        "nothing about new ones.",
    )
    return [section]
