"""Listed files become the sets of a `Source`: all by one rule, and each set read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from beholder.data.dataset import Dataset
from beholder.data.folders.how import Reading, Way
from beholder.data.folders.image_way import image_way
from beholder.data.folders.listing import Listing
from beholder.data.folders.sound_way import sound_way
from beholder.data.images.cache import ImageFiles
from beholder.data.images.places import Place
from beholder.data.kinds import SOUNDS, FileKind
from beholder.data.progress import Progress
from beholder.data.source import Reader, Source

__all__ = ["Reading", "learned_from", "listed_source", "way_of"]


def learned_from(sets: Mapping[str, Listing]) -> str:
    """The set whose classes are those of the data: `train` where it is there."""
    return next(set_name for set_name in ("train", "all", "test", "validation") if set_name in sets)


def way_of(kind: FileKind) -> Callable[[Place, Sequence[Listing], Reading], Way]:
    """What chooses how files of this kind are read, from listings in a place."""
    return sound_way if kind is SOUNDS else image_way


def listed_source(
    name: str,
    place: Place,
    sets: Mapping[str, Listing],
    class_names: tuple[str, ...],
    notes: tuple[Sequence[str], Sequence[str]],
    reading: Reading,
) -> Source:
    """The source whose sets are the files listed in `sets`, in `place`; some headers are read, and nothing decoded yet.

    Args:
        name: what the person calls the data.
        place: where the files are.
        sets: a listing for each of `train`, `validation` and `test` that is there, or for `all`, of one kind.
        class_names: in the order of the labels; every class of every listing.
        notes: sentences about how the data were understood, and others that come after those about the files.
        reading: how the files are read.

    Raises:
        DataError: none of a sample of the files can be read, or they are of another kind than they have to be; from a
            reader, more of a set than training can do without cannot.
        UsageError: an option for the other kind of files.
    """
    learn = learned_from(sets)
    kind = sets[learn].kind
    reading.check_kind(name, kind)
    # In an audit the set to learn from may have no files.
    measured = [sets[learn]] if sets[learn].paths else list(sets.values())
    way = way_of(kind)(place, measured, reading)
    told = (*notes[0], *way.notes, *notes[1], *way.later_notes)
    filled = {set_name: listing for set_name, listing in sets.items() if listing.paths}
    every = {set_name: listing.every for set_name, listing in filled.items()}
    files = {set_name: paths for set_name, (paths, _) in every.items()}
    labelled = {set_name: labels for set_name, (_, labels) in every.items()}
    readers: dict[str, Reader] = {}
    source = Source(
        name, class_names, readers, told, place=place, files=files, classes=labelled, fit=reading.by, sound=way.sound
    )
    for set_name, listing in filled.items():
        readers[set_name] = partial(_read_set, source, listing, way, reading, set_name == learn)
    return source


def _read_set(
    source: Source, listing: Listing, way: Way, reading: Reading, learned: bool, progress: Progress
) -> Dataset:
    """Read the files of one set, and tell the source what could not be read and what is to be known of the others.

    `learned` says whether it is the set to learn from.
    """
    wanted = ImageFiles(listing.place, listing.set_name, listing.paths)
    loaded = way.load(wanted, cache=reading.cache, progress=progress)
    if not reading.for_audit:
        listing.refuse_unreadable(loaded.failures)
    failures = [(listing.paths[row], error) for row, error in loaded.failures.items()]
    for path, error in [*failures, *((one.path, one.error) for one in listing.unusable)]:
        failure = {"path": path, "error": error}
        if failure not in source.skipped:  # a set may be read twice
            source.skipped.append(failure)
    for sentence in way.found(listing, loaded, learned=learned):
        source.later.extend([sentence] if sentence not in source.later else [])
    label_of = {name: label for label, name in enumerate(source.class_names)}
    labels = np.array([label_of[name] for name in listing.classes], np.int64)
    return way.dataset(loaded, labels, source.class_names, listing.paths)
