"""Occlusion: cover a part of the image, and see how much less probable the answer gets.

Source: Zeiler and Fergus, Visualizing and understanding convolutional networks (2014), section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray

PLACES = 13  # along each side: 169 covered images, a fraction of a second


def occlusion(
    answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]], image: NDArray[np.uint8], label: int
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Slide a patch of the image's mean colour, a quarter of each side, over the image.

    Args:
        answer: from images (N, H, W, C) uint8 to probabilities (N, classes).
        image: (H, W, C) uint8.
        label: the class whose probability is watched.

    Returns:
        For each pixel (H, W) float32, by how much the probability falls (0 to 1; negative where it rises), the mean
        over the patches that cover it; and the patch's height and width in pixels.
    """
    height, width = image.shape[:2]
    patch = max(1, height // 4), max(1, width // 4)
    corners = list(product(_places(height, patch[0]), _places(width, patch[1])))
    colour = image.mean(axis=(0, 1)).round().astype(np.uint8)
    covered = np.repeat(image[np.newaxis], len(corners) + 1, axis=0)  # the last stays as it is
    for index, (top, left) in enumerate(corners):
        covered[index, top : top + patch[0], left : left + patch[1]] = colour
    probabilities = answer(covered)[:, label]
    falls = probabilities[-1] - probabilities[:-1]
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for (top, left), fall in zip(corners, falls, strict=True):
        total[top : top + patch[0], left : left + patch[1]] += fall
        count[top : top + patch[0], left : left + patch[1]] += 1
    return (total / count).astype(np.float32), patch


def _places(size: int, patch: int) -> list[int]:
    """Evenly spread, from edge to edge, never a patch's length apart."""
    return [int(place) for place in np.unique(np.linspace(0, size - patch, PLACES).round())]
