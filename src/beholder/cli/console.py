"""What the person sees: answers on standard output, all else, and the bars of long work, on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from beholder.cli.streams import is_utf8
from beholder.schema import SCHEMA

if TYPE_CHECKING:
    from rich.console import Console


def json_text(document: Any, stream: TextIO, *, indent: int | None = None) -> str:
    """`document` as JSON that `stream` can carry: where that is not UTF-8, in ASCII."""
    return json.dumps(document, indent=indent, ensure_ascii=not is_utf8(stream), allow_nan=False)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    click.echo(json_text(document, sys.stdout, indent=2))


def say(line: str, *, err: bool = False) -> None:
    """Print one line on standard output, or on standard error: a terminal gets it broken between words, else whole."""
    if (sys.stderr if err else sys.stdout).isatty():
        (error_console() if err else output_console()).print(line)
    else:
        click.echo(line, err=err)


def output_console(width: int | None = None) -> Console:
    """A console on standard output that prints what it is told as it is, as wide as the terminal or as `width` says."""
    from rich.console import Console

    # Without a height rich takes 80 columns where TERM is dumb.
    height = None if width is None else 100
    return Console(file=sys.stdout, width=width, height=height, highlight=False, markup=False, emoji=False)


def error_console() -> Console:
    """A console on standard error that prints what it is told as it is: names hold brackets and colons."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False)


def print_notes(notes: Iterable[str]) -> None:
    """Say on standard error, once each, what a person should know about their data."""
    console = error_console()
    for note in dict.fromkeys(notes):
        console.print(f"Note: {note}", style="yellow", soft_wrap=not console.is_terminal)


def address_teller(doing: str, run: Path, *, as_json: bool) -> Callable[[str], None]:
    """What tells the address of a page once it is served: `doing` (Serving, Watching) the `run`."""

    def tell(address: str) -> None:
        if as_json:
            print_json({"schema": SCHEMA, "address": address, "process": os.getpid()})
        else:
            say(f"{doing} {str(run)!r} at {address} (Ctrl+C ends it)")

    return tell


class Screen:
    """Prints lines above the bars of what is being done just now.

    A terminal has one cursor: two displays that move it write over each other. So whatever a command shows on standard
    error while it works goes through its one screen. Where nobody looks there are lines and no bars.
    """

    def __init__(self, bars_wanted: bool = True) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        columns = (
            SpinnerColumn("dots" if is_utf8(sys.stderr) else "line"),
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
