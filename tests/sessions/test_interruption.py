"""A person relies on: Ctrl-C stops what runs before them, and not what a shell keeps from it in the background."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from beholder.server.serving import _Server
from beholder.sessions.interruption import stop_on_interrupt


@pytest.fixture(params=["before the person", "in the background"])
def background(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether Ctrl-C is ignored, as it is in the background of a script."""
    behind = request.param == "in the background"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if behind else signal.default_int_handler)
    yield behind
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_training_unless_it_runs_in_the_background(background: bool, tmp_path: Path) -> None:
    with stop_on_interrupt(tmp_path / "stop") as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop() is not background
    with stop_on_interrupt(tmp_path / "stop") as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop()
    assert (signal.getsignal(signal.SIGINT) is signal.SIG_IGN) is background


def test_ctrl_c_ends_a_server_unless_it_runs_in_the_background(background: bool) -> None:
    app = Starlette()
    server = _Server(uvicorn.Config(app), app, print)
    with server.capture_signals():
        signal.raise_signal(signal.SIGINT)
        assert server.should_exit is not background
        signal.raise_signal(signal.SIGTERM)
        assert server.should_exit
    assert (signal.getsignal(signal.SIGINT) is signal.SIG_IGN) is background
