"""A person relies on: folds share out all images but a given test set, keep what belongs together, and are fair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from beholder.data.dataset import Dataset
from beholder.data.folds import Folds, deal, undivided
from beholder.data.groups.rule import GroupRule
from beholder.data.progress import silent
from beholder.data.sounds.rules import SoundRules
from beholder.data.source import Reader, Source
from beholder.data.split import Split
from beholder.errors import DataError

CLASSES = ("cat", "dog")


def images(count: int, *, name: str = "image", copies: int = 1, groups: Sequence[str] | None = None) -> Dataset:
    """Noise of two classes by turns; each image comes `copies` times in a row."""
    random = np.random.default_rng(len(name))
    pixels = np.repeat(random.integers(0, 256, (count // copies, 8, 8, 3), dtype=np.uint8), copies, axis=0)
    labels = (np.arange(count) // copies % 2).astype(np.int64)
    return Dataset(pixels, labels, CLASSES, [f"{name}/{row}" for row in range(count)], groups)


def source(sets: Mapping[str, Dataset]) -> Source:
    grouped = any(one.groups is not None for one in sets.values())
    readers = {name: lambda _progress, one=one: one for name, one in sets.items()}
    return Source("photos", CLASSES, readers, group_rule=GroupRule("given") if grouped else None)


def dealt(dataset: Dataset, count: int, seed: int = 0) -> Folds:
    return deal(Split(source({"all": dataset}), seed), dataset, count)


def test_every_image_is_in_one_fold_and_each_fold_has_its_share_of_every_class() -> None:
    dataset = images(103)
    folds = dealt(dataset, 5)
    assert sorted(np.concatenate(folds.rows).tolist()) == list(range(103))
    for number, rows in enumerate(folds.rows):
        assert 19 <= len(rows) <= 22
        counts = np.bincount(dataset.labels[rows], minlength=2)
        assert abs(int(counts[0]) - int(counts[1])) <= 1
        assert sorted([*rows.tolist(), *folds.others(number).tolist()]) == list(range(103))


def test_the_seed_alone_decides() -> None:
    first, again, other = (dealt(images(60), 4, seed).rows for seed in (3, 3, 4))
    assert all(map(np.array_equal, first, again))
    assert not all(map(np.array_equal, first, other))


def test_copies_and_groups_stay_in_one_fold() -> None:
    folds = dealt(images(60, copies=3), 5)
    homes = {row: number for number, rows in enumerate(folds.rows) for row in rows.tolist()}
    assert all(homes[row] == homes[row // 3 * 3] for row in range(60))
    groups = [f"patient {row % 12}" for row in range(60)]
    folds = dealt(images(60, groups=groups), 5)
    homes = {row: number for number, rows in enumerate(folds.rows) for row in rows.tolist()}
    assert all(homes[row] == homes[row % 12] for row in range(60))
    assert all(len(rows) for rows in folds.rows)
    assert folds.told[0].startswith("No group lies in two folds: 12 groups")


@pytest.mark.parametrize(
    ("dataset", "count", "said"),
    [
        (images(8), 5, "Class 'cat' of 'photos' has 4 images, fewer than the 5 folds; choose --folds 4 or fewer"),
        (images(40, groups=[f"p{row % 4}" for row in range(40)]), 5, "are 4 groups by"),
        (images(20, copies=10), 2, "Most images of class 'cat' of 'photos' belong together"),
    ],
)
def test_what_cannot_be_dealt_is_refused_in_one_sentence(dataset: Dataset, count: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        dealt(dataset, count)


def test_all_windows_of_a_sound_lie_in_one_fold_and_sounds_are_what_is_counted() -> None:
    random = np.random.default_rng(3)
    recordings = np.repeat(np.arange(24), [1, 2, 5] * 8)
    pixels = random.integers(0, 256, (len(recordings), 64, 10, 1), dtype=np.uint8)
    labels = recordings % 2
    names = [f"{recording}.wav" for recording in recordings.tolist()]
    sounds = Dataset(pixels, labels, CLASSES, names, None, recordings, SoundRules(8000, 0.1))
    readers: dict[str, Reader] = {"all": lambda _progress: sounds}
    sets = Split(Source("tones", CLASSES, readers, sound=sounds.sound))
    folds = deal(sets, sounds, 4)
    assert sorted(np.concatenate(folds.rows).tolist()) == list(range(len(sounds)))
    assert all(len(sounds.select(rows).files) == 6 for rows in folds.rows)
    assert all(np.array_equal(rows, np.sort(rows)) for rows in folds.rows)
    for number, rows in enumerate(folds.rows):
        assert set(recordings[rows]).isdisjoint(recordings[folds.others(number)])
    with pytest.raises(
        DataError, match=r"Class 'cat' of 'tones' has 12 sounds, fewer than the 13 folds; .* add sounds"
    ):
        deal(sets, sounds, 13)


def test_only_a_given_test_set_stays_out() -> None:
    sets = {"train": images(40), "validation": images(10, name="held"), "test": images(6, name="new")}
    whole = undivided(source(sets))
    assert set(whole.readers) == {"all", "test"}
    names = list(whole.readers["all"](silent).names)
    assert names == [*sets["train"].names, *sets["validation"].names]
    assert undivided(source({"all": images(40)})).readers.keys() == {"all"}


def test_groups_are_told_of_the_sets_that_folds_leave() -> None:
    """Those of the training and the validation set are dealt together; only a given test set can share one."""
    groups = {"train": ["a", "b"], "validation": ["b", "c"], "test": ["c", "d"]}

    def told(*names: str) -> list[str]:
        sets = {name: images(2, name=name, groups=groups[name]) for name in names}
        of_files = {name: groups[name] for name in names}
        return [note for note in undivided(replace(source(sets), groups=of_files)).told() if "groups by" in note]

    assert told("train", "validation") == []
    [note] = told("train", "validation", "test")
    assert "1 of 4 groups by the groups given lies in several sets (1 in the training and the test set; the" in note
    assert told("train", "test") == ["4 groups by the groups given, none of which lies in two sets."]
