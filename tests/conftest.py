"""What several tests share: TensorFlow started once, one small trained run, and a check on connections."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def framework() -> None:
    """Keras and TensorFlow, imported once a process."""
    from beholder.training import framework

    framework.start()


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN of `fast` on digits, three epochs; tests must not write to it."""
    from beholder.verbs.train import train

    run = tmp_path_factory.mktemp("runs") / "digits"
    train("digits", model="fast", epochs=3, out=run)
    return run


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: no test, and so no verb that a test runs, connects beyond this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        local = self.family == socket.AF_UNIX or host in ("localhost", "::1") or str(host).startswith("127.")
        assert local, f"a connection beyond loopback: {address!r}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
