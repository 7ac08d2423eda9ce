"""The chapter's steps in NumPy: what a window that slides over an image computes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Padding = Literal["same", "valid"]


def edges(size: int, window: int, stride: int, padding: Padding) -> tuple[int, int]:
    """How many zeros stand before and after a side of `size` pixels, as TensorFlow and Keras pad."""
    if padding == "valid":
        return 0, 0
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def padded(image: NDArray[np.float32], window: tuple[int, int], stride: int, padding: Padding) -> NDArray[np.float32]:
    """`image` (H, W, C) float32 with the zeros around it that a window (height, width) needs."""
    rows, columns = (edges(image.shape[axis], window[axis], stride, padding) for axis in (0, 1))
    return np.pad(image, (rows, columns, (0, 0)))


def convolve(
    image: NDArray[np.float32], windows: NDArray[np.float32], *, stride: int = 1, padding: Padding = "same"
) -> NDArray[np.float32]:
    """Slide each window over the image; at each place, the sum of its weights times the pixels under it.

    A convolution as networks use the word: the windows are not flipped, and no bias is added.

    Args:
        image: (H, W, C) float32.
        windows: (K, h, w, C) float32.
        stride: pixels that a window moves at a time.
        padding: `same` lets windows overhang the image by up to half, over zeros; `valid` does not.

    Returns:
        (H', W', K) float32: `same` has H' = ceil(H / stride), `valid` (H - h) // stride + 1; W' likewise.
    """
    count, height, width, channels = windows.shape
    wide = padded(image, (height, width), stride, padding)
    places = np.lib.stride_tricks.sliding_window_view(wide, (height, width), axis=(0, 1))
    places = places[::stride, ::stride]  # (H', W', C, h, w)
    weights = windows.transpose(3, 1, 2, 0).reshape(channels * height * width, count)
    sums: NDArray[np.float32] = places.reshape(*places.shape[:2], -1) @ weights
    return sums


def max_pool(maps: NDArray[np.float32], size: int = 2) -> NDArray[np.float32]:
    """The largest value of each square of `size` × `size`: (H, W, K) float32 to (ceil(H / size), ceil(W / size), K)."""
    rows, columns = (-length % size for length in maps.shape[:2])
    full = np.pad(maps, ((0, rows), (0, columns), (0, 0)), constant_values=-np.inf)
    height, width, count = full.shape
    squares = full.reshape(height // size, size, width // size, size, count)
    largest: NDArray[np.float32] = squares.max(axis=(1, 3))
    return largest
