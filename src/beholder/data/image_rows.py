"""Some of the images of an array, in an order of their own: gathered where they are asked for, never all copied.

Own code because NumPy copies what it selects by rows, so that a set split off from a data set would take its memory
once more, and a memory map would be read into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class ImageRows:
    """What `images[rows]` would be, without its memory.

    It has a shape, a dtype and a length, takes an index, a slice or an array of indices and gives arrays of images;
    `np.asarray` makes an array of all of it.

    Args:
        images: (N, H, W, C) uint8.
        rows: (n,) int64, which of them, in which order.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, images: NDArray[np.uint8], rows: NDArray[np.int64]) -> None:
        self._images = images
        self._rows = rows

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W, C)."""
        return (len(self._rows), *self._images.shape[1:])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int | slice | NDArray[Any]) -> NDArray[np.uint8]:
        return self._images[self._rows[index]]

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self._images[row] for row in self._rows)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("Rows of an array of images become an array by copying alone.")
        return self[:].astype(dtype or self.dtype, copy=False)

    def at(self, rows: NDArray[np.int64]) -> ImageRows:
        """Some of these rows; no image is read."""
        return ImageRows(self._images, self._rows[rows])


Images = NDArray[np.uint8] | ImageRows


def images_at(images: Images, rows: NDArray[np.int64]) -> Images:
    """The images at `rows` of `images`, in that order; no image is read or copied."""
    if isinstance(images, ImageRows):
        return images.at(rows)
    start = int(rows[0]) if len(rows) else 0
    consecutive = np.array_equal(rows, np.arange(start, start + len(rows)))
    return images[start : start + len(rows)] if consecutive else ImageRows(images, rows)
