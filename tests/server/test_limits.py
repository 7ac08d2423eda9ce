"""An operator relies on: whatever a client sends or fails to send, memory stays bounded and connections end."""

from __future__ import annotations

import asyncio
import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from beholder.server.app import assemble, classifier_app
from beholder.server.guard.host_names import Hosts
from beholder.server.guard.patience import PatientProtocol
from beholder.server.guard.request_limits import Limits
from beholder.server.prometheus import Metrics
from beholder.server.served import open_served

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def strict(served_run: Path) -> TestClient:
    """A server with small limits."""
    served = open_served(served_run, limits=Limits(body_bytes=20_000, images=3, pixels=10_000))
    return TestClient(classifier_app(served), base_url="http://localhost")


def image(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_large_body_is_refused_by_its_announced_length(strict: TestClient) -> None:
    response = strict.post("/predict", content=b"x" * 20_001, headers=PNG)
    assert response.status_code == 413
    assert "larger than" in response.json()["error"]


def test_a_large_body_is_refused_without_a_length_too(strict: TestClient) -> None:
    response = strict.post("/predict", content=(b"x" * 1000 for _ in range(1000)), headers=PNG)
    assert response.status_code == 413


def test_too_many_images_are_refused(strict: TestClient, images: list[bytes]) -> None:
    files = [("file", ("a.png", images[0]))] * 4
    assert strict.post("/predict", files=files[:3]).status_code == 200
    response = strict.post("/predict", files=files)
    assert response.status_code == 413
    assert "more than 3 images" in response.json()["error"]


def test_too_many_pixels_are_refused(strict: TestClient) -> None:
    assert strict.post("/predict", content=image(100), headers=PNG).status_code == 200
    response = strict.post("/predict", content=image(101), headers=PNG)
    assert response.status_code == 400
    assert "101 x 101 pixels" in response.json()["error"]


async def echo_size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


def application(limits: Limits) -> Starlette:
    return assemble([Route("/", echo_size, methods=["POST"])], Hosts(), limits, Metrics())


async def ask(app: Starlette, messages: asyncio.Queue[Message]) -> tuple[Message, Any]:
    """The head and the JSON of what `app` says to a POST whose body comes as `messages`."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}
    await app({**scope, "http_version": "1.1", "root_path": "", "scheme": "http"}, messages.get, send)
    return sent[0], json.loads(sent[1]["body"])


def piece(size: int, more: bool = True) -> Message:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


@pytest.mark.parametrize("limits", [Limits(pause_seconds=0.01), Limits(body_seconds=0.01)])
def test_a_body_that_does_not_come_is_not_waited_for(limits: Limits) -> None:
    async def story() -> tuple[Message, Any]:
        messages: asyncio.Queue[Message] = asyncio.Queue()
        messages.put_nowait(piece(10))
        return await ask(application(limits), messages)

    head, document = asyncio.run(story())
    assert head["status"] == 408
    assert "in time" in document["error"]


def test_bodies_that_fill_the_memory_together_are_told_to_come_back() -> None:
    async def story() -> tuple[Any, Any, Any]:
        app = application(Limits(held_bytes=1000))
        first: asyncio.Queue[Message] = asyncio.Queue()
        first.put_nowait(piece(800))
        waiting = asyncio.create_task(ask(app, first))
        while not first.empty():
            await asyncio.sleep(0)
        second: asyncio.Queue[Message] = asyncio.Queue()
        second.put_nowait(piece(800, more=False))
        refused = await ask(app, second)
        first.put_nowait(piece(10, more=False))
        answered = await waiting
        second.put_nowait(piece(800, more=False))
        return refused, answered, await ask(app, second)

    (refused, document), answered, later = asyncio.run(story())
    assert refused["status"] == 503
    assert dict(refused["headers"])[b"retry-after"] == b"1"
    assert "come back" in document["error"]
    assert (answered[1], later[1]) == (810, 800)


@contextmanager
def listening(app: Starlette, protocol: type[PatientProtocol]) -> Iterator[tuple[str, int]]:
    """A server in a thread; its address."""
    config = uvicorn.Config(app, port=0, http=protocol, ws="none", log_config=None, log_level="critical")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


def connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=20)


def rest(connection: socket.socket) -> bytes:
    """All that still comes until the server closes."""
    try:
        return b"".join(iter(lambda: connection.recv(65536), b""))
    except ConnectionResetError:
        return b""


def answer(connection: socket.socket) -> bytes:
    """One answer, head and body; the connection stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1)
    length = re.search(rb"content-length: (\d+)", received)
    assert length is not None
    return received + connection.recv(int(length[1]), socket.MSG_WAITALL)


class Hasty(PatientProtocol):
    head_seconds = 0.05
    write_seconds = 0.05


@pytest.mark.parametrize("start", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_connection_without_a_request_is_closed(start: bytes) -> None:
    with listening(application(Limits()), Hasty) as address, connected(address) as connection:
        connection.sendall(start)
        assert rest(connection) == b""


def test_a_second_request_that_does_not_come_is_not_waited_for() -> None:
    whole = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab"
    with listening(application(Limits()), Hasty) as address, connected(address) as connection:
        connection.sendall(whole)
        assert answer(connection).startswith(b"HTTP/1.1 200 OK")
        connection.sendall(b"POST / HTT")
        assert rest(connection) == b""


def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async def large(_: Request) -> Response:
        return PlainTextResponse(b"x" * 50_000_000)

    app = assemble([Route("/", large)], Hosts(), Limits(), Metrics())
    with listening(app, Hasty) as address, connected(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(
            10
        ):  # each is closed after the time that the first has to take its answer, once that is under way
            with connected(address) as other:
                assert rest(other) == b""
        assert len(rest(connection)) < 50_000_000


def test_the_rest_of_a_refused_body_is_read_so_that_its_sender_reads_why() -> None:
    body = b"x" * 3_000_000
    with listening(application(Limits(body_bytes=1000)), PatientProtocol) as address, connected(address) as connection:
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)
        assert answer(connection).startswith(b"HTTP/1.1 413")
        connection.sendall(head % 2 + b"ab")
        assert answer(connection).startswith(b"HTTP/1.1 200")


def test_too_many_connections_are_told_to_come_back() -> None:
    class Few(PatientProtocol):
        most = 1

    with listening(application(Limits()), Few) as address, connected(address) as first:
        first.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na")
        with connected(address) as second:
            refused = rest(second)
        assert refused.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: 1" in refused
        with connected(address) as third:  # it asks before it hears that it may not
            third.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
            time.sleep(0.3)
            assert rest(third).startswith(b"HTTP/1.1 503")
        first.sendall(b"b")
        assert answer(first).startswith(b"HTTP/1.1 200")
