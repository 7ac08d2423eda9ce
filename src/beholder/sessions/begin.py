"""Begin a run, or go on with one: a RUN folder with its config, then the data, then a session of training."""

from __future__ import annotations

import datetime
import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from beholder import __version__, files
from beholder.data.decoding import Rules, rules_from_json
from beholder.data.images.decode import ImageRules
from beholder.data.images.fitting import DEFAULT_FIT
from beholder.data.opening import Data
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.errors import RunError
from beholder.runs.earlier_images import read_earlier, write_earlier
from beholder.runs.environment import describe_environment
from beholder.runs.events import Listener
from beholder.runs.kept_data import keep_data as keep_unnamed
from beholder.runs.presence import training
from beholder.runs.run_folder import Run, create_run, open_run, read_document
from beholder.sessions.data_checks import check_data
from beholder.sessions.family import choose_family
from beholder.sessions.folds import check_folds, check_tuning
from beholder.sessions.given_validation import Validation, groups_in_words
from beholder.sessions.logged_plan import other_images
from beholder.sessions.prepare import Prepared, check_same, keep_data, prepare
from beholder.sessions.request import TrainRequest
from beholder.sessions.resolve import resolve
from beholder.sessions.session import Session, shared
from beholder.sessions.start_images import check_whole, seen_by_start
from beholder.sessions.trained import Trained, finished
from beholder.sessions.training_data import check_there, data_name, default_folder
from beholder.training.initial import keep_start
from beholder.training.mirror_choice import decide_mirroring
from beholder.training.steps import framework
from beholder.training.steps.processes import current


def begin(
    request: TrainRequest,
    data: Data | Source | None,
    listener: Listener | None,
    progress: Progress,
    validation: Validation | None = None,
) -> Trained:
    """Make a RUN folder for `request` and train in it; one that comes to no checkpoint is removed again.

    Args:
        request: what the person asked for.
        data: the data themselves where they have no name; None: they are where the request says.
        listener: told each event as it happens.
        progress: told how far reading is.
        validation: a validation set beside the data.

    Raises:
        UsageError, DataError, RunError, StorageError: what the person must change, in one sentence.
    """
    started = time.monotonic()
    check_folds(request, validation=validation is not None, together=current() is not None)
    settings, schedule, initial_file = resolve(request, progress)
    run = create_run(request.out or default_folder(request.data, "auto" if request.automatic else settings.model))
    with training(run):
        try:
            if settings.initial is not None and initial_file is not None:
                keep_start(initial_file, settings.initial, run.initial_file)
                write_earlier(run.path, seen_by_start(request, settings.initial))
                settings = settings.starting_from(run.initial_file)
            group = current()
            config = {
                "beholder": __version__,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                **request.to_json(),
                "settings": settings.to_json(),
                "schedule": schedule,
                "forecast": None,
                "validation_given": validation is not None,
                "processes": None if group is None or not group.local else group.count,
            }
            run.write_config(config)
            return _train(run, data, listener, progress, started, validation)
        except BaseException:
            if not (run.has_checkpoint or run.has_folds):
                run.remove()
            raise


def go_on(
    path: Path,
    data: Data | Source | None,
    listener: Listener | None,
    progress: Progress,
    validation: Validation | None = None,
) -> Trained:
    """Go on with the run at `path` from its last checkpoint, see `beholder.resume`."""
    started = time.monotonic()
    run, config = open_run(path)
    with training(run):
        done = finished(run)
        if done is not None:
            if not run.report_file.exists():  # killed between the model and its report
                from beholder.report.page import write_report

                write_report(run.path)
            return done
        if data is None:
            check_there(run.path, config["data"], f"beholder train --resume {shlex.quote(str(run.path))} --data PATH")
        request = TrainRequest.from_json(config)
        check_folds(request, validation=validation is not None, together=current() is not None)
        _require_backend(run)
        run.clear_leftovers()
        return _train(run, data, listener, progress, started, validation)


