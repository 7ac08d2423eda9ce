"""Sounds of a folder, each decoded once: their windows in a memory-mapped file, built on all cores, reused while
nothing changes.

A cache file has an index behind its rows: names of the sound files, by what each is known to be as it was, how many
windows each has (none where it could not be read, and why), and which versions decoded them. It is written whole or not
at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

import beholder
from beholder import files
from beholder.data.images.cache import ImageFiles, Loaded, make_room
from beholder.data.images.decode_many import Endless, Failures
from beholder.data.images.places import Place
from beholder.data.images.stamps import Stamp
from beholder.data.indexed_rows import finish_rows, header, read_rows
from beholder.data.progress import Progress, silent
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.windows import decode_and_look_at_end
from beholder.data.worker_processes import Batch, batches_of, replies_to
from beholder.errors import ImageError

_MAGIC = b"beholds2"
_Reply = tuple[list[NDArray[np.uint8]], Failures, Endless]


@dataclass(frozen=True)
class SoundJob:
    """Decode sounds of `place` by `rules`."""

    place: Place
    rules: SoundRules

    @property
    def descriptors(self) -> Sequence[int]:
        """As `Job.descriptors`: what is decoded comes back through the pipe, for nobody knows how much it will be."""
        return ()

    @property
    def what(self) -> str:
        """As `Job.what`."""
        return "sounds"

    def work(self, batch: Batch) -> _Reply:
        """The windows of each sound of a batch, and which lack their ends; of some none, and why they were not read."""
        start, names = batch
        decoded, failures, endless = [], {}, []
        for row, name in enumerate(names, start):
            sound = self.place.image(name)
            try:
                windows, lacks_end = decode_and_look_at_end(sound, self.rules)
            except ImageError as error:
                windows, lacks_end = np.zeros((0, *self.rules.shape), np.uint8), False
                failures[row] = str(error)
            decoded.append(windows)
            endless += [row] if lacks_end else []
        return decoded, failures, endless


@dataclass(frozen=True, eq=False)
class _Cached:
    """What a cache file holds: of each name by what its file is known and how many windows it has, and all windows."""

    names: list[str]
    stamps: list[Stamp]
    counts: list[int]
    errors: Failures
    endless: Endless
    windows: NDArray[np.uint8]

    def loaded(self) -> Loaded:
        rows = np.repeat(np.arange(len(self.names), dtype=np.int64), self.counts)
        return Loaded(self.windows, rows, self.errors, self.endless)


def load_sounds(wanted: ImageFiles, rules: SoundRules, *, cache: Path, progress: Progress = silent) -> Loaded:
    """Decode sound files, or take what was decoded before and has not changed since; `cache` is made when missing.

    Returns:
        The windows of those that could be read; `rows` has the name of each, several times where it has several.

    Raises:
        UsageError: `cache` lies inside the folder of sounds, or miniaudio is missing.
        StorageError: the disk of `cache` is full or may not be written to.
    """
    wanted.place.refuse_cache(cache)
    path, made = _cache_path(wanted, rules, cache), _decoded_by()
    old = _read(path, rules, made)
    before = {} if old is None else dict(zip(old.names, old.stamps, strict=True))
    names, found = wanted.names, wanted.place.stamps(wanted.names, before)
    if old is not None and (old.names, old.stamps) == (names, found):
        progress("Decoding sounds", len(names), len(names))
        return old.loaded()
    make_room(cache, len(names) * int(np.prod(rules.shape)))
    with files.replacing(path) as file:
        file.write(header(0, rules.shape))
        counts, errors, endless = _fill(file, SoundJob(wanted.place, rules), names, found, old, progress)
        index = [made, names, found, counts, list(errors.items()), endless]
        written = finish_rows(file, sum(counts), rules.shape, _MAGIC, index)
        return _Cached(names, found, counts, errors, endless, written.pixels).loaded()


def _fill(
    file: BinaryIO, job: SoundJob, names: list[str], found: list[Stamp], old: _Cached | None, progress: Progress
) -> tuple[list[int], Failures, Endless]:
    """Write the windows of all sounds in their order: how many each has, why some have none, which lack their ends."""
    known = {} if old is None else {name: row for row, name in enumerate(old.names)}
    starts = np.cumsum([0, *(() if old is None else old.counts)])
    kept = {row: known[name] for row, name in enumerate(names) if old and _same(old, known.get(name), found[row])}
    changed = [(row, name, int(found[row][0])) for row, name in enumerate(names) if row not in kept]
    batches, counts, errors = list(batches_of(changed, 1)), [0] * len(names), Failures()
    endless: Endless = [row for row, place in kept.items() if old and place in old.endless]
    done, following = 0, 0

    def keep_until(end: int) -> None:
        """Copy what was decoded before, from the row that follows on."""
        for row in range(following, end):
            place = kept[row]
            if old is not None:
                counts[row] = old.counts[place]
                file.write(np.ascontiguousarray(old.windows[starts[place] : starts[place + 1]]).data)
                errors.update({row: old.errors[place]} if place in old.errors else {})

    progress("Decoding sounds", 0, len(changed))
    with replies_to(job, batches) as replies:
        for (start, batch), (decoded, failures, lacking) in zip(batches, replies, strict=True):
            keep_until(start)
            for row, windows in enumerate(decoded, start):
                counts[row] = len(windows)
                file.write(np.ascontiguousarray(windows).data)
            errors.update(failures)
            endless += lacking
            following, done = start + len(batch), done + len(batch)
            progress("Decoding sounds", done, len(changed))
    keep_until(len(names))
    return counts, errors, sorted(endless)


def _same(old: _Cached, place: int | None, stamp: Stamp) -> bool:
    return place is not None and old.stamps[place] == stamp


def _cache_path(wanted: ImageFiles, rules: SoundRules, cache: Path) -> Path:
    key = json.dumps([wanted.place.key, wanted.set_name, rules.to_json()]).encode()
    return cache / f"sounds-{wanted.set_name}-{hashlib.sha256(key).hexdigest()[:24]}.npy"


def _decoded_by() -> list[str]:
    """Versions that may read a file otherwise than others."""
    try:
        return [beholder.__version__, np.__version__, version("miniaudio")]
    except PackageNotFoundError:  # reading says so
        return [beholder.__version__, np.__version__, ""]


def _read(path: Path, rules: SoundRules, made: list[str]) -> _Cached | None:
    """What a cache file holds; None where there is none, it is not whole, or others decoded it."""
    read = read_rows(path, rules.shape, _MAGIC)
    if read is None:
        return None
    try:
        by, names, found, counts, errors, endless = read.index
        if by != made or not len(names) == len(found) == len(counts) or sum(counts) != len(read.pixels):
            return None
        return _Cached(names, found, counts, dict(errors), endless, read.pixels)
    except (ValueError, TypeError):
        return None
