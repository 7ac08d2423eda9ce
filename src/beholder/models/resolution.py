"""At which resolution a network looks at images, told without building one: this file imports no framework."""

from __future__ import annotations

LARGEST_SIDE = 64  # pixels; larger images are averaged down inside the graph, so that no answer can skip it
SCALE = 0.75  # of each side, at which a run looks at first
_LEAST_FIRST_SIDE = 24  # pixels
# Pixels of the short side that images are brought to, up or down, for a network that begins with weights learned at
# 224: by default, and the least and the most that make sense for it.
RESIZED_SIDE, RESIZED_SIDES = 128, (96, 224)


def shrink_factor(shape: tuple[int, int, int], side: int = LARGEST_SIDE) -> int:
    """The side of the square of pixels that become one, so that the short side ends at `side` pixels or little more."""
    return max(1, min(shape[:2]) // side)


def looked_at(shape: tuple[int, int, int], side: int = LARGEST_SIDE) -> tuple[int, int]:
    """Height and width in pixels that a network sees of images of `shape` (H, W, C)."""
    factor = shrink_factor(shape, side)
    return shape[0] // factor, shape[1] // factor


def resized(shape: tuple[int, int, int], side: int = RESIZED_SIDE) -> tuple[int, int]:
    """Height and width in pixels of images of `shape` (H, W, C) whose short side is brought to `side`, rounded."""
    height, width = shape[:2]
    short = min(height, width)
    return max(side, round(height * side / short)), max(side, round(width * side / short))


def small_side(side: int) -> int | None:
    """The side in pixels that a run looks at first, in the place of `side`; None where that would be too small."""
    small = round(side * SCALE)
    return small if small >= _LEAST_FIRST_SIDE else None
