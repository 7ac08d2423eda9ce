"""A folder of images is found as people arrange it, and refused in one sentence where it cannot work."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.data.source import Source
from beholder.errors import DataError, UsageError


def image(path: Path, shade: int = 100, size: tuple[int, int] = (10, 8)) -> None:
    """An image of one colour, of `size` (width, height), whose red is `shade`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade, 0, 200)).save(path)


def images(folder: Path, count: int, shade: int = 100, size: tuple[int, int] = (10, 8)) -> None:
    for index in range(count):
        image(folder / f"{index:03}.png", shade, size)


def read(source: Source, set_name: str) -> Dataset:
    return source.readers[set_name](silent)


def test_an_unsplit_folder_is_one_set(root: Path, cache: Path) -> None:
    images(root / "cat", 3, 10)
    images(root / "ant", 2, 20)
    source = open_source(root, cache=cache)
    assert (list(source.readers), source.class_names) == (["all"], ("ant", "cat"))
    assert source.notes == (
        "5 images in 2 classes ('ant', 'cat'), not divided into sets: a tenth each becomes the validation and the test "
        "set.",
    )
    dataset = read(source, "all")
    assert dataset.names == ["ant/000.png", "ant/001.png", "cat/000.png", "cat/001.png", "cat/002.png"]
    assert dataset.labels.tolist() == [0, 0, 1, 1, 1]
    assert dataset.images.shape == (5, 8, 10, 3)
    assert np.asarray(dataset.images)[:, 0, 0, 0].tolist() == [20, 20, 10, 10, 10]
    assert dataset.class_names == source.class_names


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Val"])
def test_a_split_folder_has_the_sets_it_has(root: Path, cache: Path, validation: str) -> None:
    for set_name, count in (("train", 4), (validation, 2), ("test", 1)):
        images(root / set_name / "cat", count)
        images(root / set_name / "ant" / "deep" / "deeper", count)
    source = open_source(root, cache=cache)
    assert {set_name: len(read(source, set_name)) for set_name in source.readers} == {
        "train": 8,
        "validation": 4,
        "test": 2,
    }
    assert read(source, "test").names == ["test/ant/deep/deeper/000.png", "test/cat/000.png"]
    assert read(source, "test").labels.tolist() == [0, 1]


def test_a_folder_may_have_a_test_set_alone(root: Path, cache: Path) -> None:
    images(root / "test" / "b", 1)
    images(root / "test" / "a", 1)
    source = open_source(root, cache=cache)
    assert (list(source.readers), source.class_names) == (["test"], ("a", "b"))


def test_reading_one_set_does_not_open_another(root: Path, cache: Path) -> None:
    for set_name in ("train", "test"):
        images(root / set_name / "a", 2)
        images(root / set_name / "b", 2)
    source = open_source(root, cache=cache)
    for path in (root / "test").rglob("*.png"):
        path.unlink()
    assert len(read(source, "train")) == 4


def test_a_class_called_test_is_a_class(root: Path, cache: Path) -> None:
    images(root / "test", 2)
    images(root / "exam", 2)
    assert open_source(root, cache=cache).class_names == ("exam", "test")


def test_hidden_folders_and_files_are_left_out(root: Path, cache: Path) -> None:
    images(root / "a", 2)
    images(root / "b", 2)
    image(root / "a" / ".hidden.png")
    image(root / ".git" / "c.png")
    source = open_source(root, cache=cache)
    assert len(read(source, "all")) == 4
    assert source.notes[1:] == ("Left out 1 file that is hidden or not an image (first: 'a/.hidden.png').",)


@pytest.mark.parametrize(
    ("size", "canvas"), [((40, 30), (30, 40)), ((900, 300), (256, 512)), ((5, 4), (8, 10)), ((300, 256), (256, 300))]
)
def test_images_of_one_size_keep_it_within_reason(
    root: Path, cache: Path, size: tuple[int, int], canvas: tuple[int, int]
) -> None:
    images(root / "a", 2, size=size)
    images(root / "b", 2, size=size)
    assert read(open_source(root, cache=cache), "all").images.shape[1:3] == canvas


def test_images_of_several_sizes_become_squares_of_the_median_short_side(root: Path, cache: Path) -> None:
    for index, size in enumerate([(20, 90), (30, 40), (80, 50), (31, 31), (200, 29)]):
        image(root / "ab"[index % 2] / f"{index}.png", size=size)
    assert read(open_source(root, cache=cache), "all").images.shape[1:3] == (30, 30)
    assert read(open_source(root, cache=cache, canvas=(9, 12)), "all").images.shape[1:3] == (9, 12)


