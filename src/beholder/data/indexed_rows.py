"""Rows of pixels in one memory-mapped file with an index behind them, so that the two cannot disagree.

The file is a `.npy` (so `np.load` opens it); the index, JSON, is checked by its SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_TRAILER = struct.Struct("<8sQ32s")  # magic, length of the index in bytes, SHA-256 of the index

Shape = tuple[int, int, int]  # of a row


@dataclass(frozen=True, eq=False)
class IndexedRows:
    """What such a file holds: its index, and its rows (N, H, W, C) uint8, a read-only memory map."""

    index: list[Any]
    pixels: NDArray[np.uint8]


def header(count: int, shape: Shape) -> bytes:
    """The header of the `.npy` file; as long for any count."""
    stream = io.BytesIO()
    description: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(stream, description)
    return stream.getvalue()


def finish_rows(file: BinaryIO, count: int, shape: Shape, magic: bytes, index: list[Any]) -> IndexedRows:
    """Write all of `file` but its rows, of which there are `count`, and map them."""
    text = json.dumps(index).encode()
    first = header(count, shape)
    file.seek(0)
    file.write(first)
    file.seek(len(first) + count * int(np.prod(shape)))
    file.write(text)
    file.write(_TRAILER.pack(magic, len(text), hashlib.sha256(text).digest()))
    file.flush()
    # Mapped from the open file, not by its name: another process may put its own file there any moment.
    return IndexedRows(index, _map(file, count, shape))


def read_rows(path: Path, shape: Shape, magic: bytes) -> IndexedRows | None:
    """What `finish_rows` wrote with this `magic`; None where there is none or it is not whole."""
    try:
        with path.open("rb") as file:
            total = file.seek(0, os.SEEK_END)
            file.seek(max(0, total - _TRAILER.size))
            found, length, digest = _TRAILER.unpack(file.read())
            if found != magic or length > total - _TRAILER.size:
                return None
            file.seek(total - _TRAILER.size - length)
            text = file.read(length)
            if hashlib.sha256(text).digest() != digest:
                return None
            start = len(header(0, shape))
            count, rest = divmod(total - start - length - _TRAILER.size, int(np.prod(shape)))
            file.seek(0)
            if count < 0 or rest or file.read(start) != header(count, shape):
                return None
            return IndexedRows(json.loads(text), _map(file, count, shape))
    except (OSError, ValueError, TypeError, RecursionError, struct.error):
        return None


def _map(file: BinaryIO, count: int, shape: Shape) -> NDArray[np.uint8]:
    if count == 0:  # nothing to map
        return np.zeros((0, *shape), np.uint8)
    return np.memmap(file, np.uint8, "r", len(header(count, shape)), (count, *shape))
