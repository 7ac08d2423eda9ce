"""Resume: from the last checkpoint of a RUN to what it would have become undisturbed."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from beholder import files
from beholder.data.corrections import corrected
from beholder.data.dataset import Dataset
from beholder.data.images.colour import Colour
from beholder.data.opening import Data
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.errors import RunError
from beholder.runs.environment import describe_environment
from beholder.runs.events import Listener, read_events
from beholder.runs.presence import training
from beholder.runs.run_folder import Run, open_run, read_document
from beholder.runs.sets import changes_in_words, read_sets, write_sets
from beholder.sessions.data_checks import check_data
from beholder.sessions.launch import launch, together
from beholder.sessions.session import Asked, Session, Trained, decided, recipe_facts
from beholder.sessions.training_data import (
    check_there,
    correction_notes,
    data_name,
    fingerprints,
    keep_data,
    known_sets,
    open_data,
    read_training_sets,
)
from beholder.training.initial import check_start
from beholder.training.settings import Settings
from beholder.training.steps import framework
from beholder.training.steps.processes import current


def resume(
    run_path: str | Path,
    *,
    data: Data | Source | None = None,
    processes: int | None = None,
    coordinator: str | None = None,
    process: int | None = None,
    listener: Listener | None = None,
    progress: Progress = silent,
) -> Trained:
    """Go on with a run from its last checkpoint; one that is finished is left as it is.

    Args:
        run_path: the RUN folder.
        data: where the run's data lie now, if they were moved; its arrays, or its `Source`, opened before.
        processes: as for `train`; there may be more or fewer than before.
        coordinator: as for `train`.
        process: as for `train`.
        listener: told each event as it happens.
        progress: told how far reading is.

    Raises:
        RunError: not a RUN folder, another process trains it, or the data is no longer what it was.
    """
    asked_together = together(processes, coordinator, process)
    if asked_together is not None:
        return launch("resume", {"run_path": run_path, "data": data}, asked_together, listener, progress)
    started = time.monotonic()
    run, config = open_run(Path(run_path))
    with training(run):
        return _go_on(run, config, data, listener, progress, started)


def _go_on(
    run: Run,
    config: dict[str, Any],
    data: Data | Source | None,
    listener: Listener | None,
    progress: Progress,
    started: float,
) -> Trained:
    finished = _finished(run)
    if finished is not None:
        if not run.report_file.exists():  # killed between the model and its report
            from beholder.report.page import write_report

            write_report(run.path)
        return finished
    settings = Settings.from_json(config["settings"]).starting_from(run.initial_file)
    if settings.initial is not None:
        check_start(run.initial_file, settings.initial)
    if data is None:
        check_there(run.path, config["data"], f"beholder train --resume {shlex.quote(str(run.path))} --data PATH")
    asked = Asked.from_config(config)
    cache = Path(asked.cache) if asked.cache else None
    _require_backend(run)
    run.clear_leftovers()
    if not run.environment_file.exists():
        files.write_json(run.environment_file, {**describe_environment(), **framework.conditions()})
    data = config["data"] if data is None else data
    began = _shape(run)
    colour: Colour = asked.colour if began is None else "grey" if began[2] == 1 else "rgb"
    canvas = None if began is None else began[:2]
    source = open_data(data, config["labels"], cache, progress, settings.initial, colour, canvas)
    found: set[str] = set()
    source = corrected(source, asked.corrections, found)
    whole = Split(source, settings.seed, progress, asked.together)
    sets = read_training_sets(whole, asked.images)
    if run.data_file.exists():
        _check_same(run, whole, sets, asked.images)
    else:  # killed before its data were read
        told: list[str] = []
        if config.get("plans") is None:
            settings, told = decided(settings, sets["train"])
            config |= {**recipe_facts(settings), "settings": settings.to_json()}
            run.write_config(config)
        checks = check_data(whole, sets, asked.budget)
        checks["sentences"] = [*correction_notes(asked.corrections, found, source, sets), *checks["sentences"], *told]
        keep_data(run, whole, sets, asked.images, checks)
    if data_name(source) not in (asked.data, "arrays"):  # moved: `evaluate` finds them there
        asked = replace(asked, data=data_name(source))
        run.write_config({**config, "data": asked.data})
    plans = None if config.get("plans") is None else [(step, steps) for step, steps in config["plans"]]
    return Session(run, settings, asked, source.name, sets, listener, started, plans).train()


def _check_same(run: Run, whole: Split, sets: dict[str, Dataset], images: int | None) -> None:
    """Refuse data that are not what the run began with; where an earlier version began it, keep its sets."""
    before = read_sets(run.path)
    if read_document(run.data_file, missing="").get("fingerprint") != fingerprints(sets):
        now = known_sets(whole, sets, images)
        changes = "" if before is None else f" ({changes_in_words(before, now)})"
        raise RunError(
            f"The data {whole.source.name!r} are not those that {str(run.path)!r} began with{changes}; give those by "
            "--data PATH, or train a new run instead."
        )
    if before is None:
        write_sets(run.path, known_sets(whole, sets, images))


def _shape(run: Run) -> tuple[int, int, int] | None:
    """Height, width and channels of the images that the run began with; a folder that changed may suggest others."""
    if not run.data_file.exists():
        return None
    shape: Any = read_document(run.data_file, missing="").get("image_shape")
    fits = isinstance(shape, list) and len(shape) == 3 and all(isinstance(side, int) and side > 0 for side in shape)
    return (shape[0], shape[1], shape[2]) if fits else None


def _require_backend(run: Run) -> None:
    """Refuse to go on with another backend than the run began with, which would end with other weights."""
    if run.environment_file.exists():
        began = read_document(run.environment_file, missing="").get("backend", "tensorflow")
        if began != framework.backend():
            alone = " and without --processes" if current() is not None else ""
            raise RunError(f"{str(run.path)!r} began on another backend; go on with KERAS_BACKEND={began}{alone}.")


def _finished(run: Run) -> Trained | None:
    last = next((event for event in reversed(read_events(run.events_file)) if event["event"] == "end"), None)
    if last is None or not run.model_folder.is_dir():
        return None
    names = ("seconds", "plan", "validation_accuracy", "epochs", "stopped")
    return Trained(
        run.path,
        **{name: last[name] for name in names},
        finished_before=True,
        risk=last.get("risk"),
        notes=last.get("notes", ()),
    )
