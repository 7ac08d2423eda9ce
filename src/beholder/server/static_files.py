"""The page's own files: right types, and a browser that asks whether they changed before it uses them again."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

_FOLDER = Path(__file__).with_name("static")
# Not as the system's tables have them, which differ: a browser refuses a script of another type.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def routes() -> list[BaseRoute]:
    """`/` and all below `/static/`."""
    return [Route("/", page("index.html")), Mount("/static", _Files(directory=_FOLDER))]


def page(name: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that shows the HTML file `name` of the static folder."""
    files = _Files(directory=_FOLDER)

    async def show(request: Request) -> Response:
        return await files.get_response(name, request.scope)

    return show


class _Files(StaticFiles):
    """Files that come with an ETag, to be asked for again each time."""

    def file_response(self, full_path: str | os.PathLike[str], *arguments: Any, **named: Any) -> Response:
        response = super().file_response(full_path, *arguments, **named)
        response.headers["Cache-Control"] = "no-cache"
        kind = _TYPES.get(Path(full_path).suffix)
        if kind is not None and response.status_code == 200:
            response.headers["Content-Type"] = kind
        return response
