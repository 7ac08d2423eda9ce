"""Every file that somebody takes for an image is used, or named and counted; too many of them stop the reading."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from PIL import Image

from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.data.source import Source
from beholder.errors import DataError

HEIC = b"\0\0\0\x18ftypheic" + bytes(40)


def fill(folder: Path, count: int, size: tuple[int, int] = (10, 8)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        Image.new("RGB", size, "red").save(folder / f"{index:03}.png")


def convert(folder: Path, count: int, suffix: str = ".HEIC") -> None:
    """The first `count` images of `folder` become files of another format."""
    for path in sorted(folder.iterdir())[:count]:
        path.write_bytes(HEIC)
        path.rename(path.with_suffix(suffix))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    fill(tmp_path / "data" / "cat", 30)
    fill(tmp_path / "data" / "dog", 30)
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def read(root: Path, cache: Path, *, for_audit: bool = False) -> Source:
    source = open_source(root, cache=cache, for_audit=for_audit)
    for reader in source.readers.values():
        reader(silent)
    return source


def test_images_of_other_formats_count_as_unreadable(root: Path, cache: Path) -> None:
    convert(root / "cat", 26)
    with pytest.raises(DataError, match=r"26 of 60 images .* more than 5%.* first: .*000\.HEIC.* HEIC.* convert it"):
        read(root, cache)
    assert len(read(root, cache, for_audit=True).skipped) == 26


def test_a_class_that_loses_many_images_is_not_hidden_by_the_others(root: Path, cache: Path) -> None:
    fill(root / "dog", 400)
    convert(root / "cat", 7, ".jp2")
    with pytest.raises(DataError, match=r"7 of 30 images of class 'cat' .* more than 20%.*000\.jp2"):
        read(root, cache)


@pytest.mark.parametrize(
    "name", ["x.heic", "x.HEIF", "x.avif", "x.jxl", "x.jp2", "x.psd", "x.nef", "x.ppm", "x.tga", "x.svg", "x", "x.tmp"]
)
def test_what_is_named_or_begins_like_an_image_is_named_and_counted(root: Path, cache: Path, name: str) -> None:
    (root / "cat" / name).write_bytes(HEIC)
    source = read(root, cache)
    assert [failure["path"] for failure in source.skipped] == [f"cat/{name}"]
    told = source.told()[-1]
    assert told.startswith("1 image could not be read and was left out; the first: Cannot read ")
    assert repr(str(root / "cat" / name)) in told


@pytest.mark.parametrize("name", ["x", "x.png.1", "x.heic", "x.jpg_large", "x.png "])
def test_an_image_under_another_name_is_to_be_renamed(root: Path, cache: Path, name: str) -> None:
    shutil.copy(root / "cat" / "000.png", root / "cat" / name)
    (failure,) = read(root, cache).skipped
    assert "is a PNG image, which its name does not say; rename it to end in .png" in failure["error"]


def test_what_is_no_file_is_named_and_counted(root: Path, cache: Path) -> None:
    fill(root / "cat", 60)
    os.mkfifo(root / "cat" / "pipe.jpg")
    (root / "cat" / "broken.jpg").symlink_to("nowhere.jpg")
    (root / "cat" / "itself.jpg").symlink_to("itself.jpg")
    (root / "cat" / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(root / "cat" / "socket.jpg"))
    errors = {Path(failure["path"]).name: failure["error"] for failure in read(root, cache).skipped}
    assert sorted(errors) == ["broken.jpg", "itself.jpg", "pipe.jpg", "socket.jpg"]
    assert "link to something that is not there" in errors["broken.jpg"]
    assert "a pipe, a socket or a device" in errors["pipe.jpg"]


def test_names_that_are_no_text_are_told(root: Path, cache: Path) -> None:
    Path(os.fsdecode(bytes(root / "cat") + b"/bad\xff.heic")).write_bytes(HEIC)
    told = read(root, cache).told()[-1]
    assert r"bad\udcff.heic" in told
    assert told.encode()


def test_files_that_are_no_images_are_one_count(root: Path, cache: Path) -> None:
    for name in ("Thumbs.db", ".DS_Store", "000.txt", "labels.csv", "._000.png"):
        (root / "cat" / name).write_bytes(b"\xd0\xcf")
    source = read(root, cache)
    assert source.told()[1:] == ("Left out 5 files that are hidden or not images (first: 'cat/.DS_Store').",)
    assert source.skipped == []


def test_images_beside_the_class_folders_are_counted_or_a_sentence(root: Path, cache: Path) -> None:
    shutil.copy(root / "cat" / "000.png", root / "overview.png")
    told = "1 image lies in no class folder and was left out (first: 'overview.png')."
    assert told in read(root, cache).told()
    fill(root, 9)
    with pytest.raises(DataError, match=r"10 images .* lie in no class folder, beside 60 .* first: '000\.png'"):
        open_source(root, cache=cache)
    assert any("10 images lie in no class folder" in note for note in read(root, cache, for_audit=True).notes)


def test_images_beside_the_sets_are_counted(tmp_path: Path, cache: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/b"):
        fill(tmp_path / "data" / name, 3)
    Image.new("RGB", (10, 8)).save(tmp_path / "data" / "train" / "stray.png")
    source = read(tmp_path / "data", cache)
    assert any("(first: 'train/stray.png')" in note for note in source.notes)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        ("all", "None of the 60 images in class folders .* can be read"),
        ("cat", "Class 'cat' .* has no images that can be read, and 30 that cannot.* first: .*HEIC"),
    ],
)
def test_a_class_without_readable_images_is_a_sentence(root: Path, cache: Path, make: str, sentence: str) -> None:
    for name in ("cat", "dog"):
        if make in ("all", name):
            convert(root / name, 30)
    with pytest.raises(DataError, match=sentence):
        read(root, cache)


def test_a_test_set_that_cannot_be_read_is_not_replaced_by_another(root: Path, cache: Path) -> None:
    (root / "train").mkdir()
    for name in ("cat", "dog"):
        (root / name).rename(root / "train" / name)
        fill(root / "test" / name, 3)
        convert(root / "test" / name, 3)
    with pytest.raises(DataError, match=r"6 of 6 images in '.*/test' are unreadable"):
        open_source(root, cache=cache)


def test_a_folder_that_may_not_be_read_is_a_sentence(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(folder: str | Path) -> object:
        if str(folder).endswith("cat"):
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"Cannot look into '.*cat': Permission denied; check its permissions"):
        open_source(root, cache=cache)


def test_what_is_cut_of_a_set_is_told_when_it_was_read(tmp_path: Path, cache: Path) -> None:
    for name, size in (("train/a", (64, 64)), ("train/b", (64, 64)), ("test/a", (128, 64)), ("test/b", (128, 64))):
        fill(tmp_path / "data" / name, 2, size)
    source = open_source(tmp_path / "data", cache=cache)
    assert not any("cut" in note for note in source.told())
    for _ in range(2):
        source.readers["test"](silent)
    assert source.told()[1:] == (
        "In the test set, images of 128 × 64 pixels become 64 × 64: 50% of the width is cut, half on the left, half on "
        "the right.",
    )
