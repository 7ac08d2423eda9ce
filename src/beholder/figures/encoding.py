"""Images as bytes and as data URIs, for files and for pages that hold their own images."""

from __future__ import annotations

import base64
import io

from PIL import Image

_AS_IT_IS = 96  # pixels; an image of at most that is not reduced, and pages enlarge it without blur
_REDUCED = 160  # pixels that a larger one gets on its long side


def png_bytes(image: Image.Image, level: int = 6) -> bytes:
    """`image` as a PNG file, packed at `level` 0 (not at all) to 9 (as small as can be)."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def png_uri(image: Image.Image, level: int = 9) -> str:
    """`image` as the data URI of a PNG, packed at `level` as in `png_bytes`."""
    return _uri("png", png_bytes(image, level))


def thumbnail_uri(image: Image.Image) -> str:
    """`image` (RGB or grey) for a page of many: a small one as a PNG, a larger one averaged down, as a JPEG."""
    if max(image.size) <= _AS_IT_IS:
        return png_uri(image)
    small = image.copy()
    small.thumbnail((_REDUCED, _REDUCED))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)  # a photograph of this size would be five times larger as PNG
    return _uri("jpeg", buffer.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
