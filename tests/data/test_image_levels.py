"""A person relies on: black, white and colours are those that the file means, or the file is refused.

The files are written here byte by byte, by their specifications, so that nothing of Pillow's stands on both sides.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from beholder.data.images.decode import ImageRules, decode, decode_opened, read_size
from beholder.errors import ImageError

HEIGHT, WIDTH = 12, 16
RGB = ImageRules(HEIGHT, WIDTH, "RGB")
GREY = ImageRules(HEIGHT, WIDTH, "L")
SHADES = np.linspace(0, 1, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
COLOURS = np.stack([SHADES, SHADES[::-1], SHADES.T.reshape(HEIGHT, WIDTH)], -1)
ALPHA = SHADES[:, ::-1]

Tags = dict[int, tuple[int, ...]]


def levels(values: NDArray[Any], bits: int = 8) -> NDArray[Any]:
    found: NDArray[Any] = np.rint(values * (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)
    return found


def tiff(*pages: tuple[NDArray[Any] | bytes, Tags], order: Literal["<", ">"] = "<") -> bytes:
    """Pages of one strip each, uncompressed; `tags` override what follows from the pixels."""
    content = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    link = 4
    for pixels, tags in pages:
        data = pixels if isinstance(pixels, bytes) else pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        size = (HEIGHT, WIDTH) if isinstance(pixels, bytes) else pixels.shape[:2]
        channels = 1 if isinstance(pixels, bytes) or pixels.ndim == 2 else pixels.shape[2]
        bits = 8 if isinstance(pixels, bytes) else 8 * pixels.itemsize
        every: Tags = {
            256: (size[1],),
            257: (size[0],),
            258: (bits,) * channels,
            259: (1,),
            262: (1 if channels < 3 else 2,),
            273: (len(content),),
            277: (channels,),
            278: (size[0],),
            279: (len(data),),
        } | tags
        content += data + bytes(len(data) % 2)
        entries, behind = b"", len(content) + 2 + 12 * len(every) + 4
        extra = b""
        for tag, values in sorted(every.items()):
            if len(values) > 2:
                field = struct.pack(f"{order}I", behind + len(extra))
                extra += struct.pack(f"{order}{len(values)}H", *values)
            else:
                field = struct.pack(f"{order}{len(values)}H", *values).ljust(4, b"\0")
            entries += struct.pack(f"{order}HHI", tag, 3, len(values)) + field
        struct.pack_into(f"{order}I", content, link, len(content))
        content += struct.pack(f"{order}H", len(every)) + entries
        link = len(content)
        content += bytes(4) + extra
    return bytes(content)


def packed(values: NDArray[Any], bits: int) -> bytes:
    """Rows of values of `bits`, each row filled to a byte."""
    rows = [((row.astype(int)[:, np.newaxis] >> np.arange(bits)[::-1]) & 1).ravel() for row in values]
    return b"".join(np.packbits(row.astype(np.uint8)).tobytes() for row in rows)


def png(depth: int, kind: int, rows: NDArray[Any], transparent: bytes = b"") -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, 0)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    middle = chunk(b"tRNS", transparent) if transparent else b""
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + middle + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    )


def bmp(pixels: NDArray[Any], masks: tuple[int, ...], head: int) -> bytes:
    """32 bits a pixel with masks, the last of them for alpha, from the bottom to the top."""
    data = pixels[::-1].tobytes()
    info = struct.pack("<IiiHHIIiiII", head, WIDTH, HEIGHT, 1, 32, 3, len(data), 2835, 2835, 0, 0)
    info += struct.pack(f"<{len(masks)}I", *masks)
    info = info.ljust(head, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(info) + len(data), 0, 0, 14 + len(info)) + info + data


def grey_of(content: bytes) -> NDArray[Any]:
    return decode(content, GREY)[..., 0].astype(int)


def white_below(values: NDArray[Any]) -> NDArray[Any]:
    """`values` from 0 to 1 with ALPHA, laid on white."""
    alpha = ALPHA[..., np.newaxis] if values.ndim == 3 else ALPHA
    return (values * alpha + 1 - alpha) * 255


@pytest.mark.parametrize(
    ("bits", "white_is_zero"), [*((bits, white) for bits in (1, 2, 4, 8, 16) for white in (False, True)), (12, False)]
)
def test_grey_tiffs_of_any_depth_are_as_bright_as_they_say(bits: int, white_is_zero: bool) -> None:
    values = levels(SHADES, bits)
    stored = (2**bits - 1) - values if white_is_zero else values
    tags: Tags = {258: (bits,), 262: (0 if white_is_zero else 1,)}
    content = tiff((packed(stored, bits) if bits not in (8, 16) else stored, tags))
    np.testing.assert_allclose(grey_of(content), values / (2**bits - 1) * 255, atol=0.51)
    opened = Image.open(io.BytesIO(content))
    np.testing.assert_array_equal(decode_opened(opened, GREY)[..., 0], grey_of(content))


def test_a_turned_tiff_with_white_as_zero_stands_upright() -> None:
    content = tiff((65535 - levels(SHADES, 16), {262: (0,), 274: (3,)}))
    np.testing.assert_allclose(grey_of(content), SHADES[::-1, ::-1] * 255, atol=0.51)


@pytest.mark.parametrize("order", ["<", ">"])
def test_colours_of_16_bits_lose_their_low_byte(order: Literal["<", ">"]) -> None:
    content = tiff((levels(COLOURS, 16), {}), order=order)
    np.testing.assert_allclose(decode(content, RGB), COLOURS * 255, atol=1)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("meaning", [0, 1, 2])
def test_a_fourth_channel_of_a_tiff_is_what_it_says(bits: int, meaning: int) -> None:
    colours = COLOURS * ALPHA[..., np.newaxis] if meaning == 1 else COLOURS
    content = tiff((levels(np.dstack([colours, ALPHA]), bits), {338: (meaning,)}))
    expected = COLOURS * 255 if meaning == 0 else white_below(COLOURS)
    np.testing.assert_allclose(decode(content, RGB), expected, atol=3)


@pytest.mark.parametrize("meaning", [1, 2])
def test_grey_with_alpha_lies_on_white(meaning: int) -> None:
    shades = SHADES * ALPHA if meaning == 1 else SHADES
    content = tiff((levels(np.dstack([shades, ALPHA])), {338: (meaning,)}))
    np.testing.assert_allclose(grey_of(content), white_below(SHADES), atol=2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tiff((SHADES.astype(np.float16), {339: (3,)})), "stored in a way"),
        (tiff((SHADES.astype(np.float32), {339: (3,)})), "no known range"),
        (tiff((levels(SHADES).astype(np.int8), {339: (2,)})), "signed"),
        (tiff((levels(SHADES, 15).astype(np.int16), {339: (2,)})), "signed"),
        (tiff((levels(SHADES, 16).astype(np.uint32), {})), "no known range"),
        (tiff((packed(levels(SHADES, 10), 10), {258: (10,)})), "stored in a way"),
        (tiff((packed(levels(SHADES, 12), 12), {258: (12,), 262: (0,)})), "stored in a way"),
        (tiff((65535 - levels(SHADES, 16), {262: (0,)}), order=">"), "stored in a way"),
        (tiff((levels(COLOURS, 16), {284: (2,), 273: (8, 8, 8), 279: (384, 384, 384)})), "one after the other"),
        (tiff((levels(np.dstack([SHADES, ALPHA])), {284: (2,), 338: (2,)})), "one after the other"),
        (tiff((levels(SHADES), {259: (34712,)})), "compressed in a way"),
        (png(16, 2, levels(COLOURS, 16).astype(">u2"), bytes(6)), "16-bit colour as transparent"),
        (bmp(levels(np.dstack([COLOURS, ALPHA])), (0x3FF00000, 0xFFC00, 0x3FF), 56), "stored in a way"),
        (b"\0\0\0\x18ftypheic" + bytes(99), "a HEIC image, which Beholder does not read; save it as PNG or JPEG"),
        (b"\0\0\0\x18ftypavif" + bytes(99), "an AVIF image"),
        (b"8BPS" + bytes(99), "a Photoshop image"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(99), "a Canon raw image"),
    ],
)
def test_what_would_be_misread_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decode(content, RGB)


def test_a_thumbnail_or_a_mask_before_the_image_is_passed_over() -> None:
    small, whole = levels(SHADES[::2, ::2]), levels(SHADES)
    for kind in (1, 4, 5):
        content = tiff((small, {254: (kind,)}), (small, {254: (kind,)}), (whole, {}))
        assert read_size(content) == (HEIGHT, WIDTH)
        np.testing.assert_array_equal(grey_of(content), whole)
    alone = tiff((small, {254: (1,)}), (small, {254: (1,)}))
    assert read_size(alone) == small.shape
    raw = tiff((small, {254: (1,), 330: (8,)}))
    with pytest.raises(ImageError, match="only a preview of it could be read"):
        decode(raw, GREY)
    two_scans = tiff((whole, {}), (255 - whole, {}))
    np.testing.assert_array_equal(grey_of(two_scans), whole)


def test_16_bit_png_grey_that_is_transparent_is_white() -> None:
    values = levels(SHADES, 16)
    key = int(values[3, 3])
    content = png(16, 0, values.astype(">u2"), struct.pack(">H", key))
    expected = np.where(values == key, 255, np.rint(SHADES * 255))
    np.testing.assert_array_equal(grey_of(content), expected)
    np.testing.assert_array_equal(decode(content, RGB)[..., 1], expected)


def test_png_with_16_bits_and_alpha_lies_on_white() -> None:
    grey = png(16, 4, np.dstack([levels(SHADES, 16), levels(ALPHA, 16)]).astype(">u2"))
    np.testing.assert_allclose(grey_of(grey), white_below(SHADES), atol=2)
    colour = png(16, 6, np.dstack([levels(COLOURS, 16), levels(ALPHA, 16)]).astype(">u2"))
    np.testing.assert_allclose(decode(colour, RGB), white_below(COLOURS), atol=2)


@pytest.mark.parametrize("head", [56, 108, 124])
def test_a_bmp_whose_alpha_was_left_empty_is_opaque(head: int) -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    blue_first = levels(COLOURS)[..., ::-1]
    empty = bmp(np.dstack([blue_first, np.zeros((HEIGHT, WIDTH), np.uint8)]), masks, head)
    np.testing.assert_array_equal(decode(empty, RGB), levels(COLOURS))
    used = bmp(np.dstack([blue_first, levels(ALPHA)]), masks, head)
    np.testing.assert_allclose(decode(used, RGB), white_below(COLOURS), atol=1.5)


def test_what_a_gifs_first_frame_does_not_cover_is_white() -> None:
    image = Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10) % 2, "P")
    image.putpalette([200, 100, 50, 0, 0, 250])
    stream = io.BytesIO()
    image.save(stream, "GIF")
    content = bytearray(stream.getvalue())
    frame = content.index(b"\x2c\0\0\0\0\x0a\0\x06\0")
    content[6:10] = struct.pack("<HH", WIDTH, HEIGHT)
    content[frame + 1 : frame + 5] = struct.pack("<HH", 3, 2)
    expected = np.full((HEIGHT, WIDTH, 3), 255)
    expected[2:8, 3:13] = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(decode(bytes(content), RGB), expected)


def test_tifffile_reads_the_same(tmp_path: Any) -> None:
    tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed")
    cases: list[tuple[NDArray[Any], dict[str, Any]]] = [
        (levels(SHADES, bits), {"photometric": photometric, "compression": compression, "byteorder": order})
        for bits in (8, 16)
        for photometric in ("minisblack", "miniswhite")
        for compression in (None, "zlib")
        for order in "<>"
    ]
    read = 0
    for number, (pixels, options) in enumerate(cases):
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, pixels, **options)
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            values = page.asarray() / (2**page.bitspersample - 1)
            expected = 1 - values if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE else values
        try:
            found = grey_of(path.read_bytes())
        except ImageError:
            continue
        read += 1
        np.testing.assert_allclose(found, expected * 255, atol=0.51)
    assert read >= 14  # 16-bit white-is-zero in big endian is refused
