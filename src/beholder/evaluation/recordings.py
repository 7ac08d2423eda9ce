"""Answers to windows become answers to the files that they are of: figures count files."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from beholder.data.recordings import first_rows, numbered

Number = TypeVar("Number", np.float32, np.float64)


def by_recording(
    values: NDArray[Number], recordings: NDArray[np.int64] | None
) -> tuple[NDArray[Number], NDArray[np.int64]]:
    """The mean over the rows of each file, and the first row of each.

    Args:
        values: (N, …) floats, probabilities say.
        recordings: (N,) which file each row is a window of; None: each row is a file.

    Returns:
        (M, …) of the same dtype, in the order of the files' first rows, and these (M,) int64.
    """
    if recordings is None:
        return values, np.arange(len(values), dtype=np.int64)
    first, place = first_rows(recordings), numbered(recordings)
    if len(first) == len(values):
        return values, first
    sums = np.zeros((len(first), *values.shape[1:]), np.float64)
    np.add.at(sums, place, values)
    counts = np.bincount(place).reshape(-1, *(1,) * (values.ndim - 1))
    return (sums / counts).astype(values.dtype), first


def mostly(flags: NDArray[np.bool_], recordings: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """(M,) bool: whether most rows of each file have the flag, from (N,) bool; half of them are not most."""
    shares, _ = by_recording(flags.astype(np.float32), recordings)
    return shares > 0.5
