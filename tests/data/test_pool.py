"""Parts put together: order, parts, shrinking, and who belongs to whom."""

from __future__ import annotations

import numpy as np

from beholder.data.dataset import Dataset
from beholder.data.pool import joined, pooled


def dataset(count: int, start: int = 0, side: int = 9) -> Dataset:
    random = np.random.default_rng(start)
    pictures = random.integers(256, size=(count, side, side, 3)).astype(np.uint8)
    return Dataset(pictures, np.arange(count) % 2, ("a", "b"), [f"{start + row}" for row in range(count)])


def test_parts_follow_each_other_and_each_picture_knows_its_own() -> None:
    parts = {"train": dataset(3), "test": dataset(2, 10)}
    pool = pooled(parts)
    assert pool.parts.tolist() == ["train"] * 3 + ["test"] * 2
    assert list(pool.dataset.names) == ["0", "1", "2", "10", "11"]
    assert np.array_equal(pool.dataset.pictures[3:], parts["test"].pictures)


def test_shrinking_averages_whole_squares() -> None:
    [picture] = pooled({"all": dataset(1)}, factor=4).dataset.pictures
    original = dataset(1).pictures[0].astype(float)
    assert picture.shape == (2, 2, 3)
    assert np.abs(picture[1, 0] - original[4:8, 0:4].mean(axis=(0, 1))).max() <= 0.5


def test_pictures_of_overlapping_groups_belong_together() -> None:
    parts = {"train": dataset(4), "test": dataset(3, 10)}
    groups = [
        [("train", "1"), ("test", "11")],
        [("test", "11"), ("train", "3")],
        [("train", "0"), ("train", "unknown")],
    ]
    numbers = joined(parts, groups)
    assert numbers[1] == numbers[5] == numbers[3]
    assert len(set(numbers)) == 5
