"""Noise in the values of an image: of a warm sensor, of few photons, of broken cells.

Here and in the modules beside it images are (N, H, W, C) float32 from 0 to 1; results may leave that range, and are
clipped by who calls. Lengths are in pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def gaussian_noise(images: Floats, random: np.random.Generator, *, deviation: float) -> Floats:
    """Each value plus a normal number of this standard `deviation`, as in low light."""
    return images + np.float32(deviation) * random.standard_normal(images.shape, np.float32)


def shot_noise(images: Floats, random: np.random.Generator, *, photons: float) -> Floats:
    """Each value counted in whole photons, of which white receives `photons` on average: Poisson noise."""
    counted: NDArray[np.int64] = random.poisson(images * photons)
    return (counted / photons).astype(np.float32)


def impulse_noise(images: Floats, random: np.random.Generator, *, share: float) -> Floats:
    """A `share` of all values black or white, one as often as the other: salt and pepper, channel by channel."""
    drawn = random.random(images.shape, np.float32)
    return np.where(drawn < share / 2, np.float32(0), np.where(drawn < share, np.float32(1), images))
