"""Everything the reference problem set asks to show, print, plot, comment or report.

One entry per demand: its row, what is demanded in short, and where the answer stands.
A place is ``kind:key``: a fact, table, figure or answer of that row's section, or a
metric ``metric:name/model/split`` of the result.
"""

from dataclasses import dataclass

__all__ = ["BIOMARKER_QUESTIONS", "PEROVSKITE_QUESTIONS", "ReferenceQuestion"]


@dataclass(frozen=True)
class ReferenceQuestion:
    """One demand of the reference and the places that answer it."""

    row: str
    demand: str
    places: tuple[str, ...]

    @property
    def word_id(self) -> str:
        """Name of the test case."""
        return f"{self.row} {self.demand}".replace(" ", "-")


def _both(name: str, model: str, *splits: str) -> tuple[str, ...]:
    return tuple(f"metric:{name}/{model}/{split}" for split in splits)


BIOMARKER_QUESTIONS = (
    ReferenceQuestion("1.1", "report how many examples", ("fact:X_shape", "answer:1.1-shape")),
    ReferenceQuestion("1.1", "report the number of features", ("fact:X_shape",)),
    ReferenceQuestion(
        "1.2",
        "print the shapes of the four arrays",
        ("fact:X_train_shape", "fact:X_test_shape", "fact:y_train_shape", "fact:y_test_shape"),
    ),
    ReferenceQuestion("1.2", "check that the shapes match", ("answer:1.2-shapes",)),
    ReferenceQuestion(
        "1.3",
        "print mean and variance of each scaled feature",
        ("table:scaling", "figure:scaling", "fact:mean_train", "fact:var_train"),
    ),
    ReferenceQuestion(
        "1.3", "apply the scaler to the test rows", ("fact:mean_test", "fact:var_test")
    ),
    ReferenceQuestion("1.3", "why only on training rows", ("answer:1.3-training-rows-only",)),
    ReferenceQuestion(
        "1.4",
        "report the AUC on training and test rows",
        (*_both("roc_auc", "logistic-none", "train", "test"), "fact:auc_train", "fact:auc_test"),
    ),
    ReferenceQuestion(
        "1.4", "plot confusion matrices for both", ("figure:confusion_logistic-none",)
    ),
    ReferenceQuestion("1.4", "plot the ROC curve for both", ("figure:roc_logistic-none",)),
    ReferenceQuestion("1.4", "plot the PR curve for both", ("figure:pr_logistic-none",)),
    ReferenceQuestion(
        "1.4",
        "plot a histogram of the coefficients",
        ("figure:coefficients_logistic-none", "answer:1.4-coefficients"),
    ),
    ReferenceQuestion(
        "1.5", "print the AUC with L1 for both", _both("roc_auc", "logistic-l1", "train", "test")
    ),
    ReferenceQuestion("1.5", "plot the ROC curve with L1", ("figure:roc_logistic-l1",)),
    ReferenceQuestion(
        "1.5", "plot the confusion matrix with L1", ("figure:confusion_logistic-l1",)
    ),
    ReferenceQuestion(
        "1.5",
        "histograms of both models beside each other",
        ("figure:coefficients_compared", "table:coefficients"),
    ),
    ReferenceQuestion("1.5", "comment on the differences", ("answer:1.5-zeros",)),
    ReferenceQuestion(
        "1.5",
        "the geometric interpretation of L1",
        ("answer:1.5-geometry", "figure:l1_geometry"),
    ),
    ReferenceQuestion(
        "1.6",
        "top five of the model without penalty",
        ("answer:1.6-top-five-logistic-none", "table:top_features"),
    ),
    ReferenceQuestion(
        "1.6",
        "are they consistent over random splits",
        ("figure:top_features_logistic-none", "figure:top_features_logistic-l1"),
    ),
    ReferenceQuestion(
        "1.7",
        "mean and spread of logistic regression",
        (*_both("roc_auc", "logistic-none", "cv"), "table:cv_summary", "answer:1.7-cv"),
    ),
    ReferenceQuestion(
        "1.7",
        "mean and spread of the forest on the same folds",
        (*_both("roc_auc", "forest", "cv"), "table:cv_folds", "figure:cv_aucs"),
    ),
)

