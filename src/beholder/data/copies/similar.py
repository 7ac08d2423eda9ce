"""Pairs of vectors that are alike, found without comparing each with each.

Some of the vectors are pivots; each vector belongs to the cells of a few pivots that it is most like, and is compared
with those in the same cells. With 4 √N cells of about √N vectors, time grows as N √N. It is the inverted file of Jégou,
Douze and Schmid (Product quantization for nearest neighbor search, IEEE PAMI 2011), with vectors in several cells.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from beholder.data.progress import Progress, silent

_ONE_CELL = 2000  # so many vectors are all compared with each other
_MOST = 8  # pairs of one vector in one cell, its surest: a crowd of alike ones stays connected through them
_CHUNK = 2048  # vectors that are compared with others at once


def similar_pairs(
    vectors: NDArray[np.float32],
    owners: NDArray[np.int64],
    *,
    limit: float,
    cells: int,
    progress: Progress = silent,
) -> NDArray[np.int64]:
    """Pairs of different owners of vectors whose inner product is at least `limit`; a few are missed.

    Args:
        vectors: (N, d) float32 of norm 1.
        owners: (N,) int64, whose vector each is, from 0; an owner may have several.
        limit: the least inner product.
        cells: how many each vector belongs to: more find more.
        progress: told how far it is, in cells.

    Returns:
        (n, 2) int64: two owners, the smaller first; each pair once, in ascending order.
    """

    def within(members: NDArray[np.int64]) -> NDArray[np.int64]:
        return _pairs_within(vectors, owners, members, limit)

    all_cells = _cells(vectors, cells)
    found = [np.zeros((0, 2), np.int64)]
    with ThreadPoolExecutor() as threads:  # NumPy lets go of the interpreter while it works
        for done, some in enumerate(threads.map(within, all_cells), start=1):
            progress("Looking for copies", done, len(all_cells))
            found.append(some)
    pairs = np.concatenate(found)
    count = int(owners.max(initial=0)) + 1
    numbers = np.unique(pairs[:, 0] * count + pairs[:, 1])
    return np.stack([numbers // count, numbers % count], axis=1)


def _pairs_within(
    vectors: NDArray[np.float32], owners: NDArray[np.int64], members: NDArray[np.int64], limit: float
) -> NDArray[np.int64]:
    """(n, 2) int64: the pairs of owners of the `members` of a cell, the smaller first."""
    found = []
    for start in range(0, len(members), _CHUNK):
        block = members[start : start + _CHUNK]
        row, column = np.nonzero(_alike(vectors[block] @ vectors[members].T, limit))
        pairs = np.stack([owners[block[row]], owners[members[column]]], axis=1)
        found.append(pairs[pairs[:, 0] < pairs[:, 1]])  # the other order is found from the other one
    return np.concatenate(found)


def _cells(vectors: NDArray[np.float32], cells: int) -> list[NDArray[np.int64]]:
    """The members of each cell that has two or more."""
    count = len(vectors)
    if count <= _ONE_CELL:
        return [np.arange(count)]
    pivots = vectors[np.linspace(0, count - 1, round(4 * count**0.5)).astype(np.int64)]
    nearest = np.empty((count, cells), np.int64)
    for start in range(0, count, _CHUNK):
        likeness = vectors[start : start + _CHUNK] @ pivots.T
        nearest[start : start + _CHUNK] = np.argpartition(likeness, -cells, axis=1)[:, -cells:]
    by_cell = np.argsort(nearest.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(nearest.ravel(), minlength=len(pivots)))
    return [members for members in np.split(by_cell // cells, ends[:-1]) if len(members) > 1]


def _alike(likeness: NDArray[np.float32], limit: float) -> NDArray[np.bool_]:
    """Where each row reaches `limit`; of a row that does so often, only its `_MOST` surest."""
    alike = likeness >= limit
    crowded = np.flatnonzero(np.count_nonzero(alike, axis=1) > _MOST)
    if not len(crowded):
        return alike
    surest = np.partition(likeness[crowded], -_MOST, axis=1)[:, -_MOST]
    alike[crowded] = likeness[crowded] >= surest[:, np.newaxis]
    return alike
