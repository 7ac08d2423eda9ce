"""A clock that is set anew while a run trains changes no duration, and so no budget."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from beholder.runs import events
from beholder.runs.events import EventLog, Stopwatch, read_events

DAY = 86_400.0


@pytest.mark.parametrize("jump", [400 * DAY, -400 * DAY])
def test_a_killed_sitting_took_what_it_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    clock = SimpleNamespace(now=1.8e9, passed=100.0)
    monkeypatch.setattr(events, "time", SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.passed))
    log = EventLog(tmp_path / "events.jsonl")
    log.append("framework", seconds=1.0)
    clock.now, clock.passed = clock.now + jump, 105.0
    log.append("step")
    clock.passed = 110.0
    log.append("step")
    watch = Stopwatch()
    for event in read_events(log.path):
        watch.hear(event)
    assert watch.at() == pytest.approx(1.0 + 10.0)


def test_a_clock_that_was_set_back_before_somebody_watched_takes_nothing_back() -> None:
    watch = Stopwatch()
    watch.hear({"event": "framework", "time": 1000.0, "seconds": 0.0})
    watch.hear({"event": "step", "time": 1030.0})
    assert watch.at(10.0) == 30.0
    assert watch.at(1040.0) == 40.0