TUNING_QUESTIONS = (
    ReferenceQuestion(
        "2.11",
        "exhaustive grid search with 5-fold cross-validation",
        ("table:search", "figure:search_settings", "answer:2.11-grid", "fact:best"),
    ),
    ReferenceQuestion(
        "2.11",
        "train with all the training data and report on the test data used previously",
        (
            *_both("r2", "mlp-tuned", "test"),
            "fact:r2_test",
            "fact:mae_test",
            "figure:parity_one-hot",
        ),
    ),
    ReferenceQuestion(
        "2.11",
        "have you seen any improvement",
        ("answer:2.11-improvement", "table:attribution", "figure:attribution"),
    ),
)

PEROVSKITE_QUESTIONS = (
    ReferenceQuestion(
        "2.1",
        "arrays X and y from the vocabulary",
        ("fact:X_shape_one-hot", "fact:y_shape", "table:one_hot_example", "answer:2.1-encoding"),
    ),
    ReferenceQuestion("2.1", "inspect the rows", ("figure:target_histogram", "table:elements")),
    ReferenceQuestion("2.1", "split 80 to 20", ("fact:n_train", "fact:n_test")),
    ReferenceQuestion("2.2", "show the device", ("fact:device", "answer:2.2-device")),
    ReferenceQuestion("2.2", "move a tensor there and back", ("fact:sent", "fact:returned")),
    ReferenceQuestion(
        "2.3",
        "shape of each batch and number of batches",
        ("table:batches", "answer:2.3-batches"),
    ),
    ReferenceQuestion(
        "2.4", "the network", ("table:layers", "fact:n_parameters_one-hot", "answer:2.4-network")
    ),
    ReferenceQuestion("2.5", "the training loop", ("table:hyperparameters", "answer:2.5-loop")),
    ReferenceQuestion("2.5", "the L2 term", ("answer:2.5-weight-decay",)),
    ReferenceQuestion("2.6", "plot both losses in one graph", ("figure:loss_curve_one-hot",)),
    ReferenceQuestion(
        "2.6",
        "report test R2",
        (*_both("r2", "mlp", "test"), "fact:r2_test", "fact:mae_test", "fact:rmse_test"),
    ),
    ReferenceQuestion("2.6", "scatter for train and test", ("figure:parity_one-hot",)),
    ReferenceQuestion(
        "2.6", "the meaning of the hidden layer sizes", ("answer:2.6-hidden-layers",)
    ),
    ReferenceQuestion(
        "2.6", "hyperparameters against learned parameters", ("answer:2.6-hyperparameters",)
    ),
    ReferenceQuestion("2.7", "compute the model size", ("answer:2.7-count-one-hot",)),
    ReferenceQuestion(
        "2.8", "R2 on the holdout", (*_both("r2", "mlp", "holdout"), "fact:r2_holdout")
    ),
    ReferenceQuestion("2.8", "scatter on the holdout", ("figure:parity_holdout_one-hot",)),
    ReferenceQuestion(
        "2.8", "does it generalise and why not", ("answer:2.8-transfer", "answer:2.8-why")
    ),
    ReferenceQuestion(
        "2.9",
        "scaled descriptors and scatter for train and test",
        ("table:descriptor_scaling", "figure:parity_descriptors", "figure:loss_curve_descriptors"),
    ),
    ReferenceQuestion("2.9", "same hyperparameters", ("answer:2.9-descriptors",)),
    ReferenceQuestion(
        "2.10",
        "R2 and scatter on the holdout",
        ("fact:r2_holdout", "figure:parity_holdout_descriptors", "table:holdout_elements"),
    ),
    ReferenceQuestion(
        "2.10",
        "has it improved and why",
        ("answer:2.10-descriptors", "answer:2.10-elements-descriptors"),
    ),
)
