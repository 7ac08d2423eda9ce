"""How long work tells how far it is, without knowing who listens, and is ended where its time is over."""

from __future__ import annotations

import time
from typing import Protocol


class Progress(Protocol):
    """Called as `progress("Decoding images", done, total)`, often; `done` equals `total` once at the end."""

    def __call__(self, task: str, done: int, total: int, /) -> None:
        """Hear that `done` of `total` are through with `task`."""


def silent(task: str, done: int, total: int, /) -> None:
    """The progress of somebody who does not want to know."""


class TimeIsUpError(Exception):
    """Raised out of work that tells how far it is when its time is over; whoever set the time catches it."""


def ending(progress: Progress, until: float) -> Progress:
    """`progress` that raises `TimeIsUpError` when it is told something after `until`, of `time.monotonic`."""

    def tell(task: str, done: int, total: int, /) -> None:
        if time.monotonic() >= until:
            raise TimeIsUpError
        progress(task, done, total)

    return tell
