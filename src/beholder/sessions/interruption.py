"""Ctrl-C, what a process manager sends, and a watcher's button, as a wish to stop rather than an end in a step."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

LOOK_SECONDS = 0.5  # between two looks for the file: a step may take a millisecond


def heard_signals() -> list[signal.Signals]:
    """SIGINT and SIGTERM, but for one that is ignored: so a shell keeps Ctrl-C from what it runs in the background."""
    return [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def stop_on_interrupt(request: Path) -> Iterator[Callable[[], bool]]:
    """While inside, a first Ctrl-C or SIGTERM asks training to stop after the running step; a second ends it.

    Args:
        request: a file that asks the same by being there, as `beholder watch` makes it.
    """
    asked: list[int] = []
    looked = 0.0

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    def stop() -> bool:
        nonlocal looked
        if not asked and time.monotonic() - looked >= LOOK_SECONDS:
            looked = time.monotonic()
            if request.exists():
                asked.append(0)
        return bool(asked)

    try:
        before = {number: signal.signal(number, ask) for number in heard_signals()}
    except ValueError:  # not the main thread: whoever owns that decides about signals
        yield stop
        return
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
