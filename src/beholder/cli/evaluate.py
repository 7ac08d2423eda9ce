"""beholder evaluate RUN: the test part, opened once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from beholder.cli.console import percent, print_json, reading_progress
from beholder.cli.options import exact_option, json_option, reading_options, run_argument


@click.command(short_help="Judge a RUN on the test part, opened once.")
@run_argument()
@click.argument("data", required=False)
@reading_options
@exact_option
@json_option
def evaluate(
    run: Path,
    data: str | None,
    labels: Literal["fine", "coarse"] | None,
    cache: Path | None,
    exact: bool,
    as_json: bool,
) -> None:
    """Judge RUN on the test part of its data, or of DATA.

    The figures go into RUN, those of its own data into its report too; asked again, it tells them again.
    """
    from beholder.verbs.evaluate import evaluate as judge

    with reading_progress() as progress:
        document = judge(run, data, labels=labels, cache=cache, exact=exact, progress=progress)
    if as_json:
        print_json(document)
    else:
        _print_figures(run, document)


def _print_figures(run: Path, document: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    low, high = document["interval"]
    table = Table("class", *("precision", "recall", "F1", "pictures"), box=None, pad_edge=False)
    for row in document["per_class"]:
        figures = (percent(row[name]) for name in ("precision", "recall", "f1"))
        table.add_row(Text(row["class_name"]), *figures, str(row["count"]))
    Console(highlight=False).print(table)
    top5 = "" if document["top5"] is None else f", top-5 {percent(document['top5'])}"
    click.echo(
        f"Test accuracy {percent(document['accuracy'])} (95 % interval {percent(low)} to {percent(high)}) on "
        f"{document['count']:,} pictures{top5}, log-loss {document['log_loss']:.3f}."
    )
    if document["precision"] == "int8":
        click.echo("Answered by the int8 twin, as predict does here; --exact judges the float32 network.")
    for note in document["notes"]:
        click.echo(f"Note: {note}")
    click.echo(f"Judged {document['created']}.")
    if document.get("file", "evaluation.json") == "evaluation.json":
        click.echo(f"Report: {run / 'report.html'}")
    else:
        click.echo(f"Figures: {run / document['file']}; the run's evaluation.json stays as it was.")
