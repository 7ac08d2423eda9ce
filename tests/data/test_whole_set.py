"""A person relies on: what is wrong with all images at once is said, and ordinary sets hear nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from beholder.data.checks.faults import image_faults
from beholder.data.checks.whole_set import whole_set_faults
from beholder.data.dataset import Dataset
from beholder.data.digits import open_digits
from beholder.data.progress import silent

RANDOM = np.random.default_rng(0).integers(0, 256, (40, 9, 9, 3)).astype(np.uint8)


def sets(images: NDArray[np.uint8]) -> dict[str, Dataset]:
    """The first three quarters and the rest, of two classes."""
    labels = np.arange(len(images)) % 2
    names = [str(row) for row in range(len(images))]
    whole = Dataset(images, labels, ("cat", "dog"), names)
    return {"train": whole.select(np.arange(30)), "validation": whole.select(np.arange(30, len(images)))}


def with_row(images: NDArray[np.uint8], row: int, other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    changed = images.copy()
    changed[row] = other
    return changed


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (RANDOM // 19, "All images are very dark: the brightest pixel of 40 images is 13 of 255; check how they were"),
        (RANDOM // 5, "All images are very dark: the brightest pixel of 40 images is 51 of 255; check how they were"),
        (RANDOM // 4 + 192, "All images are very light: the darkest pixel of 40 images is 192 of 255; check how"),
        (RANDOM // 10 + 100, "All images are nearly of one grey: the values of 40 images are 100 to 125 of 255"),
        (RANDOM // 128, "All images are black: the only values of 40 images are 0 and 1 of 255; where 1 is meant as"),
        (RANDOM * 0, "All 40 images are of one and the same colour, 0 of 255, and show nothing; check how they were"),
        (RANDOM * 0 + np.arange(40, dtype=np.uint8)[:, None, None, None], "All 40 images are of one colour each, and"),
        (with_row(RANDOM // 5, 3, RANDOM[3]), "Nearly all images are very dark: no pixel of 39 of 40 images is brigh"),
        (with_row(RANDOM // 4 + 192, 3, RANDOM[3]), "Nearly all images are very light: no pixel of 39 of 40 images"),
        (np.repeat(RANDOM[:1], 40, axis=0), "All 40 images are equal to each other, in every class; check how they"),
    ],
)
def test_a_fault_of_all_images_is_one_sentence(images: Any, sentence: str) -> None:
    [found] = whole_set_faults(sets(images))
    assert found.startswith(sentence)
    assert found.endswith(".")


def test_a_class_of_one_image_again_and_again_is_named() -> None:
    images = RANDOM.copy()
    images[::2] = images[0]
    assert whole_set_faults(sets(images)) == [
        "All 20 images of the class 'cat' are equal to each other; check how they were saved."
    ]
    images[38] = images[1]
    assert whole_set_faults(sets(images)) == []


def test_ordinary_sets_drawings_and_black_and_white_hear_nothing() -> None:
    thin = np.zeros((40, 32, 32, 1), np.uint8)
    thin[np.arange(40), np.arange(40) % 32, 3] = 255  # one bright pixel each
    for images in (RANDOM, thin, 255 - thin, (RANDOM > 99).astype(np.uint8) * 255, RANDOM // 2):
        assert whole_set_faults(sets(images)) == []
    assert whole_set_faults({"all": open_digits().readers["all"](silent)}) == []
    assert whole_set_faults({"all": sets(RANDOM)["train"].select(np.arange(0))}) == []
    assert whole_set_faults({}) == []


def test_most_images_do_not_hide_what_is_wrong_with_them() -> None:
    for change, kind in (
        (RANDOM[:30] * 0, "low_information"),
        (RANDOM[:30] // 12, "dark"),
        (RANDOM[:30] // 25 + 245, "light"),
    ):
        found = image_faults(sets(np.concatenate([change, RANDOM[30:]])))
        assert {one.kind for one in found} == {kind}
        assert len(found) == 30
        assert all(0 <= one.score <= 1 for one in found)
