"""Arrays as images: in colour, from black to white, and near to a size, so that small ones can be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def as_rgb(image: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W), (H, W, 1) or (H, W, 3) of any dtype -> (H, W, 3) uint8; what is no uint8 is stretched."""
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or not array.size:
        raise ValueError(f"Expected an image of shape (H, W), (H, W, 1) or (H, W, 3). Received: shape={image.shape}.")
    if array.dtype != np.uint8:
        array = stretched(array.astype(np.float64))
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def stretched(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Minimum to black, maximum to white; what is not finite is black; an image of one value is mid-grey."""
    finite = np.isfinite(values)
    known = values[finite]
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
    share = (values - low) / (high - low) if high > low else np.full_like(values, 0.5)
    grey: NDArray[np.uint8] = np.rint(np.where(finite, share, 0.0) * 255).astype(np.uint8)
    return grey


def map_image(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A feature map, stretched; one that is zero everywhere is black, since it says nothing."""
    return stretched(values.astype(np.float64)) if values.any() else np.zeros(values.shape, np.uint8)


def window_image(window: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A window (h, w, C) as (h, w, 1 or 3) uint8: mid-grey is 0, white its largest weight, black minus that."""
    if window.shape[2] != 3:
        window = window.mean(axis=2, keepdims=True)
    largest = max(float(np.abs(window).max()), 1e-12)
    image: NDArray[np.uint8] = np.rint(127.5 + 127.5 * window / largest).astype(np.uint8)
    return image


def enlarged(image: NDArray[Any], factor: int) -> Image.Image:
    """`image`, of any shape that `as_rgb` takes, with each pixel a square of `factor` pixels."""
    loaded = Image.fromarray(as_rgb(image))
    return loaded.resize((loaded.width * factor, loaded.height * factor), Image.Resampling.NEAREST)


def near_size(image: NDArray[Any], side: int) -> Image.Image:
    """`image` with a long side of about `side` pixels: enlarged by a whole factor, without blur, or reduced."""
    longest, most = max(image.shape[:2]), 1.2 * side
    factor = round(side / longest)
    loaded = enlarged(image, max(1, factor if longest * factor <= most else factor - 1))
    if longest > most:
        loaded.thumbnail((side, side), Image.Resampling.LANCZOS)
    return loaded
