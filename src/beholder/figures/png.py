"""Images as PNG: the one encoder of every image that a page, a report or a document holds."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FAST = 1  # of the levels of compression, 0 to 9: twice as fast as the default, where the way to the browser is short


def png(pixels: NDArray[np.uint8], level: int = FAST) -> bytes:
    """`pixels` (H, W), or (H, W, 1, 3 or 4) uint8, as the content of a PNG file; lossless at each `level`."""
    file = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else np.ascontiguousarray(pixels))
    image.save(file, "PNG", compress_level=level)
    return file.getvalue()


def png_uri(pixels: NDArray[np.uint8], level: int = FAST) -> str:
    """`pixels` as for `png`, as a `data:image/png` address, which needs no request more."""
    return "data:image/png;base64," + base64.b64encode(png(pixels, level)).decode("ascii")


class ImageUri(str):
    """A `data:image/…` address in a result: whole as a text, and a few words where it is shown among others."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<image, {len(self):,} characters>"