def _train(
    run: Run,
    data: Data | Source | None,
    listener: Listener | None,
    progress: Progress,
    started: float,
    validation: Validation | None,
) -> Trained:
    """Train in `run`, from its config or its last checkpoint on; `started` is on the clock of `time.monotonic`."""
    if not run.environment_file.exists():
        files.write_json(run.environment_file, {**describe_environment(), **framework.conditions()})
    config = read_document(run.config_file, missing="")
    prepared = prepare(config, run.initial_file, data, progress, _rules(run, config), validation)
    if run.data_file.exists():
        check_same(run, prepared)
    else:
        prepared = _decide(run, prepared, given=validation is not None)
    name = config["data"] if data is None else data_name(data)
    if name not in (config["data"], "arrays"):  # moved: `evaluate` finds them there
        root = prepared.source.table.image_root
        run.update_config(data=name, image_root=None if root is None else str(Path(root).resolve()))
    return Session(run, prepared, listener, started).train()


def _decide(run: Run, prepared: Prepared, *, given: bool) -> Prepared:
    """`prepared` with all that the data decide, which the run keeps from now on beside what is to be said of them.

    `given` tells whether the validation set was given beside the data.
    """
    prepared.check_target()
    request, settings, train = prepared.request, prepared.settings, prepared.sets["train"]
    told = [*other_images(request.plan, train), *prepared.told]
    if given:
        told += groups_in_words(prepared.split, prepared.sets["validation"])
    if prepared.folds is not None:
        told += prepared.folds.told
        if request.start_from is not None:
            told += check_whole(train, read_earlier(run.path), str(request.start_from))
    if prepared.schedule is None:
        settings, family = choose_family(request, settings, train)
        told += [] if family is None else [family]
        fitted = shared(settings.fitted(len(train), train.image_shape))
        settings, mirroring = decide_mirroring(fitted, train, request.kept_in)
        told += [] if mirroring is None else [mirroring.sentence]
        if prepared.folds is not None and request.budget is None:
            check_tuning(settings, train, len(prepared.folds))
        if settings.own_file is not None:
            low, high = settings.options["input_range"]
            told.append(f"Your network is shown pixels as {low:g} to {high:g}; --input-range decides otherwise.")
        run.update_config(settings=settings.to_json())
    checks = check_data(prepared.split, prepared.sets, request.budget, request.kept_in)
    checks["sentences"] = [*prepared.correction_notes(), *checks["sentences"], *told]
    keep_data(run, prepared, checks)
    if request.neighbours:  # who wants no images kept wants none of these
        keep_unnamed(run.path, prepared.opened)
        if prepared.opened.place is not None and not prepared.opened.named:
            run.update_config(image_root=str(prepared.opened.table.image_root))
    return replace(prepared, settings=settings)


def _rules(run: Run, config: dict[str, Any]) -> Rules | None:
    """By what rules files were decoded when the run began; None where it had not read any."""
    if not run.data_file.exists():
        return None
    document = read_document(run.data_file, missing="")
    if isinstance(document.get("rules"), dict):
        return rules_from_json(document["rules"])
    shape: Any = document.get("image_shape")  # of a run from before there were sounds
    if not (isinstance(shape, list) and len(shape) == 3 and all(isinstance(side, int) and side > 0 for side in shape)):
        return None
    initial = config["settings"].get("initial") or {}
    fit = config.get("fit") or initial.get("fit") or DEFAULT_FIT
    return ImageRules(shape[0], shape[1], "L" if shape[2] == 1 else "RGB", fit)


def _require_backend(run: Run) -> None:
    """Refuse to go on with another backend than the run began with, which would end with other weights."""
    if run.environment_file.exists():
        began = read_document(run.environment_file, missing="").get("backend")
        if began != framework.backend():
            alone = " and without --processes" if current() is not None else ""
            raise RunError(f"{str(run.path)!r} was begun on another backend; go on with KERAS_BACKEND={began}{alone}.")
