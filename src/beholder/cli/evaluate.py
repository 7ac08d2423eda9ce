"""beholder evaluate RUN: the test set, opened once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beholder.cli.console import as_percent, print_json, print_notes, print_table, screen
from beholder.cli.options import exact_option, json_option, reading_options, run_argument

if TYPE_CHECKING:
    from beholder.api.results import EvaluationResult


@click.command(short_help="Evaluate a RUN on its test set, opened once.")
@run_argument
@click.argument("data", required=False)
@reading_options
@exact_option
@click.option(
    "--corruptions",
    is_flag=True,
    help="Evaluate on corrupted images too: 15 kinds of noise, blur, weather and processing, at 5 severities each.",
)
@click.option(
    "--consistency",
    is_flag=True,
    help="Measure whether answers stay the same when an image is shifted, mirrored, brighter or darker.",
)
@json_option
def evaluate(run: Path, data: str | None, as_json: bool, **given: Any) -> None:
    """Evaluate RUN on its test set as it was when training began, or on DATA.

    If DATA has a test set, only that is used, otherwise all its images; images that RUN was trained or validated on are
    left out. If the data of RUN were moved, DATA is their new place. The figures are kept in RUN, and those on its own
    data appear in its report; the next time they are shown again at once.
    """
    from beholder.api.evaluate import evaluate as judge

    with screen() as shown:
        result = judge(run, data, progress=shown.tell, **given)
    if as_json:
        print_json(result.to_dict())
    else:
        _print_figures(run, result)


def _print_figures(run: Path, result: EvaluationResult) -> None:
    from rich.table import Table
    from rich.text import Text

    low, high = result.interval
    click.echo(result.judged)
    table = Table("class", *("precision", "recall", "F1", "images"), box=None, pad_edge=False)
    for row in result.per_class:
        figures = map(as_percent, (row.precision, row.recall, row.f1))
        table.add_row(Text(row.class_name), *figures, str(row.count))
    print_table(table)
    if result.uneven:
        click.echo(
            f"Balanced accuracy {as_percent(result.macro_recall)} (the mean recall of the classes), macro F1 "
            f"{as_percent(result.macro_f1)}. The classes differ in size, so the test accuracy mostly reflects the "
            "large ones."
        )
    top5 = "" if result.top5 is None else f", top-5 {as_percent(result.top5)}"
    click.echo(
        f"Test accuracy {as_percent(result.accuracy)} (95 % interval {as_percent(low)} to {as_percent(high)}) on "
        f"{result.count:,} images{top5}, log-loss {result.log_loss:.3f}."
    )
    click.echo(f"Expected calibration error {as_percent(result.ece)}.")
    _print_selective(result.selective)
    if result.precision == "int8":
        click.echo("Answered by the int8 model, as predict does here; --exact evaluates the float32 network.")
    _print_robustness(result)
    print_notes(result.notes)
    click.echo(f"Evaluated {result.created}.")
    if result.file == "evaluation.json":
        click.echo(f"Report: {run / 'report.html'}")
    else:
        click.echo(f"Figures: {run / result.file}; the run's evaluation.json stays as it was.")


def _print_selective(selective: dict[str, Any]) -> None:
    """What the answers are worth of which it is not unsure."""
    if selective["unsure_below"] is None:
        return
    if selective["risk"] is None:
        click.echo("It was unsure about every image.")
        return
    promised = f" (promised: at most {as_percent(selective['asked'])})" if selective["promised"] else ""
    unsure, wrong = as_percent(1 - selective["coverage"]), as_percent(selective["risk"])
    click.echo(f"It was unsure about {unsure} of the images; {wrong} of its other answers were wrong{promised}.")


def _print_robustness(result: EvaluationResult) -> None:
    """What corruptions and small changes leave, where that was asked for."""
    from rich.table import Table

    corruptions, consistency = result.corruptions, result.consistency
    if corruptions:
        table = Table("corruption", *("1", "2", "3", "4", "5"), "mean", box=None, pad_edge=False)
        for kind in corruptions["kinds"]:
            figures = (*kind["accuracies"], kind["accuracy"])
            table.add_row(kind["name"].replace("_", " "), *map(as_percent, figures))
        print_table(table)
        worst = corruptions["worst"]
        click.echo(
            f"Mean accuracy on corrupted images {as_percent(corruptions['mean_accuracy'])}, worst "
            f"{as_percent(worst['accuracy'])} under {worst['name'].replace('_', ' ')}."
        )
    if consistency:
        kinds = ", ".join(f"{kind} {as_percent(consistency[kind]['same'])}" for kind in ("shift", "flip", "brightness"))
        click.echo(f"Answers that stay the same: {kinds}; under all of these {as_percent(consistency['all'])}.")
