"""Go on with a RUN that was stopped or killed; one that is finished is left as it is."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from beholder.data.opening import Data
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.errors import RunError
from beholder.runs.events import Listener
from beholder.runs.presence import training
from beholder.runs.run_folder import Run, open_run, read_document
from beholder.sessions.begin import go_on
from beholder.sessions.trained import Trained, finished
from beholder.sessions.training_data import check_there
from beholder.training.steps import framework
from beholder.training.steps.processes import current


def train_again(path: Path, data: Data | Source | None, listener: Listener | None, progress: Progress) -> Trained:
    """Go on with the run at `path`, see `beholder.resume`."""
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
        _require_backend(run)
        run.clear_leftovers()
        return go_on(run, data, listener, progress, started)


def _require_backend(run: Run) -> None:
    """Refuse to go on with another backend than the run began with, which would end with other weights."""
    if run.environment_file.exists():
        began = read_document(run.environment_file, missing="").get("backend")
        if began != framework.backend():
            alone = " and without --processes" if current() is not None else ""
            raise RunError(f"{str(run.path)!r} began on another backend; go on with KERAS_BACKEND={began}{alone}.")
