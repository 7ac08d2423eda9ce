"""How fast the machine trains just now, and how many steps still fit before a deadline."""

from __future__ import annotations

import time
from dataclasses import dataclass

LOOK_SHARE = 0.08  # of the time or the steps that remain passes between two looks at the clock
LEAST_SECONDS = 1.0
TOLERANCE = 0.02  # of the steps that remain: smaller differences are noise, not a slower machine


@dataclass
class Pace:
    """Watches the steps of a run that has to end at `until`.

    Attributes:
        until: when the last step must be done, on the clock of `time.monotonic`.
        steps_an_epoch: steps between two judgements of the whole network, whose time is counted too.
        judging_seconds: what one judgement takes; measured by whoever judges.
    """

    until: float
    steps_an_epoch: int
    judging_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._since = time.monotonic()
        self._steps = 0
        self._recent: float | None = None

    def judged(self, seconds: float) -> None:
        """A judgement took `seconds`; the pause is not the steps' fault."""
        self.judging_seconds = seconds
        self._since += seconds

    def fitting(self, done: int, planned: int) -> int | None:
        """After step number `done` (from 1) of `planned`: how many steps fit in all where that differs, otherwise None.

        It answers now and then only, and from the speed of the last moments: a machine that became slower is seen
        within a few looks.
        """
        self._steps += 1
        now = time.monotonic()
        remaining = self.until - now
        passed = now - self._since
        due = passed >= LOOK_SHARE * remaining or self._steps >= LOOK_SHARE * (planned - done)
        if remaining > 0 and (passed < LEAST_SECONDS or not due):
            return None
        latest = passed / self._steps
        # The mean of two looks halves the noise of one.
        seconds_a_step = latest if self._recent is None else (latest + self._recent) / 2
        self._recent, self._since, self._steps = latest, now, 0
        # The judgement at the very end comes whether or not an epoch ends there.
        cost = seconds_a_step + self.judging_seconds / self.steps_an_epoch
        fitting = done + max(0, round((remaining - self.judging_seconds) / cost))
        return None if abs(fitting - planned) <= TOLERANCE * (planned - done) else fitting
