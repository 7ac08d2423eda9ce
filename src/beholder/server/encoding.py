"""JSON as the page gets it: it holds any file name."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


class EscapedJSON(JSONResponse):
    """JSON in ASCII alone: a file name that is no text reaches the page, and comes back, as it is."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")
