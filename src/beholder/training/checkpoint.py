"""A checkpoint: all that a run needs to go on as if it had never stopped, in one file without pickled code."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder import files
from beholder.data.stored_arrays import read_arrays
from beholder.errors import RunError
from beholder.runs.run_folder import Run
from beholder.training.budget.schedule import Schedule

_MOST_BYTES = 1 << 40
_SHARE = 0.02  # of the time, at most, goes into checkpoints
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

    def write(self, path: Path, keep: Path | None = None) -> None:
        """Write the checkpoint to `path`, whole or not at all; the one before it there is kept as `keep`."""
        arrays = {
            f"{group}_{number}": value
            for group in ("model", "optimizer", "best")
            for number, value in enumerate(getattr(self, group))
        }
        text = np.frombuffer(json.dumps(asdict(self.position)).encode(), np.uint8)
        with files.replacing(path, keep=keep) as file:
            np.savez(file, position=text, **arrays)


class Cadence:
    """When a checkpoint is due: at the end of each epoch and every two minutes, but never for more than its share.

    One that took c seconds is followed by `c / _SHARE` seconds without another, however short the epochs are. When
    checkpoints are written changes nothing of what the run comes to.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._cost = 0.0

    def due(self, *, epoch_ended: bool = False) -> bool:
        """Whether to write one now."""
        passed = time.monotonic() - self._last
        return passed >= self._cost / _SHARE and (epoch_ended or passed >= SECONDS)

    def wrote(self, seconds: float) -> None:
        """One was written just now, and took `seconds`."""
        self._last, self._cost = time.monotonic(), seconds


class Checkpoints:
    """The checkpoints of a run: when the next one is due, writing it, and going on from the last."""

    def __init__(self, run: Run, model: Any, optimizer: Any) -> None:
        self.run, self.model, self.optimizer = run, model, optimizer
        self._cadence = Cadence()
        self.due = self._cadence.due

    def write(self, position: Position, best: list[NDArray[Any]]) -> None:
        """Keep `position`, the variables as they are now, and the `best` epoch's weights.

        Raises:
            StorageError: it cannot be written.
        """
        began = time.monotonic()
        Checkpoint(position, values_of(self.model.variables), values_of(self.optimizer.variables), best).write(
            self.run.checkpoint_file, self.run.earlier_checkpoint_file
        )
        self._cadence.wrote(time.monotonic() - began)

    def restore(self) -> tuple[Checkpoint | None, str | None]:
        """Give the variables the values of the last checkpoint, see `latest_checkpoint`.

        Raises:
            RunError: it is damaged, or of another network.
        """
        checkpoint, advice = latest_checkpoint(self.run)
        if checkpoint is not None:
            self._assign(self.model.variables, checkpoint.model)
            self._assign(self.optimizer.variables, checkpoint.optimizer)
        return checkpoint, advice

    def _assign(self, variables: list[Any], values: list[NDArray[Any]]) -> None:
        if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
            raise RunError(
                f"The checkpoint {str(self.run.checkpoint_file)!r} belongs to a different network from the "
                "one in its config; train again into a new folder."
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def values_of(variables: list[Any]) -> list[NDArray[Any]]:
    """The values of Keras `variables`, copied."""
    import keras

    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at `path`.

    Raises:
        RunError: the file is damaged.
    """
    try:
        arrays = read_arrays(path, most_bytes=_MOST_BYTES)
        position = position_from(json.loads(arrays.pop("position").tobytes()))
        groups: dict[str, list[NDArray[Any]]] = {"model": [], "optimizer": [], "best": []}
        for name, array in arrays.items():
            groups[name.rpartition("_")[0]].append(array)
        return Checkpoint(position, **groups)
    except Exception as error:  # a flipped bit in a zip is answered with nearly every exception there is
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise RunError(f"The checkpoint {str(path)!r} is damaged ({reason}); train again into a new folder.") from error


def position_from(document: dict[str, Any]) -> Position:
    """From its fields as JSON has them.

    Raises:
        ValueError: they are none of a position.
    """
    pairs = [(int(step), int(steps)) for step, steps in document.pop("schedule")["pairs"]]
    if not pairs or not all(isinstance(value, int | float) for value in document.values()):
        raise ValueError("its position is not valid")
    return Position(**document, schedule=Schedule(pairs))


def latest_checkpoint(run: Run) -> tuple[Checkpoint | None, str | None]:
    """The newest checkpoint of `run` that is whole, and a sentence where that is not the last one that was written.

    A damaged one gives its name to the one before it, so that this is not lost at the next checkpoint.

    Raises:
        RunError: there are some and all are damaged.
    """
    path, earlier = run.checkpoint_file, run.earlier_checkpoint_file
    if not path.exists():
        return (read_checkpoint(earlier) if earlier.exists() else None), None
    try:
        return read_checkpoint(path), None
    except RunError:
        if not earlier.exists():
            raise
    checkpoint = read_checkpoint(earlier)
    with files.storage_errors(path):
        earlier.replace(path)
    return checkpoint, f"The checkpoint {str(path)!r} is damaged; the run goes on from the one before it."
