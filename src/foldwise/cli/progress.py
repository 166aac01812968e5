"""A progress bar on stderr that shows the study's steps and the fits inside them."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["RichWatcher"]


class RichWatcher:
    """Shows steps and fits as they finish; silent where stderr is no terminal."""

    def __init__(self) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._bar.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar.live.is_started:  # stopping a silent bar would print an empty line
            self._bar.stop()

    def step(self, label: str) -> None:
        """Show the next step."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(label, total=None)

    def begin(self, label: str, total: int) -> None:
        """Show how many fits the step has."""
        if self._task is not None:
            self._bar.update(self._task, description=label, total=total, completed=0)

    def advance(self, n_fits: int) -> None:
        """Count finished fits."""
        if self._task is not None:
            self._bar.advance(self._task, n_fits)
