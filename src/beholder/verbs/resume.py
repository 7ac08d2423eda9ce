"""Resume: from the last checkpoint of a RUN to what it would have become undisturbed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from beholder import files
from beholder.data.opening import Data
from beholder.data.overlay import corrected
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.data.split import Parts
from beholder.errors import RunError, UsageError
from beholder.runs.environment import describe_environment
from beholder.runs.events import Listener, read_events
from beholder.runs.folder import Run, open_run, read_document
from beholder.runs.presence import training
from beholder.training import framework
from beholder.training.initial import check_start
from beholder.training.processes import current
from beholder.training.settings import Settings
from beholder.verbs.data_checks import check_data
from beholder.verbs.launch import launch, together
from beholder.verbs.sitting import Asked, Sitting, Trained, fitted, recipe_facts
from beholder.verbs.training_data import describe, fingerprints, open_data, read_parts


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
        data: needed only where the run was trained on arrays; or its `Source`, opened before.
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
    if data is None and config["data"] == "arrays":
        raise UsageError(f"{str(run.path)!r} was trained on arrays; give them again as `data`.")
    asked = Asked.from_config(config)
    cache = Path(asked.cache) if asked.cache else None
    _require_backend(run)
    run.clear_leftovers()
    if not run.environment_file.exists():
        files.write_json(run.environment_file, {**describe_environment(), **framework.conditions()})
    source = open_data(config["data"] if data is None else data, config["labels"], cache, progress, settings.initial)
    found: set[str] = set()
    source = corrected(source, asked.overlay, found)
    whole = Parts(source, settings.seed, progress, asked.together)
    parts = read_parts(whole, asked.pictures)
    if run.data_file.exists():
        before = read_document(run.data_file, missing="")
        if before.get("fingerprint") != fingerprints(parts):
            raise RunError(f"The data {source.name!r} changed since {str(run.path)!r} began; train a new run instead.")
    else:  # killed before its data were read
        if config.get("plans") is None:
            settings = fitted(settings, parts["train"])
            run.write_config({**config, **recipe_facts(settings), "settings": settings.to_json()})
        checks = check_data(whole, parts, asked.budget)
        files.write_json(run.data_file, describe(source, parts, asked.overlay.notes(found), checks))
    plans = None if config.get("plans") is None else [(step, steps) for step, steps in config["plans"]]
    return Sitting(run, settings, asked, source.name, parts, listener, started, plans).train()


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
    return Trained(run.path, **{name: last[name] for name in names}, finished_before=True, risk=last.get("risk"))
