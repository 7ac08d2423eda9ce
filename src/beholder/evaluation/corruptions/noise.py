"""Noise in the values of an image: of a warm sensor, of few photons, of broken cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def gaussian_noise(images: Floats, random: np.random.Generator, *, deviation: float) -> Floats:
    """Each value plus a normal number, as in low light.

    Args:
        images: (N, H, W, C) float32 from 0 to 1, like the result, which may leave that range.
        random: where the numbers come from.
        deviation: standard deviation, of the range from 0 to 1.
    """
    return images + np.float32(deviation) * random.standard_normal(images.shape, np.float32)


def shot_noise(images: Floats, random: np.random.Generator, *, photons: float) -> Floats:
    """Each value counted in whole photons: Poisson noise, strongest where it is bright.

    Args:
        images: (N, H, W, C) float32 from 0 to 1, like the result, which may leave that range.
        random: where the numbers come from.
        photons: that a white pixel receives on average.
    """
    counted: NDArray[np.int64] = random.poisson(images * photons)
    return (counted / photons).astype(np.float32)


def impulse_noise(images: Floats, random: np.random.Generator, *, share: float) -> Floats:
    """Some values black or white, one as often as the other: salt and pepper, channel by channel.

    Args:
        images: (N, H, W, C) float32 from 0 to 1, like the result.
        random: where the numbers come from.
        share: of the values that are lost, 0 to 1.
    """
    drawn = random.random(images.shape, np.float32)
    return np.where(drawn < share / 2, np.float32(0), np.where(drawn < share, np.float32(1), images))
