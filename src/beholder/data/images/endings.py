"""Image files that lack their end, as of a download that was cut off: taken where all pixels are there, and it is said.

A JPEG ends with a marker and a PNG with a chunk that say nothing of the image; without them, and without the last few
numbers before them, the image is what most people want. Other formats are refused by what reads them.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import IO

import numpy as np
from PIL import Image

from beholder.data.images.headers import RefusedError, StoredImage, open_stream
from beholder.data.kinds import IMAGES, FileKind

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG"
_JPEG_END, _JPEG_SCAN, _PNG_END = b"\xff\xd9", b"\xff\xda", b"IEND\xaeB`\x82"
_TAIL = 4096  # bytes behind its end that other programs may have written
# ITU-T T.81: blocks without numbers are mid-grey, and of a progressive image the last scan is the finest.
_GREY, _MOST_MISSING, _LAST_BAND = 128, 0.02, 63


def lacks_end(image: StoredImage | bytes) -> bool:
    """Whether an image file, or its bytes, is a JPEG or PNG that ends before its own end; False where it is none."""
    try:
        with open_stream(image) as stream:
            return stream_lacks_end(stream)
    except (OSError, RefusedError):
        return False


def stream_lacks_end(stream: IO[bytes]) -> bool:
    """As `lacks_end`, of an image file that is open, wherever it was read to; an `OSError` where it cannot be read."""
    stream.seek(0)
    start = stream.read(4)
    if not start.startswith((_JPEG, _PNG)):
        return False
    end = _JPEG_END if start.startswith(_JPEG) else _PNG_END
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
    if end in stream.read():
        return False
    stream.seek(0)
    content = stream.read()
    return end not in content[content.rfind(_JPEG_SCAN) if end == _JPEG_END else 0 :]


def completed(stream: IO[bytes]) -> IO[bytes]:
    """A JPEG file with the end that it lacks.

    Raises:
        RefusedError: it is cut short within what makes the image.
    """
    stream.seek(0)
    content = stream.read()
    scan = content.rfind(_JPEG_SCAN)
    components = content[scan + 4] if 0 <= scan < len(content) - 5 else 0
    last = content[scan + 5 + 2 * components :][:3]  # first and last band, and the bits that are left for later scans
    if len(last) < 3 or last[1] != _LAST_BAND or last[2] & 15:
        raise RefusedError("it is cut short; get a complete copy, or remove it")
    return io.BytesIO(content + _JPEG_END)


def refuse_missing(image: Image.Image) -> None:
    """Refuse a completed image of which more than a fiftieth is missing.

    Raises:
        RefusedError: it is.
    """
    pixels = np.asarray(image).astype(np.int16)
    drawn = np.abs(pixels - _GREY).reshape(image.height, image.width, -1).max(-1) > 1  # (H, W)
    # It is drawn row by row: what is missing stands at the ends of the last rows.
    missing = np.where(drawn.any(1), drawn[:, ::-1].argmax(1), image.width)[::-1]
    missing = missing[: (missing == 0).argmax() if (missing == 0).any() else None]
    if missing.sum() > _MOST_MISSING * image.width * image.height:
        raise RefusedError("it is cut short; get a complete copy, or remove it")


def endings_in_words(names: Sequence[str], kind: FileKind = IMAGES) -> str | None:
    """A sentence about files of a kind called `names`, which lack their ends; None where there are none."""
    if not names:
        return None
    which = f"{kind.count(len(names))} {'lacks its end' if len(names) == 1 else 'lack their ends'}"
    taken = "is taken as far as it goes" if len(names) == 1 else "are taken as far as they go"
    return f"{which}, as after a download that broke off, and {taken}; the first: {names[0]!r}."
