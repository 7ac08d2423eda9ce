"""A person relies on: of a long recording training sees any window, and every window is a part of the recording."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.training.random_windows import RandomWindows

WIDTH = 20


def recording(columns: int) -> NDArray[np.uint8]:
    """(1, columns): each column tells its place."""
    return np.arange(1, columns + 1, dtype=np.uint8)[np.newaxis]


def windows_of(columns: int) -> NDArray[np.uint8]:
    """Windows that overlap by half, the last of which ends with the recording."""
    starts = [*range(0, columns - WIDTH, WIDTH // 2), columns - WIDTH]
    sound = np.repeat(recording(columns), 3, axis=0)
    return np.stack([sound[:, start : start + WIDTH, np.newaxis] for start in starts])


@pytest.mark.parametrize("columns", [21, 29, 30, 31, 40, 55, 87])
def test_every_window_of_a_long_recording_is_seen_and_nothing_else(columns: int) -> None:
    images = windows_of(columns)
    assert len(images) > 1
    windows = RandomWindows(images, np.zeros(len(images), np.int64))
    rows = np.tile(np.arange(len(images)), 400)
    seen = windows.at(rows, np.random.default_rng(0).random(len(rows)))
    starts = seen[:, 0, 0, 0].astype(int) - 1
    expected = np.stack([recording(columns)[0, start : start + WIDTH] for start in starts])
    np.testing.assert_array_equal(seen[:, 0, :, 0], expected)
    assert set(starts.tolist()) == set(range(columns - WIDTH + 1))


def test_recordings_do_not_run_into_each_other_and_short_ones_stay() -> None:
    short = np.full((1, 3, WIDTH, 1), 200, np.uint8)
    images = np.concatenate([short, windows_of(40), short, windows_of(31)])
    recordings = np.array([0, 1, 1, 1, 2, 3, 3, 3])
    windows = RandomWindows(images, recordings)
    rows = np.arange(len(images))
    for place in (0.0, 0.3, 0.999):
        seen = windows.at(rows, np.full(len(rows), place))
        np.testing.assert_array_equal(seen[[0, 4]], images[[0, 4]])
        assert (np.diff(seen[[1, 2, 3, 5, 6, 7], 0, :, 0].astype(int), axis=1) == 1).all()
