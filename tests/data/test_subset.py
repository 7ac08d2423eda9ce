"""A person relies on: fewer images are a fair choice of the same images, and more of them contain it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from beholder.data.dataset import Dataset
from beholder.data.split import first_images, stratified_order
from beholder.errors import UsageError

LABELS = arrays.arrays(np.int64, st.integers(1, 80), elements=st.integers(0, 5))


def dataset(labels: list[int], classes: int) -> Dataset:
    images = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1)
    names = [str(number) for number in range(len(labels))]
    return Dataset(images, np.array(labels, np.int64), tuple("abcdef"[:classes]), names)


@given(labels=LABELS, seed=st.integers(0, 2**70))
def test_every_row_comes_once_and_every_beginning_has_its_share_of_each_class(labels: np.ndarray, seed: int) -> None:
    order = stratified_order(labels, seed=seed)
    assert sorted(order.tolist()) == list(range(len(labels)))
    classes, counts = np.unique(labels, return_counts=True)
    for length in range(len(labels) + 1):
        chosen = labels[order[:length]]
        for label, count in zip(classes, counts, strict=True):
            share = count / len(labels)
            # Less than one image of rounding, and the rounding of the other classes, which the largest bears.
            assert abs((chosen == label).sum() - length * share) < 1 + len(classes) * share


@given(seed=st.integers(0, 1000), share=st.integers(1, 10))
def test_equal_classes_get_exactly_equal_numbers(seed: int, share: int) -> None:
    labels = np.repeat(np.arange(4), 10)
    chosen = labels[stratified_order(labels, seed=seed)[: 4 * share]]
    assert np.bincount(chosen).tolist() == [share] * 4


def test_a_small_choice_is_in_a_larger_one_in_the_order_of_the_rows_and_the_seed_decides() -> None:
    train = dataset([0, 1, 2] * 20, 3)
    small, large = (first_images(train, count, seed=3) for count in (9, 30))
    assert set(small.names) < set(large.names)
    assert [int(name) for name in large.names] == sorted(int(name) for name in large.names)
    assert small.names == first_images(train, 9, seed=3).names
    assert small.names != first_images(train, 9, seed=4).names


def test_none_and_the_whole_number_are_all_images() -> None:
    train = dataset([0, 1] * 5, 2)
    assert first_images(train, None, seed=0) is train
    assert first_images(train, 10, seed=0).fingerprint() == train.fingerprint()


@pytest.mark.parametrize(("count", "words"), [(1, "1 images.*2 classes"), (-3, "-3")])
def test_too_few_are_told(count: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        first_images(dataset([0, 1] * 5, 2), count, seed=0)


def test_more_than_there_are_means_all() -> None:
    train = dataset([0, 1] * 5, 2)
    assert len(first_images(train, 11, seed=0)) == 10
