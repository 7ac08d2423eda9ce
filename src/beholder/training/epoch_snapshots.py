"""Keeps how the answers change from epoch to epoch, for whoever watches, at less than a hundredth of the time.

It sees the logits that judging an epoch comes to anyway, and draws nothing: that is for those who look.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.kept_images import thumbnails
from beholder.data.dataset import Dataset
from beholder.data.recordings import first_rows
from beholder.evaluation.calibration import softmax
from beholder.runs.events import EventLog
from beholder.runs.run_folder import Run
from beholder.runs.snapshots import Shown, Snapshot, write_shown, write_snapshot

_IMAGES = 24  # that are followed
_MOST_CLASSES = 200  # of a confusion matrix: with more of them it says little and takes much
_MOST_FILTERS = 64
_SHARE = 0.005  # of the time that snapshots may take
_SPREAD = 200  # at most so many, about, in each doubling of the time


class Snapshots:
    """Follows the answers to the validation set, epoch by epoch.

    Args:
        run: keeps them.
        log: hears of each, as `snapshot` with its `epoch`.
        model: whose first layer's windows are kept.
        validation: the validation set.
        rows: of it that are judged at each epoch's end, (R,) int64.
    """

    def __init__(self, run: Run, log: EventLog, model: Any, validation: Dataset, rows: NDArray[np.int64]) -> None:
        self.run, self.log, self.model, self.validation = run, log, model, validation
        if validation.recordings is not None:  # what is judged of a sound stands at its first row
            rows = rows[first_rows(validation.recordings[rows])]
        self.followed = rows[np.unique(np.linspace(0, len(rows) - 1, _IMAGES).astype(np.int64))]
        self._started = time.monotonic()
        self._due = self._started
        self._shown = False
        self._clear()

    def see(self, rows: NDArray[np.int64], logits: NDArray[np.float64]) -> None:
        """Hear the `logits` (B, classes) of the validation images at `rows` (B,), ascending, in one epoch's end."""
        labels, answers = self.validation.labels[rows], logits.argmax(axis=1)
        if self._confusion is not None:
            np.add.at(self._confusion, (labels, answers), 1)
        self._logits.append(logits[np.isin(rows, self.followed)])

    def end_epoch(self, epoch: int, *, last: bool) -> None:
        """Keep what was seen as the end of `epoch`, from 1, if that is due: the first and the `last` are always.

        Raises:
            StorageError: it cannot be written.
        """
        began = time.monotonic()
        if last or began >= self._due:
            self._keep(epoch)
            ended = time.monotonic()
            self._due = ended + max((ended - began) / _SHARE, (ended - self._started) / _SPREAD)
        self._clear()

    def _keep(self, epoch: int) -> None:
        if not self._shown:
            images, labels = self.validation.images[self.followed], self.validation.labels[self.followed]
            write_shown(self.run, Shown(thumbnails(images), labels, list(self.validation.class_names)))
            self._shown = True
        probabilities = softmax(np.concatenate(self._logits).astype(np.float32))
        write_snapshot(self.run, epoch, Snapshot(probabilities, self._confusion, first_windows(self.model)))
        self.log.append("snapshot", epoch=epoch)

    def _clear(self) -> None:
        classes = len(self.validation.class_names)
        self._confusion = np.zeros((classes, classes), np.int64) if classes <= _MOST_CLASSES else None
        self._logits: list[NDArray[np.float64]] = []


def first_windows(model: Any) -> NDArray[np.float32] | None:
    """The windows (K, h, w, C) of the first convolution of `model`, 64 at most; None where it has none."""
    kernel = next((layer.kernel for layer in model.layers if len(getattr(layer, "kernel_size", ())) == 2), None)
    if kernel is None:
        return None
    return np.asarray(kernel, np.float32).transpose(3, 0, 1, 2)[:_MOST_FILTERS]
