"""Pieces of a study's result: sections, facts, answers, tables, and timed steps."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from foldwise.arrays import Design
from foldwise.errors import DivergedFitError
from foldwise.evaluation.questions import (
    Answer,
    BlockStore,
    Progress,
    Question,
    Remark,
    run_question,
)
from foldwise.fits.batch import Learner
from foldwise.reporting.summary import NamedTable, Summary, TableColumn
from foldwise.studies.model import Model

__all__ = ["Fact", "Section", "StudyResult", "Watch", "Watcher", "named_table"]


@dataclass(frozen=True)
class Fact:
    """One labelled value of a section; ``digits`` are the decimals a page shows."""

    key: str
    label: str
    value: str | int | float
    unit: str = ""
    digits: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the entry of a section's ``facts``."""
        return asdict(self)


@dataclass
class Section:
    """One row of a study: what was asked, and everything that answers it."""

    row: str
    title: str
    lead: str = ""
    facts: list[Fact] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    answers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, key: str, question: str, answer: str) -> None:
        """Add a question and its answer in words."""
        self.answers.append({"key": key, "question": question, "answer": answer})

    def as_dict(self) -> dict[str, Any]:
        """Return the entry of ``result.sections``."""
        return {**vars(self), "facts": [fact.as_dict() for fact in self.facts]}


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study hands to the run that called it."""

    summary: Summary
    model: Model
    predictions: pd.DataFrame
    splits: pd.DataFrame


class Watcher(Progress, Protocol):
    """Progress of a whole study: its steps, and the fits inside them."""

    def step(self, label: str) -> None:
        """A step of the study starts."""
        ...


class Watch:
    """Times the steps of a study and passes progress and storage on.

    Parameters
    ----------
    watcher : Watcher, optional
        Told of steps and fits.
    store : BlockStore, optional
        Keeps finished fits.
    trials : Path, optional
        File that keeps the trials of a search.
    """

    def __init__(
        self,
        watcher: Watcher | None = None,
        store: BlockStore | None = None,
        trials: Path | None = None,
    ) -> None:
        self.watcher = watcher
        self.store = store
        self.trials = trials
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """Time one step under its label."""
        if self.watcher is not None:
            self.watcher.step(label)
        start = time.perf_counter()
        yield
        self.seconds[label] = round(time.perf_counter() - start, 3)

    def ask(
        self,
        label: str,
        question: Question[Answer],
        learner: Learner,
        X: Design,
        *,
        keep: Sequence[str] = ("scores",),
        remark: Remark | None = None,
    ) -> Answer:
        """Run one question as a timed step, with this study's progress and store."""
        with self.step(label):
            try:
                return run_question(
                    question,
                    learner,
                    X,
                    label=label,
                    keep=keep,
                    progress=self.watcher,
                    store=self.store,
                    remark=remark,
                )
            except DivergedFitError as error:
                raise DivergedFitError(f"{label}: {error}") from error


