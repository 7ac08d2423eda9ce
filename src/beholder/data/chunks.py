"""Images a few at a time, so that what is computed of them takes the same memory however large they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def chunks(count: int, shape: Sequence[int], pixels: int) -> Iterator[slice]:
    """Slices of `count` images, one after the other.

    Args:
        count: how many images.
        shape: height and width of each, in pixels; what follows does not count.
        pixels: of a slice at most, but it holds one image at least.
    """
    step = max(1, pixels // (shape[0] * shape[1]))
    return (slice(start, start + step) for start in range(0, count, step))
