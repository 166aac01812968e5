"""The progress bar shows fits, time left by their effort, and the best so far."""

import io
import re

from rich.console import Console

from foldwise.cli.progress import RichWatcher


def test_a_terminal_sees_fits_effort_and_remarks() -> None:
    seen = io.StringIO()
    console = Console(file=seen, force_terminal=True, width=150)
    with RichWatcher(console) as watcher:
        watcher.step("reading")
        watcher.step("grid of 2 settings")
        watcher.begin("grid of 2 settings", 10, 100.0)
        watcher.advance(2, 80.0)
        watcher.say("best so far R² 0.750: 256, lr 0.001")
        watcher._bar.refresh()
        task = watcher._bar.tasks[-1]
        assert task.percentage == 80.0  # by effort: 2 of 10 fits were the dear ones
        watcher.begin("refit", 3, 3.0)  # a second plan of the same step
        assert watcher._bar.tasks[-1].percentage == 0.0
        watcher.advance(3, 3.0)
        watcher._bar.refresh()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.getvalue())
    assert "2/10 fits" in text
    assert "best so far R² 0.750: 256, lr 0.001" in text
    assert "3/3 fits" in text


def test_a_pipe_sees_nothing() -> None:
    seen = io.StringIO()
    with RichWatcher(Console(file=seen, force_terminal=False)) as watcher:
        watcher.step("reading")
        watcher.begin("fits", 2, 2.0)
        watcher.advance(2, 2.0)
        watcher.say("best")
    assert seen.getvalue() == ""
