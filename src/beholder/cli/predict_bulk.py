"""beholder predict --engine ray: progress on standard error, and what became of it."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beholder.cli.console import print_json
from beholder.cli.screen import screen

if TYPE_CHECKING:
    from beholder.answering.bulk.job import BulkProgress, BulkResult

_SECONDS = 10.0  # between two lines where no terminal shows a bar


def predict_in_bulk(
    run: Path,
    sources: tuple[str, ...],
    out: str | None,
    *,
    top: int,
    exact: bool,
    workers: int | None,
    address: str | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Answer one source into `out`, and tell how it went.

    Raises:
        click.UsageError: more than one source, or no `out`.
        BeholderError: see `beholder.predict_in_bulk`.
    """
    from beholder.api.predict import predict_in_bulk as answer

    if len(sources) != 1:
        raise click.UsageError("--engine ray answers one SOURCE: a folder, a glob, a Parquet data set or an address.")
    if out is None:
        raise click.UsageError("--engine ray needs --out DEST, a folder for the answers.")
    with _telling() as tell:
        result = answer(
            run,
            sources[0],
            out,
            top=top,
            exact=exact,
            workers=workers,
            address=address,
            resume=resume,
            progress=tell,
        )
    if as_json:
        print_json(result.to_json())
    else:
        click.echo(_in_words(result))


def _in_words(result: BulkResult) -> str:
    earlier = f" {result.skipped:,} were answered earlier." if result.skipped else ""
    bad = f", {result.errors:,} of which could not be read" if result.errors else ""
    return (
        f"Answered {result.images:,} images{bad}, {result.images_per_second:,.0f} images/s after "
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
    of = "" if progress.total is None else f" of {progress.total:,}"
    bad = f", {progress.errors:,} bad" if progress.errors else ""
    left = "" if progress.eta_seconds is None else f", {_clock(progress.eta_seconds)} to go"
    done = progress.images + progress.skipped
    return f"{done:,}{of} images{bad}, {progress.images_per_second:,.0f} images/s{left}"


def _clock(seconds: float) -> str:
    return str(datetime.timedelta(seconds=round(seconds)))
