"""Images of a folder, each decoded once: a memory-mapped file, built on all cores, reused while nothing changes.

A cache file has an index behind its pixels: names of the image files, by what each is known to be as it was, why some
could not be read, and which versions decoded them. It is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray

import beholder
from beholder import files
from beholder.data.image_rows import Images, images_at
from beholder.data.images.decode import ImageRules
from beholder.data.images.decode_many import DecodeJob, Endless, Failures, decode_all
from beholder.data.images.places import Place
from beholder.data.images.stamps import Stamp
from beholder.data.indexed_rows import finish_rows, header, read_rows
from beholder.data.progress import Progress, silent
from beholder.errors import StorageError

_MAGIC = b"beholdr4"
_DECODED_BY = [beholder.__version__, PIL.__version__]  # others may read a file otherwise


@dataclass(frozen=True)
class ImageFiles:
    """Image files by their names in `place`, which is only read; `set_name` tells caches of one place apart."""

    place: Place
    set_name: str
    names: list[str]


@dataclass(frozen=True, eq=False)
class Loaded:
    """The images that could be read, in the order asked for.

    Attributes:
        images: (n, H, W, C) uint8, a read-only memory map or rows of one.
        rows: (n,) int64, which of the names asked for each image is.
        failures: from the row of each other name to the sentence that says why.
        endless: rows of the names of images that lack their ends.
    """

    images: Images
    rows: NDArray[np.int64]
    failures: Failures
    endless: Endless


@dataclass(frozen=True, eq=False)
class _Cached:
    """What a cache file holds: of each name by what its file is known, and its pixels, which are black for `errors`."""

    names: list[str]
    stamps: list[Stamp]
    errors: Failures
    endless: Endless
    pixels: NDArray[np.uint8]

    def loaded(self) -> Loaded:
        rows = np.setdiff1d(np.arange(len(self.names)), list(self.errors)).astype(np.int64)
        return Loaded(images_at(self.pixels, rows), rows, self.errors, self.endless)


def load_images(wanted: ImageFiles, rules: ImageRules, *, cache: Path, progress: Progress = silent) -> Loaded:
    """Decode image files, or take what was decoded before and has not changed since; `cache` is made when missing.

    Raises:
        UsageError: `cache` lies inside the folder of images.
        StorageError: the disk of `cache` is full or may not be written to.
    """
    wanted.place.refuse_cache(cache)
    path = _cache_path(wanted, rules, cache)
    old = _read(path, rules)
    before = {} if old is None else dict(zip(old.names, old.stamps, strict=True))
    names, found = wanted.names, wanted.place.stamps(wanted.names, before)
    if old is not None and (old.names, old.stamps) == (names, found):
        progress("Decoding images", len(names), len(names))
        return old.loaded()
    make_room(cache, len(names) * int(np.prod(rules.shape)))
    with files.replacing(path) as file:
        first = header(len(names), rules.shape)
        file.write(first)
        errors, endless = _fill(DecodeJob(wanted.place, rules, file.fileno(), len(first)), names, found, old, progress)
        index = [_DECODED_BY, names, found, list(errors.items()), endless]
        written = finish_rows(file, len(names), rules.shape, _MAGIC, index)
        return _Cached(names, found, errors, endless, written.pixels).loaded()


def make_room(cache: Path, need: int) -> None:
    """Make the folder `cache`, and refuse where fewer than `need` bytes are free in it.

    Raises:
        StorageError: see above, or it may not be written to.
    """
    with files.storage_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if need > free:
        raise StorageError(
            f"Decoding needs {need / 1e6:.0f} MB in {str(cache)!r}, where {free / 1e6:.0f} MB are free; free some "
            "space or choose another cache."
        )


def _cache_path(wanted: ImageFiles, rules: ImageRules, cache: Path) -> Path:
    key = json.dumps([wanted.place.key, wanted.set_name, rules.to_json()]).encode()
    return cache / f"images-{wanted.set_name}-{hashlib.sha256(key).hexdigest()[:24]}.npy"


def _fill(
    job: DecodeJob, names: list[str], found: list[Stamp], old: _Cached | None, progress: Progress
) -> tuple[Failures, Endless]:
    """Write the pixels of every readable image in order; say why the others are black, and which lack their ends."""
    errors: Failures = {}
    endless: Endless = []
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
            endless += [row] if before in old.endless else []
    failures, more = decode_all(job, changed, progress)
    return dict(sorted((errors | failures).items())), sorted(endless + more)


def _read(path: Path, rules: ImageRules) -> _Cached | None:
    """What a cache file holds; None where there is none or it is not whole."""
    read = read_rows(path, rules.shape, _MAGIC)
    if read is None:
        return None
    try:
        made, names, found, errors, endless = read.index
        if made != _DECODED_BY or not len(names) == len(found) == len(read.pixels):
            return None
        return _Cached(names, found, dict(errors), endless, read.pixels)
    except (ValueError, TypeError):
        return None
