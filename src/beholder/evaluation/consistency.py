"""Whether an answer stays when an image changes and its meaning does not: moved, mirrored, brighter, darker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.chunks import chunks
from beholder.data.image_rows import Images
from beholder.data.progress import Progress, silent

_SHIFT = 16  # an image is moved by its side divided by this, two pixels of 32
_BRIGHTNESS = (0.8, 1.25)  # factors
_BATCH_PIXELS = 1 << 20  # changed at a time


def moved(images: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """`images` (N, H, W, C) moved by so many pixels; what comes in repeats the edge."""
    height, width = images.shape[1:3]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return np.ascontiguousarray(images[:, rows][:, :, columns])


def flipped(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`images` (N, H, W, C) turned left to right."""
    return np.ascontiguousarray(images[:, :, ::-1])


def brightened(images: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """`images` with each value times `factor`, at most 255."""
    table = np.rint(np.arange(256) * factor).clip(0, 255).astype(np.uint8)
    return np.asarray(table[images], np.uint8)


def changes(height: int, width: int) -> list[tuple[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]]:
    """Kind and change for images of `height` × `width` pixels: four shifts, a flip, two brightnesses."""
    down, right = reach(height, width)
    shifts = ((-down, 0), (down, 0), (0, -right), (0, right))
    return [
        *(("shift", lambda images, by=by: moved(images, *by)) for by in shifts),
        ("flip", flipped),
        *(("brightness", lambda images, by=by: brightened(images, by)) for by in _BRIGHTNESS),
    ]


def reach(height: int, width: int) -> tuple[int, int]:
    """By how many pixels an image of `height` × `width` is moved down and right, one at least."""
    return max(1, height // _SHIFT), max(1, width // _SHIFT)


def consistency_figures(
    answer: Callable[[NDArray[np.uint8]], NDArray[np.int64]],
    images: Images,
    labels: NDArray[np.int64],
    *,
    progress: Progress = silent,
) -> dict[str, Any]:
    """How many answers stay what they are when `images`, one at least, of the true classes `labels` change a little.

    What `answer` gives for N images is their (N,) int64 classes.

    Returns:
        `count`, N; `pixels` [down, right] of a shift; `factors` of brightness; for `shift`, `flip` and `brightness`
        the `same`, share of answers that are the same class as that of the plain image, mean over the changes of
        that kind, and their `accuracy`; `all`, the share of images whose answer stays under every change. A flip
        turns some things into others (b and d): there a changed answer may be the right one.
    """
    height, width = images.shape[1:3]
    tried = changes(height, width)
    plain = np.empty(len(images), np.int64)
    changed = np.empty((len(tried), len(images)), np.int64)
    for rows in chunks(len(images), (height, width), _BATCH_PIXELS):
        batch = images[rows]
        plain[rows] = answer(batch)
        for row, (_, change) in enumerate(tried):
            changed[row, rows] = answer(change(batch))
        done = (1 + len(tried)) * min(rows.stop, len(images))
        progress("Answering changed images", done, (1 + len(tried)) * len(images))
    kinds = np.array([kind for kind, _ in tried])
    of_kind = {kind: changed[kinds == kind] for kind in ("shift", "flip", "brightness")}
    return {
        "count": len(labels),
        "pixels": list(reach(height, width)),
        "factors": list(_BRIGHTNESS),
        **{
            kind: {"same": float((answers == plain).mean()), "accuracy": float((answers == labels).mean())}
            for kind, answers in of_kind.items()
        },
        "all": float((changed == plain).all(axis=0).mean()),
    }
