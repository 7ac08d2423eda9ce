"""beholder predict RUN IMAGE…: answers, without TensorFlow; millions of images on Ray."""

from __future__ import annotations

import csv
import datetime
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beholder.cli.console import print_json, print_notes, say, screen
from beholder.cli.help import HelpfulCommand
from beholder.cli.options import exact_option, json_option, run_argument
from beholder.cli.streams import read_standard_input
from beholder.cli.tables import print_table
from beholder.cli.values import POSITIVE
from beholder.evaluation.shares import as_percent

if TYPE_CHECKING:
    from beholder.answering.bulk.job import BulkProgress, BulkResult
    from beholder.answering.prediction import Prediction
    from beholder.data.kinds import FileKind

_SOME_BAD = 2  # the exit status where some images could not be read
_TOP = 3  # class names of each image
_SECONDS = 10.0  # between two lines of progress where no terminal shows a bar


@click.command(
    cls=HelpfulCommand,
    short_help="Say what is in images, without TensorFlow.",
    examples=("beholder predict runs/birds garden.jpg", "beholder predict runs/birds photos/ --csv > answers.csv"),
    headings={
        "Answers": "--top --exact --csv --json",
        "Millions of images": "--engine --out --resume --workers --address",
    },
)
@run_argument
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option(
    "--top", type=POSITIVE, help=f"Class names for each image.  [default: {_TOP}; with --csv a column for every class]"
)
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="Print comma-separated values on standard output, with the probability of every class in a column of its own.",
)
@exact_option
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="What computes the answers: this process, or Ray. The next four go with ray.",
)
@click.option("--out", metavar="DEST", help="A folder for the answers, or an address of an object store.")
@click.option("--resume", is_flag=True, help="Leave out the images whose answers are in DEST already.")
@click.option("--workers", type=POSITIVE, help="How many processes answer.  [default: one per core]")
@click.option("--address", help="A cluster to join, HOST:PORT or auto.  [default: one on this machine]")
@json_option
@click.pass_context
def predict(
    context: click.Context,
    /,
    run: Path,
    images: tuple[str, ...],
    top: int | None,
    as_csv: bool,
    exact: bool,
    engine: str,
    as_json: bool,
    **bulk: Any,
) -> None:
    """Say what is in each IMAGE: files, folders, globs, or `-` for one image's bytes on standard input.

    If RUN learned from sounds, give sounds in the place of images.

    An answer is marked as unsure if its probability is too low for what the model promises, or if the image is unlike
    anything the model was trained on. An image that cannot be read is named with the reason; the others are answered,
    and the exit status is 2.

    With --engine ray, IMAGE is one folder, glob, Parquet data set (with a column `bytes` or `path`) or address of an
    object store, such as s3://bucket/images, of any size. The answers go to DEST as Parquet files, one row per image;
    an image that cannot be read is a row with an error.
    """
    from beholder.answering.classifier import Classifier
    from beholder.answering.inputs import STANDARD_INPUT, expand
    from beholder.answering.misfits import Misfits

    if as_csv and as_json:
        raise click.UsageError("Choose --csv or --json, not both.")
    if engine == "ray":
        if as_csv:
            raise click.UsageError("--engine ray writes Parquet files; leave --csv out.")
        _answer_in_bulk(run, images, as_json=as_json, top=top or _TOP, exact=exact, **bulk)
        return
    if given := [name for name, value in bulk.items() if value]:
        raise click.UsageError(f"--{given[0]} needs --engine ray; add that, or leave it out.")
    classifier = Classifier.load(run, exact=exact)
    paths = (read_standard_input() if path == STANDARD_INPUT else path for path in expand(images, classifier.kind))
    misfits = Misfits(classifier.artifact.manifest.image)
    every = classifier.class_names if as_csv and top is None else ()
    predictions = misfits.answered(classifier.stream(misfits.watch(paths), top=len(every) or top or _TOP))
    if as_json:
        bad = _write_json(predictions, classifier.precision)
    else:
        bad = _write_csv(predictions, every) if as_csv else _write_table(predictions, classifier.kind)
    print_notes(misfits.notes())
    if bad:
        context.exit(_SOME_BAD)


def _write_json(predictions: Iterable[Prediction], precision: str) -> int:
    from beholder.answering.prediction import predictions_document

    document = predictions_document(predictions, precision)
    print_json(document)
    return sum("error" in prediction for prediction in document["predictions"])


