"""A progress bar on stderr that shows the study's steps and the fits inside them."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["RichWatcher"]


class RichWatcher:
    """Shows steps and fits as they finish; silent where stderr is no terminal.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to; stderr when None.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[remark]}"),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None
        self._n_fits = self._n_done = 0

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
        self._task = self._bar.add_task(label, total=None, count="", remark="")

    def begin(self, label: str, n_fits: int, effort: float) -> None:
        """Show how many fits the plan has; the bar and the time left go by their effort."""
        self._n_fits, self._n_done = n_fits, 0
        if self._task is not None:
            self._bar.update(
                self._task, total=effort, completed=0, description=label, count=self._count()
            )

    def advance(self, n_fits: int, effort: float) -> None:
        """Count finished fits."""
        self._n_done += n_fits
        if self._task is not None:
            self._bar.update(self._task, advance=effort, count=self._count())

    def say(self, text: str) -> None:
        """Show what is found so far."""
        if self._task is not None:
            self._bar.update(self._task, remark=text)

    def announce(self, text: str) -> None:
        """Print a line that stays."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _count(self) -> str:
        return f"{self._n_done:,}/{self._n_fits:,} fits"
