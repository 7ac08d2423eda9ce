"""What a killed run's log says of training that was lost does not count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beholder.runs.events import EventLog, lasting, read_events

Event = dict[str, Any]


def epoch(number: int, session: int) -> Event:
    return {"event": "epoch", "epoch": number, "session": session}


def replan(step: int, session: int) -> Event:
    return {"event": "replan", "step": step, "steps": 100, "session": session}


def step(number: int, at: int, session: int) -> Event:
    return {"event": "step", "epoch": number, "step": at, "session": session}


BEGIN: list[Event] = [{"event": "framework"}, {"event": "start"}]


def resumed(number: int, at: int, done: int) -> Event:
    return {"event": "resumed", "epoch": number, "step": at, "done": done}


def told(events: list[Event]) -> list[tuple[Any, ...]]:
    return [
        (event["event"], event.get("epoch", event.get("step")), event["session"])
        for event in lasting(events)
        if "session" in event
    ]


def test_epochs_beyond_the_checkpoint_were_lost() -> None:
    log = [
        *[*BEGIN, epoch(1, 1), replan(12, 1), epoch(2, 1), replan(25, 1), epoch(3, 1)],
        # Re-planned, and shorter: there is no third epoch any more.
        *[*BEGIN, resumed(2, 3, 13), replan(14, 2), epoch(2, 2), {"event": "end"}],
    ]
    assert told(log) == [("epoch", 1, 1), ("replan", 12, 1), ("replan", 14, 2), ("epoch", 2, 2)]


def test_steps_up_to_the_checkpoint_were_not_lost() -> None:
    log = [*BEGIN, step(2, 3, 1), step(2, 4, 1), *BEGIN, resumed(2, 3, 13), step(2, 4, 2)]
    assert told(log) == [("step", 2, 1), ("step", 2, 2)]
    assert [event.get("step") for event in lasting(log) if "session" in event] == [3, 4]


def test_all_was_lost_where_there_was_no_checkpoint() -> None:
    log = [*BEGIN, epoch(1, 1), epoch(2, 1), *BEGIN, *BEGIN, epoch(1, 3)]
    assert told(log) == [("epoch", 1, 3)]


def test_a_session_that_died_before_it_trained_loses_nothing() -> None:
    log = [*BEGIN, epoch(1, 1), *BEGIN, {"event": "framework"}, *BEGIN, resumed(2, 0, 10), epoch(2, 4)]
    assert told(log) == [("epoch", 1, 1), ("epoch", 2, 4)]


def test_nothing_is_left_out_of_a_run_that_never_stopped() -> None:
    log = [*BEGIN, epoch(1, 1), {"event": "overfitting", "epoch": 1, "session": 1}, epoch(2, 1), {"event": "end"}]
    assert lasting(log) == log


@pytest.mark.parametrize("rest", [b'{"event": "ep', b"", b"\xff"])
def test_the_event_after_a_line_that_was_cut_off_is_whole(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append("start")
    path.write_bytes(path.read_bytes() + rest)
    EventLog(path).append("framework")
    EventLog(path).append("start")
    assert [event["event"] for event in read_events(path)] == ["start", "framework", "start"]
