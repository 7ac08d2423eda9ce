"""The event log of a run: one JSON object a line, the one source for progress, report and live page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from beholder import files
from beholder.errors import RunError

Event = dict[str, Any]
Listener = Callable[[Event], None]


class EventLog:
    """Appends events to a file and tells listeners.

    Args:
        path: the file; it is made if it is not there.
        listener: called with each event after it is written.
    """

    def __init__(self, path: Path, listener: Listener | None = None) -> None:
        self.path = path
        self.listener = listener

    def append(self, event: str, **fields: Any) -> None:
        """Write one event as one line, with the time in seconds since 1970."""
        entry = {"event": event, "time": round(time.time(), 3), **fields}
        with files.storage_errors(self.path), self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
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
    events: list[Event] = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event:
            events.append(event)
    return events