def _write_csv(predictions: Iterable[Prediction], every: Sequence[str]) -> int:
    """Print a row an image; a column for each of `every` class, or where there are none for the best of each image."""
    bad = 0
    writer = csv.writer(sys.stdout)
    columns = [f"probability_{name}" for name in every]
    if not every:
        first, predictions = _peek(predictions)
        columns = list(_columns(range(1, len(first.top) + 1) if first else range(0)))
    writer.writerow(["path", "label", "probability", "unsure", "unlike", "error", *columns])
    for prediction in predictions:
        bad += prediction.error is not None
        flags = ("" if flag is None else str(flag).lower() for flag in (prediction.unsure, prediction.unlike))
        row = [prediction.path, prediction.label, prediction.probability, *flags, prediction.error]
        shares = dict(prediction.top)
        writer.writerow([*row, *(map(shares.get, every) if every else chain.from_iterable(prediction.top))])
    return bad


def _peek(predictions: Iterable[Prediction]) -> tuple[Prediction | None, Iterator[Prediction]]:
    """The first answer that is one, for the number of its columns, and all answers."""
    seen: list[Prediction] = []
    remaining = iter(predictions)
    for prediction in remaining:
        seen.append(prediction)
        if prediction.error is None:
            return prediction, chain(seen, remaining)
    return None, iter(seen)


def _columns(best: Iterable[int]) -> Iterator[str]:
    for place in best:
        yield from (f"label_{place}", f"probability_{place}")


def _answer(prediction: Prediction) -> str:
    why = ["unsure"] * bool(prediction.unsure) + ["unlike"] * bool(prediction.unlike)
    doubt = f" ({': '.join(why)})" if why else ""
    return f"{prediction.label}{doubt}"


def _write_table(predictions: Iterable[Prediction], kind: FileKind) -> int:
    from rich.table import Column, Table
    from rich.text import Text

    path_column = Column(kind.name, overflow="fold")  # a path that is cut short names no file
    table, errors = Table(path_column, "answer", "probability", "then", box=None, pad_edge=False), []
    for prediction in predictions:
        if prediction.error is not None:
            errors.append(prediction.error)
            continue
        others = ", ".join(
            f"{label} {as_percent(probability)}" for label, probability in prediction.top if label != prediction.label
        )
        table.add_row(
            Text(prediction.path), Text(_answer(prediction)), as_percent(prediction.probability or 0.0), Text(others)
        )
    if table.row_count:
        print_table(table)
    for error in errors:
        say(f"Error: {error}", err=True)
    if len(errors) > 1:
        say(f"{len(errors):,} of {kind.count(len(errors) + table.row_count)} could not be read.", err=True)
    return len(errors)


def _answer_in_bulk(run: Path, sources: tuple[str, ...], *, out: str | None, as_json: bool, **given: Any) -> None:
    """Answer one source into `out` on Ray, and tell how it went."""
    from beholder.api.predict import predict_in_bulk

    if len(sources) != 1:
        raise click.UsageError("--engine ray takes one IMAGE: a folder, a glob, a Parquet data set or an address.")
    if out is None:
        raise click.UsageError("--engine ray needs --out DEST, a folder for the answers.")
    with _telling() as tell:
        result = predict_in_bulk(run, sources[0], out, progress=tell, **given)
    if as_json:
        print_json(result.to_dict())
    else:
        say(_in_words(result))


def _in_words(result: BulkResult) -> str:
    from beholder.data.kinds import named

    kind = named(result.kind)
    earlier = f" {result.skipped:,} were answered earlier." if result.skipped else ""
    bad = f", {result.errors:,} of which could not be read" if result.errors else ""
    return (
        f"Answered {kind.count(result.images)}{bad}, {result.images_per_second:,.0f} {kind.plural}/s after "
        f"{result.start_seconds:.0f} s of starting.{earlier}\nAnswers: {result.out}"
    )


@contextmanager
def _telling() -> Iterator[Callable[[BulkProgress], None]]:
    """What shows progress on standard error: a bar on a terminal, else a line now and then."""
    with screen() as shown:
        task = shown.begin("Starting Ray")
        told = time.monotonic()

        def tell(progress: BulkProgress) -> None:
            nonlocal told
            done = progress.images + progress.skipped
            shown.update(task, description="Answering", completed=done, total=progress.total, state=_state(progress))
            if not shown.shows_bars and time.monotonic() - told > _SECONDS:
                told = time.monotonic()
                shown.say(_state(progress))

        yield tell


def _state(progress: BulkProgress) -> str:
    from beholder.data.kinds import named

    plural = named(progress.kind).plural
    of = "" if progress.total is None else f" of {progress.total:,}"
    bad = f", {progress.errors:,} bad" if progress.errors else ""
    left = "" if progress.eta_seconds is None else f", {datetime.timedelta(seconds=round(progress.eta_seconds))} to go"
    done = progress.images + progress.skipped
    return f"{done:,}{of} {plural}{bad}, {progress.images_per_second:,.0f} {plural}/s{left}"
