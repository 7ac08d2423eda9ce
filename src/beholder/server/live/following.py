"""One task that follows the event log of a run, and tells everyone who watches: ten cost as much as one."""

from __future__ import annotations

import asyncio
import bisect
import json
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from beholder.runs.events import Event, Stopwatch, lasting, read_event
from beholder.runs.presence import is_trained
from beholder.runs.run_folder import Run

_LOOK_SECONDS = 0.25  # between two looks at the log
_BEAT_SECONDS = 15.0  # after which a silent stream says that it lives
_PIECE = 2**20  # bytes of the log that are read at once, so that a long one holds nobody up
_SILENT_SECONDS = 60.0  # after which a run counts as killed where the system does not tell
_RESET = b"event: reset\ndata: {}\n\n"  # what was told before counts no more


@dataclass(frozen=True)
class _Told:
    """One event as a watcher gets it; `offset` is that of the log after it, in bytes."""

    offset: int
    event: Event
    message: bytes


class Follower:
    """Reads the log as it grows, while somebody watches.

    It keeps all events but the steps that another step followed, without those that a kill lost, so that whoever comes
    late, or comes back, gets a short story.

    Args:
        run: the run.
        closing: set once the server is to end: streams then end after what there is to tell.
    """

    def __init__(self, run: Run, closing: asyncio.Event) -> None:
        self._run = run
        self._closing = closing
        self._told: list[_Told] = []
        self._offset = 0
        self._story = 0  # grows when events that were told are taken back
        self._starts = 0
        self._last: Event | None = None
        self._stopwatch = Stopwatch()
        self._heard = time.monotonic()  # when the last event came in
        self._state: dict[str, Any] = {}
        self._changed = asyncio.Condition()
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None

    async def stream(self, after: int) -> AsyncIterator[bytes]:
        """Server-sent events: the log from the byte `after` on, each with the offset behind it as its id, and `state`.

        Where the log does not reach to `after`, or what was told counts no more, `reset` and all from the beginning.
        """
        await self._begin()
        try:
            story, state = self._story, None
            if after > self._offset:
                after = 0
                yield _RESET
            while True:
                if story != self._story:
                    story, after = self._story, 0
                    yield _RESET
                place = bisect.bisect_right(self._told, after, key=lambda told: told.offset)
                if place < len(self._told):
                    after = self._told[-1].offset
                    yield b"".join(told.message for told in self._told[place:])
                if state != self._state:
                    state = self._state
                    yield b"event: state\ndata: " + json.dumps(self.state()).encode() + b"\n\n"
                if self._closing.is_set():
                    return
                if not await self._news(story, after, state):
                    yield b":\n\n"  # a comment: finds out who has gone
        finally:
            self._end()

    def state(self) -> dict[str, Any]:
        """`state` (running, stopping, stopped, finished or killed) and `spent_seconds` in all sessions until now."""
        running = self._state.get("state") in ("running", "stopping")
        # By no clock that may be set anew: the log's own only goes on.
        later = time.monotonic() - self._heard if running else 0.0
        return {**self._state, "spent_seconds": round(self._stopwatch.at(later), 3)}

    def look(self) -> None:
        """Read what is new."""
        # In this order: the log is whole once nobody trains.
        trained = is_trained(self._run)
        self._read()
        self._state = {"state": self._state_now(trained)}

    async def _begin(self) -> None:
        self._watchers += 1
        if self._watchers == 1:
            self.look()
            self._task = asyncio.create_task(self._follow())

    def _end(self) -> None:
        self._watchers -= 1
        if self._watchers == 0 and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _follow(self) -> None:
        told = None
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            closing = self._closing.is_set()
            self.look()
            now = (self._offset, self._story, self._state)  # whoever else looked meanwhile told nobody
            if now != told or closing:
                told = now
                async with self._changed:
                    self._changed.notify_all()

    async def _news(self, story: int, after: int, state: dict[str, Any]) -> bool:
        def any_news() -> bool:
            last = self._told[-1].offset if self._told else 0
            return (story, state) != (self._story, self._state) or last > after or self._closing.is_set()

        try:
            async with asyncio.timeout(_BEAT_SECONDS), self._changed:
                await self._changed.wait_for(any_news)
        except TimeoutError:
            return False
        return True

    def _read(self) -> None:
        try:
            with self._run.events_file.open("rb") as file:
                size = file.seek(0, 2)
                if size < self._offset:  # another run took its place
                    self._forget()
                file.seek(self._offset)
                piece = file.read(_PIECE)
        except OSError:  # not there yet, or no more
            return
        for line in piece.splitlines(keepends=True):
            if not line.endswith(b"\n"):  # it is being written
                break
            self._offset += len(line)
            self._hear(line)

    def _forget(self) -> None:
        self._told, self._offset, self._starts, self._last = [], 0, 0, None
        self._stopwatch = Stopwatch()
        self._story += 1

    def _hear(self, line: bytes) -> None:
        try:
            event = read_event(line)
            if event is None:  # a line that a crash cut off
                return
            self._stopwatch.hear(event)
            self._heard = time.monotonic()
            spent = round(self._stopwatch.at(), 3)
            name = str(event["event"])
            data = json.dumps(_finite({**event, "spent_seconds": spent}), allow_nan=False)
        except (ValueError, RecursionError):  # numbers that JSON does not have
            return
        if name in ("step", "fold") and self._told and self._told[-1].event["event"] == name:
            self._told.pop()
        self._last = event
        self._told.append(_Told(self._offset, event, f"id: {self._offset}\ndata: {data}\n\n".encode()))
        self._starts += name == "start"
        if self._starts > 1 and name not in ("step", "fold"):
            kept = {id(one) for one in lasting([told.event for told in self._told])}
            if len(kept) < len(self._told):
                self._told = [told for told in self._told if id(told.event) in kept]
                self._story += 1

    def _state_now(self, trained: bool | None) -> str:
        last = None if self._last is None else self._last["event"]
        if trained is None:
            ended = self._last is None or last in ("end", "stopped")
            trained = not ended and time.time() - (self._last or {}).get("time", 0.0) < _SILENT_SECONDS
        if trained:
            return "stopping" if self._run.stop_file.exists() else "running"
        if last == "end":
            return "finished"
        return "stopped" if last == "stopped" else "killed"


def _finite(value: Any) -> Any:
    """`value` without the infinities that JSON does not have and a diverged loss is."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
