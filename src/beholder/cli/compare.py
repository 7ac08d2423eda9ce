"""beholder compare DATA: several models, one table."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any, Literal

import click

from beholder.cli.console import percent, print_json, print_notes
from beholder.cli.options import (
    colour_option,
    data_argument,
    early_stop_option,
    json_option,
    mirror_option,
    progress_option,
    reading_options,
    seed_option,
)
from beholder.cli.screen import screen
from beholder.cli.training_progress import listener_on
from beholder.cli.values import Duration
from beholder.errors import UsageError
from beholder.models import MODELS
from beholder.runs.events import Event, Listener


@click.command(short_help="Train several models, set their figures side by side.")
@data_argument
@click.option(
    "--models",
    default="linear,dense,book,fast",
    show_default=True,
    metavar="MODEL,...",
    help=f"Which, separated by commas; of {', '.join(MODELS)}.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Times that each image is seen.  [default by model]")
@click.option("--budget", type=Duration(), help="Time for each model instead of epochs: 90s, 5m, 2h.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for the runs and the table; where some runs are there already, it goes on with what is missing."
    "  [default: runs/DATA-compare-TIME]",
)
@click.option(
    "--images",
    metavar="N,...",
    help="Learn from so many images, each number in turn: a stratified choice of the training set.",
)
@click.option("--test", is_flag=True, help="Open the test set for every run, once, after all training.")
@click.option("--augment/--no-augment", default=None, help="Vary training images: shift, mirror.  [default by model]")
@mirror_option
@click.option("--dropout", type=click.FloatRange(0, 1, max_open=True), help="Of the models that have it.")
@click.option("--weight-decay", type=click.FloatRange(min=0), help="Pulls weights towards zero.")
@early_stop_option
@progress_option
@seed_option
@colour_option
@reading_options
@json_option
def compare(
    data: str,
    models: str,
    images: str | None,
    labels: Literal["fine", "coarse"] | None,
    progress_kind: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Train several models on DATA and rank them on the validation set: who memorises, and who generalises.

    Each model gets a RUN in the folder --out, and the comparison a page, comparison.html. Ctrl-C keeps what is
    finished; the same command with the same --out goes on.
    """
    from beholder.api.compare import compare as compare_now

    told: set[str] = set()
    with screen(progress_kind == "bar") as shown:
        document = compare_now(
            data,
            models=[name.strip() for name in models.split(",") if name.strip()],
            images=None if images is None else _numbers(images),
            labels=labels or "fine",
            command=shlex.join(["beholder", *sys.argv[1:]]),
            listener=_once(listener_on(shown, progress_kind), told, progress_kind),
            progress=shown.tell,
            **given,
        )
    if as_json:
        print_json(document)
    else:
        print_notes(note for note in document["notes"] if note not in told)
        _print_comparison(document)


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",") if number.strip()]
    except ValueError as error:
        raise UsageError(f"Expected whole numbers separated by commas for --images. Received: {text!r}.") from error


def _once(listener: Listener, told: set[str], kind: str) -> Listener:
    """`listener`, where `kind` is a display without what an earlier training `told` already: all have the same data."""

    def hear(event: Event) -> None:
        if event["event"] == "advice" and kind != "none":
            if kind == "bar" and event["message"] in told:
                return
            told.add(event["message"])
        listener(event)

    return hear


def _print_comparison(document: dict[str, Any]) -> None:
    from rich.console import Console

    rows = document["models"]
    if rows:
        # A table that is cut to the width of a pipe would lose figures; a terminal wraps instead.
        Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(_table(rows))
        click.echo(f"Comparison: {Path(document['out']) / 'comparison.html'}")
    if document["missing"]:
        click.echo(
            f"Stopped: {len(rows)} finished, {', '.join(document['missing'])} missing; the same command with --out "
            f"{shlex.quote(document['out'])} goes on."
        )


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    tested = "test_accuracy" in rows[0]
    # Headings on two lines, so that the table fits 80 columns.
    names = (
        "model",
        "images",
        "parameters",
        "multiply-\nadds",
        "seconds",
        "train",
        "vali-\ndation",
        "gap",
        "best\nepoch",
    )
    table = Table(box=None, pad_edge=False)
    for name in (*names, *(("test", "95 % interval") if tested else ())):
        table.add_column(name, justify="left" if name == "model" else "right")
    for row in rows:
        figures = [
            row["model"],
            f"{row['images']:,}",
            f"{row['parameters']:,}",
            f"{row['multiply_adds']:,}",
            f"{row['seconds']:.0f}",
            percent(row["train_accuracy"]),
            percent(row["validation_accuracy"]),
            f"{100 * row['gap']:.1f}",
            str(row["best_epoch"]),
        ]
        if tested:
            low, high = row["interval"]
            figures += [percent(row["test_accuracy"]), f"{percent(low)} to {percent(high)}"]
        table.add_row(*figures)
    return table
