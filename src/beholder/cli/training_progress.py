"""A training run as the person at the terminal asked to see it: with a bar, as lines of JSON, or not at all."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from beholder.cli.console import Screen, json_text
from beholder.sessions.training_display import TrainingDisplay

if TYPE_CHECKING:
    from beholder.runs.events import Event, Listener


def listener_on(shown: Screen, kind: str) -> Listener:
    """A listener that shows events on standard error as `kind` says: `bar`, `json` or `none`."""
    if kind == "json":
        return _print_line
    return (lambda _event: None) if kind == "none" else TrainingDisplay(shown).hear


def _print_line(event: Event) -> None:
    click.echo(json_text(event, sys.stderr), err=True)
