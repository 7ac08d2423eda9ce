"""One of several processes that train together, as `beholder.sessions.launch` starts it.

It reads one line of JSON, what to do, and answers in lines of JSON: events, progress, and how it ended. The end of its
input tells that whoever started it is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from beholder.api.resume import resume
from beholder.api.train import train
from beholder.data.corrections import corrected
from beholder.data.images.colour import Colour
from beholder.data.progress import silent
from beholder.data.split import Split
from beholder.errors import BeholderError, DataError
from beholder.runs.events import EventLog
from beholder.runs.run_folder import Run
from beholder.sessions.session import Asked, Trained
from beholder.sessions.training_data import open_data, read_training_sets
from beholder.training.initial import check_start
from beholder.training.settings import Settings
from beholder.training.steps import framework, processes

_PATHS = ("cache", "plan")  # arguments that are paths and nothing else


class _Voice:
    """Says things to whoever started this process; what else is printed goes to standard error."""

    def __init__(self) -> None:
        self._stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def say(self, **message: Any) -> None:
        """One line."""
        self._stream.write(json.dumps(message, default=str) + "\n")
        self._stream.flush()


def main() -> None:
    """Do what standard input asks for, and exit."""
    request = json.loads(sys.stdin.readline())
    voice = _Voice()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt if request["index"] == 0 else _Patient())
    status = 1
    try:
        processes.join(request["coordinator"], request["count"], request["index"], local=request["local"])
        trained = _do(request["command"], request["arguments"], voice)
        voice.say(done=asdict(trained))
        status = 0
    except BeholderError as error:
        voice.say(error={"kind": type(error).__name__, "message": str(error)})
    except KeyboardInterrupt:
        voice.say(interrupted=True)
    except Exception as error:  # noqa: BLE001 - whoever started us tells it
        if processes.is_loss(error):
            voice.say(lost=" ".join(str(error).split())[:100])
        else:
            voice.say(fault=traceback.format_exc())
    os._exit(status)  # JAX would wait for the others once more, who may be gone


def _do(command: str, arguments: dict[str, Any], voice: _Voice) -> Trained:
    given = dict(arguments)
    for name in _PATHS:
        given[name] = _path(given.get(name))
    if given.get("input_range") is not None:
        given["input_range"] = tuple(given["input_range"])
    if command == "follow":
        return follow(given.get("data"), given.get("cache"))

    def listener(event: dict[str, Any]) -> None:
        voice.say(event=event)

    def progress(what: str, done: int, total: int) -> None:
        voice.say(progress=[what, done, total])

    if command == "train":
        return train(given.pop("data"), listener=listener, progress=progress, **given)
    trained = resume(given["run_path"], data=given["data"], listener=listener, progress=progress)
    group = processes.current()
    if group is not None:  # there was nothing to do
        group.agree({**asdict(trained), "run": str(trained.run)})
        processes.leave()
    return trained


def follow(data: str | None, cache: Path | None) -> Trained:
    """Train along with process 0, which says how; its accuracy is the best that process 0 measured after an epoch.

    Args:
        data: where the data lie on this machine; None: where process 0 has them.
        cache: of decoded images; None: that of process 0.

    Raises:
        DataError: the data here are others than those of process 0.
    """
    started, group = time.monotonic(), processes.current()
    if group is None:
        raise AssertionError
    document = group.agree(None)
    if "outline" not in document:
        processes.leave()
        return Trained(**{**document, "run": Path(document["run"])})
    asked, run = Asked.from_config(json.loads(json.dumps(document))), Run(Path(document["run"]))
    settings = Settings.from_json(document["settings"]).starting_from(run.initial_file)
    if "file" in settings.options and settings.initial is not None:
        check_start(run.initial_file, settings.initial)
    colour: Colour = "grey" if document["plan"]["image_shape"][2] == 1 else "rgb"
    cache = cache or _path(asked.cache)
    source = open_data(data or asked.data, document["labels"], cache, silent, settings.initial, colour)
    sets = read_training_sets(
        Split(corrected(source, asked.corrections, set()), settings.seed, silent, asked.together), asked.images
    )
    if sets["train"].outline() != document["outline"]:
        raise DataError(f"The data {source.name!r} of process {group.index} are others than those of process 0.")
    framework.start()
    from beholder.training.fit import Fit

    plans = None if document["plans"] is None else [(step, steps) for step, steps in document["plans"]]
    log = EventLog(Path(os.devnull))  # process 0 tells what happens
    fit = Fit(sets["train"], sets["validation"], settings, run, log, lambda: False, plans=plans)
    outcome = fit.run_to_end()
    processes.leave()
    seconds, accuracy = round(time.monotonic() - started, 2), max(0.0, fit.position.best_accuracy)
    return Trained(run.path, seconds, document["plan"], accuracy, outcome.epochs, outcome.stopped)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class _Patient:
    """Ends the process at a second signal: at the first one process 0 stops all in good order."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            os._exit(1)
        self._asked = True


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
