"""Blur: out of focus, behind frosted glass, of a moving camera, of a camera that moves forward."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from beholder.evaluation.corruptions.noise import Floats

_LEAST_WEIGHT = 1e-3  # a tap of a motion that counts for less changes no value by half a step of 255


def defocus_blur(images: Floats, *, radius: float, softness: float) -> Floats:
    """Each point spread over a disc, whose edge is blurred by the standard deviation `softness`."""
    edge = max(1, round(softness))
    reach = math.ceil(radius) + edge
    distance = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])
    disc = np.asarray(distance <= radius, np.float64)
    kernel = gaussian_filter(disc / disc.sum(), softness, radius=edge, mode="constant")
    kernel = (kernel / kernel.sum()).astype(np.float32)[None, :, :, None]
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    return np.asarray(fftconvolve(padded, kernel, mode="valid", axes=(1, 2)), np.float32)


def glass_blur(images: Floats, random: np.random.Generator, *, deviation: float, reach: float, times: float) -> Floats:
    """Each pixel takes the colour of one at most `reach` away, so many `times`, between two blurs of a `deviation`.

    The published images were made so: what was written as a swap copied one pixel onto the other.
    """
    images = _blurred(images, deviation)
    count, height, width, _ = images.shape
    most = max(1, round(reach))
    for _ in range(round(times)):
        down, right = random.integers(-most, most, size=(2, count, height, width))
        rows = np.clip(np.arange(height)[:, None] + down, 0, height - 1)
        columns = np.clip(np.arange(width) + right, 0, width - 1)
        images = images[np.arange(count)[:, None, None], rows, columns]
    return _blurred(images, deviation)


def motion_blur(
    images: Floats, random: np.random.Generator, *, length: float, deviation: float, middle: float = 0.0
) -> Floats:
    """Each pixel smeared along a line of twice the `length`, drawn for each image within 45 degrees of `middle`.

    Degrees are counted from a row. The weights are half of a normal curve of this `deviation`, and its points lie on
    whole pixels, as in ImageMagick's `-motion-blur`.
    """
    count, height, width, _ = images.shape
    angles = np.deg2rad(middle + random.uniform(-45, 45, count))
    taps = np.arange(2 * math.ceil(length) + 1)
    weights = np.exp(-(taps**2) / (2 * max(deviation, 1e-6) ** 2))
    weights /= weights.sum()
    out = np.zeros_like(images)
    for tap in taps[weights >= _LEAST_WEIGHT]:
        down, right = (np.ceil(tap * part(angles) - 0.5).astype(np.int64) for part in (np.sin, np.cos))
        rows = np.clip(np.arange(height) + down[:, None], 0, height - 1)  # (N, H)
        columns = np.clip(np.arange(width) + right[:, None], 0, width - 1)  # (N, W)
        moved = images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
        out += np.float32(weights[tap]) * moved
    return out / np.float32(weights[weights >= _LEAST_WEIGHT].sum())


def zoom_blur(images: Floats, *, furthest: float) -> Floats:
    """The mean of an image and its enlargements up to `furthest`, in steps of 0.01: a camera moves forward."""
    factors = 1 + 0.01 * np.arange(round((furthest - 1) * 100) + 1)
    total = images.copy()
    for factor in factors:
        total += zoomed(images, float(factor))
    return total / np.float32(len(factors) + 1)


def zoomed(images: Floats, factor: float) -> Floats:
    """The middle of each image enlarged by a `factor` of at least 1 to its whole size, bilinearly."""
    return _enlarged(_enlarged(images, factor, axis=1), factor, axis=2)


def _enlarged(images: Floats, factor: float, axis: int) -> Floats:
    """The middle of `images` along `axis` enlarged to its size, linear between neighbours."""
    size = images.shape[axis]
    kept = math.ceil(size / factor)
    enlarged = round(kept * factor)  # at least `size`; what is beyond is cut off at both ends
    places = (size - kept) // 2 + np.linspace(0, kept - 1, enlarged)[(enlarged - size) // 2 :][:size]
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, size - 1)
    share = (places - below).astype(np.float32).reshape([-1 if place == axis else 1 for place in range(4)])
    return np.asarray(np.take(images, below, axis) * (1 - share) + np.take(images, above, axis) * share)


def _blurred(images: Floats, deviation: float) -> Floats:
    return np.asarray(gaussian_filter(images, deviation, mode="nearest", axes=(1, 2)), np.float32)
