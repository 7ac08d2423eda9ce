"""How much memory decoding an image takes, told from its header, and how much that may be.

A file of a few bytes can announce an image of a gigabyte. An honest one shrinks to a hundredth at best, so the bound
is a question of the file's size.
"""

from __future__ import annotations

import io
from typing import IO

from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

# Bytes that decoding an image may take whatever its file is, and as a multiple of the file's size.
_MOST_BYTES, _MOST_GROWING = 1_000_000_000, 100


def excessive_memory(image: ImageFile, stream: IO[bytes]) -> int | None:
    """Bytes of memory that decoding `image`, read from `stream`, would take; None where that is not too much."""
    need = image.width * image.height * _bytes_a_pixel(image)
    if need <= _MOST_BYTES:
        return None
    place = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(place)
    return need if need > _MOST_GROWING * size else None


def _bytes_a_pixel(image: ImageFile) -> int:
    """As measured with Pillow 13 on images of 25 million pixels, rounded up."""
    if isinstance(image, WebPImageFile):
        return 17
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    layered = isinstance(image, TiffImageFile | GifImageFile) or bool(image.info.get("progressive"))
    return 10 if transparent or layered or image.mode.startswith("I;16") else 5
