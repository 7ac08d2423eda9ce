"""Grey is told from the images of a folder, not assumed; what a person says goes before."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from beholder.data.images.colour import SAMPLE, is_coloured
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.data.source import Source
from beholder.errors import UsageError

GREY = NDArray[np.uint8]


def shades(seed: int = 0, side: int = 24) -> GREY:
    return np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)


def saved(image: Image.Image, path: Path, **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **how)


def folder_of(root: Path, image: Image.Image, suffix: str = "png", count: int = 3, **how: Any) -> Path:
    for name in "ab":
        for row in range(count):
            saved(image, root / name / f"{row:03}.{suffix}", **how)
    return root


def channels(source: Source) -> int:
    return source.readers["all"](silent).image_shape[2]


L = Image.fromarray(shades())
WAYS: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
    "one channel": (L, "png", {}),
    "one channel, JPEG": (L, "jpg", {}),
    "grey and alpha": (Image.merge("LA", [L, L]), "png", {}),
    "16 bits": (Image.fromarray(shades().astype(np.uint16) * 257), "png", {}),
    "black and white": (L.convert("1"), "tif", {}),
    "three equal channels": (L.convert("RGB"), "png", {}),
    "three equal channels and alpha": (L.convert("RGBA"), "webp", {"lossless": True}),
    "three equal channels, JPEG": (L.convert("RGB"), "jpg", {"quality": 40, "subsampling": 2}),
    "three equal channels, JPEG without loss of colour": (L.convert("RGB"), "jpg", {"quality": 95, "subsampling": 0}),
    "three equal channels, WebP": (L.convert("RGB"), "webp", {"quality": 50}),
    "a palette of greys": (L.convert("P"), "gif", {}),
    "four inks": (L.convert("CMYK"), "jpg", {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_images_that_are_all_grey_get_one_channel_and_that_is_said(tmp_path: Path, way: str) -> None:
    image, suffix, how = WAYS[way]
    source = open_source(folder_of(tmp_path / "data", image, suffix, **how), cache=tmp_path / "cache")
    assert channels(source) == 1
    assert "All 6 images are grey, so they have one channel; --colour rgb decides otherwise." in source.notes


def spot(share: float, side: int = 60) -> Image.Image:
    """Black on white, with a red corner that is this share of the image."""
    pixels = np.repeat(shades(side=side)[..., None] // 128 * 255, 3, axis=2)
    corner = max(1, round((share * side * side) ** 0.5))
    pixels[:corner, :corner] = (200, 30, 40)
    return Image.fromarray(pixels)


def test_one_coloured_image_is_enough_for_three_channels_and_nothing_is_said(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "data", L.resize((60, 60)))
    saved(spot(0.01), root / "b" / "001.png")
    source = open_source(root, cache=tmp_path / "cache")
    assert channels(source) == 3
    assert not any("channel" in note for note in source.notes)


@pytest.mark.parametrize(
    ("image", "coloured"),
    [
        (spot(0.05), True),
        (spot(0.003), True),  # a red dot on black and white
        (Image.new("RGB", (60, 60), (250, 240, 210)), True),  # yellowed paper
        (Image.new("RGB", (60, 60), (250, 248, 245)), False),  # white paper as a scanner sees it
        (Image.new("RGB", (60, 60), (7, 7, 7)), False),
    ],
)
def test_what_counts_as_coloured(image: Image.Image, coloured: bool) -> None:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert is_coloured(buffer.getvalue(), (60, 60)) is coloured


@pytest.mark.parametrize("classes", [2, 40, 300])
def test_colour_in_any_class_is_found_among_many_images(tmp_path: Path, classes: int) -> None:
    """Of a class of its own it is found; the sample does not end before it."""
    per_class = 2 if classes == 300 else 20
    for number in range(classes):
        for row in range(per_class):
            last = number == classes - 1
            image = Image.new("RGB", (8, 8), (200, 0, 0) if last and classes <= SAMPLE else (9, 9, 9))
            saved(image, tmp_path / "data" / f"{number:03}" / f"{row}.png")
    source = open_source(tmp_path / "data", cache=tmp_path / "cache")
    assert channels(source) == (3 if classes <= SAMPLE else 1)
    if classes > SAMPLE:
        assert any(note.startswith("All of 256 images looked at are grey") for note in source.notes)


def test_a_person_decides_otherwise(tmp_path: Path) -> None:
    grey = folder_of(tmp_path / "grey", L)
    red = folder_of(tmp_path / "red", Image.new("RGB", (24, 24), (200, 0, 0)))
    cache = tmp_path / "cache"
    assert channels(open_source(grey, cache=cache, colour="rgb")) == 3
    assert channels(open_source(red, cache=cache)) == 3
    made_grey = open_source(red, cache=cache, colour="grey")
    assert not any("channel" in note for note in made_grey.notes)
    assert np.unique(made_grey.readers["all"](silent).images).tolist() == [60]  # 0.299 times 200
    assert channels(open_source("digits", colour="rgb")) == 3
    arrays = (np.full((6, 8, 8, 3), 9, np.uint8), np.arange(6) % 2)
    assert channels(open_source(arrays)) == 3  # as they were given
    assert channels(open_source(arrays, colour="grey")) == 1
    with pytest.raises(UsageError, match=r"Expected a colour of auto, rgb, grey\. Received: 'blue'"):
        open_source("digits", colour="blue")  # type: ignore[arg-type]


def test_files_that_cannot_be_read_do_not_decide(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "data", L, count=30)
    (root / "a" / "000.png").write_bytes(b"no image")
    assert channels(open_source(root, cache=tmp_path / "cache")) == 1


def test_the_test_set_is_not_looked_at_and_follows(tmp_path: Path) -> None:
    folder_of(tmp_path / "data" / "train", L)
    folder_of(tmp_path / "data" / "test", Image.new("RGB", (24, 24), (200, 0, 0)))
    source = open_source(tmp_path / "data", cache=tmp_path / "cache")
    assert [source.readers[set_name](silent).image_shape[2] for set_name in ("train", "test")] == [1, 1]
