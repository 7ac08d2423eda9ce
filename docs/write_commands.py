"""Writes `docs/commands.md`, the command-line reference, from the program's own `--help`.

usage: python docs/write_commands.py [--check]     (`make docs` writes, `make lint` checks)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from written import write_or_compare

from beholder.cli import beholder

TARGET = Path(__file__).resolve().with_name("commands.md")
WIDTH = 100  # columns, whatever the terminal is like: the file must not depend on who writes it

HEAD = """# The command line

Every command, as `beholder COMMAND --help` prints it. This page is made by `make docs`; do not edit it by hand.
"""


def reference() -> str:
    """The whole page, as Markdown."""
    sections = [f"## `{title}`\n\n```text\n{text}\n```\n" for title, text in _helps(beholder, None, "beholder")]
    return "\n".join([HEAD, *sections])


def _helps(command: click.Command, parent: click.Context | None, name: str) -> Iterator[tuple[str, str]]:
    """Path and help of `command`, then of each command below it, in the order that `--help` lists them."""
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, parent=parent, info_name=name, **settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _helps(command.commands[below], context, below)


if __name__ == "__main__":
    sys.exit(write_or_compare(TARGET, reference(), "--help says now", sys.argv[1:]))
