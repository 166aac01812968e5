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
    "tables": Setting(
        None, "One file holding the label; X and y; or the three of Workflow4Metabolomics."
    ),
    "orientation": Setting(None, "Where samples stand: rows or columns.", "told by the file"),
    "positive": Setting(None, "Label of the cases."),
    "groups": Setting(None, "Column of subjects or batches kept on one side of every split."),
    "scale": Setting(None, "Scale: raw, log2, log10, ln, percentile or z.", "guessed"),
    "ignore": Setting((), "Columns to leave out."),
    "folds": Setting(5, "Folds of cross-validation."),
    "repeats": Setting(10, "Repeats of cross-validation."),
    "zeros": Setting(
        "auto",
        "What a zero means: absent (missing), lod (below the limit of detection) or true.",
        "lod for raw abundances, else true",
    ),
    "impute": Setting("median", "Fill of missing cells: median, half-minimum or knn."),
    "missing_indicator": Setting(False, "Add a column per feature with gaps: missing or not."),
    "transform": Setting("auto", "Transform: none or log2.", "log2 for raw abundances, else none"),
    "normalise": Setting("none", "Normalisation of samples: none, sum, median or pqn."),
    "scaling": Setting("auto", "Scaling of features: auto, pareto or none (centred only)."),
    "max_missing": Setting(
        None, "Leave out features missing in more than this share of training rows."
    ),
    "max_qc_rsd": Setting(
        None, "Leave out features whose relative deviation in quality controls exceeds this."
    ),
}

BIOMARKERS = _COHORT | {
    "covariates": Setting((), "Columns of known influences, such as age,sex; a baseline."),
    "batch": Setting(None, "Column of batches, such as plates or days; a baseline."),
    "random_splits": Setting(100, "Random splits over which coefficients are compared."),
    "C": Setting(1.0, "Inverse penalty of the L1, L2 and elastic-net models."),
    "permutations": Setting(
        1000, "Permutations of the labels for the p-value of the L1 model; 0 leaves it out."
    ),
    "permute_all": Setting(False, "Permute the labels for the forest too (200 times)."),
    "pairs": Setting(
        50, "Complementary pairs of half-samples for the panel; 0 leaves the panel out."
    ),
    "panel_q": Setting(
        None, "Features that enter first on each half-sample and count.", "from threshold and PFER"
    ),
    "panel_threshold": Setting(
        None, "Share of half-samples from which a feature is in the panel.", "0.75"
    ),
    "pfer": Setting(None, "Bound on the panel's features that are seldom selected.", "1"),
    "threshold": Setting(
        "youden",
        "Where a score calls a case: youden, sensitivity=0.9, specificity=0.9 or cost=5 (a missed "
        "case costs five false alarms).",
    ),
    "shap_forest": Setting(
        False, "SHAP values of the forest too; needs the package of `foldwise[shap]`."
    ),
    "prevalence": Setting(
        None, "Share of cases among those who would be tested; without it no predictive values."
    ),
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
        "nested": Setting(
            True,
            "Search anew inside each fold, and say how much the choice flatters.",
            "yes, for a grid",
        ),
        "permute_all": Setting(
            False, "p-value of the whole search: 200 permutations, the grid anew in each."
        ),
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
