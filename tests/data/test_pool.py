"""Sets put together: order, sets, shrinking, and who belongs to whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from beholder.data.dataset import Dataset
from beholder.data.pool import joined, pooled


def dataset(count: int, start: int = 0, side: int = 9) -> Dataset:
    random = np.random.default_rng(start)
    images = random.integers(256, size=(count, side, side, 3)).astype(np.uint8)
    return Dataset(images, np.arange(count) % 2, ("a", "b"), [f"{start + row}" for row in range(count)])


def test_sets_follow_each_other_and_each_image_knows_its_own() -> None:
    sets = {"train": dataset(3), "test": dataset(2, 10)}
    pool = pooled(sets)
    assert pool.sets.tolist() == ["train"] * 3 + ["test"] * 2
    assert list(pool.dataset.names) == ["0", "1", "2", "10", "11"]
    assert np.array_equal(pool.dataset.images[3:], sets["test"].images)


def test_shrinking_averages_whole_squares() -> None:
    [image] = pooled({"all": dataset(1)}, factor=4).dataset.images
    original = dataset(1).images[0].astype(float)
    assert image.shape == (2, 2, 3)
    assert np.abs(image[1, 0] - original[4:8, 0:4].mean(axis=(0, 1))).max() <= 0.5


def test_images_of_overlapping_groups_belong_together() -> None:
    sets = {"train": dataset(4), "test": dataset(3, 10)}
    groups = [
        [("train", "1"), ("test", "11")],
        [("test", "11"), ("train", "3")],
        [("train", "0"), ("train", "unknown")],
    ]
    numbers = joined(sets, groups)
    assert numbers[1] == numbers[5] == numbers[3]
    assert len(set(numbers)) == 5


def test_images_of_a_group_belong_together_and_with_copies_of_them() -> None:
    train = replace(dataset(16), groups=[f"p{row // 2}" for row in range(14)] + ["", ""])
    sets = {"train": train, "test": replace(dataset(2, 20), groups=["p0", ""])}
    numbers = joined(sets, [[("train", "2"), ("test", "21")]])
    assert numbers[0] == numbers[1] == numbers[16]
    assert numbers[2] == numbers[3] == numbers[17], "a copy of an image of p1"
    assert len(set(numbers)) == 7 + 2


def test_an_image_that_every_group_has_does_not_make_them_one() -> None:
    train = replace(dataset(20), groups=[f"p{row // 2}" for row in range(20)])
    numbers = joined({"train": train}, [[("train", str(row)) for row in range(0, 20, 2)]])
    assert len(set(numbers)) == 10
    assert numbers[::2] == numbers[1::2]
