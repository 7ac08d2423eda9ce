"""Images of a folder, each decoded once: a memory-mapped file, built on all cores, reused while nothing changes.

A cache file is a `.npy` (so `np.load` opens it) with an index behind its pixels: names of the image files, by what
each is known to be as it was, why some could not be read, and which versions decoded them. It is one file, written
whole or not at all, so that pixels and index cannot disagree.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import PIL
from numpy.typing import NDArray

import beholder
from beholder import files
from beholder.data.images.decode import ImageRules
from beholder.data.images.decode_many import Failures, Job, decode_all
from beholder.data.images.stamps import Stamp, stamps
from beholder.data.progress import Progress, silent
from beholder.errors import StorageError, UsageError

_MAGIC = b"beholdr2"  # an earlier format began with b"beholder"
_DECODED_BY = [beholder.__version__, PIL.__version__]  # others may read a file otherwise
_TRAILER = struct.Struct("<8sQ32s")  # magic, length of the index in bytes, SHA-256 of the index


@dataclass(frozen=True)
class ImageFiles:
    """The image files of one set.

    Attributes:
        folder: where they are; only read.
        set_name: tells apart several caches of one folder (`train`, `test`).
        names: their paths relative to `folder`.
    """

    folder: Path
    set_name: str
    names: list[str]


@dataclass(frozen=True, eq=False)
class Loaded:
    """The images that could be read, in the order asked for.

    Attributes:
        images: (n, H, W, C) uint8, a read-only memory map.
        rows: (n,) int64, which of the names asked for each image is.
        failures: from the row of each other name to the sentence that says why.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    failures: Failures


@dataclass(frozen=True)
class _Index:
    """What a cache file knows about its image files; `errors` are rows that have no pixels."""

    names: list[str]
    stamps: list[Stamp]
    errors: Failures


def load_images(wanted: ImageFiles, rules: ImageRules, *, cache: Path, progress: Progress = silent) -> Loaded:
    """Decode image files, or take what was decoded before and has not changed since.

    Args:
        wanted: the image files.
        rules: the size and mode of every decoded image.
        cache: a folder for cache files, made when missing.
        progress: hears of every batch.

    Raises:
        UsageError: `cache` lies inside the folder of images.
        StorageError: the disk of `cache` is full or may not be written to.
    """
    refuse_cache_inside(wanted.folder, cache)
    path = _cache_path(wanted, rules, cache)
    old = _read(path, rules)
    before = {} if old is None else dict(zip(old[0].names, old[0].stamps, strict=True))
    names, found = wanted.names, stamps(wanted.folder, wanted.names, before)
    if old is not None and (old[0].names, old[0].stamps) == (names, found):
        progress("Decoding images", len(names), len(names))
        return _loaded(*old)
    with files.storage_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
    _refuse_full_disk(cache, len(names) * int(np.prod(rules.shape)))
    with files.replacing(path) as file:
        job = Job(wanted.folder, rules, file.fileno(), len(_header(len(names), rules)))
        index = _Index(names, found, _fill(job, names, found, old, progress))
        _seal(file, index, rules)
        # Mapped from the open file, not by its name: another process may put its own file there any moment.
        images = _map(file, len(names) - len(index.errors), rules)
    return _loaded(index, images)


def refuse_cache_inside(folder: Path, cache: Path) -> None:
    """Hold the promise that nothing is written into a person's folder of images.

    Raises:
        UsageError: `cache` is `folder` or lies inside it.
    """
    if cache.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"The cache {str(cache)!r} lies inside the folder of images {str(folder)!r}, which is never written to; "
            "choose a cache elsewhere."
        )


def _cache_path(wanted: ImageFiles, rules: ImageRules, cache: Path) -> Path:
    key = json.dumps([str(wanted.folder.resolve()), wanted.set_name, rules.to_json()]).encode()
    return cache / f"images-{wanted.set_name}-{hashlib.sha256(key).hexdigest()[:24]}.npy"


def _refuse_full_disk(cache: Path, need: int) -> None:
    free = shutil.disk_usage(cache).free
    if need > free:
        raise StorageError(
            f"Decoding needs {need / 1e6:.0f} MB in {str(cache)!r}, where {free / 1e6:.0f} MB are free; free some "
            "space or choose another cache."
        )


