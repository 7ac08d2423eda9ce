"""Train: from a data set to a RUN folder with a model and a report in it."""

from __future__ import annotations

import datetime
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from beholder import __version__, files
from beholder.data.corrections import corrected, read_corrections
from beholder.data.dataset import Dataset
from beholder.data.images.colour import Colour, check_colour
from beholder.data.opening import Data
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.errors import UsageError
from beholder.models import PRETRAINED
from beholder.runs.environment import describe_environment
from beholder.runs.events import Listener
from beholder.runs.presence import training
from beholder.runs.run_folder import Run, create_run
from beholder.sessions.data_checks import check_data
from beholder.sessions.launch import launch, together
from beholder.sessions.logged_plan import logged_plan, other_images
from beholder.sessions.session import Asked, Session, Trained, decided, recipe_facts
from beholder.sessions.training_data import (
    correction_notes,
    data_name,
    default_folder,
    keep_data,
    open_data,
    read_training_sets,
)
from beholder.training import limits
from beholder.training.initial import Start, keep_start, open_start
from beholder.training.settings import Balance, Settings, choose, resolve_precision
from beholder.training.steps import framework

DEFAULT_BUDGET = 600.0  # seconds


def train(
    data: Data | Source,
    *,
    out: str | Path | None = None,
    model: str = "auto",
    budget: float | None = None,
    epochs: float | None = None,
    seed: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    augment: bool | None = None,
    mirror: bool | None = None,
    early_stop: int | None = None,
    balance: Balance | None = None,
    risk: float | None = None,
    plan: Path | None = None,
    start_from: str | Path | None = None,
    input_range: tuple[float, float] | None = None,
    images: int | None = None,
    corrections: str | Path | None = None,
    neighbours: bool = True,
    precision: Literal["auto", "float32", "bfloat16"] | None = None,
    labels: Literal["fine", "coarse"] = "fine",
    cache: Path | None = None,
    colour: Colour = "auto",
    processes: int | None = None,
    coordinator: str | None = None,
    process: int | None = None,
    command: str | None = None,
    listener: Listener | None = None,
    progress: Progress = silent,
    **options: Any,
) -> Trained:
    """Train a classifier on the training set of `data`, judge it on the validation set, and leave the test set alone.

    Args:
        data: a name, a path, a `Dataset`, a pair of arrays (images, labels), or a `Source` opened before.
        out: the RUN folder to make; `runs/DATA-MODEL-TIME` by default.
        model: `linear`, `dense`, `book`, `fast`, or `auto`: `fast` in the widths that the budget allows, or in those of
            `options`.
        budget: seconds from this call to the written report; 600 for `auto` where neither this nor `epochs` is given.
        plan: the event log of an earlier run, whose settings, seed and schedule, re-plans included, are followed.
        start_from: an earlier RUN, or a `.keras` file of a network: its weights, a new head, its own size of images.
        input_range: what 0 and 255 become before the network in such a file sees them; (0, 255) by default.
        epochs: times that each image is seen; the model's own by default, like the next four.
        seed: fixes every random choice; 0 by default.
        batch_size: images a step.
        learning_rate: its peak.
        weight_decay: in units of the learning rate.
        augment: shift training images, and mirror them where `mirror` allows.
        mirror: whether a mirrored image means the same; by default told from the images.
        early_stop: epochs without a better validation accuracy after which to stop and keep the best.
        balance: make small classes count as much as large ones: `weights` multiplies their losses, `sampling` shows
            their images more often; `none` by default.
        risk: the share of wrong answers that is tolerated, between 0 and 1; the model promises it of the answers that
            are not unsure. By default 5 %, where the validation set is large enough to promise that.
        images: learn from so many images of the training set, a stratified choice; from all by default.
        corrections: a CSV file of corrections, `path,action,label`: images to drop and labels to change, in all sets.
        neighbours: keep some training images beside the model, for the page to show the nearest.
        precision: of multiplications in training; `auto`, the default, is bfloat16 where the processor has it, and on
            an accelerator.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded images are kept.
        colour: `rgb` gives every image three channels and `grey` one; by default they keep what they have, and those
            of a folder get one where all images of a sample are grey.
        processes: train in so many together, on JAX; all are started here, unless `coordinator` says otherwise.
        coordinator: host and port of process 0, where the processes run on several hosts.
        process: which of them this one is, from 0; what process 0 does not know of, the others return as they know it.
        command: how to reproduce the run, for the report.
        listener: told each event as it happens.
        progress: told how far reading is.
        **options: the model's own (window, stride, padding, dropout, widths, side).

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    asked_together = together(processes, coordinator, process)
    if asked_together is not None:
        arguments = {
            "data": data,
            "out": out,
            "model": model,
            "budget": budget,
            "epochs": epochs,
            "seed": seed,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
            "augment": augment,
            "mirror": mirror,
            "early_stop": early_stop,
            "balance": balance,
            "risk": risk,
            "plan": plan,
            "start_from": start_from,
            "input_range": input_range,
            "images": images,
            "corrections": corrections,
            "neighbours": neighbours,
            "precision": precision,
            "labels": labels,
            "cache": cache,
            "colour": colour,
            "command": command,
            **options,
        }
        return launch("train", arguments, asked_together, listener, progress)
    started = time.monotonic()
    changes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "augment": augment,
        "mirror": mirror,
    }
    budget, risk, images = _checked(budget, epochs, risk, images)
    automatic = model == "auto"
    start: Start | None = None
    if plan is not None:
        own = {**changes, **options, "budget": budget, "early_stop": early_stop, "model": None if automatic else model}
        own |= {"balance": balance, "seed": seed, "precision": precision}
        settings, plans = _followed(plan, {**own, "from": start_from, "input_range": input_range})
        automatic = False
    else:
        if automatic and budget is None and epochs is None:
            budget = DEFAULT_BUDGET
        start = _start(start_from, input_range, None if automatic else model, options)
        if start is not None:
            model, automatic, options = start.model, False, start.options
            if model == PRETRAINED and precision in (None, "auto"):
                # Most have depthwise convolutions, which TensorFlow computes at half the speed in bfloat16.
                precision = "float32"
        settings = choose(
            "fast" if automatic else model,
            seed=0 if seed is None else seed,
            precision=resolve_precision(precision or "auto"),
            early_stop=early_stop,
            changes=changes,
            options=options,
            initial=None if start is None else start.initial,
            balance=balance or "none",
        )
        # Widths or a resolution of the person's own are not the budget's to choose.
        automatic = automatic and not {"widths", "side"} & settings.options.keys()
        plans = None
    _check_colour(colour, settings)
    asked = Asked(
        data_name(data),
        labels,
        None if cache is None else str(cache.resolve()),
        images,
        budget,
        automatic,
        read_corrections(None if corrections is None else Path(corrections)),
        neighbours,
        risk,
        colour=colour,
    )
    run = create_run(Path(out) if out is not None else default_folder(data, model))
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with training(run):
        try:
            if settings.initial is not None:
                keep_start(_initial_file(start, plan), settings.initial, run.initial_file)
                settings = settings.starting_from(run.initial_file)
            run.write_config(_config(asked, settings, command, plans, created))
            files.write_json(run.environment_file, {**describe_environment(), **framework.conditions()})
            found: set[str] = set()
            opened = open_data(data, labels, cache, progress, settings.initial, colour)
            source = corrected(opened, asked.corrections, found)
            whole = Split(source, settings.seed, progress, asked.together)
            sets = read_training_sets(whole, images)
            settings, told = _decided(settings, sets["train"], plan)
            run.write_config(_config(asked, settings, command, plans, created))
            checks = check_data(whole, sets, budget)
            checks["sentences"] = [
                *correction_notes(asked.corrections, found, source, sets),
                *checks["sentences"],
                *told,
            ]
            keep_data(run, whole, sets, images, checks)
            return Session(run, settings, asked, source.name, sets, listener, started, plans).train()
        except BaseException:
            if not run.has_checkpoint:
                run.remove()
            raise


def _checked(
    budget: float | None, epochs: float | None, risk: float | None, images: int | None
) -> tuple[float | None, float | None, int | None]:
    """The budget, the risk and the number of images that were asked for, each within its limits."""
    if budget is not None:
        budget = limits.seconds(budget)
    if budget is not None and epochs is not None:
        raise UsageError(f"A budget decides the epochs; give a budget ({budget:g} s) or epochs ({epochs}), not both.")
    if risk is not None:
        risk = limits.real(risk, "a risk between 0 and 1", lambda share: 0 < share < 1)
    return budget, risk, None if images is None else limits.whole(images, "images", 1)


def _check_colour(colour: Colour, settings: Settings) -> None:
    check_colour(colour)
    if settings.initial is not None and colour != "auto":
        kind = "grey" if settings.initial.channels == 1 else "colour"
        raise UsageError(f"The network of {settings.initial.source!r} takes {kind} images; leave --colour out.")


def _decided(settings: Settings, training_set: Dataset, plan: Path | None) -> tuple[Settings, list[str]]:
    """The settings that suit the training set, those of a logged plan as they are, and what is to be said of either."""
    return decided(settings, training_set) if plan is None else (settings, other_images(plan, training_set))


def _followed(plan: Path, own: dict[str, Any]) -> tuple[Settings, list[tuple[int, int]]]:
    """The settings and the schedule of a logged run; what the person chose beside it would make it another run."""
    said = [name.replace("_", "-") for name, value in own.items() if value is not None]
    if said:
        raise UsageError(f"A plan decides everything but the data; leave --{said[0]} out beside --plan {plan}.")
    return logged_plan(plan)


def _start(
    start_from: str | Path | None,
    input_range: tuple[float, float] | None,
    model: str | None,
    options: dict[str, Any],
) -> Start | None:
    """The earlier network that the person wants to start from; it is what it is, but for its dropout."""
    if start_from is None:
        if input_range is not None:
            raise UsageError("--input-range says what a network of yours expects; give it beside --from FILE.keras.")
        if model == PRETRAINED:
            raise UsageError(f"Model {model!r} is a network of your own; give it by --from FILE.keras.")
        return None
    said = {name: value for name, value in {"model": model, **options}.items() if value is not None}
    dropout = {name: said.pop(name) for name in ("dropout",) if name in said}
    if said:
        raise UsageError(f"The network of {str(start_from)!r} is what it is; leave --{min(said)} out beside --from.")
    start = open_start(Path(start_from), input_range)
    return replace(start, options={**start.options, **dropout})


def _initial_file(start: Start | None, plan: Path | None) -> Path:
    """Where the network that training starts from lies; a logged plan has it beside it, in its run."""
    return start.file if start is not None else Run(Path(plan or "").parent).initial_file


def _config(
    asked: Asked, settings: Settings, command: str | None, plans: list[tuple[int, int]] | None, created: str
) -> dict[str, Any]:
    return {
        "beholder": __version__,
        "command": command,
        **asdict(asked),
        "model": settings.model,
        **recipe_facts(settings),
        "seed": settings.seed,
        "options": settings.options,
        "settings": settings.to_json(),
        "plans": plans,
        "created": created,
    }


__all__ = ["Trained", "train"]
