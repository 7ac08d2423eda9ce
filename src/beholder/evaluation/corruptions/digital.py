"""What happens to an image on its way, as code: contrast lost, bent, coarse pixels, JPEG."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from beholder.evaluation.corruptions.noise import Floats


def low_contrast(images: Floats, *, kept: float) -> Floats:
    """Each channel drawn to its mean, so that of each value's distance from it the share `kept` is left."""
    means: Floats = images.mean(axis=(1, 2), keepdims=True)
    return np.asarray(means + np.float32(kept) * (images - means))


def elastic_transform(
    images: Floats, random: np.random.Generator, *, bend: float, smoothness: float, skew: float
) -> Floats:
    """An image on rubber, pulled at three points by up to `skew` pixels, then bent (Simard, Steinkraus and Platt 2003).

    Each pixel moves by up to `bend`; a blur of the standard deviation `smoothness` makes neighbours move together.
    """
    height, width = images.shape[1:3]
    places = np.mgrid[:height, :width].astype(np.float64)
    out = np.empty_like(images)
    for row, image in enumerate(images):
        pulled = _sampled(image, _pulled(places, random, skew))
        moves = random.uniform(-1, 1, places.shape)
        if bend:
            bends = gaussian_filter(moves, smoothness, mode="reflect", truncate=3, axes=(1, 2)) * bend
            pulled = _sampled(pulled, places + bends)
        out[row] = pulled
    return out


def pixelate(images: Floats, *, share: float) -> Floats:
    """Coarse pixels: an image shrunk to a `share` of its side and enlarged again; values in steps of 1/255."""
    height, width = images.shape[1:3]
    small = (max(1, int(width * share)), max(1, int(height * share)))

    def coarse(image: Image.Image) -> Image.Image:
        return image.resize(small, Image.Resampling.BOX).resize((width, height), Image.Resampling.BOX)

    return _each(images, coarse)


def jpeg_compression(images: Floats, *, quality: float) -> Floats:
    """What JPEG of a `quality` from 1 to 95 leaves of an image; values in steps of 1/255."""

    def compressed(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=round(quality))
        return Image.open(file)

    return _each(images, compressed)


def _pulled(places: NDArray[np.float64], random: np.random.Generator, skew: float) -> NDArray[np.float64]:
    """Where each of `places` (2, H, W) comes from when three corners of a square in the middle are pulled."""
    size = np.array(places.shape[1:])
    middle, side = size // 2, size.min() // 3
    corners = middle + side * np.array([[1, 1], [1, -1], [-1, -1]])  # (3, 2)
    ends = corners + random.uniform(-skew, skew, corners.shape)
    back = np.linalg.solve(np.column_stack([ends, np.ones(3)]), corners.astype(np.float64))  # (3, 2)
    return np.asarray(np.einsum("pc,phw->chw", back[:2], places) + back[2][:, None, None], np.float64)


def _sampled(image: Floats, places: NDArray[np.float64]) -> Floats:
    """`image` (H, W, C) at `places` (2, H, W), bilinear, mirrored at its edges."""
    channels = [map_coordinates(image[:, :, c], places, order=1, mode="mirror") for c in range(image.shape[2])]
    return np.stack(channels, axis=2)


def _each(images: Floats, change: Callable[[Image.Image], Image.Image]) -> Floats:
    """`change` done to each of `images` as Pillow has it."""
    out = np.empty_like(images)
    for row, values in enumerate(np.rint(255 * images).astype(np.uint8)):
        image = Image.fromarray(values if values.shape[2] == 3 else values[:, :, 0])
        out[row] = np.asarray(change(image), np.float32).reshape(values.shape) / 255
    return out
