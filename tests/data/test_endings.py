"""A person relies on: an image file that lacks its end, and nearly nothing else, is an image with a note."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Literal

import numpy as np
import pytest
from PIL import Image

from beholder.answering.misfits import Misfits
from beholder.cli import _run
from beholder.data.images.decode import ImageRules, decode, decode_and_look_at_end, read_size_and_end
from beholder.data.images.endings import lacks_end
from beholder.data.opening import open_source
from beholder.data.progress import silent
from beholder.errors import ImageError

RULES = ImageRules(120, 160, "RGB")
KINDS = {
    "JPEG": {},
    "progressive JPEG": {"progressive": True},
    "grey JPEG": {"mode": "L"},
    "CMYK JPEG": {"mode": "CMYK"},
    "small JPEG": {"size": (40, 30)},
    "PNG": {},
    "palette PNG": {"mode": "P"},
}


def photograph(seed: int = 0) -> Image.Image:
    across, down = np.meshgrid(np.arange(160), np.arange(120))
    waves = np.stack([np.sin(across / 7), np.cos(down / 9), np.sin((across + down) / 5)], -1) * 90 + 120
    return Image.fromarray((waves + np.random.default_rng(seed).integers(0, 30, waves.shape)).astype(np.uint8))


def content(kind: str, mode: str = "RGB", size: tuple[int, int] = (160, 120), **options: bool) -> bytes:
    stream = io.BytesIO()
    photograph().resize(size).convert(mode).save(stream, kind.rsplit(maxsplit=1)[-1], **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_what_lacks_its_end_alone_is_whole(kind: str) -> None:
    whole = content(kind, **KINDS[kind])  # type: ignore[arg-type]
    assert not lacks_end(whole)
    assert not lacks_end(whole + b"what another program wrote behind it")
    end = 2 if "JPEG" in kind else 12
    for missing in {1, 2, end}:
        assert lacks_end(whole[:-missing])
        np.testing.assert_array_equal(decode(whole[:-missing], RULES), decode(whole, RULES))


@pytest.mark.parametrize("kind", ["JPEG", "progressive JPEG", "grey JPEG", "CMYK JPEG"])
def test_a_jpeg_may_lack_a_few_numbers_more(kind: str) -> None:
    whole = content(kind, **KINDS[kind])  # type: ignore[arg-type]
    read = decode(whole[:-8], RULES)
    assert (read != decode(whole, RULES)).any(-1).mean() < 0.02


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.25, 0.6, 0.9])
def test_what_lacks_more_is_refused(kind: str, share: float) -> None:
    whole = content(kind, **KINDS[kind])  # type: ignore[arg-type]
    cut = whole[: int(len(whole) * (1 - share))]
    if kind == "progressive JPEG" and share == 0.25:  # all of the image is there, if coarse
        assert np.abs(decode(cut, RULES).astype(int) - decode(whole, RULES)).mean() < 10
        return
    with pytest.raises(ImageError, match=r"it is cut short|it is damaged"):
        decode(cut, RULES)


def test_it_is_said_where_people_answer_and_where_they_learn(
    tmp_path: Path, digits_run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for row in range(12):
        path = tmp_path / "photos" / "ab"[row % 2] / f"{row:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photograph(row).save(path)
    for row in (3, 4):
        path = tmp_path / "photos" / "ab"[row % 2] / f"{row:02}.jpg"
        path.write_bytes(path.read_bytes()[:-2])
    said = "2 images lack their ends, as after a download that broke off, and are taken as far as they go; the first: "
    for _ in range(2):  # decoded, and then from the cache
        source = open_source(tmp_path / "photos", cache=tmp_path / "cache")
        assert len(source.readers["all"](silent)) == 12
        assert source.told()[-1] == f"{said}'a/04.jpg'."
    assert _run(["predict", str(digits_run), str(tmp_path / "photos")]) == 0
    assert f"Note: {said}{str(tmp_path / 'photos' / 'a' / '04.jpg')!r}." in capfd.readouterr().err
    one = Misfits(RULES)
    one.look_at((tmp_path / "photos" / "b" / "03.jpg").read_bytes())
    assert one.notes() == [
        "1 image lacks its end, as after a download that broke off, and is taken as far as it goes; the first: '-'."
    ]


@pytest.mark.parametrize("given", [b"", b"\xff\xd8", b"\x89PNG", b"GIF89a", b"\xff\xd8\xff\xda\0\x08\x01"])
def test_what_is_no_image_is_refused_as_before(given: bytes) -> None:
    with pytest.raises(ImageError):
        decode(given, RULES)


class Counted:
    """An image file that counts how often it is opened: of one in a zip archive all bytes are unpacked each time."""

    def __init__(self, content: bytes) -> None:
        self.content, self.opened = content, 0

    def is_fifo(self) -> bool:
        return False

    def open(self, _mode: Literal["rb"], /) -> IO[bytes]:
        self.opened += 1
        return io.BytesIO(self.content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("cut", [0, 1])
def test_a_file_is_opened_once_for_its_pixels_or_size_and_its_end(kind: str, cut: int) -> None:
    whole = content(kind)
    image = Counted(whole[: len(whole) - cut])
    pixels, endless = decode_and_look_at_end(image, RULES)
    assert (image.opened, endless) == (1, cut > 0)
    np.testing.assert_array_equal(pixels, decode(whole, RULES))
    assert read_size_and_end(image) == ((120, 160), cut > 0)
    assert image.opened == 2


def test_a_file_that_is_not_there_has_no_end_to_lack(tmp_path: Path) -> None:
    assert not lacks_end(tmp_path / "nothing.jpg")
    assert not lacks_end(tmp_path)
