"""beholder predict RUN IMAGE…: answers, without TensorFlow; millions of images on Ray."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beholder.cli.console import percent, print_json, print_notes
from beholder.cli.options import exact_option, json_option, run_argument

if TYPE_CHECKING:
    from beholder.answering.prediction import Prediction

SOME_BAD = 2


@click.command(short_help="Say what is on images, without TensorFlow.")
@run_argument()
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("--top", type=click.IntRange(min=1), default=3, show_default=True, help="Class names for each image.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values on standard output.")
@exact_option
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Who answers.")
@click.option("--out", metavar="DEST", help="With ray: a folder for the answers, or an address of an object store.")
@click.option("--resume", is_flag=True, help="With ray: leave out the images whose answers are in DEST.")
@click.option("--workers", type=click.IntRange(min=1), help="With ray: processes that answer.  [default: one a core]")
@click.option("--address", help="With ray: a cluster to join, HOST:PORT or auto.  [default: one on this machine]")
@json_option
@click.pass_context
def predict(
    context: click.Context,
    run: Path,
    images: tuple[str, ...],
    top: int,
    as_csv: bool,
    exact: bool,
    engine: str,
    out: str | None,
    resume: bool,
    workers: int | None,
    address: str | None,
    as_json: bool,
) -> None:
    """Say what is on each IMAGE: files, folders, globs, or `-` for one image's bytes on standard input.

    An answer is marked as unsure where it is too improbable for what the model promises of the others, or where the
    image is unlike anything that it was trained on. An image that cannot be read is named with the reason; the
    others are answered, and the status is 2 at the end.

    With --engine ray, IMAGE is one folder, glob, Parquet data set (a column `bytes` or `path`) or address of an
    object store, such as s3://bucket/images, of any size. The answers go to DEST as Parquet files, a row an image;
    one that cannot be read is a row with an error.
    """
    from beholder.answering.classifier import Classifier
    from beholder.answering.cuts import Cuts
    from beholder.answering.inputs import STANDARD_INPUT, expand

    if as_csv and as_json:
        raise click.UsageError("Choose --csv or --json, not both.")
    if engine == "ray":
        from beholder.cli.predict_bulk import predict_in_bulk

        if as_csv:
            raise click.UsageError("--engine ray writes Parquet files; leave --csv out.")
        predict_in_bulk(
            run, images, out, top=top, exact=exact, workers=workers, address=address, resume=resume, as_json=as_json
        )
        return
    bulk = {"--out": out, "--resume": resume, "--workers": workers, "--address": address}
    if given := [name for name, value in bulk.items() if value]:
        raise click.UsageError(f"{given[0]} goes with --engine ray.")
    classifier = Classifier.load(run, exact=exact)
    paths = (sys.stdin.buffer.read() if path == STANDARD_INPUT else path for path in expand(images))
    rules = classifier.artifact.manifest.image
    cuts = Cuts((rules.height, rules.width))
    predictions = classifier.stream(cuts.watch(paths), top=top)
    if as_json:
        bad = _write_json(predictions, classifier.precision)
    else:
        bad = (_write_csv if as_csv else _write_table)(predictions)
    print_notes(cuts.notes())
    if bad:
        context.exit(SOME_BAD)


def _write_json(predictions: Iterable[Prediction], precision: str) -> int:
    from beholder.answering.prediction import predictions_document

    document = predictions_document(predictions, precision)
    print_json(document)
    return sum("error" in prediction for prediction in document["predictions"])


def _write_csv(predictions: Iterable[Prediction]) -> int:
    bad = 0
    writer = csv.writer(sys.stdout)
    first, predictions = _peek(predictions)
    best = range(1, len(first.top) + 1) if first else range(0)
    writer.writerow(["path", "label", "probability", "unsure", "unlike", "error", *_columns(best)])
    for prediction in predictions:
        bad += prediction.error is not None
        flags = ("" if flag is None else str(flag).lower() for flag in (prediction.unsure, prediction.unlike))
        row = [prediction.path, prediction.label, prediction.probability, *flags, prediction.error]
        writer.writerow([*row, *chain.from_iterable(prediction.top)])
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
    doubt = " (unsure: unlike)" if prediction.unlike else " (unsure)" if prediction.unsure else ""
    return f"{prediction.label}{doubt}"


def _write_table(predictions: Iterable[Prediction]) -> int:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    path_column = Column("image", overflow="fold")  # a path that is cut short names no image
    table, errors = Table(path_column, "answer", "probability", "then", box=None, pad_edge=False), []
    for prediction in predictions:
        if prediction.error is not None:
            errors.append(prediction.error)
            continue
        others = ", ".join(f"{label} {percent(probability)}" for label, probability in prediction.top[1:])
        table.add_row(
            Text(prediction.path), Text(_answer(prediction)), percent(prediction.probability or 0.0), Text(others)
        )
    if table.row_count:
        Console(highlight=False).print(table)
    for error in errors:
        click.echo(f"Error: {error}", err=True)
    if len(errors) > 1:
        click.echo(f"{len(errors):,} of {len(errors) + table.row_count:,} images could not be read.", err=True)
    return len(errors)
