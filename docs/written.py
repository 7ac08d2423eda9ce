"""What the scripts that write a page of the docs from the code share: writing it, or comparing it."""

from __future__ import annotations

from pathlib import Path

import click


def write_or_compare(target: Path, page: str, origin: str, arguments: list[str]) -> int:
    """Write `page` to `target`, or with `--check` only compare them; the exit status.

    Args:
        target: a file of the docs.
        page: what it should hold.
        origin: what tells that, for the sentence about another page.
        arguments: of the command line.
    """
    if arguments == ["--check"]:
        if target.exists() and target.read_text(encoding="utf-8") == page:
            return 0
        click.echo(f"docs/{target.name} is not what {origin}; run `make docs` and commit it.", err=True)
        return 1
    if arguments:
        click.echo(f"Expected --check or nothing. Received: {' '.join(arguments)}.", err=True)
        return 2
    target.write_text(page, encoding="utf-8")
    return 0
