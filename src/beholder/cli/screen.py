"""Standard error as a person sees it: lines that stay, and under them bars that go; one object owns both."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from beholder.cli.console import error_console


class Screen:
    """Prints lines above the bars of what is being done just now.

    A terminal has one cursor: two displays that move it write over each other. So whatever a command shows on standard
    error while it works goes through its one screen. Where nobody looks there are lines and no bars.
    """

    def __init__(self, bars_wanted: bool = True) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}", markup=False),
        )
        self.console = error_console()
        self.shows_bars = bars_wanted and sys.stderr.isatty()
        # What goes to standard output is an answer, and may go into a file.
        how: dict[str, Any] = {"transient": True, "disable": not self.shows_bars, "redirect_stdout": False}
        self.bars = Progress(*columns, console=self.console, **how)
        self._tasks: dict[str, Any] = {}

    def say(self, line: str, *, style: str | None = None) -> None:
        """Print one line that stays; a terminal wraps it between words, a file has it whole."""
        self.console.print(line, style=style, soft_wrap=not self.console.is_terminal)

    def begin(self, description: str, total: float | None = None) -> Any:
        """Show a bar, and return what `update` and `end` know it by."""
        self.bars.start()
        return self.bars.add_task(description, total=total, state="")

    def update(self, task: Any, **changes: Any) -> None:
        """Change a bar's `description`, `completed`, `total` or `state`."""
        self.bars.update(task, **changes)

    def end(self, task: Any) -> None:
        """Take a bar away."""
        self.bars.remove_task(task)

    def tell(self, task: str, done: int, total: int, /) -> None:
        """Show how far a task is, as `beholder.data.progress.Progress`; its bar goes when it is done."""
        if done >= total:
            if task in self._tasks:
                self.end(self._tasks.pop(task))
            return
        if task not in self._tasks:
            self._tasks[task] = self.begin(task)
        self.update(self._tasks[task], completed=done, total=total, state=f"{done:,} of {total:,}")


@contextmanager
def screen(bars_wanted: bool = True) -> Iterator[Screen]:
    """The screen of a command, whose bars are gone at its end, however it ends."""
    shown = Screen(bars_wanted)
    try:
        yield shown
    finally:
        shown.bars.stop()
