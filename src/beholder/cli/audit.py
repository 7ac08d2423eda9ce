"""beholder audit DATA: a doctor for a data set."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Literal

import click

from beholder.cli.console import print_json, print_notes, say, screen
from beholder.cli.options import (
    colour_option,
    corrections_option,
    data_argument,
    fit_option,
    json_option,
    mirror_option,
    reading_options,
    seconds_option,
    seed_option,
)
from beholder.cli.tables import print_table
from beholder.cli.values import PATH, Duration
from beholder.runs.audit_folder import AuditFolder
from beholder.training.limits import DEFAULT_BUDGET

if TYPE_CHECKING:
    from beholder.api.audit_result import AuditResult
    from beholder.data.checks.findings import Finding

_WORST = 3  # findings of a kind that the terminal shows


@click.command(short_help="Find what is wrong with a data set, before training.")
@data_argument
@click.option(
    "--budget",
    type=Duration(),
    help="Time from now to the written page: 90s, 5m, 1h. A small data set takes less.  "
    f"[default: {DEFAULT_BUDGET / 60:g}m]",
)
@click.option("--out", type=PATH, help="The AUDIT folder to make.  [default: runs/DATA-audit-TIME]")
@corrections_option
@mirror_option
@seed_option
@colour_option
@fit_option
@seconds_option
@reading_options
@json_option
def audit(data: str, labels: Literal["fine", "coarse"] | None, as_json: bool, **given: Any) -> None:
    """Look for what is wrong with DATA: duplicates, doubtful labels, faulty images, and images unlike all others.

    Of sounds those that are silent, clipped, very short, of another rate or full of mains hum.

    DATA is only read. The findings go into an AUDIT folder: gallery.html, to look at and decide in, findings.csv and
    findings.json. `train --corrections` applies your decisions. The exit status is 0 whatever is found.
    """
    from beholder.api.audit import audit as examine

    with screen() as shown:
        result = examine(data, labels=labels or "fine", progress=shown.tell, **given)
    if as_json:
        print_json(result.to_dict())
    else:
        _print_findings(result)


def _print_findings(result: AuditResult) -> None:
    from rich.table import Table
    from rich.text import Text

    from beholder.data.kinds import named
    from beholder.report.finding_words import KINDS, words_of

    table = Table("found", "", "for example", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for kind in KINDS:
        found = [one for one in result.findings if one.kind == kind]
        if found:
            worst = "\n".join(_line(one) for one in found[:_WORST])
            table.add_row(words_of(kind, result.kind).title, f"{len(found):,}", Text(worst))
    if result.findings:
        print_table(table)
    count = named(result.kind).count(sum(result.images.values()))
    say(f"{len(result.findings):,} findings in {count} after {result.seconds:.0f} s; nothing was changed.")
    print_notes(result.notes)
    say(f"Gallery: {AuditFolder(result.out).gallery_file}  Decide: beholder serve {shlex.quote(str(result.out))}")


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
