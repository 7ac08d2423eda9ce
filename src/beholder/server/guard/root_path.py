"""The path under which a proxy serves the page, such as `/photos`, taken off the requests of one that leaves it on."""

from __future__ import annotations

import re

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from beholder.errors import UsageError

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def checked_root_path(text: str) -> str:
    """`text` with a slash before it and none behind; empty for none.

    Raises:
        UsageError: it is no path.
    """
    path = "/" + text.strip("/") if text.strip("/") else ""
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise UsageError(f"Expected a path for --root-path, such as /photos. Received: {text!r}.")
    return path


class RootPath:
    """Middleware that takes `path` off the requests that begin with it; all links of the pages are relative.

    Args:
        app: what is served below it.
        path: as `checked_root_path` returns it.
    """

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and self.path:
            if scope["path"] == self.path:  # without the slash relative links would lead beside it
                await RedirectResponse(f"{self.path}/", 308)(scope, receive, send)
                return
            if scope["path"].startswith(f"{self.path}/"):
                scope = {**scope, "path": scope["path"].removeprefix(self.path)}
        await self.app(scope, receive, send)
