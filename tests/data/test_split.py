"""Sets are disjoint, complete, stratified, and read only when asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.data.split import Split, split
from beholder.errors import DataError

THREE = {"train": 0.8, "validation": 0.1, "test": 0.1}
TWO = {"train": 0.9, "validation": 0.1}

labellings = st.lists(st.integers(0, 4), max_size=200).map(lambda values: np.array(values, np.int64))
shares = st.sampled_from([THREE, TWO, {"all": 1.0}, {"a": 0.5, "b": 0.25, "c": 0.25}])


@settings(max_examples=150)
@given(labellings, shares, st.integers(0, 2**40), st.data())
def test_sets_are_disjoint_complete_and_keep_groups_together(
    labels: NDArray[np.int64], fractions: dict[str, float], seed: int, data: st.DataObject
) -> None:
    size = len(labels)
    groups = data.draw(st.none() | st.lists(st.binary(max_size=1), min_size=size, max_size=size))
    sets = split(labels, groups, seed=seed, fractions=fractions)
    assert list(sets) == list(fractions)
    rows = np.concatenate(list(sets.values()))
    assert sorted(rows.tolist()) == list(range(size))
    for chosen in sets.values():
        assert chosen.dtype == np.int64
        assert (np.diff(chosen) > 0).all()
    if groups is not None:
        homes = [{groups[row] for row in chosen} for chosen in sets.values()]
        assert sum(map(len, homes)) == len(set(groups))


@settings(max_examples=100)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=6), shares, st.integers(0, 1000))
def test_each_class_is_divided_by_the_fractions(sizes: list[int], fractions: dict[str, float], seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    sets = split(labels, None, seed=seed, fractions=fractions)
    for label, size in enumerate(sizes):
        counts = {set_name: int((labels[rows] == label).sum()) for set_name, rows in sets.items()}
        if size > len(fractions):
            assert min(counts.values()) >= 1
        if size * min(fractions.values()) >= 1:  # no part had to be given its first row
            for set_name, fraction in fractions.items():
                assert abs(counts[set_name] - fraction * size) < 1 + 1e-6


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.binary(min_size=1, max_size=2)), max_size=80), st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[int, bytes]], random: object) -> None:
    order = np.random.default_rng(len(rows)).permutation(len(rows))

    def content(order: NDArray[np.int64]) -> dict[str, list[tuple[int, bytes]]]:
        labels = np.array([rows[row][0] for row in order], np.int64)
        groups = [rows[row][1] for row in order]
        sets = split(labels, groups, seed=3, fractions=THREE)
        return {set_name: sorted(rows[order[row]] for row in chosen) for set_name, chosen in sets.items()}

    assert content(np.arange(len(rows))) == content(order)


def test_the_seed_decides() -> None:
    labels = np.arange(500) % 5
    first, again, other = (split(labels, None, seed=seed, fractions=THREE)["test"].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(set(first) & set(other)) < 20  # 50 of 500 drawn twice share about 5


def test_many_small_classes_do_not_starve_one_set() -> None:
    labels = np.repeat(np.arange(200), 15)  # 1.5 rows a class for validation, and as many for test
    sets = split(labels, None, seed=0, fractions=THREE)
    assert abs(len(sets["validation"]) - len(sets["test"])) < 60


def test_every_set_gets_a_group_where_there_are_enough() -> None:
    labels = np.zeros(40, np.int64)
    groups = np.repeat(np.arange(4), 10).tolist()
    assert min(len(rows) for rows in split(labels, groups, seed=0, fractions=THREE).values()) == 10


@pytest.mark.parametrize("fractions", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": 1.0, "b": 0.0}])
def test_impossible_fractions_are_refused(fractions: dict[str, float]) -> None:
    with pytest.raises(DataError, match="add up to 1"):
        split(np.zeros(3, np.int64), None, seed=0, fractions=fractions)


def test_groups_must_be_one_a_row() -> None:
    with pytest.raises(DataError, match="one group for each of 3 rows"):
        split(np.zeros(3, np.int64), ["a"], seed=0, fractions=TWO)


def make_dataset(start: int, count: int) -> Dataset:
    """Images that all differ; their first two values say which they are."""
    images = np.zeros((count, 8, 8, 1), np.uint8)
    numbers = np.arange(start, start + count)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = numbers // 256, numbers % 256
    return Dataset(images, numbers % 2, ("even", "odd"), [str(number) for number in numbers])


def make_source(**counts: int) -> tuple[Source, list[str]]:
    """A source with the sets asked for, and the list of sets that were read."""
    read: list[str] = []

    def reader(set_name: str, start: int, count: int) -> Callable[[Progress], Dataset]:
        def read_part(_: Progress) -> Dataset:
            read.append(set_name)
            return make_dataset(start, count)

        return read_part

    readers = {
        set_name: reader(set_name, 1000 * place, count) for place, (set_name, count) in enumerate(counts.items())
    }
    return Source("some data", ("even", "odd"), readers), read


def names(dataset: Dataset) -> set[str]:
    return set(dataset.names)


def test_equal_images_are_one_group_and_others_are_not() -> None:
    dataset = make_dataset(0, 300)
    np.asarray(dataset.images)[7] = dataset.images[9]
    groups = dataset.contents
    assert groups[7] == groups[9]
    assert len(set(groups)) == 299


def test_near_copies_stay_in_one_set_and_a_set_that_is_there_stays_as_it_is() -> None:
    random = np.random.default_rng(0)
    # Shapes of a few pixels: what is shifted by one is alike.
    images = np.kron(random.integers(0, 256, (200, 8, 8, 1)), np.ones((1, 4, 4, 1), np.int64)).astype(np.uint8)
    images = np.concatenate([images, images[:100, :, ::-1] // 2 + 40])  # mirrored and paler
    both = Dataset(images, np.arange(300) % 2, ("even", "odd"), [str(row) for row in range(300)])
    sets = Split(Source("copies", both.class_names, {"all": lambda _: both}))
    homes = {name: set_name for set_name in ("train", "validation", "test") for name in getattr(sets, set_name)().names}
    assert len(homes) == 300
    assert [row for row in range(100) if homes[str(row)] != homes[str(200 + row)]] == []

    first, last = both.select(np.arange(200)), both.select(np.arange(200, 300))
    readers = {"train": lambda _: first, "validation": lambda _: last, "test": lambda _: last}
    given = Split(Source("given", both.class_names, readers))
    assert given.train().names == first.names
    assert given.validation().names == last.names
    assert given.copies is None


def test_an_unsplit_source_is_divided_80_10_10_and_read_once() -> None:
    source, read = make_source(all=200)
    sets = Split(source, seed=5)
    assert read == []
    train, validation, test = sets.train(), sets.validation(), sets.test()
    assert [len(train), len(validation), len(test)] == [160, 20, 20]
    assert len(names(train) | names(validation) | names(test)) == 200
    assert read == ["all"]
    assert Split(make_source(all=200)[0], seed=5).test().names == test.names
    assert Split(make_source(all=200)[0], seed=6).test().names != test.names


def test_copies_of_an_image_stay_in_one_set() -> None:
    dataset = make_dataset(0, 100)
    np.asarray(dataset.images)[50:] = dataset.images[:50]
    sets = Split(Source("copies", ("even", "odd"), {"all": lambda _: dataset}))
    groups = [set(dataset.contents) for dataset in (sets.train(), sets.validation(), sets.test())]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 50


def test_a_missing_validation_set_is_a_tenth_of_train_and_test_stays_closed() -> None:
    source, read = make_source(train=100, test=30)
    sets = Split(source)
    assert (len(sets.train()), len(sets.validation())) == (90, 10)
    assert not names(sets.train()) & names(sets.validation())
    assert read == ["train"]
    assert len(sets.test()) == 30
    assert read == ["train", "test"]


def test_a_missing_test_set_is_a_tenth_of_train() -> None:
    source, _ = make_source(train=100, validation=20)
    sets = Split(source)
    assert [len(sets.train()), len(sets.validation()), len(sets.test())] == [90, 20, 10]
    assert not names(sets.train()) & names(sets.test())


def test_a_train_set_alone_gives_both() -> None:
    sets = Split(make_source(train=100)[0])
    assert [len(sets.train()), len(sets.validation()), len(sets.test())] == [80, 10, 10]


def test_sets_that_are_there_are_used_as_they_are() -> None:
    source, read = make_source(train=50, validation=20, test=10)
    sets = Split(source)
    assert [len(sets.test()), len(sets.train()), len(sets.validation())] == [10, 50, 20]
    assert read == ["test", "train", "validation"]


def test_a_test_set_alone_can_be_tested_only() -> None:
    sets = Split(make_source(test=10)[0])
    assert len(sets.test()) == 10
    for read in (sets.train, sets.validation):
        with pytest.raises(DataError, match=r"has no \w+ set"):
            read()


def test_too_few_images_get_a_sentence() -> None:
    with pytest.raises(DataError, match="Class 'odd' of 'some data' has 1 image to learn from"):
        Split(make_source(train=3, validation=2, test=2)[0]).train()
    with pytest.raises(DataError, match="no images for its test set"):
        Split(make_source(train=3, validation=2, test=0)[0]).test()
    with pytest.raises(DataError, match="no images for its validation set"):
        Split(make_source(all=2)[0]).validation()
    copies = Dataset(np.zeros((20, 8, 8, 1), np.uint8), np.arange(20) % 2, ("even", "odd"), ["x"] * 20)
    with pytest.raises(DataError, match="no images for its validation set"):
        Split(Source("copies", ("even", "odd"), {"all": lambda _: copies})).validation()


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (
            1,
            "has no images for its validation set; its 40 images are all copies of each other: add some that differ.",
        ),
        (2, "only 2 of its 40 images differ, and copies stay together: add more."),
    ],
)
def test_copies_that_leave_a_set_empty_are_named_as_the_reason(kinds: int, said: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (kinds, 8, 8), np.uint8)
    rows = np.arange(40) % kinds
    with pytest.raises(DataError) as caught:
        Split(open_source((pixels[rows], np.arange(40) % 2))).validation()
    assert said in str(caught.value)
