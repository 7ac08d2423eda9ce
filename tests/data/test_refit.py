"""Images made to fit another network: as if they had been decoded for it from files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from beholder.data.dataset import Dataset
from beholder.data.images.decode import ImageRules, decode
from beholder.data.images.refit import refitted
from beholder.data.progress import silent
from beholder.data.source import Source


def dataset(shape: tuple[int, int, int]) -> Dataset:
    images = np.random.default_rng(0).integers(256, size=(3, *shape)).astype(np.uint8)
    return Dataset(images, np.array([0, 1, 0]), ("a", "b"), ["x", "y", "z"])


def source(one: Dataset) -> Source:
    return Source("s", one.class_names, {"train": lambda _progress: one})


@pytest.mark.parametrize("shape", [(12, 9, 3), (30, 50, 3), (8, 8, 1)])
@pytest.mark.parametrize(("height", "width", "channels"), [(16, 12, 3), (8, 20, 1), (None, 10, 3)])
def test_an_image_becomes_what_decoding_a_file_of_it_gives(
    shape: tuple[int, int, int], height: int | None, width: int, channels: int
) -> None:
    before = dataset(shape)
    after = refitted(source(before), height, width, channels).readers["train"](silent)
    rules = ImageRules(height or shape[0], width, "RGB" if channels == 3 else "L")
    for pixels, fitted in zip(before.images, after.images, strict=True):
        file = io.BytesIO()
        Image.fromarray(pixels.squeeze()).save(file, "PNG")
        np.testing.assert_array_equal(fitted, decode(file.getvalue(), rules))
    np.testing.assert_array_equal(after.labels, before.labels)


def test_images_that_fit_are_left_as_they_are() -> None:
    before = dataset((12, 9, 3))
    assert refitted(source(before), 12, None, 3).readers["train"](silent) is before


def test_what_is_cut_for_another_network_is_told_once() -> None:
    before = dataset((10, 20, 3))
    given = Source("s", before.class_names, dict.fromkeys(("train", "test"), lambda _progress: before))
    changed = refitted(given, 8, 8, 3)
    for read in changed.readers.values():
        read(silent)
    assert changed.told() == (
        "Images of 20 × 10 pixels become 8 × 8: 50% of the width is cut, half on the left, half on the right.",
    )
