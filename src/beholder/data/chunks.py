"""Images a few at a time, so that what is computed of them takes the same memory however large they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def chunks(count: int, shape: Sequence[int], pixels: int) -> Iterator[slice]:
    """Slices of `count` images, one after the other, of at most so many `pixels`, but of one image at least.

    `shape` begins with the height and width of each image, in pixels.
    """
    step = max(1, pixels // (shape[0] * shape[1]))
    return (slice(start, start + step) for start in range(0, count, step))
