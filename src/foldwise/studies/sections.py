"""Pieces of a study's result: sections, facts, answers, tables, and timed steps."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from foldwise.arrays import Design
from foldwise.audit.findings import Finding
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
from foldwise.studies.columns import COLUMNS
from foldwise.studies.model import Model

__all__ = ["Fact", "Section", "StudyResult", "Watch", "Watcher", "named_table"]

ANNOUNCED = {"stops": "Stops the claim", "weakens": "Weakens the claim"}
"""Severities that are said before anything is fitted."""


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

    def announce(self, text: str) -> None:
        """Show a line that stays, such as a finding of the audit."""
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

    def announce(self, findings: Sequence[Finding]) -> None:
        """Say what was found before anything is fitted, the gravest first."""
        if self.watcher is not None:
            for finding in findings:
                if finding.severity in ANNOUNCED:
                    label = ANNOUNCED[finding.severity]
                    self.watcher.announce(f"{label}: {finding.message} {finding.remedy}")

    def ask(
        self,
        label: str,
        question: Question[Answer],
        learner: Learner,
        X: Design,
        *,
        keep: Sequence[str] = ("scores",),
        remark: Remark | None = None,
        stored: bool = True,
    ) -> Answer:
        """Run one question as a timed step, with this study's progress and store.

        What a block cannot hold, such as fitted estimators, must not be ``stored``.
        """
        with self.step(label):
            try:
                return run_question(
                    question,
                    learner,
                    X,
                    label=label,
                    keep=keep,
                    progress=self.watcher,
                    store=self.store if stored else None,
                    remark=remark,
                )
            except DivergedFitError as error:
                raise DivergedFitError(f"{label}: {error}") from error


def named_table(name: str, title: str, columns: Mapping[str, Any] | pd.DataFrame) -> NamedTable:
    """Return a table of the Summary; its columns must be declared in `COLUMNS`."""
    frame = columns if isinstance(columns, pd.DataFrame) else pd.DataFrame(dict(columns))
    declared = tuple(TableColumn(key, *COLUMNS[key]) for key in frame.columns)
    return NamedTable(name, title, declared, frame)
