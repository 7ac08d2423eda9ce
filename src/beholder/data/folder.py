"""A folder of pictures, `train/<class>/…` with optional `val/` and `test/`, or `<class>/…`, as a `Source`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from beholder.data.cache import PictureFiles, load_pictures, refuse_cache_inside
from beholder.data.colour import Colour, decide_mode
from beholder.data.dataset import Dataset
from beholder.data.pictures import SUFFIXES, PictureRules, measure
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.errors import DataError, PictureError

MAX_UNREADABLE = 0.05
_PARTS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
_SAMPLE = 256
_MIN_SIDE, _MAX_SIDE = 8, 256


@dataclass(frozen=True)
class _Listing:
    """The pictures of one part: paths below `root` in sorted order, and the class name of each."""

    root: Path
    part: str
    paths: list[str]
    classes: list[str]


def open_folder(
    path: Path,
    *,
    cache: Path,
    canvas: tuple[int, int] | None = None,
    colour: Colour = "auto",
    for_audit: bool = False,
) -> Source:
    """Open a folder of pictures; names and some headers are read, the pixels of a part only by its reader.

    Pictures anywhere below a class folder belong to that class. Hidden files and files of other types are left out and
    counted in a note. Symbolic links to folders are followed, but never upwards and each folder once a class.

    Args:
        path: the folder; never written to.
        cache: where decoded pictures are kept.
        canvas: height and width in pixels of every picture; without it the size that all pictures of a sample share, if
            its short side is 8 to 256, otherwise a square of their median short side, kept within 8 to 256.
        colour: whether pictures get three channels or one; by default one where all pictures of a sample are grey.
        for_audit: take what an audit is to find and training cannot work with: however many unreadable pictures, thin
            classes, and classes that only validation or test has, which then count as classes and stand in a note.

    Returns:
        A source with the parts `train`, `validation` and `test` that are there, or `all` for an unsplit folder. Its
        pictures are (N, height, width, 3 or 1) uint8, and its names are paths below `path`.

    Raises:
        DataError: no such folder, no pictures, one class; unless it is for an audit a class with fewer than two
            pictures to learn from, a class of validation or test that train does not have, and, from a reader, that
            more than one picture in twenty is unreadable.
        UsageError: the cache lies inside the folder.
    """
    if not path.is_dir():
        raise DataError(f"Cannot find a folder at {str(path)!r}; check the path.")
    refuse_cache_inside(path, cache)
    ignored: list[str] = []
    parts = {part: _list_part(path, part, folder, ignored) for part, folder in _part_folders(path).items()}
    learn = next(part for part in ("train", "all", "test", "validation") if part in parts)
    class_names = _class_names(path, parts, learn)
    strangers = _strangers(path, parts, learn, class_names)
    if for_audit:
        class_names = tuple(sorted({*class_names, *strangers}))
    elif strangers:
        raise DataError(next(iter(strangers.values())))
    else:
        _refuse_thin_classes(path, parts[learn], class_names, at_least=2 if learn in ("train", "all") else 0)
    # In an audit the part to learn from may have no pictures.
    measured = parts[learn].paths or [name for listing in parts.values() for name in listing.paths]
    height, width = canvas or _canvas(path, measured)
    classes = parts[learn].classes or [name for listing in parts.values() for name in listing.classes]
    mode, told = decide_mode(colour, path, measured, classes, (height, width))
    rules = PictureRules(height, width, mode)
    skipped: list[dict[str, Any]] = []
    readers = {
        part: _reader(listing, class_names, rules, cache, skipped, 1.0 if for_audit else MAX_UNREADABLE)
        for part, listing in parts.items()
        if listing.paths
    }
    names = {part: listing.paths for part, listing in parts.items() if listing.paths}
    notes = (*_notes(path, ignored), *told, *strangers.values())
    return Source(str(path), class_names, readers, notes, skipped, path, names)


def _part_folders(root: Path) -> dict[str, Path]:
    """From part to its folder; an unsplit folder is its own part `all`."""
    folders = sorted(entry.name for entry in _scan(root) if entry.is_dir() and not entry.name.startswith("."))
    named = [name for name in folders if name.casefold() in _PARTS]
    if not named or ("train" not in [name.casefold() for name in named] and len(named) < len(folders)):
        return {"all": root}
    found: dict[str, Path] = {}
    for name in named:
        part = _PARTS[name.casefold()]
        if part in found:
            raise DataError(
                f"Both {found[part].name!r} and {name!r} in {str(root)!r} are a {part} part; rename one or merge them."
            )
        found[part] = root / name
    return found


def _list_part(root: Path, part: str, folder: Path, ignored: list[str]) -> _Listing:
    found: list[tuple[str, str]] = []
    prefix = len(str(root / "x")) - 1
    for entry in _scan(folder):
        if entry.name.startswith(".") or not entry.is_dir():
            if not entry.is_dir():
                ignored.append(entry.path[prefix:])
            continue
        found += [(picture[prefix:], entry.name) for picture in _pictures_below(entry.path, ignored, prefix)]
    found.sort()
    return _Listing(root, part, [path for path, _ in found], [name for _, name in found])


def _pictures_below(class_folder: str, ignored: list[str], prefix: int) -> Iterator[str]:
    pending = [class_folder]
    seen = {os.path.realpath(class_folder)}
    while pending:
        folder = pending.pop()
        here = os.path.realpath(folder)
        for entry in _scan(folder):
            hidden = entry.name.startswith(".")
            if entry.is_dir():
                real = os.path.realpath(entry.path)
                # A link to a folder that holds this one would bring in every class.
                if not hidden and real not in seen and os.path.commonpath([real, here]) != real:
                    seen.add(real)
                    pending.append(entry.path)
            elif hidden or not entry.is_file() or not entry.name.lower().endswith(SUFFIXES):
                ignored.append(entry.path[prefix:])
            else:
                yield entry.path


def _scan(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"Cannot look into {str(folder)!r}: {error.strerror}; check its rights.") from error


def _class_names(root: Path, parts: dict[str, _Listing], learn: str) -> tuple[str, ...]:
    if not any(listing.paths for listing in parts.values()):
        raise DataError(
            f"No pictures in class folders below {str(root)!r}; bring them as train/<class>/<picture> or "
            "<class>/<picture>, in JPEG, PNG, WebP, BMP, GIF or TIFF."
        )
    folder = root if learn == "all" else _part_folders(root)[learn]
    names = sorted(entry.name for entry in _scan(folder) if entry.is_dir() and not entry.name.startswith("."))
    if len(names) < 2:
        raise DataError(
            f"Only {len(names)} class below {str(folder)!r} ({', '.join(map(repr, names)) or 'no folder'}); bring at "
            "least two folders of pictures, one a class."
        )
    return tuple(names)


def _strangers(root: Path, parts: dict[str, _Listing], learn: str, class_names: Sequence[str]) -> dict[str, str]:
    """From each class that the part to learn from does not have to a sentence about it."""
    found: dict[str, str] = {}
    for part, listing in parts.items():
        for path, name in zip(listing.paths, listing.classes, strict=True):
            if name not in class_names and name not in found:
                found[name] = (
                    f"The {part} part of {str(root)!r} has a class {name!r} ({path!r}) that the {learn} part does not "
                    "have; rename or remove it."
                )
    return found


def _refuse_thin_classes(root: Path, listing: _Listing, class_names: Sequence[str], *, at_least: int) -> None:
    counts = Counter(listing.classes)
    for name in class_names:
        if counts[name] < at_least:
            raise DataError(
                f"Class {name!r} of {str(root)!r} has {counts[name] or 'no'} picture{'' if counts[name] else 's'}; "
                f"bring at least {at_least}, or remove its folder."
            )


def _canvas(root: Path, paths: Sequence[str]) -> tuple[int, int]:
    """Height and width for all pictures, from the headers of an evenly spaced sample."""
    count = min(_SAMPLE, len(paths))
    sizes: list[tuple[int, int]] = []
    first_error: PictureError | None = None
    for index in range(count):
        try:
            sizes.append(measure(root / paths[index * len(paths) // count]))
        except PictureError as error:  # counted when it is decoded
            first_error = first_error or error
    if not sizes:
        raise DataError(f"No picture of a sample of {count} from {str(root)!r} is readable: {first_error}")
    if len(set(sizes)) == 1 and _MIN_SIDE <= min(sizes[0]) <= _MAX_SIDE:
        return sizes[0]
    side = int(np.clip(np.median([min(size) for size in sizes]), _MIN_SIDE, _MAX_SIDE))
    return side, side


def _reader(
    listing: _Listing,
    class_names: tuple[str, ...],
    rules: PictureRules,
    cache: Path,
    skipped: list[dict[str, Any]],
    most_unreadable: float,
) -> Callable[[Progress], Dataset]:
    files = PictureFiles(listing.root, listing.part, listing.paths)
    label_of = {name: label for label, name in enumerate(class_names)}

    def read(progress: Progress) -> Dataset:
        loaded = load_pictures(files, rules, cache=cache, progress=progress)
        _refuse_many_unreadable(files, loaded.failures, most_unreadable)
        for row, error in loaded.failures.items():
            failure = {"path": listing.paths[row], "error": error}
            if failure not in skipped:  # a part may be read twice
                skipped.append(failure)
        labels = np.array([label_of[listing.classes[row]] for row in loaded.rows], np.int64)
        return Dataset(loaded.pictures, labels, class_names, [listing.paths[row] for row in loaded.rows])

    return read


def _refuse_many_unreadable(files: PictureFiles, failures: dict[int, str], most: float) -> None:
    if len(failures) > most * len(files.names):
        first = min(failures)
        raise DataError(
            f"{len(failures)} of {len(files.names)} pictures in {str(files.folder)!r} are unreadable, more than "
            f"{most:.0%}; repair or remove them, the first: {failures[first]}"
        )


def _notes(root: Path, ignored: list[str]) -> Iterator[str]:
    if ignored:
        yield (
            f"Left out {len(ignored)} file{'s' * (len(ignored) > 1)} in {str(root)!r}, hidden or not in a picture's "
            f"place or format (first: {min(ignored)!r})."
        )