# Every column of every table is declared here once: label, unit, digits.
_COLUMNS: dict[str, tuple[str, str, int | None]] = {
    "id": ("Id", "", None),
    "feature": ("Feature", "", None),
    "label": ("Label", "", None),
    "part": ("Part", "", None),
    "model": ("Model", "", None),
    "encoding": ("Encoding", "", None),
    "split": ("Split", "", None),
    "score": ("Score", "probability", 3),
    "threshold": ("Threshold", "", 3),
    "false_positive_rate": ("False positive rate", "", 3),
    "true_positive_rate": ("True positive rate", "", 3),
    "recall": ("Recall", "", 3),
    "precision": ("Precision", "", 3),
    "actual": ("Actual", "", None),
    "predicted": ("Predicted", "", None),
    "n": ("n", "", 0),
    "mean_train_raw": ("Mean, train, as read", "", 3),
    "var_train_raw": ("Variance, train, as read", "", 3),
    "mean_train": ("Mean, train, scaled", "", 3),
    "var_train": ("Variance, train, scaled", "", 3),
    "mean_test": ("Mean, test, scaled", "", 3),
    "var_test": ("Variance, test, scaled", "", 3),
    "coefficient": ("Coefficient", "log-odds per sd", 3),
    "n_features": ("Features", "", 0),
    "n_zero": ("Exact zeros", "", 0),
    "share_zero": ("Share of exact zeros", "", 3),
    "norm": ("Norm of the coefficients", "", 2),
    "largest": ("Largest coefficient", "log-odds per sd", 2),
    "w1": ("Coefficient of feature 1", "log-odds per sd", 4),
    "w2": ("Coefficient of feature 2", "log-odds per sd", 4),
    "loss": ("Mean logistic loss", "", 4),
    "kind": ("Kind", "", None),
    "radius": ("Radius of the ball", "", 4),
    "rank": ("Rank", "", 0),
    "top5_share": ("Among the top five in", "share of splits", 2),
    "univariate_auc": ("AUC of the column alone", "", 3),
    "train_auc": ("AUC, train", "", 3),
    "test_auc": ("AUC, test", "", 3),
    "repeat": ("Repeat", "", 0),
    "fold": ("Fold", "", 0),
    "auc": ("AUC", "", 3),
    "n_cases": ("Cases", "", 0),
    "n_controls": ("Controls", "", 0),
    "mean": ("Mean AUC", "", 3),
    "spread": ("Spread of folds (sd)", "", 3),
    "low": ("95 % from", "", 3),
    "high": ("to", "", 3),
    "n_folds": ("Folds", "", 0),
    "element": ("Element", "", None),
    "n_a": ("Rows with it on A", "", 0),
    "n_b": ("Rows with it on B", "", 0),
    "n_a_holdout": ("Holdout rows, A", "", 0),
    "n_b_holdout": ("Holdout rows, B", "", 0),
    "site": ("Site", "", None),
    "position": ("Position of the 1", "", 0),
    "fraction": ("Value", "", 3),
    "formula": ("Formula", "", None),
    "target": ("Target", "eV/atom", 4),
    "prediction": ("Prediction", "eV/atom", 4),
    "epoch": ("Epoch", "", 0),
    "train": ("Training loss", "(eV/atom)²", 5),
    "validation": ("Validation loss", "(eV/atom)²", 5),
    "layer": ("Layer", "", None),
    "weight_shape": ("Shape of weights", "", None),
    "intercept_shape": ("Shape of intercepts", "", None),
    "n_parameters": ("Parameters", "", 0),
    "n_rows": ("Rows", "", 0),
    "n_batches": ("Batches", "", 0),
    "first_batch": ("First batch X, y", "", None),
    "last_batch": ("Last batch X, y", "", None),
    "name": ("Name", "", None),
    "value": ("Value", "", None),
    "meaning": ("Meaning", "", None),
    "mae": ("MAE", "eV/atom", 3),
    "mae_low": ("95 % from", "eV/atom", 3),
    "mae_high": ("to", "eV/atom", 3),
    "r2": ("R²", "", 3),
    "rmse": ("RMSE", "eV/atom", 3),
    "bias": ("Mean error", "eV/atom", 3),
    "mae_mean_predictor": ("MAE of the training mean", "eV/atom", 3),
    "trial": ("Trial", "", 0),
    "setting": ("Setting", "", None),
    "layers": ("Hidden layers", "", None),
    "lr": ("Step size lr", "", None),
    "weight_decay": ("Weight decay", "", None),
    "C": ("C", "", None),
    "l1_ratio": ("Share of L1", "", None),
    "cv_mean": ("Mean over folds", "", 3),
    "cv_sd": ("Spread of folds (sd)", "", 3),
    "cv_value": ("Within the fold", "", 3),
    "behind": ("Behind the best", "", 3),
    "behind_low": ("95 % from", "", 3),
    "behind_high": ("to", "", 3),
    "inner": ("Mean over inner folds", "", 3),
    "outer": ("On the fold itself", "", 3),
    "optimism": ("Difference", "", 3),
    "step": ("Step", "", None),
    "n_train": ("Training rows", "", 0),
    "reached": ("On test rows", "", 3),
    "reached_low": ("95 % from", "", 3),
    "reached_high": ("to", "", 3),
    "seed_sd": ("Spread of seeds (sd)", "", 3),
    "gain": ("Gain", "", 3),
    "gain_low": ("95 % from", "", 3),
    "gain_high": ("to", "", 3),
    "says": ("Says", "", None),
}


def named_table(name: str, title: str, columns: Mapping[str, Any] | pd.DataFrame) -> NamedTable:
    """Return a table of the Summary; its columns must be declared in this module."""
    frame = columns if isinstance(columns, pd.DataFrame) else pd.DataFrame(dict(columns))
    declared = tuple(TableColumn(key, *_COLUMNS[key]) for key in frame.columns)
    return NamedTable(name, title, declared, frame)
