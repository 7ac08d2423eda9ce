from __future__ import annotations

import os
from pathlib import Path

import pytest

from beholder.data.images.formats import holds_image, image_format, is_image_name, looks_like_image


@pytest.mark.parametrize("name", ["a.jpg", "A.JPG", "x/y.TIFF", "b.c.png", "a.Jfif"])
def test_a_name_of_what_is_read(name: str) -> None:
    assert is_image_name(name)
    assert not looks_like_image(name)


@pytest.mark.parametrize("name", ["a.heic", "IMG_1.HEIC", "x/y.AvIf", "a.nef", "a.svg", "a.jp2", "a.dcm", "a.tga"])
def test_a_name_of_an_image_that_is_not_read(name: str) -> None:
    assert looks_like_image(name)
    assert not is_image_name(name)


@pytest.mark.parametrize("name", ["a.txt", "jpg", "a.jpg.txt", ".jpg", "._IMG_1.jpg", "x/._a.heic", "Thumbs.db", ""])
def test_names_of_neither(name: str) -> None:
    assert not is_image_name(name)
    assert not looks_like_image(name)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x18ftypavif", "AVIF"),
        (b"\0\0\0\x18ftypisom", None),  # a film
        (b"RIFF\0\0\0\0WEBPVP8 ", "WEBP"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "BMP"),
        (b"BMW and other cars", None),
        (b"", None),
    ],
)
def test_a_format_is_told_by_the_first_bytes(start: bytes, expected: str | None) -> None:
    assert image_format(start) == expected


def test_an_image_is_found_under_any_name(tmp_path: Path) -> None:
    for name in ("photo", "photo.jpg_large", "photo.download", ".photo"):
        (tmp_path / name).write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "notes").write_text("BM is not an image")
    os.mkfifo(tmp_path / "pipe")
    found = {path.name for path in tmp_path.iterdir() if holds_image(path)}
    assert found == {"photo", "photo.jpg_large", "photo.download"}
    assert not holds_image(tmp_path / "missing")
    assert not holds_image(tmp_path)
