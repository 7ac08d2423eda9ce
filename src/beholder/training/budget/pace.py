"""How fast the machine trains just now, and how many steps still fit before a deadline."""

from __future__ import annotations

import datetime
import math
import statistics
import time
from collections import deque
from dataclasses import dataclass

LOOK_SHARE = 0.02  # of the time or the steps that remain passes between two looks at the clock
LEAST_SECONDS = 0.1
RECENT_LOOKS, OUTLIERS = 7, 2  # of so many looks, so many of the slowest and of the fastest are not believed
RECENT_JUDGEMENTS = 5
LEAST_SHARE = 0.5  # of the steps to come are left by one look: what is slower than that, the next look says again
HASTE = 4  # looks at least before a plan ends that leaves most of the time unused, however short they are
JUDGING_COST = 0.35  # of a training step, for as many images that are only looked at
_TOLERANCE = 0.02  # of the steps: smaller differences are noise, not another machine
_LATE_SECONDS = 0.5  # more than that a run is late only for more than this share of what remains
ENOUGH_LOOKS = 3  # to tell how fast a step is: one look may be anything
CLOSING_SHARE = 0.5  # of a step's slowing down is also that of packing, which hardly needs a second core


def ends_in(seconds: float) -> str:
    """The moment `seconds` from now on the wall clock here, as ISO 8601 has it: 2026-11-30T14:32:05+01:00."""
    moment = datetime.datetime.now().astimezone() + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="seconds")


@dataclass
class Pace:
    """Watches the steps of a run that has to end at `until`.

    No single look at the clock is believed: a step that compiles, another program's burst, or a laptop's nap is slow
    once, and only a machine that stays slow has fewer steps. What is lost to them is counted, as time.
    """

    until: float  # when the last step must be done, on the clock of `time.monotonic`
    steps_an_epoch: int  # steps between two judgements of the whole network, whose time is counted too
    most_steps: int  # what the run never has more of, however much time there is
    # Images of one judgement, in batches; its time is guessed from that until one was measured
    judged_steps: float = 0.0
    # Seconds that follow on `until` where nothing else is at work: on a machine that became slower packing takes longer
    # too, and the last step must be done earlier
    closing: float = 0.0

    def __post_init__(self) -> None:
        self._since: float | None = None
        self._steps = 0
        self._judgings = deque[float](maxlen=RECENT_JUDGEMENTS)
        self._fastest = math.inf
        self._looks: list[float] = []

    @property
    def seconds_a_step(self) -> float | None:
        """What a step of this stage took, the median over all looks at the clock; None where there were few."""
        return statistics.median(self._looks) if len(self._looks) >= ENOUGH_LOOKS else None

    def judged(self, seconds: float) -> None:
        """A judgement took `seconds`; the pause is not the steps' fault."""
        self._judgings.append(seconds)
        if self._since is not None:
            self._since += seconds

    def next_stage(self, cost: float) -> None:
        """From here on a step costs `cost` times as much, and the next one is compiled first."""
        self._since, self._steps, self._looks = None, 0, []
        self._fastest *= cost

    def fitting(self, done: int, planned: int, ahead: float = 1.0) -> int | None:
        """After step number `done` (from 1) of `planned`: how many steps fit in all where that differs, otherwise None.

        `ahead` is what a step to come costs on average, in steps of now. It answers now and then only, and with at
        least one step to come: a machine that became slower is seen within a few looks, and so is one that recovered.
        """
        if done >= planned:
            return None
        now = time.monotonic()
        remaining = self.until - now
        if remaining <= 0:
            return None if planned == done + 1 else done + 1
        if self._since is None:  # the first step is compiled, and tells nothing
            self._since = now
            return None
        self._steps += 1
        passed = now - self._since
        if not self._due(passed, remaining, planned - done, ahead, growing=planned < self.most_steps):
            return None
        self._looks.append(passed / self._steps)
        self._since, self._steps = now, 0
        if len(self._looks) == 1:
            return None
        step = self._seconds_a_step()
        left = self._fit(remaining, step, step * ahead)
        fitting = done + max(left, math.ceil(LEAST_SHARE * (planned - done)), 1)
        return self._changed(done, planned, min(fitting, max(self.most_steps, done + 1)), step * ahead)

    def _due(self, passed: float, remaining: float, left: int, ahead: float, *, growing: bool) -> bool:
        """Whether the steps since the last look are to be one: where they took long enough, or a plan ends too soon."""
        if growing and self._steps >= left / HASTE and left * passed / self._steps * ahead < remaining / 2:
            return passed > 0
        enough = passed >= LOOK_SHARE * remaining or self._steps >= LOOK_SHARE * left
        return passed >= min(LEAST_SECONDS, remaining) and enough

    def _seconds_a_step(self) -> float:
        """The mean of recent looks but for outliers; of two the faster one, as nothing makes a machine faster."""
        looks = sorted(self._looks[-RECENT_LOOKS:])
        outliers = min(OUTLIERS, (len(looks) - 1) // 2)
        return looks[0] if len(looks) < 3 else statistics.fmean(looks[outliers : len(looks) - outliers])

    def _fit(self, remaining: float, step: float, to_come: float) -> int:
        """How many steps fit into the seconds that remain, where one takes `step` now and `to_come` on average."""
        self._fastest = min(self._fastest, step)
        # A machine is slowed down for a while, and packing comes later: no more than three times slower is believed.
        remaining -= self.closing * CLOSING_SHARE * min(max(step / self._fastest - 1, 0.0), 2.0)
        judging = self._judging(self.judged_steps * JUDGING_COST * step)
        # The judgement at the very end comes whether or not an epoch ends there.
        return round((remaining - judging) / (to_come + judging / self.steps_an_epoch))

    def _judging(self, guess: float) -> float:
        """Seconds of a judgement; the first one is compiled too."""
        if len(self._judgings) < 2:
            return min([guess, *self._judgings])
        return statistics.median_low(self._judgings)

    def _changed(self, done: int, planned: int, fitting: int, step: float) -> int | None:
        """`fitting` where that is another plan: one that hardly differs would only move the learning rate about."""
        ignored = _TOLERANCE * planned
        if fitting < planned:
            ignored = max(_TOLERANCE * (planned - done), min(ignored, _LATE_SECONDS / step))
        return None if abs(fitting - planned) <= ignored else fitting
