"""What is wrong with single images is found, and ordinary images and drawings are left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.data.checks.faults import file_faults, image_faults
from beholder.data.dataset import Dataset
from beholder.data.digits import open_digits
from beholder.data.opening import open_source
from beholder.data.progress import silent


def ordinary(count: int) -> NDArray[np.uint8]:
    """Sharp images of all brightnesses."""
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)


def dataset(images: NDArray[np.uint8]) -> Dataset:
    return Dataset(images, np.zeros(len(images), np.int64), ("a", "b"), [str(row) for row in range(len(images))])


def test_each_fault_of_pixels_is_found_in_the_image_that_has_it() -> None:
    images = ordinary(30)
    images[3] = 90  # one colour, which is neither dark nor blurred besides
    images[4] = images[4] // 8
    images[5] = 244 + images[5] // 22
    images[6] = np.asarray(Image.fromarray(images[6, :4, :4]).resize((32, 32), Image.Resampling.BICUBIC))
    found = image_faults({"train": dataset(images[:5]), "test": dataset(images[5:])})
    assert [(one.kind, one.paths, one.sets) for one in found] == [
        ("low_information", ("3",), ("train",)),
        ("dark", ("4",), ("train",)),
        ("light", ("0",), ("test",)),
        ("blurred", ("1",), ("test",)),
    ]
    assert all(0 < one.score <= 1 and one.labels == ("a",) for one in found)
    assert found[0].sentence == "3 is nearly of one colour: 0.0 bits a pixel."


def test_the_worst_comes_first() -> None:
    images = ordinary(9)
    images[2], images[7] = images[2] // 6, images[7] // 20
    assert [one.paths for one in image_faults({"all": dataset(images)})] == [("7",), ("2",)]


def test_drawings_have_no_fault_where_all_are_drawings() -> None:
    assert image_faults({"all": open_digits().readers["all"](silent)}) == []
    night = ordinary(20) // 8
    assert image_faults({"all": dataset(night)}) == []


def test_nothing_is_nothing() -> None:
    assert image_faults({"all": dataset(ordinary(1)[:0])}) == []
    assert file_faults(open_digits()) == []


def test_each_fault_of_a_file_is_found_and_the_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    for name, pixels in zip("ab" * 15, ordinary(30), strict=True):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name / f"{len(list((folder / name).iterdir())):02}.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(ordinary(1)[0]).save(folder / "a" / "turned.jpg", exif=turned)
    Image.fromarray(ordinary(1)[0]).save(folder / "a" / "disguised.png", format="BMP")
    Image.fromarray(ordinary(1)[0]).resize((400, 400)).save(folder / "b" / "huge.png")
    Image.fromarray(ordinary(1)[0]).resize((90, 12)).save(folder / "b" / "long.png")
    whole = (folder / "b" / "00.png").read_bytes()
    (folder / "b" / "short.png").write_bytes(whole[: len(whole) // 2])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    source = open_source(folder, cache=tmp_path / "cache")
    source.readers["all"](silent)
    found = {one.paths[0]: one for one in file_faults(source)}
    assert {path: one.kind for path, one in found.items()} == {
        "a/turned.jpg": "exif_orientation",
        "a/disguised.png": "wrong_format",
        "b/huge.png": "odd_size",
        "b/long.png": "odd_size",
        "b/short.png": "unreadable",
    }
    assert {(one.sets, one.labels) for one in found.values()} == {(("all",), ("a",)), (("all",), ("b",))}
    assert found["a/disguised.png"].sentence.startswith("a/disguised.png is a BMP file")
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
