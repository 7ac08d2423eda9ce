"""What the person sees: answers on standard output, all else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beholder.schema import SCHEMA

if TYPE_CHECKING:
    from rich.console import Console


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def error_console() -> Console:
    """A console on standard error that prints what it is told as it is: names hold brackets and colons."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False)


def print_notes(notes: Iterable[str]) -> None:
    """Say on standard error, once each, what a person should know about their data."""
    console = error_console()
    for note in dict.fromkeys(notes):
        console.print(f"Note: {note}", style="yellow", soft_wrap=True)


def percent(share: float) -> str:
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
