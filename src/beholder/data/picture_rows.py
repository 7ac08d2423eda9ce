"""Some of the pictures of an array, in an order of their own: gathered where they are asked for, never all copied.

Own code because NumPy copies what it selects by rows, so that a part split off from a data set would take its memory
once more, and a memory map would be read into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class PictureRows:
    """What `pictures[rows]` would be, without its memory.

    It has a shape, a dtype and a length, takes an index, a slice or an array of indices and gives arrays of pictures;
    `np.asarray` makes an array of all of it.

    Args:
        pictures: (N, H, W, C) uint8.
        rows: (n,) int64, which of them, in which order.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, pictures: NDArray[np.uint8], rows: NDArray[np.int64]) -> None:
        self._pictures = pictures
        self._rows = rows

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W, C)."""
        return (len(self._rows), *self._pictures.shape[1:])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int | slice | NDArray[Any]) -> NDArray[np.uint8]:
        return self._pictures[self._rows[index]]

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self._pictures[row] for row in self._rows)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("Rows of an array of pictures become an array by copying alone.")
        return self[:].astype(dtype or self.dtype, copy=False)

    def at(self, rows: NDArray[np.int64]) -> PictureRows:
        """Some of these rows; no picture is read."""
        return PictureRows(self._pictures, self._rows[rows])


Pictures = NDArray[np.uint8] | PictureRows


def pictures_at(pictures: Pictures, rows: NDArray[np.int64]) -> Pictures:
    """The pictures at `rows` of `pictures`, in that order; no picture is read or copied."""
    if isinstance(pictures, PictureRows):
        return pictures.at(rows)
    start = int(rows[0]) if len(rows) else 0
    consecutive = np.array_equal(rows, np.arange(start, start + len(rows)))
    return pictures[start : start + len(rows)] if consecutive else PictureRows(pictures, rows)
