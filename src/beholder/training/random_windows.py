"""A long sound is trained on at random windows, not only at those that answer it, which overlap by half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beholder.data.image_rows import Images


class RandomWindows:
    """Windows between the ones that a data set has of its long sounds.

    Args:
        images: (N, H, W, 1) uint8: the windows of one recording follow each other in time.
        recordings: (N,): which recording each is of.
    """

    def __init__(self, images: Images, recordings: NDArray[np.int64]) -> None:
        self._images = images
        self._gaps = _gaps(images, recordings)

    @property
    def some(self) -> bool:
        """Whether any recording has several windows."""
        return bool(self._gaps.any())

    def at(self, rows: NDArray[np.int64], drawn: NDArray[np.float64]) -> NDArray[np.uint8]:
        """(B, H, W, 1): for each of `rows` (B,) a window up to half way to the one before or after it.

        Each of `drawn` (B,), 0 to 1, says where, from half way back to half way on; 0 everywhere gives the first of
        these. What is alone in its recording stays as it is.
        """
        before = np.where(rows > 0, self._gaps[rows - 1], 0) // 2
        after = (self._gaps[rows] + 1) // 2
        steps = np.floor(drawn * (before + after + (before + after > 0))).astype(np.int64) - before
        windows = np.array(self._images[rows])
        for place in np.flatnonzero(steps):
            row, step = int(rows[place]), int(steps[place])
            if step > 0:
                windows[place] = self._between(row, step)
            else:
                windows[place] = self._between(row - 1, int(self._gaps[row - 1]) + step)
        return windows

    def _between(self, row: int, step: int) -> NDArray[np.uint8]:
        """The window that begins `step` columns after that of `row`, and before the next one's."""
        new = step + self._images.shape[2] - int(self._gaps[row])  # columns of the next one until its end
        this, following = (np.asarray(self._images[one]) for one in (row, row + 1))
        kept = this[:, step:]
        return np.concatenate([kept, following[:, new - step : new]], axis=1)


def _gaps(images: Images, recordings: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,): columns from the start of each window to that of the next one of its recording; 0 where none follows.

    All are half a window but the last, which ends with its sound; where that begins is told by what both show.
    """
    follows = np.append(recordings[:-1] == recordings[1:], False)
    gaps = np.where(follows, max(images.shape[2] // 2, 1), 0)
    for row in np.flatnonzero(follows & ~np.roll(follows, -1)).tolist():
        gaps[row] = _gap(np.asarray(images[row]), np.asarray(images[row + 1]))
    return gaps


def _gap(this: NDArray[np.uint8], following: NDArray[np.uint8]) -> int:
    width = this.shape[1]
    half = max(width // 2, 1)
    begins = np.flatnonzero((this[:, 1:half] == following[:, :1]).all(axis=(0, 2))) + 1  # where it may begin
    return next(
        (gap for gap in (half, *begins.tolist()) if np.array_equal(this[:, gap:], following[:, : width - gap])), 0
    )
