"""Images that are arrays: which shapes, dtypes and ranges are images without a doubt, for training and answering.

What could be two things is refused: whole numbers of more than 8 bits and floats beyond 0 to 1 have no known white.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.images.headers import LEAST_SIDE
from beholder.errors import DataError

CHANNELS = (1, 3, 4)
_NUMBERS = "as uint8, bool or floats from 0 to 1"
_VALUES_AT_ONCE = 1 << 22
_ROUNDING = 1e-5  # by which resizing and float32 overshoot


def check_images(shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    """Refuse what is no array of images, by the shape and dtype of it all; `where` is what a person knows it as.

    Raises:
        DataError: another shape or dtype.
    """
    if 0 in shape or not _are_images(shape, dtype):
        layout = f"images of shape (N, H, W) or (N, H, W, 1, 3 or 4), N > 0, {_NUMBERS}, in {where!r}"
        raise DataError(f"Expected {layout}. Received: shape={shape}, dtype={dtype}{_hint(shape, dtype)}.")
    if min(shape[1:3]) < LEAST_SIDE:
        least = f"images of at least {LEAST_SIDE} x {LEAST_SIDE} pixels in {where!r}"
        raise DataError(f"Expected {least}. Received: {shape[2]} x {shape[1]} (shape={shape}).")


def check_image(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse what is no single image, by its shape and dtype.

    Raises:
        DataError: another shape or dtype.
    """
    if not _are_images((1, *shape), dtype):
        hint = _hint((1, *shape), dtype).replace("(images, 1, -1)", "(image, 0, -1)").replace("images", "image")
        layout = f"an image of shape (H, W) or (H, W, 1, 3 or 4), {_NUMBERS}"
        raise DataError(f"Expected {layout}. Received: shape={shape}, dtype={dtype}{hint}.")
    if min(shape[:2]) < LEAST_SIDE:
        least = f"an image of at least {LEAST_SIDE} x {LEAST_SIDE} pixels"
        raise DataError(f"Expected {least}. Received: {shape[1]} x {shape[0]}.")


def _are_images(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    layout = len(shape) == 3 or (len(shape) == 4 and shape[3] in CHANNELS)
    return layout and (dtype == np.uint8 or dtype.kind in "fb")


def as_images(given: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Images of any shape and dtype that `check_images` lets pass -> (N, H, W, 1 or 3) uint8.

    Floats from 0 to 1 and False to True become 0 to 255; a fourth channel is alpha, and is laid on white. A uint8 array
    without alpha is not copied.

    Raises:
        DataError: floats outside 0..1.
    """
    if given.ndim == 3:
        given = given[..., np.newaxis]
    if given.dtype == np.uint8 and given.shape[3] != 4:
        return np.ascontiguousarray(given)
    channels = 3 if given.shape[3] == 4 else given.shape[3]
    images = np.empty((*given.shape[:3], channels), np.uint8)
    step = max(_VALUES_AT_ONCE // math.prod(given.shape[1:]), 1)
    for start in range(0, len(given), step):
        chunk = given[start : start + step]
        if chunk.dtype.kind == "b":
            chunk = chunk * np.uint8(255)
        elif chunk.dtype.kind == "f":
            chunk = _scale(chunk, where)
        images[start : start + step] = _on_white(chunk) if chunk.shape[3] == 4 else chunk
    return images


def _hint(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """What to do about the commonest misfits."""
    if len(shape) == 4 and shape[3] not in CHANNELS:
        if shape[1] in CHANNELS:
            return "; the channels seem to come first: give np.moveaxis(images, 1, -1)"
        if shape[2] in CHANNELS and shape[0] > 1:
            return "; the images seem to be on the last axis: give np.moveaxis(images, -1, 0)"
        return ""
    if len(shape) == 2 and shape[0] > 1:
        return "; rows of pixels have to become images: give images.reshape(N, H, W) or (N, H, W, 3)"
    if dtype.kind in "iu" and dtype != np.uint8:
        return "; give images.astype(np.uint8) where they are from 0 to 255, else images / their largest possible value"
    return "; give images of one size, as one array of numbers" if dtype.kind == "O" else ""


def _scale(images: NDArray[Any], where: str) -> NDArray[np.uint8]:
    # Written so that NaN, which is neither, is refused as well.
    if not (images.min() >= -_ROUNDING and images.max() <= 1 + _ROUNDING):
        received = f"{_told(images.min())} to {_told(images.max())}"
        if np.isnan(images).any():
            received = "NaN, which is not a number"
        raise DataError(
            f"Expected float images from 0 to 1 in {where!r}. Received: {received}; scale them to 0 to 1, from black "
            "to white, or give uint8."
        )
    return np.asarray(np.rint(np.clip(images, 0, 1) * 255.0), np.uint8)


def _told(value: Any) -> str:
    """A number, with more digits where it would look like 0 or 1 and is not."""
    short = f"{value:g}"
    return short if short not in ("0", "-0", "1") or value in (0, 1) else f"{value:.9g}"


def _on_white(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, H, W, 4) -> (n, H, W, 3), rounded: alpha * colour + (1 - alpha) * white."""
    colour, alpha = images[..., :3].astype(np.uint16), images[..., 3:].astype(np.uint16)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
