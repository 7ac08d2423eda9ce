"""beholder train DATA: from images to a RUN folder."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource

from beholder.cli.console import percent, print_json, print_notes
from beholder.cli.options import (
    colour_option,
    early_stop_option,
    json_option,
    mirror_option,
    progress_option,
    reading_options,
)
from beholder.cli.screen import screen
from beholder.cli.training_progress import listener_on
from beholder.cli.values import Duration, Range, Seed, Share, Widths
from beholder.cli.watch import watched
from beholder.errors import UsageError
from beholder.models import MODELS

if TYPE_CHECKING:
    from beholder.sessions.trained import Trained

_MODELS = "; ".join(f"{name}: {recipe.summary}" for name, recipe in MODELS.items())
_EPOCHS = ", ".join(f"{name} {recipe.epochs}" for name, recipe in MODELS.items())
_BATCHES = ", ".join(f"{name} {recipe.batch_size}" for name, recipe in MODELS.items())
_RATES = ", ".join(f"{name} {recipe.learning_rate}" for name, recipe in MODELS.items())
_RESUMING = ("data", "moved", "resumed", "processes", "coordinator", "process", "watching", "progress_kind", "as_json")


@click.command(short_help="Train a classifier into a RUN folder.")
@click.argument("data", required=False)
@click.option(
    "--budget",
    type=Duration(),
    help="Time from now to the written report: 90s, 5m, 2h, 1d.  [default: 10m, or --epochs, or a --model's own]",
)
@click.option(
    "--plan",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="An events.jsonl of an earlier run, whose plan, re-plans included, is followed exactly.",
)
@click.option(
    "--from",
    "start_from",
    type=click.Path(path_type=Path),
    metavar="RUN|FILE.keras",
    help="Start from the weights of an earlier run, or of a network of your own; the classes are those of DATA.",
)
@click.option(
    "--input-range",
    type=Range(),
    help="What 0 and 255 become before the network in a FILE.keras sees them: 0,1 or -1,1, say.  [default: 0,255]",
)
@click.option(
    "--model",
    type=click.Choice(["auto", *MODELS]),
    default="auto",
    show_default=True,
    help=f"The network. auto: fast, as wide as the budget allows; {_MODELS}.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help=f"Times that each training image is seen.  [default by model: {_EPOCHS}]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The RUN folder to make; one that exists is refused.  [default: runs/DATA-MODEL-TIME]",
)
@click.option(
    "--images", type=click.IntRange(min=1), help="Learn from so many training images only, a stratified choice."
)
@click.option(
    "--corrections",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Corrections to obey, lines of path,action,label: a page's or your own. DATA itself stays as it is.",
)
@click.option(
    "--neighbours/--no-neighbours",
    default=True,
    help="Whether to keep some training images in the RUN, so that its page shows the nearest.  [default: keep]",
)
@click.option("--resume", "resumed", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a stopped run.")
@click.option("--data", "moved", metavar="DATA", help="Beside --resume: where the data of that run lie now.")
@click.option("--batch-size", type=click.IntRange(min=1), help=f"Images a step.  [default by model: {_BATCHES}]")
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    help=f"The largest step; it rises to this and falls to 0.  [default by model: {_RATES}]",
)
@click.option("--weight-decay", type=click.FloatRange(min=0), help="Pulls weights towards zero.")
@click.option("--augment/--no-augment", default=None, help="Vary training images: shift, mirror.  [default by model]")
@mirror_option
@click.option(
    "--dropout", type=click.FloatRange(0, 1, max_open=True), help="Share of the features silenced in training."
)
@click.option(
    "--widths",
    type=Widths(),
    help="Windows in each of the three groups of `fast`.  [default: as the budget allows with auto, else 48,128,192]",
)
@click.option(
    "--side",
    type=click.IntRange(min=8),
    help="Short side, pixels, at which `fast` looks at larger images.  "
    "[default: as the budget allows with auto, else 64]",
)
@click.option("--window", type=click.IntRange(min=1), help="Side of the windows of `book`, pixels.  [default: 5]")
@click.option("--stride", type=click.IntRange(min=1), help="Pixels that the windows of `book` move.  [default: 1]")
@click.option(
    "--padding",
    type=click.Choice(["same", "valid"]),
    help="Whether the windows of `book` reach over the edge (same) or not.  [default: same]",
)
@click.option(
    "--balance",
    type=click.Choice(["none", "weights", "sampling"]),
    help="Make small classes count as much as large ones: weights multiplies their losses, sampling shows their "
    "images more often.  [default: none]",
)
@click.option(
    "--risk",
    type=Share(),
    help="Share of wrong answers that you tolerate, 2% say; answers too improbable to promise that are unsure.  "
    "[default: 5%, where the validation images can promise it]",
)
@early_stop_option
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="Of multiplications in training; auto is bfloat16 where the processor has it, and on an accelerator.  "
    "[default: auto]",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="Train in so many processes together, on JAX: on this machine, or on those where --process starts them.",
)
@click.option("--coordinator", metavar="HOST:PORT", help="Across hosts: where process 0 listens, the same for all.")
@click.option("--process", type=click.IntRange(min=0), help="Across hosts: which of the --processes this is, from 0.")
@click.option(
    "--watch", "watching", is_flag=True, help="Show it live in the browser while it trains, as `beholder watch` does."
)
@progress_option
@click.option("--seed", type=Seed(), help="Fixes every random choice.  [default: 0]")
@colour_option
@reading_options
@json_option
@click.pass_context
def train(
    context: click.Context,
    /,
    data: str | None,
    moved: str | None,
    resumed: Path | None,
    labels: Literal["fine", "coarse"] | None,
    progress_kind: str,
    as_json: bool,
    watching: bool,
    processes: int | None,
    coordinator: str | None,
    process: int | None,
    **given: Any,
) -> None:
    """Train a classifier on DATA; Ctrl-C stops after the running step and leaves a usable RUN."""
    from beholder.api.resume import resume
    from beholder.api.train import train as train_now
    from beholder.sessions.training_data import default_folder

    old = _only_run(context, data, resumed)
    if moved is not None and old is None:
        raise UsageError(
            f"--data is where the data of a resumed run lie now; without --resume write beholder train {moved}."
        )
    together: dict[str, Any] = {"processes": processes, "coordinator": coordinator, "process": process}
    with screen(progress_kind == "bar") as shown:
        listener = listener_on(shown, progress_kind)
        run = old or given["out"] or default_folder(str(data), given["model"])
        with watched(run, listener) if watching else nullcontext(listener) as heard:
            if old is not None:
                trained = resume(old, data=moved, listener=heard, progress=shown.tell, **together)
            else:
                command = shlex.join(["beholder", *sys.argv[1:]])
                given = {"labels": labels or "fine", "command": command, **given, "out": run}
                trained = train_now(str(data), listener=heard, progress=shown.tell, **together, **given)
    if as_json:
        print_json(trained.to_json())
        return
    if progress_kind == "none":  # nothing has told them yet
        print_notes(trained.notes)
    if process:
        click.echo(f"Process {process} of {processes} is done; process 0 packs the model into {trained.run}.")
    else:
        _print_trained(trained)


def _print_trained(trained: Trained) -> None:
    if trained.finished_before:
        click.echo(f"{trained.run} was finished already; nothing was done.")
    state = f"Stopped after {trained.epochs} epochs; go on with --resume {trained.run}. " if trained.stopped else ""
    click.echo(f"{state}Validation accuracy {percent(trained.validation_accuracy)} after {trained.seconds:.0f} s.")
    if trained.risk is not None:
        from beholder.evaluation.abstention import risk_in_words

        click.echo(risk_in_words(trained.risk))
    click.echo(f"Run: {trained.run}  Report: {trained.run / 'report.html'}  Test it: beholder evaluate {trained.run}")


def _only_run(context: click.Context, data: str | None, resumed: Path | None) -> Path | None:
    """The run to resume, where there is one and beside it neither data nor what was decided when it began."""
    if data is None and resumed is None:
        raise UsageError("Say what to train on: beholder train DATA, or go on with a run: beholder train --resume RUN.")
    if data is not None and resumed is not None:
        raise UsageError(
            f"A resumed run knows its data; leave {data!r} out beside --resume, or write --data {data} if they were "
            "moved there."
        )
    for option in context.command.params if resumed is not None else ():
        name = str(option.name)
        if name not in _RESUMING and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            said = f"{option.opts[0]} out beside --resume {str(resumed)!r}"
            raise UsageError(f"A resumed run goes on as it was planned; leave {said}.")
    return resumed
