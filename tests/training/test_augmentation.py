"""A person relies on: training images are varied as asked, each in its own way, and stay images of the same thing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beholder.errors import UsageError
from beholder.training.augmentation import DETAILS, NAMED, Augmentation, augmentation
from beholder.training.varied_images import varied

NOTHING = Augmentation()


def photographs(count: int = 4, height: int = 40, width: int = 60, channels: int = 3) -> NDArray[np.uint8]:
    """Smooth ones, of which no two parts are alike."""
    down, across = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [
        np.sin(3 * down * (1 + one)) * np.cos(2 * across + channel)
        for one in range(count)
        for channel in range(channels)
    ]
    images = np.stack(waves).reshape(count, channels, height, width).transpose(0, 2, 3, 1)
    rounded: NDArray[np.uint8] = np.rint(127 + 90 * images).astype(np.uint8)
    return rounded


def vary(images: NDArray[np.uint8], how: Augmentation, seed: int = 0) -> NDArray[np.uint8]:
    return varied(images, how, np.random.default_rng(seed))


@settings(max_examples=30, deadline=None)
@given(
    how=st.builds(
        Augmentation,
        shift=st.floats(0, 1),
        crop=st.floats(0, 0.99),
        rotate=st.floats(0, 180),
        brightness=st.floats(0, 1),
        contrast=st.floats(0, 1),
        colour=st.floats(0, 1),
        erase=st.floats(0, 1),
    ),
    channels=st.sampled_from([1, 3]),
    size=st.tuples(st.integers(8, 30), st.integers(8, 30)),
    cut=st.integers(1, 4),
)
def test_a_share_of_a_batch_is_varied_as_in_the_whole(
    how: Augmentation, channels: int, size: tuple[int, int], cut: int
) -> None:
    images = photographs(5, *size, channels)
    before = images.copy()
    whole = vary(images, how)
    assert whole.shape == images.shape
    assert whole.dtype == np.uint8
    np.testing.assert_array_equal(images, before)
    for share in (slice(0, cut), slice(cut, 5)):
        part = varied(images[share], how, np.random.default_rng(0), 5, share)
        np.testing.assert_array_equal(part, whole[share])


@pytest.mark.parametrize("detail", DETAILS)
def test_each_detail_does_something_and_nothing_at_0(detail: str) -> None:
    images = photographs()
    assert (vary(images, replace(NOTHING, **{detail: 0.9})) != images).any()
    np.testing.assert_array_equal(vary(images, replace(NOTHING, **{detail: 0.0})), images)


def test_what_is_cut_is_a_part_of_the_image_in_its_proportions() -> None:
    """Where a pixel's value is its place, the place of each pixel afterwards tells the part that was taken."""
    across = np.broadcast_to(np.arange(200, dtype=np.uint8), (100, 200))
    down = np.broadcast_to(np.arange(100, dtype=np.uint8)[:, np.newaxis], (100, 200))
    images = np.repeat(np.stack([across, down, down], axis=-1)[np.newaxis], 30, axis=0)
    lefts = set()
    for image in vary(images, replace(NOTHING, crop=0.75)).astype(float):
        width = image[50, -5, 0] - image[50, 5, 0]
        height = image[-5, 100, 1] - image[5, 100, 1]
        assert 0.5 * 190 - 2 <= width <= 191
        assert height / 90 == pytest.approx(width / 190, abs=0.04)
        lefts.add(int(image[50, 5, 0]))
    assert len(lefts) > 10


def test_a_turn_keeps_the_middle_and_its_angle_is_within_bounds() -> None:
    images = np.zeros((20, 61, 61, 1), np.uint8)
    images[:, 29:32, 30:] = 255  # a hand that points to the right
    angles = []
    for turned in vary(images, replace(NOTHING, rotate=30)):
        rows, columns = (place - 30 for place in np.nonzero(turned[..., 0] > 200))
        assert np.hypot(rows, columns).min() <= 2
        far = (np.hypot(rows, columns) > 15) & (np.hypot(rows, columns) < 25)
        angles.append(np.degrees(np.arctan2(-rows[far].mean(), columns[far].mean())))
    assert np.abs(angles).max() <= 31
    assert min(angles) < -10
    assert max(angles) > 10


def test_light_and_colour_are_what_they_say() -> None:
    grey = np.full((50, 8, 8, 3), 100, np.uint8)
    brighter = vary(grey, replace(NOTHING, brightness=0.2))[:, 0, 0, 0]
    assert 79 <= brighter.min() < 90
    assert 110 < brighter.max() <= 121
    np.testing.assert_array_equal(vary(grey, replace(NOTHING, colour=1.0)), grey, "grey has no colour to change")
    middle = np.full((50, 8, 8, 3), 127, np.uint8)
    assert np.abs(vary(middle, replace(NOTHING, contrast=1.0)).astype(int) - 127).max() <= 1
    red = np.full((50, 8, 8, 3), (150, 80, 80), np.uint8)
    lightness = vary(red, replace(NOTHING, colour=0.2)).astype(float) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(lightness, 0.299 * 150 + 0.701 * 80, atol=1)


def test_of_a_share_of_the_images_a_rectangle_is_covered() -> None:
    images = np.zeros((300, 20, 30, 1), np.uint8)
    covered = (vary(images, replace(NOTHING, erase=0.25)) == 127).mean(axis=(1, 2, 3))
    assert 0.15 < (covered > 0).mean() < 0.35
    assert covered[covered > 0].min() > 0.01
    assert covered.max() < 0.25


def test_a_text_says_what_is_varied() -> None:
    assert augmentation("photo") == NAMED["photo"]
    assert augmentation("photo, crop=0.3 ,rotate=5") == replace(NAMED["photo"], crop=0.3, rotate=5)
    assert augmentation("erase=0.5") == Augmentation(erase=0.5)


@pytest.mark.parametrize(
    "text",
    ["", "large", "photo,", "crop", "crop=", "crop=1", "crop=-0.1", "rotate=181", "erase=nan", "photo,small", "=1"],
)
def test_a_text_that_says_nothing_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"Expected .* Received: "):
        augmentation(text)
