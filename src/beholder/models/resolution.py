"""At which resolution a network looks at pictures, told without building one: this file imports no framework."""

from __future__ import annotations

LARGEST_SIDE = 64  # pixels; larger pictures are averaged down inside the graph, so that no answer can skip it


def shrink_factor(shape: tuple[int, int, int], side: int = LARGEST_SIDE) -> int:
    """The side of the square of pixels that become one, so that the short side ends at `side` pixels or little more."""
    return max(1, min(shape[:2]) // side)


def looked_at(shape: tuple[int, int, int], side: int = LARGEST_SIDE) -> tuple[int, int]:
    """Height and width in pixels that a network sees of pictures of `shape` (H, W, C)."""
    factor = shrink_factor(shape, side)
    return shape[0] // factor, shape[1] // factor
