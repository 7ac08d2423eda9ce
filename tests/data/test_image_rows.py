"""Rows of an array of images say what the copied rows would say, and take no memory of their own."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.image_rows import ImageRows, images_at

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 3), dtype=np.uint8)

chosen_rows = st.lists(st.integers(0, 19), max_size=30).map(lambda rows: np.array(rows, np.int64))


@given(chosen_rows, st.data())
def test_every_look_is_that_at_a_copy(rows: NDArray[np.int64], data: st.DataObject) -> None:
    seen, copied = ImageRows(IMAGES, rows), IMAGES[rows]
    assert (seen.shape, seen.dtype, len(seen)) == (copied.shape, copied.dtype, len(copied))
    np.testing.assert_array_equal(seen, copied)
    np.testing.assert_array_equal(np.array(list(seen)).reshape(copied.shape), copied)
    part = data.draw(st.slices(len(rows)))
    np.testing.assert_array_equal(seen[part], copied[part])
    if len(rows):
        index = data.draw(st.lists(st.integers(-len(rows), len(rows) - 1), max_size=9))
        np.testing.assert_array_equal(seen[np.array(index, np.int64)], copied[np.array(index, np.int64)])
        one = data.draw(st.integers(-len(rows), len(rows) - 1))
        np.testing.assert_array_equal(seen[one], copied[one])


@given(chosen_rows, st.data())
def test_rows_of_rows(rows: NDArray[np.int64], data: st.DataObject) -> None:
    again = np.array(data.draw(st.lists(st.integers(0, max(len(rows) - 1, 0)), max_size=9 * bool(len(rows)))), np.int64)
    chosen = images_at(images_at(IMAGES, rows), again)
    np.testing.assert_array_equal(chosen, IMAGES[rows][again])


def test_an_array_of_them_is_asked_for_with_a_dtype() -> None:
    some = ImageRows(IMAGES, np.array([3, 1]))
    assert np.asarray(some, np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="copying alone"):
        np.asarray(some, copy=False)
    whole: Any = np.concatenate([some, IMAGES])
    assert whole.shape == (22, 3, 4, 3)


def test_a_part_of_a_data_set_takes_no_memory_for_its_images() -> None:
    images = np.zeros((4000, 32, 32, 3), np.uint8)
    whole = Dataset(images, np.arange(4000) % 2, ("even", "odd"), [""] * 4000)
    tracemalloc.start()
    half = whole.select(np.arange(0, 4000, 2))
    quarter = half.select(np.arange(0, 2000, 2))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(half), len(quarter)) == (2000, 1000)
    assert peak < images.nbytes / 20
