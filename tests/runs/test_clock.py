"""A clock that is set anew while a run trains changes no duration, and so no budget."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from beholder.runs import events
from beholder.runs.events import EventLog, Stopwatch, read_events
from beholder.runs.run_folder import Run
from beholder.server.live import following
from beholder.server.live.following import Follower

DAY = 86_400.0


@pytest.mark.parametrize("jump", [400 * DAY, -400 * DAY])
def test_a_killed_session_took_what_it_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
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


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_page_that_watches_tells_the_time_that_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    clock = SimpleNamespace(now=1.8e9, passed=100.0)
    faked = SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.passed)
    monkeypatch.setattr(events, "time", faked)
    monkeypatch.setattr(following, "time", faked)
    monkeypatch.setattr(following, "is_trained", lambda _: True)
    log = EventLog(tmp_path / "events.jsonl")
    follower = Follower(Run(tmp_path), asyncio.Event())
    log.append("framework", seconds=1.0)
    clock.now, clock.passed = clock.now + jump, 110.0
    log.append("step")
    follower.look()
    assert follower.state() == {"state": "running", "spent_seconds": 11.0}
    clock.now, clock.passed = clock.now + jump, 115.0
    follower.look()
    assert follower.state() == {"state": "running", "spent_seconds": 16.0}
    log.append("end", seconds=17.0)
    monkeypatch.setattr(following, "is_trained", lambda _: False)
    clock.passed = 130.0
    follower.look()
    assert follower.state() == {"state": "finished", "spent_seconds": 17.0}
