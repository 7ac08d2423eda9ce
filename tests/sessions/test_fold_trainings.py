"""A person relies on: the budget of a run of folds is shared evenly, also by one that was stopped and goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_clock import Clock

from beholder.data.dataset import Dataset
from beholder.data.folds import Folds
from beholder.runs.events import EventLog
from beholder.runs.run_folder import Run
from beholder.sessions import fold_trainings
from beholder.sessions.fold_trainings import FoldTrainings
from beholder.training.export.honesty import Outputs


@pytest.mark.parametrize(
    ("earlier", "looking", "trained"),
    [
        ((), 0.0, [100, 100, 100, 100]),
        ((0,), 0.0, [133, 133, 133]),
        ((0, 2), 0.0, [200, 200]),
        ((), 8.0, [100, 92, 92, 92]),
    ],
)
def test_each_fold_and_the_last_training_get_the_same_seconds(
    earlier: tuple[int, ...], looking: float, trained: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 400 s that are left; a fold that was judged earlier takes none, and judging is known from the first on."""
    clock, seconds = Clock(), []
    monkeypatch.setattr(fold_trainings, "time", clock)
    whole = Dataset(
        np.zeros((30, 8, 8, 1), np.uint8), np.arange(30) % 2, ("fine", "defective"), list(map(str, range(30)))
    )
    folds = Folds(tuple(np.arange(10) + 10 * fold for fold in range(3)))
    outputs = Outputs(np.zeros((10, 2), np.float32), None)

    def train(_: FoldTrainings, fold: int, until: float) -> tuple[Outputs, float]:
        assert fold not in earlier
        seconds.append(until - clock.now)
        clock.now = until + looking
        return outputs, looking

    monkeypatch.setattr(FoldTrainings, "_kept", lambda _, fold: outputs if fold in earlier else None)
    monkeypatch.setattr(FoldTrainings, "_look_at_all", lambda _: True)
    monkeypatch.setattr(FoldTrainings, "_trained", train)
    settings: Any = None  # which the trainings that take its place do not need
    log = EventLog(tmp_path / "events.jsonl", None)
    trainings = FoldTrainings(Run(tmp_path), whole, folds, settings, log, lambda: False, None)
    until = clock.now + 400
    answered = trainings.judge(until)
    assert answered is not None
    assert answered.fold_of.tolist() == np.repeat(np.arange(3), 10).tolist()
    assert [round(one) for one in [*seconds, until - clock.now]] == trained
