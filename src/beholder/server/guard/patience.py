"""Connections that nobody uses end: a head that does not come, an answer that nobody reads, too many at once.

Uvicorn bounds the pause between two requests and nothing else, so its protocol is completed here.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 20.0  # for the head of a request, and for the rest of a body that was refused
WRITE_SECONDS = 30.0  # that a full send buffer may stay full
LINGER_SECONDS = 2.0  # that a client which is turned away has to read why
LINGERING = 200  # of these at once; they are open files beside the connections that are allowed
IDLE_SECONDS = 75  # between two requests, as nginx has it
_SENTENCE = b'{"error": "The server holds too many connections; come back in a moment."}'
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_SENTENCE), _SENTENCE)
)


class PatientProtocol(H11Protocol):
    """HTTP/1.1 over one connection, with bounds on how long it waits.

    Attributes:
        most: connections at once; more are told to come back later. `serving.run_app` sets it.
        head_seconds: for a request's head, and for the rest of a body that was refused.
        write_seconds: for a client to take what was sent.
    """

    most = 4096
    head_seconds = HEAD_SECONDS
    write_seconds = WRITE_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head: asyncio.TimerHandle | None = None
        self._write: asyncio.TimerHandle | None = None
        self._turned_away = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        super().connection_made(cast("asyncio.Transport", transport))
        if len(self.connections) > self.most:
            self._turn_away()
            return
        self._head = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _turn_away(self) -> None:
        """Say why, and read what comes for a moment: closed with bytes unread, the answer would be lost to a reset."""
        self.transport.write(_BUSY)
        if len(self.connections) > self.most + LINGERING:
            self.transport.close()
            return
        self._turned_away = True
        self.transport.write_eof()
        self._head = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._turned_away:
            return
        super().data_received(data)
        # Uvicorn's cycle, None before the first, is a request in progress; bytes outside of one are the beginning of a
        # head, or the rest of a body that was refused.
        idle = not self.cycle or self.cycle.response_complete
        if not idle or self.transport.is_closing():
            self._head = _cancel(self._head)
        elif self._head is None:
            self._head = self.loop.call_later(self.head_seconds, self.transport.abort)

    def pause_writing(self) -> None:
        """The client does not take what was sent."""
        super().pause_writing()
        self._write = self.loop.call_later(self.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._write = _cancel(self._write)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._head, self._write = _cancel(self._head), _cancel(self._write)
        super().connection_lost(exc)


def _cancel(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
