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
from beholder.data.image_rows import Images, images_at
from beholder.data.images.decode import ImageRules
from beholder.data.images.decode_many import DecodeJob, Failures, decode_all
from beholder.data.images.stamps import Stamp, stamps
from beholder.data.progress import Progress, silent
from beholder.errors import StorageError, UsageError

_MAGIC = b"beholdr3"
_DECODED_BY = [beholder.__version__, PIL.__version__]  # others may read a file otherwise
_TRAILER = struct.Struct("<8sQ32s")  # magic, length of the index in bytes, SHA-256 of the index


@dataclass(frozen=True)
class ImageFiles:
    """Image files by their paths below `folder`, which is only read; `set_name` tells caches of one folder apart."""

    folder: Path
    set_name: str
    names: list[str]


@dataclass(frozen=True, eq=False)
class Loaded:
    """The images that could be read, in the order asked for.

    Attributes:
        images: (n, H, W, C) uint8, a read-only memory map or rows of one.
        rows: (n,) int64, which of the names asked for each image is.
        failures: from the row of each other name to the sentence that says why.
    """

    images: Images
    rows: NDArray[np.int64]
    failures: Failures


@dataclass(frozen=True, eq=False)
class _Cached:
    """What a cache file holds: of each name by what its file is known, and its pixels, which are black for `errors`."""

    names: list[str]
    stamps: list[Stamp]
    errors: Failures
    pixels: NDArray[np.uint8]

    def loaded(self) -> Loaded:
        rows = np.setdiff1d(np.arange(len(self.names)), list(self.errors)).astype(np.int64)
        return Loaded(images_at(self.pixels, rows), rows, self.errors)


def load_images(wanted: ImageFiles, rules: ImageRules, *, cache: Path, progress: Progress = silent) -> Loaded:
    """Decode image files, or take what was decoded before and has not changed since; `cache` is made when missing.

    Raises:
        UsageError: `cache` lies inside the folder of images.
        StorageError: the disk of `cache` is full or may not be written to.
    """
    refuse_cache_inside(wanted.folder, cache)
    path = _cache_path(wanted, rules, cache)
    old = _read(path, rules)
    before = {} if old is None else dict(zip(old.names, old.stamps, strict=True))
    names, found = wanted.names, stamps(wanted.folder, wanted.names, before)
    if old is not None and (old.names, old.stamps) == (names, found):
        progress("Decoding images", len(names), len(names))
        return old.loaded()
    with files.storage_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
    need, free = len(names) * int(np.prod(rules.shape)), shutil.disk_usage(cache).free
    if need > free:
        raise StorageError(
            f"Decoding needs {need / 1e6:.0f} MB in {str(cache)!r}, where {free / 1e6:.0f} MB are free; free some "
            "space or choose another cache."
        )
    with files.replacing(path) as file:
        header = _header(len(names), rules)
        errors = _fill(DecodeJob(wanted.folder, rules, file.fileno(), len(header)), names, found, old, progress)
        index = json.dumps([_DECODED_BY, names, found, list(errors.items())]).encode()
        file.write(header)
        file.seek(len(header) + need)
        file.write(index)
        file.write(_TRAILER.pack(_MAGIC, len(index), hashlib.sha256(index).digest()))
        file.flush()
        # Mapped from the open file, not by its name: another process may put its own file there any moment.
        return _Cached(names, found, errors, _map(file, len(names), rules)).loaded()


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


def _fill(job: DecodeJob, names: list[str], found: list[Stamp], old: _Cached | None, progress: Progress) -> Failures:
    """Write the pixels of every readable image in order, and say why the others are black."""
    errors: Failures = {}
    changed = []
    known = {} if old is None else {name: row for row, name in enumerate(old.names)}
    for row, name in enumerate(names):
        before = known.get(name)
        if old is None or before is None or old.stamps[before] != found[row]:
            changed.append((row, name, int(found[row][0])))
        else:
            job.write(row, old.pixels[before].tobytes())
            if before in old.errors:
                errors[row] = old.errors[before]
    return dict(sorted((errors | decode_all(job, changed, progress)).items()))


def _header(count: int, rules: ImageRules) -> bytes:
    """The header of a `.npy` file."""
    stream = io.BytesIO()
    description: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": (count, *rules.shape)}
    np.lib.format.write_array_header_1_0(stream, description)
    return stream.getvalue()


def _read(path: Path, rules: ImageRules) -> _Cached | None:
    """What a cache file holds; None where there is none or it is not whole."""
    try:
        with path.open("rb") as file:
            total = file.seek(0, os.SEEK_END)
            file.seek(max(0, total - _TRAILER.size))
            magic, length, digest = _TRAILER.unpack(file.read())
            if magic != _MAGIC or length > total - _TRAILER.size:
                return None
            file.seek(total - _TRAILER.size - length)
            index = file.read(length)
            if hashlib.sha256(index).digest() != digest:
                return None
            made, names, found, errors = json.loads(index)
            header = _header(len(names), rules)
            file.seek(0)
            size = len(header) + len(names) * int(np.prod(rules.shape)) + length + _TRAILER.size
            if made != _DECODED_BY or len(found) != len(names) or file.read(len(header)) != header or size != total:
                return None
            return _Cached(names, found, dict(errors), _map(file, len(names), rules))
    except (OSError, ValueError, TypeError, RecursionError, struct.error):
        return None


def _map(file: BinaryIO, count: int, rules: ImageRules) -> NDArray[np.uint8]:
    if count == 0:  # nothing to map
        return np.zeros((0, *rules.shape), np.uint8)
    return np.memmap(file, np.uint8, "r", len(_header(count, rules)), (count, *rules.shape))