def test_sizes_are_those_of_upright_images(root: Path, cache: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    for name in ("a/0.jpg", "a/1.jpg", "b/0.jpg", "b/1.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(root / name, exif=exif)
    assert read(open_source(root, cache=cache), "all").images.shape[1:3] == (20, 10)


@pytest.mark.parametrize(
    "name", ["with space", "two\nlines", "日本語 🐈", "caf\u00e9", os.fsdecode(b"bad \xff bytes"), "-rf", "%s"]
)
def test_any_name_works(tmp_path: Path, cache: Path, name: str) -> None:
    root = tmp_path / name
    for shade, folder in ((10, name), (20, "zz")):
        for index in range(2):
            image(root / folder / "x.png", shade)
            (root / folder / "x.png").rename(root / folder / f"{name}{index}.png")
    source = open_source(root, cache=cache)
    for _ in range(2):
        dataset = read(source, "all")
        assert [(root / path).is_file() for path in dataset.names] == [True] * 4
        assert np.asarray(dataset.images)[:, 0, 0, 0].tolist() == [
            10 if source.class_names[x] == name else 20 for x in dataset.labels
        ]


def test_links_to_files_and_class_folders_are_followed(tmp_path: Path, root: Path, cache: Path) -> None:
    images(tmp_path / "elsewhere" / "cats", 3)
    images(root / "dog", 2)
    (root / "cat").symlink_to(tmp_path / "elsewhere" / "cats")
    (root / "dog" / "linked.png").symlink_to(tmp_path / "elsewhere" / "cats" / "000.png")
    assert np.bincount(read(open_source(root, cache=cache), "all").labels).tolist() == [3, 3]


def test_links_in_circles_end(root: Path, cache: Path) -> None:
    images(root / "a", 2)
    images(root / "b" / "c", 2)
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "far up").symlink_to(root.parent.parent)
    (root / "b" / "self").symlink_to(root / "b")
    (root / "b" / "c" / "again").symlink_to(root / "b" / "c")
    (root / "b" / "twice").symlink_to(root / "b" / "c")
    assert np.bincount(read(open_source(root, cache=cache), "all").labels).tolist() == [2, 2]


def test_up_to_one_in_twenty_unreadable_images_are_skipped_and_listed(root: Path, cache: Path) -> None:
    images(root / "a", 10)
    images(root / "b", 10)
    (root / "a" / "004.png").write_bytes(b"")
    source = open_source(root, cache=cache)
    for _ in range(2):
        dataset = read(source, "all")
        assert len(dataset) == 19
        assert "a/004.png" not in dataset.names
        assert [entry["path"] for entry in source.skipped] == ["a/004.png"]
        assert "is empty" in source.skipped[0]["error"]
    (root / "b" / "007.png").write_bytes(b"junk")
    with pytest.raises(DataError, match=r"2 of 20 images .* more than 5%.*004\.png.*empty"):
        read(open_source(root, cache=cache), "all")


def make_nothing(root: Path) -> None:
    root.mkdir()


def make_no_images(root: Path) -> None:
    (root / "a").mkdir(parents=True)
    (root / "a" / "x.txt").write_text("x")


def make_flat(root: Path) -> None:
    images(root, 3)


def make_one_class(root: Path) -> None:
    images(root / "train" / "a", 3)
    images(root / "test" / "a", 3)


def make_thin_class(root: Path) -> None:
    images(root / "a", 3)
    images(root / "b", 1)


def make_empty_class(root: Path) -> None:
    images(root / "train" / "a", 3)
    (root / "train" / "b").mkdir()


def make_unknown_class(root: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/c"):
        images(root / name, 2)


def make_two_validations(root: Path) -> None:
    for name in ("train/a", "train/b", "val/a", "valid/b"):
        images(root / name, 2)


def make_all_unreadable(root: Path) -> None:
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        image(root / name)
        (root / name).write_bytes(b"junk")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (make_nothing, "No images"),
        (make_no_images, "No images"),
        (make_flat, "No images in class folders"),
        (make_one_class, "Only one class"),
        (make_thin_class, r"Class 'b' .* has 1 image; .*at least 2"),
        (make_empty_class, r"Class 'b' .* has no images"),
        (make_unknown_class, "test set .* has a class 'c'"),
        (make_two_validations, "Both 'val' and 'valid'"),
        (make_all_unreadable, "None of a sample of 4 images"),
    ],
)
def test_what_cannot_work_gets_one_sentence(root: Path, cache: Path, make: object, sentence: str) -> None:
    assert callable(make)
    make(root)
    with pytest.raises(DataError, match=sentence) as caught:
        open_source(root, cache=cache)
    assert str(root) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not cache.exists()


def test_a_cache_inside_the_folder_is_refused_at_once(root: Path) -> None:
    images(root / "a", 2)
    images(root / "b", 2)
    with pytest.raises(UsageError):
        open_source(root, cache=root / "cache")
    assert sorted(path.name for path in root.iterdir()) == ["a", "b"]


@pytest.mark.real
def test_real_photographs_become_what_pillow_shows(tmp_path: Path, cache: Path) -> None:
    archive = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "cifar10-pictures.zip"
    if not archive.exists():
        pytest.skip("the shared real images are not here")
    import zipfile

    with zipfile.ZipFile(archive) as whole:
        names = [name for name in whole.namelist() if name.endswith(".jpg") and "/train/" in f"/{name}"][::100]
        whole.extractall(tmp_path / "real", names)
    root = next(path.parent for path in (tmp_path / "real").rglob("train"))
    source = open_source(root, cache=cache)
    dataset = read(source, "train")
    assert (len(dataset), len(source.class_names)) == (450, 10)
    for row in range(0, 450, 50):
        np.testing.assert_array_equal(
            dataset.images[row], np.asarray(Image.open(root / dataset.names[row]).convert("RGB"))
        )
        assert source.class_names[dataset.labels[row]] == Path(dataset.names[row]).parent.name
