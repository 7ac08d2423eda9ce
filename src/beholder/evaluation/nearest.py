"""The images most like an image: nearest neighbours in the space of a network's features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beholder.data.pool import Pool
from beholder.evaluation.familiarity import directions

_CHUNK = 1024  # queries compared at once
_SHOWN = 5  # neighbours


def nearest(
    queries: NDArray[np.float32], references: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `count` rows of `references` (R, D) nearest to each of `queries` (Q, D), and their cosine distances.

    Both are (Q, count), nearest first; distances are 1 - cosine, 0 to 2.
    """
    queries, references = directions(queries), directions(references)
    rows = np.empty((len(queries), count), np.int64)
    distances = np.empty((len(queries), count), np.float32)
    for start in range(0, len(queries), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        apart = 1 - queries[chunk] @ references.T
        near = np.argpartition(apart, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(apart, near, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        rows[chunk] = np.take_along_axis(near, order, axis=1)
        distances[chunk] = np.take_along_axis(values, order, axis=1)
    return rows, np.maximum(distances, 0)


def neighbour_names(pool: Pool, rows: NDArray[np.int64]) -> tuple[str, ...]:
    """The names of the first few images of `pool` at `rows`, to be shown beside a finding."""
    return tuple(pool.dataset.names[row] for row in rows[:_SHOWN].tolist())
