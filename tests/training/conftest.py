"""What several tests of training share."""

from __future__ import annotations

import pytest
from fake_clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("beholder.training.budget.pace.time.monotonic", clock.monotonic)
    return clock
