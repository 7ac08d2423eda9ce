"""The sliding window: it goes where the stride says, the output grows, and the file stays small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from beholder.figures.sliding import MOST_FRAMES, Sliding, frames, places, save_gif

FRAME = (217, 72, 15)


def _sliding(side: int, window: int, stride: int, channels: int = 1) -> Sliding:
    random = np.random.default_rng(0)
    output = -(-side // stride)
    before = max((output - 1) * stride + window - side, 0)
    return Sliding(
        random.standard_normal((side, side, channels), np.float32),
        (before // 2, before // 2),
        (side + before, side + before),
        random.standard_normal((window, window, channels), np.float32),
        random.standard_normal((output, output), np.float32),
        stride,
        7,
    )


@given(st.integers(1, 300), st.integers(1, 300))
def test_there_are_few_frames_they_go_forward_and_end_at_the_end(rows: int, columns: int) -> None:
    found = places(rows, columns)
    assert len(found) <= MOST_FRAMES <= 60
    assert found == sorted(set(found))
    assert found[0] == (0, 0)
    assert found[-1] == (rows - 1, columns - 1)


def test_an_output_of_few_pixels_is_shown_place_by_place() -> None:
    assert places(2, 3) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def _left_edge(image: Image.Image) -> int:
    """Of the frame on the image, the leftmost one."""
    columns = (np.asarray(image) == FRAME).all(axis=2).sum(axis=0)
    return int(np.flatnonzero(columns > 10)[0])


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_window_moves_by_the_stride(stride: int) -> None:
    images, _ = frames(_sliding(24, 5, stride))
    moved = _left_edge(images[1]) - _left_edge(images[0])
    cell = 208 // _sliding(24, 5, stride).padded[0]
    assert moved == stride * cell


def test_the_output_grows_from_nothing_to_all() -> None:
    images, durations = frames(_sliding(24, 5, 1))
    assert len(images) == len(durations)
    assert durations[-1] == max(durations)
    assert len({image.size for image in images}) == 1
    right = images[0].width - 20 - 172  # the output, after the margin
    empty = [(np.asarray(image)[:, right:] == (232, 232, 228)).all(axis=2).sum() for image in images]
    assert (np.diff(empty) < 0).all()
    assert empty[-1] == 0


@pytest.mark.parametrize(("side", "channels"), [(6, 1), (24, 1), (32, 3), (127, 3)])
def test_the_gif_is_whole_repeats_and_is_small(tmp_path: Path, side: int, channels: int) -> None:
    images, durations = frames(_sliding(side, 5, 1, channels))
    path = tmp_path / "a.gif"
    save_gif(images, durations, path)
    assert path.stat().st_size < 2_000_000
    with Image.open(path) as gif:
        assert gif.info["loop"] == 0
        assert getattr(gif, "n_frames", 1) == len(images)
        gif.seek(len(images) - 1)
        shown = np.asarray(gif.convert("RGB")).astype(int)
    # Its colours are those of the frame, up to what a palette of 256 allows.
    assert np.abs(shown - np.asarray(images[-1]).astype(int)).mean() < 4


def test_a_window_on_many_channels_is_drawn_as_their_mean() -> None:
    frames(_sliding(8, 3, 1, channels=5))
