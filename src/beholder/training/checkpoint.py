"""A checkpoint: all that a run needs to go on as if it had never stopped, in one file without pickled code."""

from __future__ import annotations

import json
import time
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder import files
from beholder.errors import RunError
from beholder.training.schedule import Schedule

SHARE = 0.02  # of the time, at most, goes into checkpoints
SECONDS = 120.0  # between two checkpoints inside an epoch, where the share allows it


@dataclass
class Position:
    """Where a run stands, beside its weights.

    Attributes:
        done: steps done in all.
        schedule: how many steps the run has, re-planned or not.
        epoch: epochs that are complete.
        step: steps done in the epoch after those.
        loss_sum, correct, seen: sums over the steps of the unfinished epoch.
        best_accuracy, best_epoch: the best on validation so far and the epoch (from 1) that reached it.
        gap_said: whether the gap between train and validation accuracy was said in words.
    """

    done: int = 0
    schedule: Schedule = field(default_factory=Schedule)
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    seen: int = 0
    best_accuracy: float = -1.0
    best_epoch: int = 0
    gap_said: bool = False


@dataclass
class Checkpoint:
    """A position and the values of every variable: the model's, the optimizer's, and the best epoch's weights."""

    position: Position
    model: list[NDArray[Any]]
    optimizer: list[NDArray[Any]]
    best: list[NDArray[Any]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write the checkpoint to `path`, whole or not at all."""
        arrays = {
            f"{group}_{number}": value
            for group in ("model", "optimizer", "best")
            for number, value in enumerate(getattr(self, group))
        }
        text = np.frombuffer(json.dumps(asdict(self.position)).encode(), np.uint8)
        with files.replacing(path) as file:
            np.savez(file, position=text, **arrays)


class Cadence:
    """When a checkpoint is due: at the end of each epoch and every two minutes, but never for more than its share.

    One that took c seconds is followed by `c / SHARE` seconds without another, however short the epochs are. When
    checkpoints are written changes nothing of what the run comes to.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._cost = 0.0

    def due(self, *, epoch_ended: bool = False) -> bool:
        """Whether to write one now."""
        passed = time.monotonic() - self._last
        return passed >= self._cost / SHARE and (epoch_ended or passed >= SECONDS)

    def wrote(self, seconds: float) -> None:
        """One was written just now, and took `seconds`."""
        self._last, self._cost = time.monotonic(), seconds


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at `path`.

    Raises:
        RunError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            stood = json.loads(stored["position"].tobytes())
            plans = [(step, steps) for step, steps in stood.pop("schedule")["plans"]]
            position = Position(**stood, schedule=Schedule(plans))
            groups: dict[str, list[NDArray[Any]]] = {"model": [], "optimizer": [], "best": []}
            for name in stored.files:
                if name != "position":
                    groups[name.rpartition("_")[0]].append(stored[name])
        return Checkpoint(position, **groups)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(f"The checkpoint {str(path)!r} is damaged ({error}); train again into a new folder.") from error
