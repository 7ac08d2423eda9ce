"""A person relies on: cleaning is the chapter's, for any size, and stays exact where float32 would not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beholder.data.cifar.clean import clean, clean_images, crop_window
from beholder.errors import DataError


def by_hand(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """One image (H, W, C), in exact sums and float64, from the definition."""
    height, width, channels = image.shape
    tall, wide = max(3 * height // 4, 1), max(3 * width // 4, 1)
    top, left = (height - tall) // 2, (width - wide) // 2
    grey = [
        sum(int(value) for value in image[row, column]) / channels
        for row in range(top, top + tall)
        for column in range(left, left + wide)
    ]
    mean = math.fsum(grey) / len(grey)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in grey) / len(grey))
    floored = max(deviation, 1 / math.sqrt(len(grey)))
    return np.array([(value - mean) / floored for value in grey]).reshape(tall, wide, 1)


@pytest.mark.parametrize(
    ("size", "window"), [(32, (4, 24)), (8, (1, 6)), (1, (0, 1)), (2, (0, 1)), (5, (1, 3)), (7, (1, 5))]
)
def test_the_crop_is_the_middle_three_quarters(size: int, window: tuple[int, int]) -> None:
    assert crop_window(size) == window


@settings(max_examples=60)
@given(
    shape=st.tuples(st.just(2), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])),
    level=st.integers(0, 255),
    spread=st.sampled_from([0, 1, 5, 255]),
    seed=st.integers(0, 2**32 - 1),
)
def test_images_of_any_size_are_cleaned_as_defined(
    shape: tuple[int, int, int, int], level: int, spread: int, seed: int
) -> None:
    noise = np.random.default_rng(seed).integers(0, spread + 1, shape)
    images = np.clip(level + noise, 0, 255).astype(np.uint8)
    cleaned = clean_images(images)
    assert cleaned.dtype == np.float32
    for found, image in zip(cleaned, images, strict=True):
        np.testing.assert_allclose(found, by_hand(image), rtol=1e-5, atol=1e-5)


def test_rows_are_the_chapters_576_columns() -> None:
    images = np.random.default_rng(0).integers(0, 256, (300, 32, 32, 3)).astype(np.uint8)
    rows = images.transpose(0, 3, 1, 2).reshape(300, 3072)
    cleaned = clean(rows)
    assert cleaned.shape == (300, 576)
    assert cleaned.dtype == np.float32
    np.testing.assert_allclose(cleaned[299], by_hand(images[299]).ravel(), atol=1e-5)
    np.testing.assert_array_equal(cleaned, clean_images(images).reshape(300, 576))


@pytest.mark.parametrize("size", [8, 32, 256])
def test_an_image_of_one_colour_becomes_exactly_zero(size: int) -> None:
    images = np.full((2, size, size, 3), 251, np.uint8)
    assert not clean_images(images).any()


def test_a_large_nearly_flat_image_stays_exact() -> None:
    image = np.full((1, 200, 180, 3), 250, np.uint8)
    image[0, 100, 90] = (251, 250, 250)
    np.testing.assert_allclose(clean_images(image)[0], by_hand(image[0]), rtol=1e-5, atol=1e-5)


def test_no_images_give_no_rows() -> None:
    assert clean(np.zeros((0, 3072), np.uint8)).shape == (0, 576)


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((2, 3071), np.uint8),
        np.zeros((2, 3072), np.float32),
        np.zeros(3072, np.uint8),
        np.zeros((2, 0), np.uint8),
    ],
)
def test_other_rows_are_refused(data: NDArray[np.uint8]) -> None:
    with pytest.raises(DataError, match="Received: shape="):
        clean(data)


def test_other_images_are_refused() -> None:
    with pytest.raises(DataError, match="Received: shape="):
        clean_images(np.zeros((2, 8, 8, 2), np.uint8))
