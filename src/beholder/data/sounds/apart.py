"""FLAC, Ogg, MP3 and compressed WAV, decoded by miniaudio in a process of its own: the one place that imports it.

miniaudio is a C program that files of strangers can bring down, and some of them keep busy. There it ends nobody else's
process: what it has decoded until then counts, and the next sound gets a new one. Each thread of ours has one, which it
keeps.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.images.fresh_process import fresh_process
from beholder.data.images.headers import RefusedError
from beholder.data.sounds.needs import has_miniaudio

_SECONDS = 60  # that one chunk may take
_MEMORY = 2 << 30  # bytes that the process may map beside what it has at its start
_FAULTS = (EOFError, ConnectionError)


class DamagedError(Exception):
    """The sound cannot be decoded, or no further."""


class _Decoder(threading.local):
    """The process of this thread, which ends with it."""

    def __init__(self) -> None:
        self.process = ExitStack()
        self.connection: Connection[Any, Any] | None = None
        self.owner = os.getpid()
        _stacks.add(self.process)

    def opened(self) -> Connection[Any, Any]:
        """Our end of a pipe to it."""
        if self.owner != os.getpid():  # we are a forked copy: the process is another's
            if self.connection is not None:
                self.connection.close()
            self.connection, self.process, self.owner = None, ExitStack(), os.getpid()
            _stacks.add(self.process)
        if self.connection is None:
            self.connection = self.process.enter_context(fresh_process(serve))
        return self.connection

    def ended(self) -> None:
        """Give it up."""
        self.connection = None
        self.process.close()


_stacks: weakref.WeakSet[ExitStack] = weakref.WeakSet()
_decoder = _Decoder()


def give_up() -> None:
    """End the process of this thread, if it has one; the next sound gets a new one."""
    _decoder.ended()


@atexit.register
def _end_all() -> None:
    """Before the interpreter goes, and with it what ends a process."""
    for stack in list(_stacks):
        stack.close()


def decoded_apart(
    source: bytes | tuple[str, int], kind: str, channels: int, rate: int, at_once: int
) -> Iterator[NDArray[np.float32]]:
    """A sound in chunks of up to `at_once` frames: (n, channels) float32, full scale at 1.

    Args:
        source: the file's bytes, or its path and where it begins.
        kind: its format, `FLAC`.
        channels: as it stores them.
        rate: in Hz, as it stores it.
        at_once: frames of a chunk.

    Raises:
        DamagedError: it cannot be decoded, or no further.
        RefusedError: miniaudio is not here.
    """
    if not has_miniaudio():
        raise RefusedError("reading sounds needs miniaudio; run `pip install 'beholder[sound]'`")
    whole = False
    try:
        connection = _decoder.opened()
        connection.send((source, kind, channels, rate, at_once))
        while connection.poll(_SECONDS):
            reply = connection.recv()
            if not isinstance(reply, bytes):
                whole = True
                if reply is not None:
                    raise DamagedError(reply)
                return
            yield np.frombuffer(reply, np.float32).reshape(-1, channels)
        raise DamagedError
    except _FAULTS as error:
        raise DamagedError from error
    finally:
        if not whole:
            give_up()


def serve(connection: Connection[Any, Any]) -> None:
    """What the process does: decode one sound after the other until the pipe closes."""
    import miniaudio

    _limit_memory()
    with suppress(*_FAULTS):
        while True:
            source, kind, channels, rate, at_once = connection.recv()
            try:
                for chunk in _decoded(miniaudio, source, kind, channels, rate, at_once):
                    connection.send(chunk.tobytes())
                connection.send(None)
            except (miniaudio.MiniaudioError, MemoryError, OSError) as error:
                connection.send(str(error) or type(error).__name__)


def _decoded(
    miniaudio: Any, source: bytes | tuple[str, int], kind: str, channels: int, rate: int, at_once: int
) -> Iterator[Any]:
    given = {
        "output_format": miniaudio.SampleFormat.FLOAT32,
        "nchannels": channels,
        "sample_rate": rate,
        "frames_to_read": at_once,
    }
    if isinstance(source, bytes):
        yield from miniaudio.stream_memory(source, **given)
        return
    path, begin = source
    formats = miniaudio.FileFormat
    encoding = {"WAV": formats.WAV, "FLAC": formats.FLAC, "MP3": formats.MP3}[kind]
    with Path(path).open("rb") as file:

        class Source(miniaudio.StreamableSource):
            def read(self, num_bytes: int) -> bytes:
                return file.read(num_bytes)

            def seek(self, offset: int, origin: Any) -> bool:
                if origin == miniaudio.SeekOrigin.START:
                    file.seek(begin + offset)
                else:
                    file.seek(offset, os.SEEK_CUR if origin == miniaudio.SeekOrigin.CURRENT else os.SEEK_END)
                return True

        file.seek(begin)
        yield from miniaudio.stream_any(Source(), source_format=encoding, **given)


def _limit_memory() -> None:
    """Let a sound that asks for all memory fail alone."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
