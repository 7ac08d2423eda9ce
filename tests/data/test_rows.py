"""A person relies on: rows that name images and labels make the sets that a folder of the same would make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.data.folders.reading import Reading
from beholder.data.images.places import Folder
from beholder.data.opening import open_source
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.data.tables.order import in_order
from beholder.data.tables.rows import Rows, open_rows
from beholder.errors import DataError


def make(root: Path, *classes: str, count: int = 12) -> tuple[list[str], list[str]]:
    """`count` different images of each class, as `<class>/<number>.png`: their paths and labels."""
    random = np.random.default_rng(0)
    paths = [f"{name}/{number:02}.png" for name in classes for number in range(count)]
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(root / path)
    return paths, [path.partition("/")[0] for path in paths]


def opened(root: Path, cache: Path, rows: Rows) -> Source:
    return open_rows(rows, Folder(root), "labels.csv", Reading(cache))


def test_rows_make_the_sets_of_a_folder_with_the_same_images(root: Path, cache: Path) -> None:
    paths, labels = make(root, "cat", "dog")
    of_folder = Split(open_source(root, cache=cache), seed=3)
    of_rows = Split(opened(root, cache, Rows(paths[::-1], labels[::-1], None, range(24))), seed=3)
    for set_name in ("train", "validation", "test"):
        one, other = getattr(of_folder, set_name)(), getattr(of_rows, set_name)()
        assert one.names == other.names
        assert one.fingerprint() == other.fingerprint()


def test_sets_that_are_given_are_obeyed(root: Path, cache: Path) -> None:
    paths, labels = make(root, "cat", "dog", count=4)
    sets = ["train", "train", "train", "test"] * 2
    source = opened(root, cache, Rows(paths, labels, sets, range(8)))
    assert {name: list(names) for name, names in source.files.items()} == {
        "train": [path for path in paths if "03" not in path],
        "test": ["cat/03.png", "dog/03.png"],
    }
    assert source.notes[0].startswith(
        "Training set (6 images), of which a tenth becomes the validation set, test set (2"
    )


def test_rows_that_agree_are_one_image_and_those_that_disagree_none(root: Path, cache: Path) -> None:
    paths, labels = make(root, "cat", "dog", count=4)
    rows = Rows([*paths, "./cat/00.png", "cat/01.png", "cat/02.png"], [*labels, "cat", "dog", ""], None, range(2, 13))
    source = opened(root, cache, rows)
    assert "cat/01.png" not in source.files["all"]
    assert len(source.files["all"]) == 7
    assert source.notes[1:4] == (
        "1 row has no label and is left out: row 12.",
        "1 row repeats what another says of the same file, which counts once: row 10.",
        "1 file is left out, since rows disagree about the label or the set: 'cat/01.png' in rows 3 and 11.",
    )


def test_files_that_are_not_there_are_told_by_their_rows(root: Path, cache: Path) -> None:
    paths, labels = make(root, "cat", "dog", count=4)
    with pytest.raises(DataError, match=r"1 of 9 images in 'labels\.csv' are unreadable.*Row 8 names 'cat/99\.png'"):
        Split(opened(root, cache, Rows([*paths, "cat/99.png"], [*labels, "cat"], None, range(9)))).train()


def test_classes_are_ordered_as_people_count() -> None:
    assert in_order(["10", "9", "-1", "2.5"]) == ("-1", "2.5", "9", "10")
    assert in_order(["b10", "b9", "a", "B", "b9"]) == ("B", "a", "b9", "b10")
    assert in_order(["1" * 5000, "2"]) == ("2", "1" * 5000)
