"""The page's own files: right types, and a browser that asks whether they changed before it uses them again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from beholder.server.encoding import EscapedJSON

FOLDER = Path(__file__).with_name("static")
# Not as the system's tables have them, which differ: a browser refuses a script of another type.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


def routes() -> list[BaseRoute]:
    """`/` and all below `/static/`."""
    return [Route("/", page("index.html")), Mount("/static", _Files(directory=FOLDER))]


def page(name: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that shows the HTML file `name` of the static folder."""

    files = StaticFiles(directory=FOLDER)

    async def show(request: Request) -> Response:
        response = await files.get_response(name, request.scope)
        response.headers["Cache-Control"] = "no-cache"
        return response

    return show


def document(content: Any) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that answers with `content` as JSON, always the same."""

    async def show(_: Request) -> Response:
        return EscapedJSON(content)

    return show


class _Files(StaticFiles):
    """Files that come with an ETag, to be asked for again each time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def typed(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 304):
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-cache"
                kind = TYPES.get(Path(scope["path"]).suffix)
                if kind is not None and message["status"] == 200:
                    headers["Content-Type"] = kind
            await send(message)

        await super().__call__(scope, receive, typed)
