"""A person relies on: the test set stays what it was when training began, whatever becomes of the data."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from beholder.api.compare import _divided_once
from beholder.api.judged_images import Judged, choose_judged
from beholder.data.corrections import Correction, Corrections, corrected
from beholder.data.dataset import Dataset
from beholder.data.kinds import IMAGES, SOUNDS
from beholder.data.opening import open_source
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.errors import DataError, RunError
from beholder.runs.sets import SETS_FILE, ImageSet, KnownSets, changes_in_words, read_sets, write_sets
from beholder.sessions.training_data import known_sets, read_training_sets

CLASSES = ("left", "right")
RUN = Path("run")


def images(count: int, seed: int = 0, first: int = 0) -> Dataset:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1), np.uint8)
    names = [f"{first + row}.png" for row in range(count)]
    return Dataset(pixels, np.arange(count, dtype=np.int64) % 2, CLASSES, names)


def at(dataset: Dataset, rows: Sequence[int]) -> Dataset:
    return dataset.select(np.array(rows, np.int64))


def joined(*datasets: Dataset) -> Dataset:
    pixels = np.concatenate([np.asarray(one.images) for one in datasets])
    labels = np.concatenate([one.labels for one in datasets])
    return Dataset(pixels, labels, CLASSES, [name for one in datasets for name in one.names])


def source(path: str, **sets: Dataset) -> Source:
    def reader(one: Dataset) -> Callable[[Progress], Dataset]:
        return lambda _: one

    return Source(path, CLASSES, {set_name: reader(one) for set_name, one in sets.items()})


def sets_of(opened: Source, images: int | None = None, corrections: Corrections | None = None) -> KnownSets:
    whole = Split(corrected(opened, corrections or Corrections(), set()))
    return known_sets(whole, read_training_sets(whole, images), images)


def judge(opened: Source, sets: KnownSets, data: str = "/data", corrections: Corrections | None = None) -> Judged:
    lines = [one.to_json() for one in (corrections or Corrections()).lines]
    return choose_judged(RUN, {"data": data, "corrections": {"lines": lines}}, opened, sets, silent)


def hashes(dataset: Dataset) -> Counter[bytes]:
    return Counter(dataset.contents)


@given(
    removed=st.sets(st.integers(0, 39)),
    added=st.integers(0, 30),
    twice=st.lists(st.integers(0, 39), max_size=5),
    order=st.randoms(use_true_random=False),
    renamed=st.booleans(),
)
def test_whatever_comes_goes_or_is_renamed_the_same_images_are_judged(
    removed: set[int], added: int, twice: list[int], order: Any, renamed: bool
) -> None:
    before = images(40)
    sets = sets_of(source("/data", all=before))
    assert sets.test is not None
    stay = [row for row in range(40) if row not in removed]
    now = joined(at(before, stay), images(added, seed=1, first=100), at(before, twice))
    rows = list(range(len(now)))
    order.shuffle(rows)
    now = at(now, rows)
    if renamed:
        now = replace(now, names=[f"new/{row}" for row in range(len(now))])
    expected = Counter(sets.test.hashes) & hashes(now)
    if not expected:
        with pytest.raises(DataError, match="no longer holds any of the 4 images"):
            judge(source("/data", all=now), sets)
        return
    judged = judge(source("/data", all=now), sets)
    assert judged.own
    assert hashes(judged.dataset) == expected
    assert not hashes(judged.dataset).keys() & sets.seen
    assert ("no longer" in judged.words) == (expected.total() < 4)


def test_random_labels_stay_at_chance_when_the_data_grow() -> None:
    """What memorises its images and knows nothing scored 75 % on a set that was split anew."""
    random = np.random.default_rng(3)
    before = replace(images(1000), labels=random.integers(0, 2, 1000))
    sets = sets_of(source("/data", all=before))
    learned = {
        value: label
        for one in (sets.train, sets.validation)
        for value, label in zip(one.hashes, one.labels.tolist(), strict=True)
    }
    more = replace(images(1000, seed=1, first=1000), labels=random.integers(0, 2, 1000))
    grown = source("/data", all=joined(before, more))

    def accuracy(dataset: Dataset) -> float:
        answers = [learned.get(value, 0) for value in dataset.contents]
        return float(np.mean(np.array(answers) == dataset.labels))

    assert accuracy(Split(grown).test()) > 0.65, "what a new split would say"
    judged = judge(grown, sets)
    assert accuracy(judged.dataset) == pytest.approx(0.5, abs=0.1)
    assert judged.words == (
        "Judged all 100 images of the run's test set. 1,000 images were added since training began and left out."
    )


def test_missing_images_are_named() -> None:
    before = images(60)
    sets = sets_of(source("/data", all=before))
    assert sets.test is not None
    gone = sets.test.names[:4]
    now = at(before, [row for row in range(60) if before.names[row] not in gone])
    told = ", ".join(map(repr, gone[:3]))
    assert judge(source("/data", all=now), sets).words == (
        f"Judged 2 of 6 images of the run's test set; 4 are no longer in '/data' as they were ({told}, …)."
    )


def test_labels_of_now_count_and_are_counted() -> None:
    before = images(60)
    sets = sets_of(source("/data", all=before))
    assert sets.test is not None
    now = replace(before, labels=1 - before.labels)
    judged = judge(source("/data", all=now), sets)
    assert judged.dataset.labels.tolist() == [1 - int(name.split(".")[0]) % 2 for name in judged.dataset.names]
    assert judged.words.endswith("6 of them have other labels than when training began, and the current labels count.")


def test_what_a_person_corrected_stays_corrected_in_another_order() -> None:
    before = images(60)
    name = sets_of(source("/data", all=before)).test.names[0]  # type: ignore[union-attr]
    other = CLASSES[1 - int(name.split(".")[0]) % 2]
    dropped = "58.png" if name != "58.png" else "56.png"
    corrections = Corrections((Correction(name, "relabel", other), Correction(dropped, "drop")))
    sets = sets_of(source("/data", all=before), corrections=corrections)
    assert sets.test is not None
    same = judge(source("/data", all=before), sets, corrections=corrections)
    assert same.words == f"Judged all {len(sets.test)} images of the run's test set."
    backwards = replace(at(before, range(59, -1, -1)), names=[f"row {row}" for row in range(60)])
    for judged in (same, judge(source("/data", all=backwards), sets, corrections=corrections)):
        labels = dict(zip(judged.dataset.contents, judged.dataset.labels.tolist(), strict=True))
        assert labels == dict(zip(sets.test.hashes, sets.test.labels.tolist(), strict=True))


def test_equal_images_with_different_labels_keep_their_own() -> None:
    one = at(images(2), [0])
    both = joined(one, replace(one, labels=1 - one.labels, names=["int8.png"]))
    before = joined(images(40, seed=2, first=10), both)
    sets = KnownSets(CLASSES, *(replace_set(sets_of(source("/data", all=before)), both)))
    for now in (before, at(before, range(41, -1, -1))):
        judged = judge(source("/data", all=now), sets)
        assert dict(zip(judged.dataset.names, judged.dataset.labels.tolist(), strict=True)) == {
            "0.png": 0,
            "int8.png": 1,
        }


def replace_set(sets: KnownSets, test: Dataset) -> tuple[Any, Any, Any]:
    return sets.train, sets.validation, ImageSet.of(test)


def test_data_that_were_moved_are_the_runs_own_and_a_copy_that_grew_is_not() -> None:
    before = images(60)
    sets = sets_of(source("/data", all=before))
    moved = judge(source("/elsewhere", all=at(before, range(59, -1, -1))), sets)
    assert (moved.own, len(moved.dataset), moved.set_name) == (True, 6, "test")
    grown = judge(source("/elsewhere", all=joined(before, images(1, seed=9, first=60))), sets)
    assert (grown.own, grown.set_name) == (False, "all")
    assert grown.words == (
        "Judged 7 of 61 images of '/elsewhere'; 54 that belong to the run's training or validation set were left out."
    )
    labelled = judge(source("/elsewhere", all=replace(before, labels=1 - before.labels)), sets)
    assert (labelled.own, len(labelled.dataset)) == (False, 6)


def test_of_other_data_all_is_judged_or_its_own_test_set() -> None:
    sets = sets_of(source("/data", all=images(60)))
    other = images(30, seed=5)
    judged = judge(source("/other", train=at(other, range(20)), validation=at(other, range(20, 30))), sets)
    assert judged.words == "Judged all 30 images of '/other'."
    assert judged.dataset.names == other.names
    np.testing.assert_array_equal(np.asarray(judged.dataset.images), other.images)
    judged = judge(source("/other", train=at(other, range(20)), test=at(other, range(20, 30))), sets)
    assert (judged.words, judged.set_name) == ("Judged all 10 images of the test set of '/other'.", "test")
    seen = source("/other", all=at(images(60), [row for row in range(60) if f"{row}.png" in sets.train.names]))
    with pytest.raises(DataError, match="All 48 images of '/other' belong to the run's training or validation set"):
        judge(seen, sets)


def test_arrays_that_hold_most_of_the_runs_images_are_its_own() -> None:
    before = images(60)
    sets = sets_of(source("arrays", all=before))
    grown = judge(source("arrays", all=joined(before, images(90, seed=4))), sets, data="arrays")
    assert (grown.own, len(grown.dataset)) == (True, 6)
    others = judge(source("arrays", all=joined(at(before, range(10)), images(90, seed=4))), sets, data="arrays")
    assert not others.own
    assert len(others.dataset) >= 90


def test_a_test_set_of_its_own_stays_closed_in_training_and_holds_nothing_that_was_learned() -> None:
    def closed(_: Any) -> Dataset:
        raise AssertionError("the test set was opened")

    train, test = images(40), images(10, seed=1, first=40)
    sets = sets_of(Source("/data", CLASSES, {"train": lambda _: train, "test": closed}))
    assert sets.test is None
    assert judge(source("/data", train=train, test=test), sets).words == (
        "Judged all 10 images of the test set of '/data'."
    )
    mixed = judge(source("/data", train=train, test=joined(test, at(train, [0, 3, 4]))), sets)
    assert (mixed.own, mixed.dataset.names) == (True, test.names)
    assert "Judged 10 of 13 images of the test set of '/data'; 3 that belong" in mixed.words
    with pytest.raises(DataError, match="is no longer there"):
        judge(source("/data", train=train), sets)
    assert judge(source("/moved", train=train, test=test), sets).own


def test_corrections_of_test_images_that_are_not_there_are_told() -> None:
    data = source("/data", train=images(40), test=images(10, seed=1, first=40))
    sets = sets_of(data)
    for lost, told in ((1, "1 correction names"), (2, "2 corrections name")):
        lines = [Correction(f"test/{row}.png", "drop") for row in range(lost)]
        judged = judge(data, sets, corrections=Corrections((Correction("41.png", "drop"), *lines)))
        assert len(judged.dataset) == 9
        assert judged.notes == (
            f"The data were read with {lost + 1} corrections.",
            f"{told} no test file of '/data', the first: 'test/0.png'; check the spelling.",
        )


def test_a_test_set_of_its_own_is_judged_without_reading_what_was_learned() -> None:
    before = source("/data", train=images(40), test=images(8, seed=1, first=40))
    sets = sets_of(before)
    closed = {**before.readers, "train": lambda _progress: pytest.fail("opened the training set")}
    assert len(judge(replace(before, readers=closed), sets).dataset) == 8


def test_a_test_set_that_was_split_off_is_known_where_the_data_bring_one_now() -> None:
    before = images(60)
    sets = sets_of(source("/data", all=before))
    assert sets.test is not None
    now = source("/data", train=at(before, range(0, 60, 2)), test=at(before, range(1, 60, 2)))
    assert hashes(judge(now, sets).dataset) == Counter(sets.test.hashes)


def test_images_that_training_left_out_are_no_test_data() -> None:
    sets = sets_of(source("/data", all=images(60)), images=10)
    assert len(sets.train) == 48
    assert len(judge(source("/data", all=images(60)), sets).dataset) == 6


def test_runs_of_a_comparison_know_the_test_set_that_was_split_off_for_all() -> None:
    alone, beside = (
        sets_of(source("/data", all=images(60))),
        sets_of(_divided_once(source("/data", all=images(60)), 0, silent)),
    )
    assert alone.test is not None
    assert beside.test is not None
    assert beside.test.hashes == alone.test.hashes
    assert len(judge(source("/data", all=images(60)), beside).dataset) == 6


def test_too_few_images_for_a_test_set_are_told() -> None:
    sets = sets_of(source("/data", all=images(5)))
    none = replace(sets, test=ImageSet.of(at(images(5), [])))
    with pytest.raises(DataError, match="has no test set"):
        judge(source("/data", all=images(5)), none)


def test_the_sets_are_kept_whole_and_damage_is_told(tmp_path: Path) -> None:
    sets = sets_of(source("/data", all=replace(images(40), names=[f"\udcff{row}" for row in range(40)])))
    write_sets(tmp_path, sets)
    again = read_sets(tmp_path)
    assert again is not None
    assert again.class_names == CLASSES
    for one, other in zip(sets.every, again.every, strict=True):
        assert (one.hashes, one.names, one.labels.tolist()) == (other.hashes, other.names, other.labels.tolist())
    whole = (tmp_path / SETS_FILE).read_bytes()
    for damage in (b"", whole[:-30], b"nonsense"):
        (tmp_path / SETS_FILE).write_bytes(damage)
        with pytest.raises(RunError, match=r"sets\.npz' is damaged"):
            read_sets(tmp_path)


def test_changes_are_counted() -> None:
    before, after = sets_of(source("/data", all=images(60))), sets_of(source("/data", all=images(62)))
    assert changes_in_words(before, before, IMAGES) == "the same images with other labels or in another order"
    assert changes_in_words(before, before, SOUNDS) == "the same sounds with other labels or in another order"
    assert changes_in_words(before, after, SOUNDS) == "of 60 sounds 0 are missing or changed, and 2 are new"
    fewer = sets_of(source("/data", all=at(images(60), range(1, 60))))
    assert changes_in_words(before, fewer, IMAGES) == "of 60 images 1 is missing or changed, and 0 are new"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "data", images(60))
    return tmp_path / "data"


def save(folder: Path, dataset: Dataset) -> None:
    for row, name in enumerate(dataset.names):
        place = folder / CLASSES[dataset.labels[row]] / name
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels: NDArray[np.uint8] = dataset.images[row]
        Image.fromarray(pixels[..., 0]).save(place)


def test_a_folder_that_was_sorted_anew(folder: Path, tmp_path: Path) -> None:
    def opened(path: Path) -> Source:
        return open_source(path, cache=tmp_path / "cache", canvas=(8, 8))

    sets = sets_of(open_source(folder, cache=tmp_path / "cache"))
    assert sets.test is not None
    first, second, third, *_ = sets.test.names
    (folder / first).unlink()
    (folder / second).rename(folder / "left" / "renamed.png")
    target = "right" if third.startswith("left") else "left"
    (folder / third).rename(folder / target / "moved.png")
    save(folder, images(20, seed=8, first=100))
    judged = judge(opened(folder), sets, data=str(folder))
    assert judged.own
    assert hashes(judged.dataset) == Counter(sets.test.hashes[1:])
    assert f"Judged 5 of 6 images of the run's test set; 1 is no longer in {str(folder)!r}" in judged.words
    assert repr(first) in judged.words
    assert "20 images were added since training began and left out." in judged.words
    assert "other label" in judged.words
    shutil.move(folder, tmp_path / "moved")
    assert not judge(opened(tmp_path / "moved"), sets, data=str(folder)).own, "it changed, and its path is another"
