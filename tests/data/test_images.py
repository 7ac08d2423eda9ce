"""Whatever file a person brings becomes pixels by one rule, or one sentence."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from beholder.data.images.decode import ImageRules, decode, read_size
from beholder.errors import DataError, ImageError

# Pytest puts its own warning filters over ours; `test_damaged_metadata_is_not_muttered_about` looks at the real ones.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

RGB = ImageRules(12, 16, "RGB")
GREY = ImageRules(12, 16, "L")


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    """An image that JPEG hardly changes."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 * x / width, 255 * y / height, 255 * (x + y) / (width + height)], -1).astype(np.uint8)


def encoded(pixels: NDArray[Any] | Image.Image, kind: str, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and has next to no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
def test_an_image_of_the_right_size_keeps_its_pixels(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    pixels = noise(12, 16, 3)
    content = encoded(pixels, kind, **options)
    path = tmp_path / "with space\nand line"
    path.write_bytes(content)
    np.testing.assert_array_equal(decode(content, RGB), pixels)
    np.testing.assert_array_equal(decode(path, RGB), pixels)
    assert decode(content, RGB).dtype == np.uint8


def test_a_jpeg_decodes_as_pillow_decodes_it() -> None:
    content = encoded(smooth(12, 16), "JPEG")
    np.testing.assert_array_equal(decode(content, RGB), np.asarray(Image.open(io.BytesIO(content))))


def test_grey_mode_has_one_channel_of_luma() -> None:
    pixels = noise(12, 16, 3)
    luma = pixels.astype(float) @ [0.299, 0.587, 0.114]
    decoded = decode(encoded(pixels, "PNG"), GREY)
    assert decoded.shape == (12, 16, 1)
    np.testing.assert_allclose(decoded[..., 0], luma, atol=1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_stand_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = (12, 16) if orientation < 5 else (16, 12)
    content = encoded(smooth(*stored), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(decode(content, RGB), np.asarray(upright.convert("RGB")))
    assert read_size(content) == (12, 16)


def test_a_turned_large_image_is_resized_like_an_upright_one() -> None:
    pixels = smooth(240, 400)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(np.rot90(pixels), "PNG", exif=exif)
    np.testing.assert_allclose(decode(turned, RGB).astype(int), decode(encoded(pixels, "PNG"), RGB), atol=2)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"junk", b"Exif\0\0"]
)
def test_damaged_exif_is_no_reason_to_refuse_an_image(exif: bytes) -> None:
    content = encoded(smooth(12, 16), "JPEG", exif=exif)
    assert decode(content, RGB).shape == (12, 16, 3)


def test_damaged_metadata_is_not_muttered_about(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(encoded(smooth(12, 16), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff"))
    script = (
        "import sys, pathlib; from beholder.data.images.decode import ImageRules, decode; "
        "print(decode(pathlib.Path(sys.argv[1]), ImageRules(8, 8, 'RGB')).shape)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("(8, 8, 3)\n", "")


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(kind: str) -> None:
    values = np.linspace(0, 65535, 12 * 16).astype(np.uint16).reshape(12, 16)
    decoded = decode(encoded(values, kind), GREY)[..., 0]
    np.testing.assert_array_equal(decoded, np.rint(values / 257))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_numbers_without_a_known_range_are_refused(dtype: type) -> None:
    with pytest.raises(ImageError, match="8 or 16 bits"):
        decode(encoded(np.ones((12, 16), dtype), "TIFF"), RGB)


def test_transparency_lies_on_white() -> None:
    pixels = noise(12, 16, 4)
    alpha = pixels[..., 3:].astype(float) / 255
    expected = pixels[..., :3] * alpha + 255 * (1 - alpha)
    np.testing.assert_allclose(decode(encoded(pixels, "PNG"), RGB), expected, atol=1.01)


def test_every_kind_of_transparency_shows_white() -> None:
    clear = Image.new("LA", (16, 12), (0, 0))
    palette = Image.new("P", (16, 12), 1)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    images = [
        encoded(clear, "PNG"),
        encoded(palette, "PNG", transparency=1),
        encoded(palette, "PNG", transparency=bytes([255, 0])),
        encoded(palette, "GIF", transparency=1),
        encoded(Image.new("RGB", (16, 12), (1, 2, 3)), "PNG", transparency=(1, 2, 3)),
        encoded(Image.new("L", (16, 12), 7), "PNG", transparency=7),
        encoded(Image.new("1", (16, 12), 1), "PNG", transparency=1),
        encoded(Image.new("RGBA", (16, 12), (0, 0, 0, 0)), "WEBP", lossless=True),
    ]
    for content in images:
        assert decode(content, RGB).min() == 255


def test_palette_and_cmyk_show_their_colours() -> None:
    palette = Image.new("P", (16, 12), 1)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    np.testing.assert_array_equal(decode(encoded(palette, "PNG"), RGB), np.full((12, 16, 3), [40, 50, 60]))
    for kind in ("JPEG", "TIFF"):
        red = decode(encoded(Image.new("CMYK", (16, 12), (0, 255, 255, 0)), kind), RGB)
        np.testing.assert_allclose(red, np.full((12, 16, 3), [255, 0, 0]), atol=3)


def test_a_gif_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (16, 12), colour) for colour in ("red", "lime")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(content, RGB), np.full((12, 16, 3), [255, 0, 0]))


@pytest.mark.parametrize("turn", [False, True])
def test_what_stands_over_is_cut_equally(turn: bool) -> None:
    bars = np.zeros((30, 90, 3), np.uint8)
    bars[:, :30, 0], bars[:, 30:60, 1], bars[:, 60:, 2] = 255, 255, 255
    decoded = decode(encoded(bars.swapaxes(0, 1) if turn else bars, "PNG"), ImageRules(10, 10, "RGB"))
    inner = decoded[1:-1, 1:-1]
    np.testing.assert_array_equal(inner, np.full(inner.shape, [0, 255, 0]))


@settings(max_examples=60)
@given(st.integers(2, 300), st.integers(2, 300), st.integers(1, 64), st.integers(1, 64))
def test_every_size_becomes_every_size(height: int, width: int, to_height: int, to_width: int) -> None:
    content = encoded(np.full((height, width, 3), 77, np.uint8), "BMP")
    decoded = decode(content, ImageRules(to_height, to_width, "RGB"))
    assert decoded.shape == (to_height, to_width, 3)
    assert (decoded == 77).all()


def test_a_large_jpeg_is_the_same_image_as_its_pixels() -> None:
    pixels = smooth(1200, 1600)
    np.testing.assert_allclose(
        decode(encoded(pixels, "JPEG"), RGB).astype(int), decode(encoded(pixels, "PNG"), RGB), atol=3
    )


def _bmp(width: int, height: int) -> bytes:
    content = bytearray(encoded(np.zeros((4, 4, 3), np.uint8), "BMP"))
    content[18:26] = struct.pack("<ii", width, height)
    return bytes(content)


def _gif(width: int, height: int) -> bytes:
    content = bytearray(encoded(Image.new("P", (4, 4)), "GIF"))
    content[6:10] = struct.pack("<HH", width, height)
    return bytes(content)


@pytest.mark.parametrize("make", [png_header, _bmp, _gif])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(make: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for read in (read_size, lambda content: decode(content, RGB)):
            with pytest.raises(ImageError, match="50000 x 50000 pixels"):
                read(make(50_000, 50_000))


def test_an_image_of_a_hundred_megapixels_is_read() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_size(png_header(12_000, 9_000)) == (9_000, 12_000)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello, I am a text", "not a JPEG, PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a JPEG, PNG"),
        (encoded(noise(1, 1, 3), "PNG"), "1 x 1 pixels"),
        (encoded(noise(1, 40, 3), "BMP"), "40 x 1 pixels"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged|cut short"),
        (b"GIF89a", "damaged|cut short"),
        (b"II*\0", "damaged|cut short"),
    ],
)
def test_what_is_no_image_gets_one_sentence(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "no\nimage.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=reason) as caught:
        decode(path, RGB)
    assert repr(str(path)) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_half_an_image_is_refused(kind: str) -> None:
    content = encoded(noise(40, 40, 3), kind)
    with pytest.raises(ImageError):
        decode(content[: len(content) // 2], RGB)


def test_missing_files_and_folders_get_a_sentence(tmp_path: Path) -> None:
    for path, advice in ((tmp_path / "missing.png", "check the path"), (tmp_path, "give the image files in it")):
        with pytest.raises(ImageError, match=advice):
            decode(path, RGB)
        with pytest.raises(ImageError, match=advice):
            read_size(path)


_WHOLE = [encoded(smooth(24, 24), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")]


@settings(max_examples=400)
@given(st.sampled_from(_WHOLE), st.data())
def test_mutated_files_give_an_image_or_a_sentence(content: bytes, data: st.DataObject) -> None:
    mutated = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    mutated = mutated[: data.draw(st.integers(len(mutated) // 2, len(mutated)))]
    try:
        shape = decode(bytes(mutated), RGB).shape
    except ImageError:
        return
    assert shape == (12, 16, 3)


def test_rules_survive_json() -> None:
    assert ImageRules.from_json(RGB.to_json()) == RGB
    assert ImageRules.from_json(GREY.to_json()) == GREY


@pytest.mark.parametrize(
    "change",
    [
        {"rule": 99},
        {"height": 0},
        {"height": "12"},
        {"width": None},
        {"mode": "CMYK"},
        {"width": True},
        {"fit": "cover"},
    ],
)
def test_rules_of_another_kind_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        ImageRules.from_json(RGB.to_json() | change)
