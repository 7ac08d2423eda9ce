"""beholder train DATA: its options, and what it prints on the way from images to a RUN folder."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource

from beholder.cli.console import print_json, print_notes, say, screen
from beholder.cli.help import HelpfulCommand
from beholder.cli.options import (
    augment_option,
    augmentation_option,
    colour_option,
    corrections_option,
    early_stop_option,
    fit_option,
    json_option,
    mirror_option,
    progress_option,
    reading_options,
    seconds_option,
    target_options,
    weight_decay_option,
)
from beholder.cli.training_progress import listener_on
from beholder.cli.values import PATH, POSITIVE, Duration, LocalPath, Range, Seed, Share, Widths
from beholder.cli.watch import watched
from beholder.errors import UsageError
from beholder.evaluation.shares import as_percent
from beholder.models import MODELS
from beholder.runs.run_folder import Run
from beholder.training.limits import DEFAULT_BUDGET

if TYPE_CHECKING:
    from beholder.sessions.trained import Trained

_MODELS = "; ".join(f"{name}: {recipe.summary}" for name, recipe in MODELS.items())
_EPOCHS = ", ".join(f"{name} {recipe.epochs}" for name, recipe in MODELS.items())
_BATCHES = ", ".join(f"{name} {recipe.batch_size}" for name, recipe in MODELS.items())
_RATES = ", ".join(f"{name} {recipe.learning_rate}" for name, recipe in MODELS.items())
_RESUMING = ("data", "moved", "resumed", "processes", "coordinator", "process", "watching", "progress_kind", "as_json")


@click.command(
    cls=HelpfulCommand,
    short_help="Train a classifier into a RUN folder.",
    examples=("beholder train digits --budget 20s", "beholder train photos/ --budget 10m --out runs/photos --watch"),
    headings={
        "Budget and length": "--budget --epochs --early-stop --folds --plan",
        "Data": "--images --corrections --mirror --colour --fit --seconds --labels --cache --path-column "
        "--label-column --split-column --group-column --image-root --group-pattern",
        "Network": "--model --from --input-range --widths --side --window --stride --padding --dropout",
        "Recipe": "--batch-size --learning-rate --weight-decay --augment --augmentation --balance --seed",
        "Where and how it runs": "--resume --data --watch --progress --precision --processes --coordinator --process",
        "Output": "--out --risk --target-recall --target-precision --neighbours --json",
    },
)
@click.argument("data", required=False)
@click.option(
    "--budget",
    type=Duration(),
    help=f"Time from now to the written report: 90s, 5m, 2h, 1d.  [default: {DEFAULT_BUDGET / 60:g}m, if the model is "
    "auto and neither --epochs nor --plan is given]",
)
@click.option("--epochs", type=POSITIVE, help=f"How often each training image is seen.  [default by model: {_EPOCHS}]")
@early_stop_option
@click.option(
    "--folds",
    type=click.IntRange(2, 100),
    help="For few images: judge each by a network that never saw it, trained on all shares of the images but its own; "
    "the network that is kept learns from all. A given test set stays out, and the budget is shared.",
)
@click.option(
    "--plan",
    type=LocalPath(dir_okay=False, exists=True),
    help="The events.jsonl of an earlier run, whose plan is followed exactly, with the changes made on the way.",
)
@click.option("--images", type=POSITIVE, help="Learn from this many training images only, stratified by class.")
@corrections_option
@mirror_option
@colour_option
@fit_option
@seconds_option
@reading_options
@click.option(
    "--model",
    type=click.Choice(["auto", *MODELS]),
    default="auto",
    show_default=True,
    help=f"The network. auto: fast, as wide as the budget allows, or lite0 for few images in colour; {_MODELS}.",
)
@click.option(
    "--from",
    "start_from",
    type=PATH,
    metavar="RUN|FILE.keras",
    help="Start from the weights of an earlier run, or of a network of your own. The classes are those of DATA.",
)
@click.option(
    "--input-range",
    type=Range(),
    help="The range to which the network in FILE.keras expects pixels to be scaled, such as 0,1 or -1,1.  "
    "[default: 0,255]",
)
@click.option(
    "--widths",
    type=Widths(),
    help="Filters in each of the three groups of fast.  [default: what the budget allows, if the model is auto, "
    "otherwise 48,128,192]",
)
@click.option(
    "--side",
    type=click.IntRange(min=8),
    help="To what length, in pixels, fast shrinks the short side of larger images, or lite0 brings that of all images "
    "(96 to 224).  [default: what the budget allows, if the model is auto, or lite0 with a budget; otherwise 64, of "
    "lite0 128]",
)
@click.option("--window", type=POSITIVE, help="Kernel size of book, pixels.  [default: 5]")
@click.option("--stride", type=POSITIVE, help="Stride of book's convolutions, pixels.  [default: 1]")
@click.option(
    "--padding",
    type=click.Choice(["same", "valid"]),
    help="Padding of book's convolutions: whether windows reach over the edge (same) or not.  [default: same]",
)
@click.option(
    "--dropout", type=click.FloatRange(0, 1, max_open=True), help="Share of the features dropped in each training step."
)
@click.option("--batch-size", type=POSITIVE, help=f"Images per step.  [default by model: {_BATCHES}]")
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    help=f"The peak of the learning rate, which rises to it and falls to 0.  [default by model: {_RATES}]",
)
@weight_decay_option
@augment_option
@augmentation_option
@click.option(
    "--balance",
    type=click.Choice(["none", "weights", "sampling"]),
    help="Make small classes count as much as large ones: weights multiplies their losses, sampling shows their "
    "images more often.  [default: none]",
)
@click.option("--seed", type=Seed(), help="Fixes every random choice.  [default: 0]")
@click.option("--resume", "resumed", type=PATH, metavar="RUN", help="Continue a run that was stopped.")
@click.option("--data", "moved", metavar="DATA", help="With --resume: where the data of that run are now.")
@click.option(
    "--watch", "watching", is_flag=True, help="Show the training live in the browser, as `beholder watch` does."
)
@progress_option
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="Precision of the multiplications in training; auto is bfloat16 where the processor supports it, and on an "
    "accelerator.  [default: auto]",
)
@click.option(
    "--processes",
    type=POSITIVE,
    help="Train in this many processes together, on JAX: on this machine, or on several with --process.",
)
@click.option(
    "--coordinator", metavar="HOST:PORT", help="On several machines: where process 0 listens, the same for all."
)
@click.option("--process", type=click.IntRange(min=0), help="On several machines: the number of this process, from 0.")
@click.option("--out", type=PATH, help="The RUN folder to make, which must not exist.  [default: runs/DATA-MODEL-TIME]")
@click.option(
    "--risk",
    type=Share(),
    help="The share of wrong answers you tolerate, such as 2%; answers too uncertain for that are marked as unsure.  "
    "[default: 5%, if there are enough validation images to promise it]",
)
@target_options
@click.option(
    "--neighbours/--no-neighbours",
    default=True,
    help="Whether to keep some training images in the RUN, so that its page can show the nearest.  [default: keep]",
)
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
            f"--data says where the data of a resumed run are now; without --resume write beholder train {moved}."
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
        print_json(trained.to_dict())
        return
    if progress_kind == "none":  # nothing has told them yet
        print_notes(trained.notes)
    if process:
        say(f"Process {process} of {processes} is done; process 0 packs the model into {trained.run}.")
    else:
        _print_trained(trained)


def _print_trained(trained: Trained) -> None:
    if trained.finished_before:
        say(f"{trained.run} was finished already; nothing was done.")
    # None is complete where it was stopped in the first one, or among the folds.
    after = f" after {trained.epochs} epoch{'s' * (trained.epochs != 1)}" if trained.epochs else ""
    state = f"Stopped{after}; go on with --resume {trained.run}. " if trained.stopped else ""
    if trained.folds is not None:
        from beholder.evaluation.fold_words import folds_in_words

        say(f"{state}{folds_in_words(trained.folds)}")
        say(f"{'Stopped' if trained.stopped else 'Done'} after {trained.seconds:.0f} s.")
    elif trained.validation_accuracy is not None:
        say(f"{state}Validation accuracy {as_percent(trained.validation_accuracy)} after {trained.seconds:.0f} s.")
    from beholder.evaluation.point_words import promises_in_words

    for promise in promises_in_words(trained.point, trained.risk):
        say(promise)
    run = Run(trained.run)
    test = f"  Test it: beholder evaluate {run.path}" if run.has_test_set else ""
    say(f"Run: {run.path}  Report: {run.report_file}{test}")


def _only_run(context: click.Context, data: str | None, resumed: Path | None) -> Path | None:
    """The run to resume, where there is one and beside it neither data nor what was decided when it began."""
    if data is None and resumed is None:
        raise UsageError("Say what to train on: beholder train DATA, or go on with a run: beholder train --resume RUN.")
    if data is not None and resumed is not None:
        raise UsageError(
            f"A resumed run knows its data; leave {data!r} out with --resume, or write --data {data} if that is where "
            "they are now."
        )
    for option in context.command.params if resumed is not None else ():
        name = str(option.name)
        if name not in _RESUMING and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            said = f"{option.opts[0]} out with --resume {str(resumed)!r}"
            raise UsageError(f"A resumed run goes on as it was planned; leave {said}.")
    return resumed
