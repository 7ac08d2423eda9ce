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

from beholder.data.decoding import rules_from_json
from beholder.data.progress import silent
from beholder.errors import BeholderError, DataError
from beholder.runs.events import EventLog
from beholder.runs.run_folder import Run
from beholder.sessions.begin import begin, go_on
from beholder.sessions.prepare import prepare
from beholder.sessions.request import TrainRequest
from beholder.sessions.trained import Trained
from beholder.training.steps import framework, processes


class _Voice:
    """Says things to whoever started this process; what else is printed goes to standard error."""

    def __init__(self) -> None:
        self._stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def say(self, **message: Any) -> None:
        """One line."""
        self._stream.write(json.dumps(message, default=str) + "\n")
        self._stream.flush()


def _main() -> None:
    """Do what standard input asks for, and exit."""
    order = json.loads(sys.stdin.readline())
    voice, index = _Voice(), order["joining"]["index"]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt if index == 0 else _Patient())
    status = 1
    try:
        processes.join(**order["joining"])
        trained = _lead(order, voice) if index == 0 else _follow(order.get("request", order))
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


def _lead(order: dict[str, Any], voice: _Voice) -> Trained:
    """Begin the run, or go on with it, as process 0."""

    def listener(event: dict[str, Any]) -> None:
        voice.say(event=event)

    def progress(what: str, done: int, total: int) -> None:
        voice.say(progress=[what, done, total])

    if "request" in order:
        return begin(TrainRequest.from_json(order["request"]), None, listener, progress)
    trained = go_on(Path(order["run"]), order["data"], listener, progress)
    group = processes.current()
    if group is not None:  # there was nothing to do
        group.agree({"done": {**asdict(trained), "run": str(trained.run)}})
        processes.leave()
    return trained


def _follow(asked: dict[str, Any]) -> Trained:
    """Train along with process 0, which says how, on the `data` and with the `cache` of this machine where it has some.

    The accuracy is the best that process 0 measured after an epoch.

    Raises:
        DataError: the data here are others than those of process 0.
    """
    started, group = time.monotonic(), processes.current()
    if group is None:
        raise AssertionError
    told = group.agree(None)
    if "done" in told:
        processes.leave()
        return Trained.from_fields(told["done"])
    run, config = Run(Path(told["run"])), told["config"]
    for name in ("cache", "image_root"):
        config[name] = asked.get(name) or config.get(name)
    prepared = prepare(config, run.initial_file, asked["data"], silent, rules_from_json(told["rules"]))
    train, validation = prepared.sets["train"], prepared.sets["validation"]
    if train.outline() != told["outline"]:
        name = prepared.source.name
        raise DataError(
            f"The data {name!r} of process {group.index} differ from those of process 0; give both the same."
        )
    framework.start()
    from beholder.training.fit import Fit

    log = EventLog(Path(os.devnull))  # process 0 tells what happens
    fit = Fit(train, validation, prepared.settings, run, log, lambda: False, schedule=prepared.schedule)
    result = fit.run_to_end()
    processes.leave()
    seconds, accuracy = round(time.monotonic() - started, 2), max(0.0, fit.position.best_accuracy)
    return Trained(run.path, seconds, told["summary"], accuracy, result.epochs, result.stopped)


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
    _main()
