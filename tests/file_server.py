"""A server on this machine that sends one file: whole, cut short, changed, or not at all."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer:
    """What answers.

    Attributes:
        address: without a last slash; `/ok/NAME` answers with the file, `/truncated/NAME` breaks off in its middle,
            `/changed/NAME` sends another last byte, and `/missing/NAME` says 404.
        asked: paths that were asked for.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[str] = []


@contextlib.contextmanager
def serving(content: bytes) -> Iterator[FileServer]:
    """A server that sends `content`, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            kind = self.path.split("/")[1]
            if kind == "missing":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            changed = content[:-1] + bytes([content[-1] ^ 1])
            self.wfile.write({"ok": content, "truncated": content[: len(content) // 2], "changed": changed}[kind])

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name that http.server uses)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        server = FileServer(f"http://127.0.0.1:{running.server_address[1]}")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()


def closed_address() -> str:
    """An address of this machine where nobody answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        return f"http://127.0.0.1:{closed.server_address[1]}"
