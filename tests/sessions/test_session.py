"""What a run tells before it trains: the steps that it comes to, its network, and when a session ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.split import Split
from beholder.runs.run_folder import create_run
from beholder.sessions.prepare import Prepared
from beholder.sessions.request import TrainRequest
from beholder.sessions.session import Session
from beholder.sessions.trained import run_summary
from beholder.training.settings import Settings, choose


def dataset(count: int) -> Dataset:
    images = np.zeros((count, 40, 40, 3), np.uint8)
    return Dataset(images, np.arange(count) % 2, ("a", "b"), tuple(map(str, range(count))))


SETS = {"train": dataset(17), "validation": dataset(3)}


def settings(**options: Any) -> Settings:
    return choose("fast", seed=0, precision="float32", changes={"epochs": 13.66, "batch_size": 1}, options=options)


@pytest.mark.usefixtures("framework")
def test_a_followed_plan_tells_what_it_comes_to_and_the_network() -> None:
    summary = run_summary(settings(widths=[16, 64, 128], side=32), SETS, [(0, 232), (10, 18)])
    assert (summary["steps"], summary["epochs"]) == (18, 1.06)
    assert (summary["widths"], summary["side"], summary["first_side"]) == ((16, 64, 128), 40, 30)
    assert summary["mirrored"]


def test_without_one_the_settings_decide() -> None:
    summary = run_summary(settings(), SETS, None)
    assert (summary["steps"], summary["epochs"]) == (232, 13.66)
    assert "widths" not in summary


@pytest.mark.parametrize(
    ("earlier", "seconds"),
    [
        (0.0, "33.0"),  # all that was planned, and packing, take less than the budget leaves
        (580.0, "20.0"),
        (700.0, "3.0"),  # the budget is used up: the model is packed all the same
    ],
)
def test_each_session_tells_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: float, seconds: str
) -> None:
    monkeypatch.setattr("beholder.sessions.session.time.monotonic", lambda: 100.0)
    monkeypatch.setattr("beholder.sessions.session.ends_in", str)
    run = create_run(tmp_path / "run")
    forecast = {"training_seconds": 30.0, "closing_seconds": 3.0, "ends": "2026-01-01T00:00:00+00:00", "epochs": 2}
    run.write_config({"forecast": forecast})
    source = open_source("digits")
    prepared = Prepared(TrainRequest.of("digits"), settings(), None, Split(source), SETS, SETS, [], set(), source)
    session = Session(run, prepared, None, started=100.0)
    session.earlier = earlier
    assert session._forecast() == {**forecast, "ends": seconds}
