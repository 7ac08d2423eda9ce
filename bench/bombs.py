"""Images that are small as files and large in memory, and other hostile ones; each is a few hundred kilobytes."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

SIDE = 9_999  # pixels: just below what the server reads


def png(width: int, height: int, kind: int, bytes_a_pixel: int, depth: int = 8, extra: bytes = b"") -> bytes:
    """A PNG of zeros, written row by row."""
    squeeze = zlib.compressobj(9)
    row = bytes(1 + width * bytes_a_pixel)
    body = b"".join([*(squeeze.compress(row) for _ in range(height)), squeeze.flush()])
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def saved(mode: str, side: int, kind: str, **options: object) -> bytes:
    """A black square in another format."""
    buffer = io.BytesIO()
    Image.new(mode, (side, side)).save(buffer, kind, **options)
    return buffer.getvalue()


def all_bombs() -> dict[str, bytes]:
    """From a name to a file."""
    zeros = zlib.compress(bytes(200_000_000), 9)
    return {
        "RGBA": png(SIDE, SIDE, 6, 4),
        "RGBA of 16 bits": png(SIDE, SIDE, 6, 8, 16),
        "grey of 16 bits": png(SIDE, SIDE, 0, 2, 16),
        "30,000 x 30,000": png(30_000, 30_000, 0, 1),
        "a long strip": png(50_000_000, 2, 0, 1),
        "text of 200 MB": png(32, 32, 2, 3, extra=chunk(b"zTXt", b"a\0\0" + zeros)),
        "profile of 200 MB": png(32, 32, 2, 3, extra=chunk(b"iCCP", b"a\0\0" + zeros)),
        "GIF": saved("P", SIDE, "GIF"),
        "TIFF": saved("CMYK", SIDE, "TIFF", compression="tiff_adobe_deflate"),
        "WebP": saved("RGBA", 9_000, "WEBP", lossless=True, quality=0, method=0),
        "JPEG": saved("RGB", SIDE, "JPEG", progressive=True),
        "BMP that says so": b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, SIDE, SIDE, 1, 24, 0, 0, 1, 1, 0, 0),
    }
