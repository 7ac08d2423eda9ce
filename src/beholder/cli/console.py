"""What the person sees: answers on standard output, all else, and the bars of long work, on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beholder.schema import SCHEMA

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(table: Table) -> None:
    """Print a table on standard output: a terminal wraps it, and a pipe gets it wide, since what is cut is lost."""
    from rich.console import Console

    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)


def error_console() -> Console:
    """A console on standard error that prints what it is told as it is: names hold brackets and colons."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False)


def print_notes(notes: Iterable[str]) -> None:
    """Say on standard error, once each, what a person should know about their data."""
    console = error_console()
    for note in dict.fromkeys(notes):
        console.print(f"Note: {note}", style="yellow", soft_wrap=True)


def as_percent(share: float) -> str:
    """0.8731 as 87.3 %."""
    return f"{share * 100:.1f} %"


def address_teller(doing: str, run: Path, *, as_json: bool) -> Callable[[str], None]:
    """What tells the address of a page once it is served: `doing` (Serving, Watching) the `run`."""

    def tell(address: str) -> None:
        if as_json:
            print_json({"schema": SCHEMA, "address": address, "process": os.getpid()})
        else:
            click.echo(f"{doing} {str(run)!r} at {address} (Ctrl+C ends it)")

    return tell


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
