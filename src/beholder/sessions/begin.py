"""Begin a run, and go on with it: a RUN folder with its config, the data, then a session of training."""

from __future__ import annotations

import datetime
import time
from dataclasses import replace
from typing import Any

from beholder import __version__, files
from beholder.data.dataset import Dataset
from beholder.data.opening import Data
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.runs.environment import describe_environment
from beholder.runs.events import Listener
from beholder.runs.presence import training
from beholder.runs.run_folder import Run, create_run, read_document
from beholder.sessions.data_checks import check_data
from beholder.sessions.logged_plan import other_images
from beholder.sessions.prepare import Prepared, prepare
from beholder.sessions.request import TrainRequest
from beholder.sessions.resolve import resolve
from beholder.sessions.session import Session, shared
from beholder.sessions.trained import Trained
from beholder.sessions.training_data import check_same, data_name, default_folder, keep_data
from beholder.training.initial import keep_start
from beholder.training.mirror_choice import decide_mirroring
from beholder.training.settings import Settings
from beholder.training.steps import framework


def begin(request: TrainRequest, data: Data | Source | None, listener: Listener | None, progress: Progress) -> Trained:
    """Make a RUN folder for `request` and train in it; one that comes to no checkpoint is removed again.

    Args:
        request: what the person asked for.
        data: the data themselves where they have no name; None: they are where the request says.
        listener: told each event as it happens.
        progress: told how far reading is.

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    started = time.monotonic()
    resolved = resolve(request)
    run = create_run(request.out or default_folder(request.data, request.model))
    with training(run):
        try:
            settings = resolved.settings
            if settings.initial is not None and resolved.initial_file is not None:
                keep_start(resolved.initial_file, settings.initial, run.initial_file)
                settings = settings.starting_from(run.initial_file)
            run.write_config(
                {
                    "beholder": __version__,
                    "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                    **request.to_json(),
                    "settings": settings.to_json(),
                    "schedule": resolved.schedule,
                    "forecast": None,
                }
            )
            return go_on(run, data, listener, progress, started)
        except BaseException:
            if not run.has_checkpoint:
                run.remove()
            raise


def go_on(
    run: Run, data: Data | Source | None, listener: Listener | None, progress: Progress, started: float
) -> Trained:
    """Train in `run`, from its config or its last checkpoint on; `started` is on the clock of `time.monotonic`."""
    if not run.environment_file.exists():
        files.write_json(run.environment_file, {**describe_environment(), **framework.conditions()})
    config = read_document(run.config_file, missing="")
    prepared = prepare(config, run.initial_file, data, progress, _shape(run))
    if run.data_file.exists():
        check_same(run, prepared.split, prepared.sets, prepared.request.images)
    else:
        prepared = _decide(run, prepared)
    moved = config["data"] if data is None else data_name(data)
    if moved not in (config["data"], "arrays"):  # `evaluate` finds them there
        run.update_config(data=moved)
    return Session(run, prepared, listener, started).train()


def _decide(run: Run, prepared: Prepared) -> Prepared:
    """`prepared` with all that the data decide, which the run keeps from now on, and what is to be said of them."""
    request, settings, train = prepared.request, prepared.settings, prepared.sets["train"]
    if prepared.schedule is None:
        settings, told = _suited(settings, train)
    else:
        told = other_images(request.plan, train)
    run.update_config(settings=settings.to_json())
    checks = check_data(prepared.split, prepared.sets, request.budget)
    checks["sentences"] = [*prepared.correction_notes(), *checks["sentences"], *told]
    keep_data(run, prepared.split, prepared.sets, request.images, checks)
    return replace(prepared, settings=settings)


def _suited(settings: Settings, train: Dataset) -> tuple[Settings, list[str]]:
    """Settings as they suit the training set and the devices, and sentences about what was told from its images."""
    settings, mirroring = decide_mirroring(shared(settings.fitted(len(train), train.image_shape)), train)
    told = [] if mirroring is None else [mirroring.sentence]
    if settings.own_file is not None:
        low, high = settings.options["input_range"]
        told.append(f"Your network is shown pixels as {low:g} to {high:g}; --input-range decides otherwise.")
    return settings, told


def _shape(run: Run) -> tuple[int, int, int] | None:
    """Height, width and channels of the images that the run began with; None where it had not read any."""
    if not run.data_file.exists():
        return None
    shape: Any = read_document(run.data_file, missing="").get("image_shape")
    fits = isinstance(shape, list) and len(shape) == 3 and all(isinstance(side, int) and side > 0 for side in shape)
    return (shape[0], shape[1], shape[2]) if fits else None
