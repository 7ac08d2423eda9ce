"""The standard streams of a command, which may be closed, full, read no longer, or of another encoding than UTF-8."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

from beholder.errors import StorageError, UsageError

# Signs of ours that old encodings lack; everything else that they lack becomes an escape.
_LOOKALIKES = {"×": "x", "…": "...", "–": "-", "·": "-", "≥": ">=", "²": "^2", "√": "sqrt", "ᵀ": "^T"}
_PRINTABLE = "beholder_printable"


class ReaderGoneError(Exception):
    """Whoever read our standard output wants no more of it."""


class _Answers(io.RawIOBase):
    """Standard output, whose faults are sentences; after one nothing more is written."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream  # which closes its file once nobody knows it
        raw: Any = getattr(stream.buffer, "raw", stream.buffer)  # with python -u nothing lies between
        self._write: Callable[[Any], int] = raw.write
        self._broken = False

    def write(self, data: Any, /) -> int:
        """Write bytes.

        Raises:
            ReaderGoneError: the pipe has ended.
            StorageError: the disk is full, or the system takes no more for another reason.
        """
        if self._broken:
            return len(data)
        try:
            return self._write(data)
        except OSError as error:
            self._broken = True  # what Python still holds would fail again as it ends
            if error.errno == errno.EPIPE:
                raise ReaderGoneError from error
            raise StorageError(
                f"Cannot write to standard output ({str(error.strerror).lower()}); send the answers to another place."
            ) from error

    def writable(self) -> bool:
        """It is written to."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._stream.isatty()


class _Remarks(_Answers):
    """Standard error: what it does not take is lost, and the work goes on."""

    def write(self, data: Any, /) -> int:
        """Write bytes, or not."""
        with suppress(ReaderGoneError, StorageError):
            return super().write(data)
        return len(data)


def prepare() -> None:
    """Open the standard streams of this process again, so that a command can rely on them; call it once, first.

    A closed one goes nowhere: else the next file that is opened would take its number, and get what is printed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: the stream's own
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open to the end
    sys.stdout, sys.stderr = _rewrapped(sys.stdout, _Answers), _rewrapped(sys.stderr, _Remarks)


def _rewrapped(stream: TextIO, kind: type[_Answers]) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # not one that the system gave us
    return io.TextIOWrapper(
        io.BufferedWriter(kind(stream)), encoding=stream.encoding, line_buffering=stream.line_buffering
    )


def print_anything() -> None:
    """Names may hold what the streams' encodings lack, or bytes that are no text: they are printed as escapes."""
    codecs.register_error(_PRINTABLE, _printable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_PRINTABLE)


def _printable(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - nothing is read with this
    lacking = error.object[error.start : error.end]
    signs = (_LOOKALIKES.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in lacking)
    return "".join(signs), error.end


def is_utf8(stream: TextIO) -> bool:
    """Whether a stream can carry any text."""
    return codecs.lookup(stream.encoding or "utf-8").name == "utf-8"


def read_standard_input() -> bytes:
    """All bytes of standard input.

    Raises:
        UsageError: it cannot be read, since it is a folder or open for writing only.
    """
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise UsageError(
            f"Cannot read standard input ({str(error.strerror or error).lower()}); give a file's bytes there."
        ) from error
