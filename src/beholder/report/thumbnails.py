"""Small images for a page that shows many of them."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from beholder.figures.png import png_uri

_AS_IT_IS = 96  # pixels; an image of at most that is not reduced, and pages enlarge it without blur
REDUCED_SIDE = 160  # pixels that a larger one gets on its long side


def thumbnail_uri(image: Image.Image, side: int = REDUCED_SIDE) -> str:
    """`image` (RGB or grey) as a data URI: a small one as a PNG, a larger one averaged down to `side`, as a JPEG."""
    if max(image.size) <= _AS_IT_IS:
        return png_uri(np.asarray(image), level=9)
    small = image.copy()
    small.thumbnail((side, side))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)  # a photograph of this size would be five times larger as PNG
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
