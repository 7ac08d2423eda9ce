"""Checkpoints cost at most their share of the time, and one that cannot be gone on with is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beholder.errors import RunError
from beholder.runs.events import EventLog
from beholder.runs.run_folder import create_run
from beholder.training.budget.schedule import Schedule
from beholder.training.checkpoint import Cadence, Checkpoint, Position, read_checkpoint


@pytest.mark.parametrize("epoch", [0.1, 3.0, 50.0, 900.0])
@pytest.mark.parametrize("cost", [0.002, 0.1, 5.0])
def test_checkpoints_take_two_percent_at_most(monkeypatch: pytest.MonkeyPatch, epoch: float, cost: float) -> None:
    now = [0.0]
    monkeypatch.setattr("beholder.training.checkpoint.time.monotonic", lambda: now[0])
    cadence, step, written = Cadence(), epoch / 50, [0.0]
    for number in range(1, 50 * int(3000 / epoch + 4)):
        now[0] += step
        if cadence.due(epoch_ended=number % 50 == 0):
            now[0] += cost
            cadence.wrote(cost)
            written.append(now[0])
    spent = cost * (len(written) - 1)
    assert spent <= 0.02 * now[0] + cost  # the first comes at the first epoch's end, and is not earned yet
    # A kill costs at most the time since the last one: an epoch or two minutes, where that earns one.
    longest = max(np.diff([*written, now[0]]))
    assert longest <= max(min(epoch, 120.0), 50 * cost) + min(epoch, 120.0) + step + cost


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    position = Position(7, Schedule([(0, 9), (4, 12)]), 1, 3, 0.1 + 0.2, 11, 40, 1 / 3, 1, gap_said=True)
    groups = [[np.arange(6, dtype=dtype).reshape(2, 3) / 7, np.array(5, np.int64)] for dtype in ("f4", "f4", "f8")]
    Checkpoint(position, *groups).write(tmp_path / "checkpoint.npz")
    read = read_checkpoint(tmp_path / "checkpoint.npz")
    assert read.position == position
    for wrote, found in zip(groups, (read.model, read.optimizer, read.best), strict=True):
        assert [(value.dtype, value.tobytes()) for value in wrote] == [
            (value.dtype, value.tobytes()) for value in found
        ]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


@pytest.mark.usefixtures("framework")
def test_the_checkpoint_of_another_network_is_told(tmp_path: Path) -> None:
    from beholder.data.opening import open_source
    from beholder.data.split import Split
    from beholder.training.fit import Fit
    from beholder.training.settings import choose

    run = create_run(tmp_path / "run")
    Checkpoint(Position(schedule=Schedule([(0, 9)])), [np.zeros(3)], [np.zeros(3)]).write(run.checkpoint_file)
    sets = Split(open_source("digits"), seed=0)
    settings = choose("linear", seed=0, precision="float32")
    fit = Fit(sets.train(), sets.validation(), settings, run, EventLog(run.events_file), lambda: False)
    with pytest.raises(RunError, match=r"checkpoint\.npz' belongs to a different network"):
        fit.run_to_end()
