"""What the page gets: JSON that holds any file name, and images in it, as data URIs that need no request more."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.responses import JSONResponse


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """`pixels` (H, W), or (H, W, 1, 3 or 4) uint8, as a lossless `data:image/png` address."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else np.ascontiguousarray(pixels))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # twice as fast as the default, and the way to the browser is short
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


class EscapedJSON(JSONResponse):
    """JSON in ASCII alone: a file name that is no text reaches the page, and comes back, as it is."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")
