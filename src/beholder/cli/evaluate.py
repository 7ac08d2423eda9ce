"""beholder evaluate RUN: the test set, opened once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from beholder.cli.console import percent, print_json, print_notes
from beholder.cli.options import exact_option, json_option, reading_options, run_argument
from beholder.cli.screen import screen


@click.command(short_help="Judge a RUN on its test set, opened once.")
@run_argument()
@click.argument("data", required=False)
@reading_options
@exact_option
@click.option(
    "--corruptions",
    is_flag=True,
    help="Judge it on corrupted images too: 15 kinds of noise, blur, weather and processing in 5 severities.",
)
@click.option(
    "--consistency",
    is_flag=True,
    help="Tell whether answers stay when an image is shifted, mirrored, brighter or darker.",
)
@json_option
def evaluate(
    run: Path,
    data: str | None,
    labels: Literal["fine", "coarse"] | None,
    cache: Path | None,
    exact: bool,
    corruptions: bool,
    consistency: bool,
    as_json: bool,
) -> None:
    """Judge RUN on its test set as it was when training began, or on DATA.

    Of DATA all images are judged, or its test set where it brings one, without those that RUN learned from or chose by.
    Where the data of RUN were moved, DATA is their new place. The figures go into RUN, those of its own data into its
    report too; asked again, it tells them again.
    """
    from beholder.api.evaluate import evaluate as judge

    with screen() as shown:
        asked = {"exact": exact, "corruptions": corruptions, "consistency": consistency}
        document = judge(run, data, labels=labels, cache=cache, progress=shown.tell, **asked)
    if as_json:
        print_json(document)
    else:
        _print_figures(run, document)


def _print_figures(run: Path, document: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    low, high = document["interval"]
    click.echo(document["judged"])
    table = Table("class", *("precision", "recall", "F1", "images"), box=None, pad_edge=False)
    for row in document["per_class"]:
        figures = (percent(row[name]) for name in ("precision", "recall", "f1"))
        table.add_row(Text(row["class_name"]), *figures, str(row["count"]))
    Console(highlight=False).print(table)
    top5 = "" if document["top5"] is None else f", top-5 {percent(document['top5'])}"
    if document.get("uneven"):
        click.echo(
            f"Balanced accuracy {percent(document['macro_recall'])} (the mean of the classes' recall), macro F1 "
            f"{percent(document['macro_f1'])}: classes are uneven, and the test accuracy is mostly that of large ones."
        )
    click.echo(
        f"Test accuracy {percent(document['accuracy'])} (95 % interval {percent(low)} to {percent(high)}) on "
        f"{document['count']:,} images{top5}, log-loss {document['log_loss']:.3f}."
    )
    _print_honesty(document)
    if document.get("precision") == "int8":
        click.echo("Answered by the int8 model, as predict does here; --exact judges the float32 network.")
    _print_robustness(document)
    print_notes(document.get("notes", []))
    click.echo(f"Judged {document['created']}.")
    if document.get("file", "evaluation.json") == "evaluation.json":
        click.echo(f"Report: {run / 'report.html'}")
    else:
        click.echo(f"Figures: {run / document['file']}; the run's evaluation.json stays as it was.")


def _print_honesty(document: dict[str, Any]) -> None:
    """What its probabilities and its certainty are worth; nothing for figures of an earlier Beholder."""
    selective = document.get("selective")
    if selective is None:
        return
    click.echo(f"Expected calibration error {percent(document['ece'])}.")
    if selective["unsure_below"] is not None and selective["risk"] is None:
        click.echo("It was unsure of every image.")
    elif selective["unsure_below"] is not None:
        promised = f" (promised: at most {percent(selective['asked'])})" if selective["promised"] else ""
        unsure, wrong = percent(1 - selective["coverage"]), percent(selective["risk"])
        click.echo(f"It was unsure of {unsure}; of the answers that it gave {wrong} were wrong{promised}.")


def _print_robustness(document: dict[str, Any]) -> None:
    """What corruptions and small changes leave, where that was asked for."""
    from rich.console import Console
    from rich.table import Table

    corruptions, consistency = document.get("corruptions"), document.get("consistency")
    if corruptions:
        table = Table("corruption", *("1", "2", "3", "4", "5"), "mean", box=None, pad_edge=False)
        for kind in corruptions["kinds"]:
            figures = (*kind["accuracies"], kind["accuracy"])
            table.add_row(kind["name"].replace("_", " "), *map(percent, figures))
        Console(highlight=False).print(table)
        worst = corruptions["worst"]
        click.echo(
            f"Accuracy on corrupted images {percent(corruptions['mean_accuracy'])} in the mean, worst "
            f"{percent(worst['accuracy'])} under {worst['name'].replace('_', ' ')}."
        )
    if consistency:
        kinds = ", ".join(f"{kind} {percent(consistency[kind]['same'])}" for kind in ("shift", "flip", "brightness"))
        click.echo(f"Answers that stay: {kinds}; under all of these {percent(consistency['all'])}.")
