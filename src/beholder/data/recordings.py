"""Rows that are windows of files: which file each row is of, and where each file begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def first_rows(recordings: NDArray[np.int64]) -> NDArray[np.int64]:
    """(M,) int64: the first row of each file, in the order of these; `recordings` (N,) says the file of each row."""
    return np.sort(np.unique(recordings, return_index=True)[1]).astype(np.int64)


def numbered(recordings: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) int64: the place of each row's file among `first_rows`."""
    _, first, place = np.unique(recordings, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    return ranks[place]


def rows_of(recordings: NDArray[np.int64], files: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) int64: all rows of `files`, places among `first_rows`, one file after the other."""
    place = numbered(recordings)
    order = np.argsort(place, kind="stable")
    counts = np.bincount(place)
    starts = np.cumsum(counts) - counts
    rows = [order[starts[file] : starts[file] + counts[file]] for file in files.tolist()]
    return np.concatenate([np.zeros(0, np.int64), *rows])


def joined_recordings(parts: Sequence[NDArray[np.int64] | None], lengths: Sequence[int]) -> NDArray[np.int64] | None:
    """The recordings of all rows of several data sets, one after the other; None where none has any.

    Rows of a data set without them, one of so many `lengths`, are each of a file of their own.
    """
    if all(part is None for part in parts):
        return None
    joined, start = [np.zeros(0, np.int64)], 0
    for part, length in zip(parts, lengths, strict=True):
        own = np.arange(length, dtype=np.int64) if part is None else numbered(part)
        joined.append(own + start)
        start += int(own.max(initial=-1)) + 1
    return np.concatenate(joined)
