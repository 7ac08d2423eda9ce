"""The next batch is made while a step runs, so that reading and varying images takes no time of its own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from beholder.training.steps.batches import Batches
from beholder.training.steps.processes import Group

Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]


class Ahead:
    """Gives the batches that `Batches` would, each made before it is asked for where that can be foreseen.

    Args:
        batches: which images a step sees, and how.
        group: of processes that train together, of which this one sees its share; None: it is alone.
    """

    def __init__(self, batches: Batches, group: Group | None) -> None:
        self._batches, self._group = batches, group
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._foreseen: dict[tuple[int, int], Future[Batch]] = {}  # by epoch and step; one at most

    def batch(self, order: NDArray[np.int64], epoch: int, step: int) -> Batch:
        """Images and labels of one step (from 0) of an epoch whose `order` is given."""
        foreseen = self._foreseen.pop((epoch, step), None)
        found = self._made(order, epoch, step) if foreseen is None else foreseen.result()
        self._foreseen.clear()
        if step + 1 < self._batches.steps:
            self._foreseen[epoch, step + 1] = self._thread.submit(self._made, order, epoch, step + 1)
        return found

    def _made(self, order: NDArray[np.int64], epoch: int, step: int) -> Batch:
        share = slice(None) if self._group is None else self._group.share(self._batches.size(step))
        return self._batches.batch(order, epoch, step, share)
