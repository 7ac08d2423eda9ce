"""Cleaning, as the chapter on convolutional networks does it: grey, the middle of the image, standardised.

This is the reference in NumPy; the same steps as layers of a network are held to it by tests, to 1e-5.

1. *Grey*: the mean over the channels.
2. *Crop*: the middle three quarters of each side, see `crop_window`: 32 pixels become 24, from the fifth on.
3. *Standardise*, each image for itself: (grey - mean) / max(deviation, 1 / sqrt(number of pixels)), with the
   population deviation. The floor keeps an image of one colour finite, as in TensorFlow's
   `tf.image.per_image_standardization`.

The sum over the channels and the mean are taken in integers, so that an image of one colour becomes exactly zero;
float32 enters only with the difference from the mean. A float32 mean of some 100 is off by up to 4e-6, which the
division by a deviation of 1/24 makes 1e-4: whoever builds the same in float32 alone subtracts the mean, then takes the
mean of what is left and subtracts that too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from beholder.data.chunks import chunks
from beholder.errors import DataError

# Pixels (of the crop) that are worked on at once: their float32 copies stay in a core's cache.
_PIXELS_AT_ONCE = 1 << 17


def crop_window(size: int) -> tuple[int, int]:
    """First pixel and number of pixels of the centre crop of a side of `size` pixels.

    The number is three quarters, rounded down, at least 1; an odd rest leaves its extra pixel at the end.
    """
    length = max(size * 3 // 4, 1)
    return (size - length) // 2, length


def clean(data: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Clean rows of pixels, as the chapter's `clean`.

    Args:
        data: (n, 3 * s * s) uint8: a row is a square RGB image, channel first, as the CIFAR archives hold them.

    Returns:
        (n, k * k) float32, k = max(3 * s // 4, 1): 576 columns from 3,072.

    Raises:
        DataError: another shape or dtype.
    """
    if not isinstance(data, np.ndarray):
        raise DataError(f"Expected rows of pixels as an array. Received: {type(data).__name__}.")
    columns = data.shape[1] if data.ndim == 2 else 0
    side = math.isqrt(columns // 3)
    if data.dtype != np.uint8 or side == 0 or columns != 3 * side * side:
        raise DataError(
            f"Expected rows of shape (n, 3 * side * side) and dtype uint8, such as (n, 3072). "
            f"Received: shape={data.shape}, dtype={data.dtype}."
        )
    images = data.reshape(len(data), 3, side, side).transpose(0, 2, 3, 1)
    _, length = crop_window(side)
    return clean_images(images).reshape(len(data), length * length)


def clean_images(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Clean images of any size.

    Args:
        images: (N, H, W, C) uint8, C is 1 or 3.

    Returns:
        (N, h, w, 1) float32, h = max(3 * H // 4, 1) and w likewise.

    Raises:
        DataError: another shape or dtype.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape[1:]:
        raise DataError(
            f"Expected images of shape (N, H, W, 1 or 3) and dtype uint8. "
            f"Received: shape={images.shape}, dtype={images.dtype}."
        )
    (top, height), (left, width) = crop_window(images.shape[1]), crop_window(images.shape[2])
    cropped = images[:, top : top + height, left : left + width]  # (N, h, w, C), a view
    cleaned = np.empty((len(images), height, width, 1), np.float32)
    for rows in chunks(len(images), (height, width), _PIXELS_AT_ONCE):
        cleaned[rows] = _standardise(_channel_sum(cropped[rows]), cropped.shape[3])[..., np.newaxis]
    return cleaned


def _channel_sum(images: NDArray[np.uint8]) -> NDArray[np.int16]:
    """(n, h, w, C) uint8 -> (n, h, w) int16: C times the grey value, exact."""
    total = images[..., 0].astype(np.int16, order="C")
    for channel in range(1, images.shape[3]):
        total += images[..., channel]
    return total


def _standardise(sums: NDArray[np.int16], channels: int) -> NDArray[np.float32]:
    """(n, h, w) int16, `channels` times the grey value -> (n, h, w) float32 with mean 0 and deviation 1 (or less)."""
    count = sums.shape[1] * sums.shape[2]
    flat = sums.reshape(len(sums), count)
    totals = flat.sum(axis=1, dtype=np.int64)
    whole = totals // count
    rest = (totals - whole * count) / count  # the mean is whole + rest
    grey = (flat - whole.astype(np.int16)[:, np.newaxis]).astype(np.float32)
    grey -= rest.astype(np.float32)[:, np.newaxis]
    grey /= channels
    deviation = np.sqrt(np.vecdot(grey, grey) / count)
    grey /= np.maximum(deviation, 1 / math.sqrt(count)).astype(np.float32)[:, np.newaxis]
    standardised: NDArray[np.float32] = grey.reshape(sums.shape)
    return standardised
