"""A clock of the tests' own, in the place of the machine's."""

from __future__ import annotations


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now
