"""Sets and classes are told apart by names and by what folders hold; where both can be meant, a sentence says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from beholder.data.folders.roles import role_of
from beholder.data.opening import open_source
from beholder.errors import DataError


def make(root: Path, *folders: str, count: int = 3) -> Path:
    """`root` with `count` images in each of `folders`; a name that ends in a slash stays empty."""
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(0 if folder.endswith("/") else count):
            Image.new("RGB", (10, 8), "red").save(root / folder / f"{index}.png")
    return root


@pytest.mark.parametrize(
    ("names", "set_name"),
    [
        (
            "train training Training TRAIN train_set trainset TrainSet training_set train-images trn images_train",
            "train",
        ),
        ("01_train Train.data", "train"),
        ("val valid validation validate dev develop eval evaluation ValSet val_images 2-val Eval", "validation"),
        ("test testing tests test_set Test-Images holdout hold_out held-out HoldOut testData", "test"),
        ("cat trainer station invalid latest contest protest data images set trainstation fold1 evaluator", None),
        ("train_cat test2 train-test", None),
    ],
)
def test_usual_names_are_known_in_any_case_and_form(names: str, set_name: str | None) -> None:
    assert {name: role_of(name) for name in names.split()} == dict.fromkeys(names.split(), set_name)


@pytest.mark.parametrize(
    ("folders", "sets"),
    [
        (("Training", "Testing"), {"train", "test"}),
        (("train", "dev"), {"train", "validation"}),
        (("train", "eval", "test"), {"train", "validation", "test"}),
        (("training set", "validate"), {"train", "validation"}),
        (("train-images", "images_test"), {"train", "test"}),
        (("seg_train", "seg_test"), {"train", "test"}),
        (("train2017", "val2017"), {"train", "validation"}),
        (("01_train", "02_val", "03_test"), {"train", "validation", "test"}),
    ],
)
def test_folders_with_usual_names_are_sets(root: Path, cache: Path, folders: tuple[str, ...], sets: set[str]) -> None:
    make(root, *(f"{folder}/{name}" for folder in folders for name in ("glioma", "none")))
    source = open_source(root, cache=cache)
    assert (set(source.readers), source.class_names) == (sets, ("glioma", "none"))
    told = source.notes[0]
    assert all(repr(folder) in told for folder in folders)
    assert "(6 images)" in told
    assert "2 classes ('glioma', 'none')" in told


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (("bus", "car", "train"), ("bus", "car", "train")),
        (("bus", "car", "train", "train/steam"), ("bus", "car", "train")),
        (("test", "exam"), ("exam", "test")),
        (("valid", "invalid"), ("invalid", "valid")),
        (("cat/siamese", "cat/persian", "dog/beagle"), ("cat", "dog")),
        (("covid/images", "normal/images"), ("covid", "normal")),
        (("rosa/alba", "rosa/vulgaris", "beta/vulgaris", "beta/maritima"), ("beta", "rosa")),
        (("A", "a", "b"), ("A", "a", "b")),
        (("cat", "dog", "__MACOSX/"), ("cat", "dog")),
    ],
)
def test_folders_of_images_are_classes(
    root: Path, cache: Path, folders: tuple[str, ...], classes: tuple[str, ...]
) -> None:
    source = open_source(make(root, *folders), cache=cache)
    assert (list(source.readers), source.class_names) == (["all"], classes)
    assert f"in {len(classes)} classes ('{classes[0]}', " in source.notes[0]
    assert "a tenth each becomes the validation and the test set" in source.notes[0]
    assert any("belong to the class" in note for note in source.notes) == any("/" in f[:-1] for f in folders)


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        # Sets, folds, cameras and sites that would be taken for classes.
        (("A/cat", "A/dog", "B/cat", "B/dog"), r"'A' and 'B' .* hold the same folders \('cat' and 'dog'\)"),
        (tuple(f"fold{i}/{c}" for i in range(5) for c in "xyz"), r"'fold0'.* and 1 more .* hold the same folders"),
        (("left/data/cat", "left/data/dog", "right/data/cat", "right/data/dog"), "hold the same folders"),
        (("covid/images", "covid/masks", "normal/images", "normal/masks"), "hold the same folders"),
        (("train/left/a", "train/left/b", "train/right/a", "train/right/b", "test/a", "test/b"), "same folders"),
        (("cat/train", "cat/test", "dog/train", "dog/test"), "swap the levels"),
        (("train_cat", "test_cat", "train_dog", "test_dog"), "differ only in the name of a set"),
        (("cat", "dog", "augmented/cat", "augmented/dog"), "'augmented' .* names of others beside it"),
        # An outer folder, as archives have it.
        (("data/data/cat", "data/data/dog"), r"one folder only, 'data', .* give the path '.*data/data/data'"),
        (("zip/train/a", "zip/train/b", "zip/test/a"), r"one folder only, 'zip', .* give the path '.*data/zip'"),
        (
            ("seg_train/seg_train/a", "seg_train/seg_train/b", "seg_test/a"),
            "one folder only, 'seg_train'.*move these up",
        ),
        # What would be left out.
        (("train/a", "train/b", "extra/a", "extra/b"), "Beside the training set 'train'.*'extra' with 6 images"),
        (("train/a", "train/b", "unlabelled"), "Beside the training set 'train'.*'unlabelled' with 3 images"),
        (("bus", "car", "train/steam", "train/diesel"), "Beside .* 'bus' and 'car' .* if 'train' is a class too"),
        (("cat", "dog", "test/cat", "test/dog"), "Beside the test set 'test'.*into a folder 'train'"),
        # Sets without classes, and two of a kind.
        (("train", "test"), r"'test' and 'train' .* without class folders"),
        (("train",), r"'train' .* is a training set by its name"),
        (("train", "test/a", "test/b"), r"'train' .* is a training set by its name"),
        (("train/a", "train/b", "val/a", "eval/a"), "Both 'eval' and 'val' .* have the name of a validation set"),
        # Names that differ too little.
        (("Cat", "cat", "dog"), "'Cat' and 'cat' .* differ only in case"),
        (("cat", "cat ", "dog"), "differ only in case, spaces"),
        (("caf\u00e9", "cafe\u0301", "dog"), "differ only in case, spaces or Unicode form"),
        (("train/Cat", "train/Dog", "test/cat", "test/Dog"), r"a class 'cat' .* does not have \(but 'Cat'\)"),
    ],
)
def test_what_can_be_meant_in_two_ways_is_a_sentence(
    root: Path, cache: Path, folders: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        open_source(make(root, *folders), cache=cache)
    assert str(root) in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_an_audit_tells_of_names_that_differ_too_little(root: Path, cache: Path) -> None:
    source = open_source(make(root, "Cat", "cat", "dog"), cache=cache, for_audit=True)
    assert "differ only in case" in source.notes[-1]


def test_a_test_folder_without_classes_is_left_out_and_counted(root: Path, cache: Path) -> None:
    source = open_source(make(make(root, "test", count=9), "train/a", "train/b"), cache=cache)
    assert list(source.readers) == ["train"]
    assert "of which a tenth each becomes the validation and the test set" in source.notes[0]
    assert source.notes[1].startswith("'test' holds 9 images without class folders")


@pytest.mark.parametrize("empty", ["test/", "test/a/"])
def test_a_set_without_images_is_told(root: Path, cache: Path, empty: str) -> None:
    source = open_source(make(root, "train/a", "train/b", empty), cache=cache)
    assert source.notes[1] == "'test' holds no images and is left out."


@pytest.mark.parametrize(
    ("folder", "said"), [("dev", "to 'test' if it is to judge"), ("holdout", "to 'val' if training is to choose by it")]
)
def test_a_name_with_two_meanings_is_told(root: Path, cache: Path, folder: str, said: str) -> None:
    make(root, "train/a", "train/b", f"{folder}/a", f"{folder}/b")
    assert said in open_source(root, cache=cache).notes[1]
    other = "test" if folder == "dev" else "val"
    make(root, f"{other}/a", f"{other}/b")
    assert not any(said in note for note in open_source(root, cache=cache).notes)
