"""The event log of a run: one JSON object a line, the one source for progress, report and live page."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from beholder import files
from beholder.errors import RunError

Event = dict[str, Any]
Listener = Callable[[Event], None]

_WHOLE = ("epoch", "step", "steps", "done")
_REAL = (
    *("time", "seconds", "loss", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "gap"),
    *("learning_rate", "images_per_second", "eta_seconds"),
)
_NUMBERS = (*((name, True) for name in _WHOLE), *((name, False) for name in _REAL))
_TRAINING = ("epoch", "step", "replan", "overfitting", "snapshot")


class EventLog:
    """Appends events to a file and tells listeners.

    Its clock is read once and then only goes on: one that is set anew while a run trains changes no duration.

    Args:
        path: the file; it is made if it is not there.
        listener: called with each event after it is written.
    """

    def __init__(self, path: Path, listener: Listener | None = None) -> None:
        self.path = path
        self.listener = listener
        self._zero = time.time() - time.monotonic()

    def append(self, event: str, **fields: Any) -> None:
        """Write one event as one line, with the time in seconds since 1970."""
        entry = {"event": event, "time": round(self._zero + time.monotonic(), 3), **fields}
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        with files.storage_errors(self.path), self.path.open("ab+") as file:
            if _cut_off(file):  # by a crash or a full disk: the next event gets a line of its own
                line = "\n" + line
            file.write(line.encode("utf-8", "backslashreplace"))
        if self.listener is not None:
            self.listener(entry)


def read_events(path: Path) -> list[Event]:
    """All whole events of the log at `path`; a last line cut off by a crash is left out.

    Raises:
        RunError: it is there and cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RunError(f"Cannot read {str(path)!r} ({error.strerror}); check its permissions.") from error
    return [event for event in map(read_event, lines) if event is not None]


def read_event(line: bytes) -> Event | None:
    """The event in one line of a log; None where the line is cut off, or none that an `EventLog` wrote."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return None
    fits = all(_fits(event[name], whole) for name, whole in _NUMBERS if name in event)
    return event if fits else None


def _fits(value: Any, whole: bool) -> bool:
    if not whole and (value is None or isinstance(value, float)):
        return True
    return isinstance(value, int) and abs(value) < 2**53


def lasting(events: list[Event]) -> list[Event]:
    """`events` without those of training that was lost: a killed run goes on from a checkpoint, and does it again.

    Left out are the epochs, steps, re-plans and remarks of earlier sessions that lie beyond where a later one went on;
    all of them, where it trained from the beginning since there was no checkpoint.
    """
    kept: list[Event] = []
    begun = False
    for event in events:
        if event["event"] == "start":
            begun = True
        elif event["event"] == "resumed":
            kept, begun = [before for before in kept if not _beyond(before, event)], False
        elif begun and event["event"] in _TRAINING:
            kept, begun = [before for before in kept if before["event"] not in _TRAINING], False
        kept.append(event)
    return kept


class Stopwatch:
    """Seconds that a run took, all sessions together: what a stop told, or from a killed one's start to its last event.

    Attributes:
        seconds: of the sessions that ended, by the events heard so far.
        began: when the session that goes on began, in seconds since 1970; None where none does.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.began: float | None = None
        self._last = 0.0

    def hear(self, event: Event) -> None:
        """Take one event into account, in order."""
        moment = event.get("time") or self._last
        if event["event"] == "framework":
            self.seconds += 0.0 if self.began is None else self._last - self.began
            self.began = moment - (event.get("seconds") or 0.0)  # reading the data came before
        elif event["event"] in ("stopped", "end"):
            self.seconds, self.began = float(event.get("seconds") or 0.0), None
        self._last = moment

    def at(self, later: float = 0.0) -> float:
        """Seconds up to the last event, and where a session goes on the seconds `later` that passed since then."""
        return self.seconds if self.began is None else self.seconds + self._last - self.began + later


def _beyond(event: Event, resumed: Event) -> bool:
    """Whether `event` tells of training that the session which begins with `resumed` does again."""
    epoch = resumed.get("epoch", math.inf)
    if event["event"] == "replan":
        return bool(event.get("step", 0) > resumed.get("done", math.inf))
    if event["event"] == "step":
        return (event.get("epoch", 0), event.get("step", 0)) > (epoch, resumed.get("step", math.inf))
    return event["event"] in _TRAINING and bool(event.get("epoch", 0) >= epoch)


def _cut_off(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"
