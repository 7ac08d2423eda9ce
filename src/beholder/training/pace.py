"""How fast the machine trains just now, and how many steps still fit before a deadline."""

from __future__ import annotations

import datetime
import math
import statistics
import time
from dataclasses import dataclass

LOOK_SHARE = 0.08  # of the time or the steps that remain passes between two looks at the clock
LEAST_SECONDS = 1.0
JUDGING_COST = 0.35  # of a training step, for as many pictures that are only looked at
TOLERANCE = 0.02  # of the steps that remain: smaller differences are noise, not a slower machine
ENOUGH_LOOKS = 3  # to tell how fast a step is: one look may be anything
CLOSING_SHARE = 0.5  # of a step's slowing down is also that of packing, which hardly needs a second core


def ends_in(seconds: float) -> str:
    """The moment `seconds` from now on the wall clock here, as ISO 8601 has it: 2026-11-30T14:32:05+01:00."""
    moment = datetime.datetime.now().astimezone() + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="seconds")


@dataclass
class Pace:
    """Watches the steps of a run that has to end at `until`.

    Attributes:
        until: when the last step must be done, on the clock of `time.monotonic`.
        steps_an_epoch: steps between two judgements of the whole network, whose time is counted too.
        most_steps: what the run never has more of, however much time there is.
        judged_steps: pictures of one judgement, in batches; its time is guessed from that until one was measured.
        closing: seconds that follow on `until` where nothing else is at work: on a machine that became slower packing
            takes longer too, and the last step must be done earlier.
    """

    until: float
    steps_an_epoch: int
    most_steps: int
    judged_steps: float = 0.0
    closing: float = 0.0

    def __post_init__(self) -> None:
        self._since: float | None = None
        self._steps = 0
        self._recent: float | None = None
        self._judging: float | None = None
        self._fastest = math.inf
        self._looks: list[float] = []

    @property
    def seconds_a_step(self) -> float | None:
        """What a step of this stage took, the median over all looks at the clock; None where there were few."""
        return statistics.median(self._looks) if len(self._looks) >= ENOUGH_LOOKS else None

    def judged(self, seconds: float) -> None:
        """A judgement took `seconds`; the pause is not the steps' fault."""
        self._judging = seconds
        if self._since is not None:
            self._since += seconds

    def next_stage(self, cost: float) -> None:
        """From here on a step costs `cost` times as much, and the next one is compiled first."""
        self._since, self._steps, self._recent, self._looks = None, 0, None, []
        self._fastest *= cost

    def fitting(self, done: int, planned: int, ahead: float = 1.0) -> int | None:
        """After step number `done` (from 1) of `planned`: how many steps fit in all where that differs, otherwise None.

        `ahead` is what a step to come costs on average, in steps of now. It answers now and then only, and from the
        speed of the last moments: a machine that became slower is seen within a few looks.
        """
        now = time.monotonic()
        if self._since is None:  # the first step is compiled, and tells nothing
            self._since = now
            return None
        self._steps += 1
        remaining = self.until - now
        passed = now - self._since
        due = passed >= LOOK_SHARE * remaining or self._steps >= LOOK_SHARE * (planned - done)
        if remaining > 0 and (passed < LEAST_SECONDS or not due):
            return None
        latest = passed / self._steps
        # The mean of two looks halves the noise of one.
        seconds_a_step = latest if self._recent is None else (latest + self._recent) / 2
        self._recent, self._since, self._steps = latest, now, 0
        self._looks.append(latest)
        self._fastest = min(self._fastest, latest)
        # One look may be anything, such as a laptop's nap: no more than three times slower is believed.
        remaining -= self.closing * CLOSING_SHARE * min(max(seconds_a_step / self._fastest - 1, 0.0), 2.0)
        judging = self.judged_steps * JUDGING_COST * seconds_a_step if self._judging is None else self._judging
        # The judgement at the very end comes whether or not an epoch ends there.
        cost = seconds_a_step * ahead + judging / self.steps_an_epoch
        fitting = min(done + max(0, round((remaining - judging) / cost)), self.most_steps)
        return None if abs(fitting - planned) <= TOLERANCE * (planned - done) else fitting
