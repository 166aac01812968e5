"""Every setting of a study with its default and its one line of help.

Plain Python, so that the command line can print help before it loads anything
heavy; `config` adds types and limits.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["BIOMARKERS", "PEROVSKITES", "TUNE_BIOMARKERS", "TUNE_PEROVSKITES", "Setting"]


@dataclass(frozen=True)
class Setting:
    """A default and what the setting means; ``shown`` replaces the default in help."""

    default: Any
    help: str
    shown: str = ""


_COMMON = {
    "dataset": Setting(None, "Registered data set; see `foldwise datasets`."),
    "target": Setting(None, "Column to predict."),
    "id_column": Setting(None, "Column of row ids.", "the first"),
    "test_size": Setting(0.2, "Share of rows in the test part."),
    "splits": Setting(None, "CSV of your own assignments: id, part[, fold_1, ...]."),
    "seed": Setting(0, "Seed of every random choice."),
    "quick": Setting(False, "Fewer repeats and epochs: a first look, no result."),
}

_COHORT = _COMMON | {
    "tables": Setting(None, "One table holding the label, or X and y tables, joined by id."),
    "positive": Setting(None, "Label of the cases."),
    "groups": Setting(None, "Column of subjects or batches kept on one side of every split."),
    "scale": Setting(None, "Scale: raw, log2, log10, ln, percentile or z.", "guessed"),
    "folds": Setting(5, "Folds of cross-validation."),
    "repeats": Setting(10, "Repeats of cross-validation."),
}

BIOMARKERS = _COHORT | {
    "random_splits": Setting(100, "Random splits over which coefficients are compared."),
    "C": Setting(1.0, "Inverse penalty of the L1, L2 and elastic-net models."),
}

_COMPOSITIONS = _COMMON | {
    "table": Setting(None, "Columns A, B[, X] or a formula, and the energy above hull."),
    "holdout": Setting(None, "Table of rows that are never trained on."),
    "holdout_elements": Setting(None, "Elements whose rows are held out of training."),
    "elements": Setting(None, "Element vocabulary, .npy or text.", "elements of the rows"),
    "descriptors": Setting("reference", "Property table: reference, extended or a CSV file."),
    "activation": Setting("relu", "After each hidden layer: relu or tanh."),
    "epochs": Setting(250, "Passes over the training rows."),
    "batch_size": Setting(256, "Rows per step."),
    "device": Setting("auto", "Where networks train: auto, cpu, cuda or mps."),
}

PEROVSKITES = _COMPOSITIONS | {
    "encodings": Setting(
        ("one-hot", "descriptors"), "Encodings: one-hot, descriptors, combined; may repeat."
    ),
    "scale_one_hot": Setting(False, "Standardise one-hot inputs as well."),
    "validation_size": Setting(0.1, "Share of training rows that are watched."),
    "hidden": Setting((256, 256, 256), "Widths of hidden layers."),
    "lr": Setting(1e-3, "Step size of Adam."),
    "weight_decay": Setting(
        None, "Adam's L2 term, as in torch.optim.Adam.", "0.01, or that of the data set's entry"
    ),
    "alpha": Setting(
        None,
        "scikit-learn's L2 term instead: weight decay 2 * alpha / batch size, intercepts free.",
    ),
}

_SEARCH = {
    "search": Setting("grid", "grid: every combination; tpe: the trials Optuna's TPE asks for."),
    "trials": Setting(
        None, "Settings that --search tpe tries, between the ends of each list.", "60"
    ),
    "nested": Setting(False, "Search anew inside each fold, and say how much the choice flatters."),
}

TUNE_BIOMARKERS = (
    _COHORT
    | _SEARCH
    | {
        "C": Setting((0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0), "Inverse penalties to try."),
        "l1_ratio": Setting((1.0, 0.5, 0.0), "Shares of L1 to try: 1 is L1, 0 is L2."),
    }
)

TUNE_PEROVSKITES = (
    _COMPOSITIONS
    | _SEARCH
    | {
        "encoding": Setting("one-hot", "Inputs: one-hot, descriptors or combined."),
        "folds": Setting(5, "Folds of cross-validation."),
        "repeats": Setting(1, "Repeats of cross-validation."),
        "layers": Setting(
            ((512, 256, 128), (256, 128, 64), (128, 64, 32)),
            "Widths of hidden layers to try; may repeat.",
            "512,256,128 256,128,64 128,64,32",
        ),
        "lr": Setting((1e-3, 1e-4, 1e-5), "Step sizes of Adam to try."),
        "weight_decay": Setting((0.01, 0.001, 0.0001), "Adam's L2 terms to try."),
        "stack_holdout": Setting(False, "Train on the holdout as well; it then tests nothing."),
    }
)
