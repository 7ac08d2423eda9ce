"""What a request may ask for, and how long its body may take to come: clear 4xx answers instead of a full memory."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beholder.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        body_bytes: of one request.
        held_bytes: of the bodies of all requests together; more are told to come back later.
        images: in one request, or sounds.
        pixels: of one image.
        request_pixels: of all images of one request; those beyond are refused one by one.
        seconds: of one sound.
        samples: of one sound, all its channels together.
        request_seconds: of all sounds of one request; likewise.
        json_bytes: of a JSON document: it takes many times its size in memory.
        waiting: images or sounds of all requests together that wait for an answer; more are told to come back later.
        pause_seconds: between two pieces of a body.
        body_seconds: for a whole body.
    """

    body_bytes: int = 64 * 2**20
    held_bytes: int = 256 * 2**20
    images: int = 256
    pixels: int = 100_000_000
    request_pixels: int = 400_000_000
    seconds: float = 600.0
    samples: int = 100_000_000
    request_seconds: float = 3600.0
    json_bytes: int = 4 * 2**20
    waiting: int = 1024
    pause_seconds: float = 10.0
    body_seconds: float = 120.0


async def read_json(request: Request, limits: Limits) -> Any:
    """The JSON document in the body of `request`.

    Raises:
        HTTPException: 413, it is larger than a document may be.
        UsageError: it is no JSON, or nested too deep.
    """
    body = await request.body()
    if len(body) > limits.json_bytes:
        raise HTTPException(413, f"The document is larger than {limits.json_bytes / 2**20:g} MiB; send it in parts.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError("Expected a JSON document. Received: something that is not JSON.") from error


class BoundedBodies:
    """Middleware that holds request bodies to `limits`: 413, 408, and 503 while too many are in memory at once.

    What still comes of a body that was refused is thrown away by Uvicorn, so that its sender comes to read why.

    Args:
        app: what is served below it.
        limits: the bounds.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self.held = 0  # bytes, of all bodies that came and are not answered yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(self, Headers(scope=scope), receive)
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.held -= body.size


class _Body:
    """One request's body as it comes in."""

    def __init__(self, bounds: BoundedBodies, headers: Headers, receive: Receive) -> None:
        self.bounds = bounds
        self.limits = bounds.limits
        self.source = receive
        self.size = 0
        self.complete = False
        self.deadline: float | None = None
        announced = headers.get("content-length", "")
        self.announced = int(announced) if announced.isdecimal() else 0
        # Who waits for a go-ahead and gets a refusal may send the body or not: only closing is clear.
        waits = headers.get("expect", "").lower() == "100-continue"
        self.headers = {"Connection": "close"} if waits else {}

    async def receive(self) -> Message:
        """The next message, as ASGI has it."""
        if self.complete:
            return await self.source()  # waits until the client has gone
        self._check(max(self.size, self.announced))
        try:
            async with asyncio.timeout_at(self._next_deadline()):
                message = await self.source()
        except TimeoutError as error:
            raise HTTPException(
                408, "The body of the request did not arrive in time; send it again.", self.headers
            ) from error
        if message["type"] == "http.request":
            self.complete = not message.get("more_body", False)
            length = len(message.get("body", b""))
            self.size += length
            self.bounds.held += length
            self._check(self.size)
        return message

    def _next_deadline(self) -> float:
        now = asyncio.get_running_loop().time()
        if self.deadline is None:
            self.deadline = now + self.limits.body_seconds
        return min(self.deadline, now + self.limits.pause_seconds)

    def _check(self, size: int) -> None:
        if size > self.limits.body_bytes:
            allowed = self.limits.body_bytes / 2**20
            sentence = f"The request is larger than {allowed:g} MiB; send smaller or fewer files."
            raise HTTPException(413, sentence, self.headers)
        if size and self.bounds.held > self.limits.held_bytes:
            sentence = "The server holds as much as it can; come back in a moment."
            raise HTTPException(503, sentence, {"Retry-After": "1", **self.headers})