def _fill(
    job: Job,
    names: list[str],
    found: list[Stamp],
    old: tuple[_Index, NDArray[np.uint8]] | None,
    progress: Progress,
) -> Failures:
    """Write the pixels of every readable image in order, and say why the others are not there."""
    errors: Failures = {}
    changed = []
    known = _known(old)
    for row, name in enumerate(names):
        stamp, position, error = known.get(name, (None, -1, None))
        if old is None or stamp != found[row]:
            changed.append((row, name, int(found[row][0])))
        elif error is not None:
            errors[row] = error
        else:
            job.write(row, old[1][position].tobytes())
    errors |= decode_all(job, changed, progress)
    _close_gaps(job, len(names), errors)
    return dict(sorted(errors.items()))


def _known(old: tuple[_Index, NDArray[np.uint8]] | None) -> dict[str, tuple[Stamp, int, str | None]]:
    """From name to its stamp, its place among the old pixels and its error."""
    known: dict[str, tuple[Stamp, int, str | None]] = {}
    position = 0
    if old is not None:
        for row, (name, stamp) in enumerate(zip(old[0].names, old[0].stamps, strict=True)):
            error = old[0].errors.get(row)
            known[name] = (stamp, position, error)
            position += error is None
    return known


def _close_gaps(job: Job, count: int, errors: Failures) -> None:
    """Move pixels forward over the rows that have none."""
    place = min(errors, default=count)
    for row in range(place, count):
        if row not in errors:
            job.write(place, job.read(row))
            place += 1


def _seal(file: BinaryIO, index: _Index, rules: ImageRules) -> None:
    """Write what makes the file valid: header, index and trailer."""
    count = len(index.names) - len(index.errors)
    header = _header(count, rules)
    content = json.dumps([_DECODED_BY, index.names, index.stamps, list(index.errors.items())]).encode()
    file.write(header)
    file.seek(len(header) + count * int(np.prod(rules.shape)))
    file.write(content)
    file.write(_TRAILER.pack(_MAGIC, len(content), hashlib.sha256(content).digest()))
    file.truncate()
    file.flush()


def _header(count: int, rules: ImageRules) -> bytes:
    """The header of a `.npy` file; NumPy pads it so that its length does not depend on `count`."""
    stream = io.BytesIO()
    description: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": (count, *rules.shape)}
    np.lib.format.write_array_header_1_0(stream, description)
    return stream.getvalue()


def _read(path: Path, rules: ImageRules) -> tuple[_Index, NDArray[np.uint8]] | None:
    """The index and pixels of a cache file; None where there is none or it is not whole."""
    try:
        with path.open("rb") as file:
            total = file.seek(0, os.SEEK_END)
            file.seek(max(0, total - _TRAILER.size))
            magic, length, digest = _TRAILER.unpack(file.read())
            if magic != _MAGIC or length > total - _TRAILER.size:
                return None
            file.seek(total - _TRAILER.size - length)
            content = file.read(length)
            if hashlib.sha256(content).digest() != digest:
                return None
            made, names, found, errors = json.loads(content)
            index = _Index(names, found, dict(errors))
            whole = len(found) == len(names) and all(row in range(len(names)) for row in index.errors)
            if made != _DECODED_BY or not whole:
                return None
            count = len(names) - len(index.errors)
            header = _header(count, rules)
            file.seek(0)
            size = len(header) + count * int(np.prod(rules.shape)) + length + _TRAILER.size
            return (index, _map(file, count, rules)) if file.read(len(header)) == header and total == size else None
    except (OSError, ValueError, TypeError, RecursionError, struct.error):
        return None


def _map(file: BinaryIO, count: int, rules: ImageRules) -> NDArray[np.uint8]:
    if count == 0:  # nothing to map
        return np.zeros((0, *rules.shape), np.uint8)
    return np.memmap(file, np.uint8, "r", len(_header(count, rules)), (count, *rules.shape))


def _loaded(index: _Index, images: NDArray[np.uint8]) -> Loaded:
    readable = np.ones(len(index.names), bool)
    readable[list(index.errors)] = False
    return Loaded(images, np.flatnonzero(readable).astype(np.int64), index.errors)
