"""beholder evaluate RUN: the test set, opened once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beholder.cli.console import print_json, print_notes, say, screen
from beholder.cli.options import exact_option, json_option, reading_options, run_argument
from beholder.cli.tables import print_table
from beholder.data.kinds import FileKind, named
from beholder.evaluation.shares import as_percent
from beholder.runs.run_folder import Run

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
    say(result.judged)
    kind = named("sound" if result.kind == "sound" else "image")
    table = Table("class", *("precision", "recall", "F1", kind.plural), box=None, pad_edge=False)
    for row in result.per_class:
        # Of a class without a file no figure says anything.
        figures = (as_percent(share) if row.count else "–" for share in (row.precision, row.recall, row.f1))
        table.add_row(Text(row.class_name), *figures, str(row.count))
    print_table(table)
    if result.uneven:
        say(
            f"Balanced accuracy {as_percent(result.macro_recall)} (the mean recall of the classes), macro F1 "
            f"{as_percent(result.macro_f1)}. The classes differ in size, so the test accuracy mostly reflects the "
            "large ones."
        )
    groups = "" if result.groups is None else f" of {result.groups:,} group{'s' * (result.groups != 1)}"
    top5 = "" if result.top5 is None else f", top-5 {as_percent(result.top5)}"
    say(
        f"Test accuracy {as_percent(result.accuracy)} (95 % interval {as_percent(low)} to {as_percent(high)}) on "
        f"{result.count:,} {kind.plural}{groups}{top5}, log-loss {result.log_loss:.3f}."
    )
    say(f"Expected calibration error {as_percent(result.ece)}.")
    if result.point is not None:
        from beholder.evaluation.point_words import point_test_in_words

        say(point_test_in_words(result.point))
    _print_selective(result.selective, kind)
    if result.precision == "int8":
        say("Answered by the int8 model, as predict does here; --exact evaluates the float32 network.")
    _print_robustness(result)
    print_notes(result.notes)
    say(f"Evaluated {result.created}.")
    of_run = Run(run)
    if result.file == of_run.evaluation_file.name:
        say(f"Report: {of_run.report_file}")
    else:
        say(f"Figures: {run / result.file}; the run's evaluation.json stays as it was.")


def _print_selective(selective: dict[str, Any], kind: FileKind) -> None:
    """What the answers are worth of which it is not unsure."""
    if selective["unsure_below"] is None:
        return
    if selective["risk"] is None:
        everything = (
            kind.name if selective.get("other_than") is None else f"{kind.name} not called {selective['other_than']!r}"
        )
        say(f"It was unsure about every {everything}.")
        return
    word = "promised" if selective.get("folds") is None else "estimated"
    promised = f" ({word}: at most {as_percent(selective['asked'])})" if selective["promised"] else ""
    unsure, wrong = as_percent(1 - selective["coverage"]), as_percent(selective["risk"])
    images = (
        kind.plural if selective.get("other_than") is None else f"{kind.plural} not called {selective['other_than']!r}"
    )
    say(f"It was unsure about {unsure} of the {images}; {wrong} of its other answers were wrong{promised}.")


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
        say(
            f"Mean accuracy on corrupted images {as_percent(corruptions['mean_accuracy'])}, worst "
            f"{as_percent(worst['accuracy'])} under {worst['name'].replace('_', ' ')}."
        )
    if consistency:
        kinds = ", ".join(f"{kind} {as_percent(consistency[kind]['same'])}" for kind in ("shift", "flip", "brightness"))
        say(f"Answers that stay the same: {kinds}; under all of these {as_percent(consistency['all'])}.")
