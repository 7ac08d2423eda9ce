"""Consistency: whether answers stay when images are moved, flipped, brighter or darker."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.evaluation.consistency import brightened, consistency_figures, flipped, moved

Images = NDArray[np.uint8]


def bars(side: int = 16) -> Images:
    """For each column an image that is dark but for this column."""
    images = np.zeros((side, side, side, 1), np.uint8)
    images[np.arange(side), :, np.arange(side)] = 200
    return images


def test_a_shift_moves_pixels_and_repeats_the_edge() -> None:
    image = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1)
    assert moved(image, 1, 0)[0, :, :, 0].tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    assert moved(image, 0, -1)[0, :, :, 0].tolist() == [[1, 2, 2], [4, 5, 5], [7, 8, 8]]
    assert flipped(image)[0, 0, :, 0].tolist() == [2, 1, 0]
    assert brightened(image + 200, 1.25)[0, 0, :, 0].tolist() == [250, 251, 252]
    assert brightened(image + 250, 1.25).max() == 255


def test_what_looks_at_the_amount_of_light_alone_notices_brightness_and_nothing_else() -> None:
    middle = bars(32)[4:28]  # no bar reaches the edge, where a shift would repeat it

    def amount(images: Images) -> NDArray[np.int64]:
        mean = images.max(axis=(1, 2, 3)).astype(np.int64)
        return np.asarray((mean > 180).astype(np.int64) + (mean > 220), np.int64)

    figures = consistency_figures(amount, middle, np.ones(24, np.int64))
    assert figures["pixels"] == [2, 2]
    assert figures["shift"] == figures["flip"] == {"same": 1, "accuracy": 1}
    assert figures["brightness"] == {"same": 0, "accuracy": 0}
    assert figures["all"] == 0


def test_what_looks_at_places_notices_shifts_and_flips() -> None:
    images = bars(16)

    def place(shown: Images) -> NDArray[np.int64]:
        return np.asarray(shown[:, 8, :, 0].argmax(axis=1), np.int64)

    told: list[tuple[int, int]] = []
    figures = consistency_figures(
        place, images, np.arange(16), progress=lambda _task, done, total: told.append((done, total))
    )
    assert figures["pixels"] == [1, 1]
    # Up and down change nothing; of left and right, a bar at the edge that is repeated stays in its place once.
    assert figures["shift"]["same"] == pytest.approx((16 + 16 + 1 + 1) / 64, abs=1 / 64)
    assert figures["flip"] == {"same": 0, "accuracy": 0}
    assert figures["brightness"] == {"same": 1, "accuracy": 1}
    assert figures["all"] == 0
    assert told[-1] == (8 * 16, 8 * 16)


def test_batches_change_nothing() -> None:
    random = np.random.default_rng(0)
    images = random.integers(256, size=(2100, 8, 8, 3)).astype(np.uint8)

    def corner(shown: Images) -> NDArray[np.int64]:
        return np.asarray(shown[:, 0, 0, 0] > 128, np.int64)

    figures = consistency_figures(corner, images, np.zeros(2100, np.int64))
    plain, flipped = images[:, 0, 0, 0] > 128, images[:, 0, -1, 0] > 128
    assert figures["flip"]["same"] == pytest.approx((plain == flipped).mean())
    assert figures["flip"]["accuracy"] == pytest.approx((~flipped).mean())
