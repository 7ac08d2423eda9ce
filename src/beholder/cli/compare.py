"""beholder compare DATA: several models, one table."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

from beholder.cli.console import print_json, print_notes, say, screen
from beholder.cli.help import HelpfulCommand
from beholder.cli.options import (
    augment_option,
    colour_option,
    data_argument,
    early_stop_option,
    fit_option,
    json_option,
    mirror_option,
    progress_option,
    reading_options,
    seconds_option,
    seed_option,
    weight_decay_option,
)
from beholder.cli.tables import print_table
from beholder.cli.training_progress import listener_on
from beholder.cli.values import POSITIVE, Duration, LocalPath
from beholder.errors import UsageError
from beholder.evaluation.shares import as_percent
from beholder.models import FROM_SCRATCH, MODELS
from beholder.runs.events import Event, Listener
from beholder.runs.run_folder import COMPARISON_PAGE

if TYPE_CHECKING:
    from rich.table import Table

    from beholder.api.results import ComparedModel, ComparisonResult
    from beholder.data.kinds import Kind


@click.command(
    cls=HelpfulCommand,
    short_help="Train several models and set their figures side by side.",
    examples=(
        "beholder compare digits --models linear,dense --epochs 5",
        "beholder compare cifar10 --budget 5m --images 1000,10000 --test",
    ),
    headings={
        "Models and length": "--models --epochs --budget --early-stop",
        "Data": "--images --test --mirror --colour --fit --seconds --labels --cache --path-column --label-column "
        "--split-column --group-column --image-root --group-pattern",
        "Recipe": "--augment --dropout --weight-decay --seed",
        "Output": "--out --progress --json",
    },
)
@data_argument
@click.option(
    "--models",
    default=",".join(FROM_SCRATCH),
    show_default=True,
    metavar="MODEL,...",
    help=f"Which models, separated by commas: any of {', '.join(MODELS)}.",
)
@click.option("--epochs", type=POSITIVE, help="How often each image is seen.  [default: by model]")
@click.option("--budget", type=Duration(), help="Time for each model, instead of epochs: 90s, 5m, 2h.")
@click.option(
    "--out",
    type=LocalPath(file_okay=False),
    help="The folder for the runs and the table. If it has some of the runs already, only the missing ones are "
    "trained.  [default: runs/DATA-compare-TIME]",
)
@click.option(
    "--images",
    metavar="N,...",
    help="Learn from this many training images, stratified by class; with several numbers, from each in turn.",
)
@click.option("--test", is_flag=True, help="Open the test set for every run, once, after all training.")
@augment_option
@mirror_option
@click.option(
    "--dropout", type=click.FloatRange(0, 1, max_open=True), help="Dropout rate, for the models that have dropout."
)
@weight_decay_option
@early_stop_option
@progress_option
@seed_option
@colour_option
@fit_option
@seconds_option
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
    """Train several models on DATA and rank them on the validation set: which memorise, and which generalise.

    Each model gets a RUN in the folder --out, and the comparison a page, comparison.html. Ctrl-C keeps what is
    finished; the same command with the same --out goes on.
    """
    from beholder.api.compare import compare as compare_now

    told: set[str] = set()
    with screen(progress_kind == "bar") as shown:
        result = compare_now(
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
        print_json(result.to_dict())
    else:
        print_notes(note for note in result.notes if note not in told)
        _print_comparison(result)


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


def _print_comparison(result: ComparisonResult) -> None:
    if result.models:
        print_table(_table(result.models, result.kind))
        say(f"Comparison: {result.out / COMPARISON_PAGE}")
    if result.missing:
        say(
            f"Stopped: {len(result.models)} finished, {', '.join(result.missing)} missing. To go on, run the same "
            f"command with --out {shlex.quote(str(result.out))}."
        )


def _table(rows: tuple[ComparedModel, ...], kind: Kind) -> Table:
    from rich.table import Table

    from beholder.data.kinds import named

    table = Table("model", box=None, pad_edge=False)
    # Headings on two lines, so that the table fits 80 columns.
    names = [
        named(kind).plural,
        "parameters",
        "multiply-\nadds",
        "seconds",
        "train",
        "vali-\ndation",
        "gap",
        "best\nepoch",
    ]
    for name in names + ([] if rows[0].interval is None else ["test", "95 % interval"]):
        table.add_column(name, justify="right")
    for row in rows:
        figures = [
            row.model,
            f"{row.images:,}",
            f"{row.parameters:,}",
            f"{row.multiply_adds:,}",
            f"{row.seconds:.0f}",
            as_percent(row.train_accuracy),
            as_percent(row.validation_accuracy),
            f"{100 * row.gap:.1f}",
            str(row.best_epoch),
        ]
        if row.test_accuracy is not None and row.interval is not None:
            low, high = row.interval
            figures += [as_percent(row.test_accuracy), f"{as_percent(low)} to {as_percent(high)}"]
        table.add_row(*figures)
    return table
