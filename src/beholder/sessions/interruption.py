"""Ctrl-C, what a process manager sends, and a watcher's button, as a wish to stop rather than an end in a step."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_LOOK_SECONDS = 0.5  # between two looks for the file: a step may take a millisecond


@contextmanager
def hearing_once(ask: Callable[[], None]) -> Iterator[None]:
    """While inside, a first Ctrl-C or SIGTERM calls `ask`; a second raises KeyboardInterrupt.

    One that is ignored stays so, as a shell keeps Ctrl-C from what it runs in the background. Outside the main thread
    nothing is heard: whoever owns that decides about signals.
    """
    heard = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        if heard:
            raise KeyboardInterrupt
        heard = True
        ask()

    numbers = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
    try:
        before = {number: signal.signal(number, handle) for number in numbers}
    except ValueError:
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_on_interrupt(request: Path) -> Iterator[Callable[[], bool]]:
    """While inside, a first Ctrl-C or SIGTERM asks training to stop after the running step; a second ends it.

    Args:
        request: a file that asks the same by being there, as `beholder watch` makes it.
    """
    asked, looked = False, 0.0

    def ask() -> None:
        nonlocal asked
        asked = True

    def stop() -> bool:
        nonlocal asked, looked
        if not asked and time.monotonic() - looked >= _LOOK_SECONDS:
            looked = time.monotonic()
            asked = request.exists()
        return asked

    with hearing_once(ask):
        yield stop
