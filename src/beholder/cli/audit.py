"""beholder audit DATA: a doctor for a data set."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from beholder.cli.console import print_json, print_notes
from beholder.cli.options import (
    colour_option,
    data_argument,
    json_option,
    mirror_option,
    reading_options,
    seed_option,
)
from beholder.cli.screen import screen
from beholder.cli.values import Duration

if TYPE_CHECKING:
    from beholder.api.audit_result import AuditResult
    from beholder.data.checks.findings import Finding
    from beholder.data.images.colour import Colour

_WORST = 3  # findings of a kind that the terminal shows


@click.command(short_help="Find what is wrong with a data set, before training.")
@data_argument
@click.option(
    "--budget",
    type=Duration(),
    help="Time from now to the written page: 90s, 5m, 1h. A small data set takes less.  [default: 10m]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The AUDIT folder to make.  [default: runs/DATA-audit-TIME]",
)
@click.option(
    "--corrections",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Earlier decisions, lines of path,action,label: the data are audited as they have them.",
)
@mirror_option
@seed_option
@colour_option
@reading_options
@json_option
def audit(
    data: str,
    budget: float | None,
    out: Path | None,
    corrections: Path | None,
    seed: int,
    labels: Literal["fine", "coarse"] | None,
    cache: Path | None,
    colour: Colour,
    mirror: bool | None,
    as_json: bool,
) -> None:
    """Look for what is wrong with DATA: duplicates, doubtful labels, images that are faulty or unlike all others.

    DATA is only read. What was found goes into an AUDIT folder: gallery.html, to look at and decide in, findings.csv
    and findings.json. `train --corrections` obeys the decisions. The exit status is 0 whatever is found.
    """
    from beholder.api.audit import audit as examine

    with screen() as shown:
        result = examine(
            data,
            out=out,
            budget=budget,
            seed=seed,
            corrections=corrections,
            labels=labels or "fine",
            cache=cache,
            colour=colour,
            mirror=mirror,
            progress=shown.tell,
        )
    if as_json:
        print_json(result.to_json())
    else:
        _print_findings(result)


def _print_findings(result: AuditResult) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from beholder.report.finding_words import KINDS

    table = Table("found", "", "for example", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for kind, words in KINDS.items():
        found = [one for one in result.findings if one.kind == kind]
        if found:
            worst = "\n".join(_line(one) for one in found[:_WORST])
            table.add_row(words.title, f"{len(found):,}", Text(worst))
    # A table that is cut to the width of a pipe would lose names; a terminal wraps instead.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    if result.findings:
        console.print(table)
    count = sum(result.images.values())
    click.echo(
        f"{len(result.findings):,} findings in {count:,} images after {result.seconds:.0f} s; nothing was changed."
    )
    print_notes(result.notes)
    click.echo(f"Gallery: {result.out / 'gallery.html'}  Decide: beholder serve {shlex.quote(str(result.out))}")


def _line(finding: Finding) -> str:
    """One finding in one line."""
    if not finding.paths:
        return finding.sentence
    if finding.kind == "wrong_label":
        return f"{finding.paths[0]}: labelled {finding.labels[0]}, looks like {finding.suggestion}"
    if len(finding.paths) == 1:
        return finding.paths[0]
    named = [f"{path} ({set_name})" for path, set_name in zip(finding.paths, finding.sets, strict=True)]
    more = f" and {len(named) - _WORST} more" if len(named) > _WORST else ""
    return " = ".join(named[:_WORST]) + more
