"""CIFAR-10 and CIFAR-100 as their authors pack them: python or binary version, as `.tar.gz` or as a folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from beholder.arguments import checked_arguments
from beholder.data.cifar.clean import clean
from beholder.data.cifar.kept import open_kept
from beholder.data.cifar.layouts import (
    IMAGE_SIDE,
    LAYOUTS,
    PIXEL_COLUMNS,
    Batch,
    LabelKind,
    LabelPlace,
    Layout,
    read_batch,
    read_class_names,
)
from beholder.data.cifar.tar import Folder, Tar
from beholder.data.dataset import Dataset
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.errors import DataError, UsageError

_SUFFIXES = (".tar", ".tar.gz", ".tgz")
_FOLDERS = tuple(layout.folder for layout in LAYOUTS)
_NAMES_FILES = frozenset(place.names_file for layout in LAYOUTS for place in layout.labels.values())


def is_archive(path: Path) -> bool:
    """Whether `path` looks like a CIFAR archive: a tar by its name, or a folder (or the one above) with its batches."""
    if path.is_dir():
        return _find_batches(Folder(path, _FOLDERS)) is not None
    return path.name.lower().endswith(_SUFFIXES) and path.is_file()


def open_archive(
    path: Path, *, labels: LabelKind = "fine", name: str | None = None, cache: Path | None = None
) -> Source:
    """Open a CIFAR archive; its sets are `train` and `test`, as far as it has them.

    A `.tar.gz` is read where it is and never unpacked; one with another checksum than the official archive's is read
    all the same, and a note says so.

    Args:
        path: a `.tar.gz`, `.tgz` or `.tar`, the folder it unpacks to, or the folder above that.
        labels: which labels of CIFAR-100: the 100 classes or their 20 superclasses.
        name: what the person calls it; the path by default.
        cache: where the sets of a `.tar.gz` are kept once they were read; None: nowhere.

    Raises:
        UsageError: coarse labels of CIFAR-10, which has none.
        DataError: it is missing, damaged, incomplete or not such an archive. A reader raises it about its own set.
    """
    if cache is None or path.is_dir():
        source = _source(path, labels)
    else:
        source = open_kept(path, labels, cache, partial(_source, path, labels))
    return replace(source, name=name or source.name, labels=labels)


def _source(path: Path, labels: LabelKind) -> Source:
    archive = _open(path, labels)
    notes = () if path.is_dir() else _checksum_notes(path, archive.batches.layout)
    sets = {"train": archive.batches.train, "test": archive.batches.test}
    readers = {set_name: partial(_read_set, archive, files) for set_name, files in sets.items() if files}
    return Source(str(path), archive.class_names, readers, notes)


@checked_arguments()
def read_data(
    directory: str | Path, *, labels: LabelKind = "fine"
) -> tuple[list[str], NDArray[np.float32], NDArray[np.int64]]:
    """Read and clean the training set of a CIFAR archive, as the chapter's `read_data`, batch by batch.

    Args:
        directory: the folder with `data_batch_1` and so on; whatever `open_archive` accepts will do.
        labels: which labels of CIFAR-100.

    Returns:
        The class names; the cleaned images, (n, 576) float32 (see `beholder.data.cifar.clean`), in the order of the
        batches' numbers; their labels, (n,) int64, each an index into the names.

    Raises:
        DataError, UsageError: as `open_archive`.
    """
    archive = _open(Path(directory), labels)
    if not archive.batches.train:
        raise DataError(f"{str(directory)!r} has no training batches; get a fresh copy of the archive.")
    # Each image takes at least so many bytes of its file; memory that is asked for and not used costs nothing.
    most = sum(archive.container.sizes[name] for name in archive.batches.train) // PIXEL_COLUMNS
    data = np.empty((most, clean(np.empty((0, PIXEL_COLUMNS), np.uint8)).shape[1]), np.float32)
    labelled: list[NDArray[np.int64]] = []
    count = 0
    for batch in _read_batches(archive, archive.batches.train):
        data[count : count + len(batch.rows)] = clean(batch.rows)
        labelled.append(batch.labels)
        count += len(batch.rows)
        del batch
    return list(archive.class_names), data[:count], np.concatenate(labelled)


@dataclass(frozen=True)
class _Batches:
    """Which files of a folder in a container are batches: from file name to number, for each set."""

    layout: Layout
    folder: PurePosixPath
    train: Mapping[str, int]
    test: Mapping[str, int]


@dataclass(frozen=True)
class _Archive:
    container: Folder | Tar
    batches: _Batches
    place: LabelPlace
    class_names: tuple[str, ...]


def _open(path: Path, labels: LabelKind) -> _Archive:
    """Find the batches and read the class names."""
    container = Folder(path, _FOLDERS) if path.is_dir() else Tar(path, keep=_NAMES_FILES)
    batches = _find_batches(container)
    if batches is None:
        raise DataError(
            f"{str(path)!r} holds no CIFAR-10 or CIFAR-100 archive; give the path of one, or of its folder."
        )
    layout = batches.layout
    place = layout.labels.get(labels)
    if place is None:
        raise UsageError(f"{str(path)!r} is {layout.title}, which has no {labels} labels; leave `--labels` out.")
    missing = sorted(set(range(1, len(batches.train) + 1)) - set(batches.train.values()))
    names_file = str(batches.folder / place.names_file)
    if missing or names_file not in container.sizes:
        lacks = f"training batch {missing[0]}" if missing else f"{place.names_file!r}"
        raise DataError(f"{str(path)!r} is incomplete: it lacks {lacks}; get a fresh copy of the archive.")
    [content] = container.read([names_file])
    class_names = read_class_names(content, str(path / names_file), place, pickled=layout.pickled)
    return _Archive(container, batches, place, class_names)


def _find_batches(container: Folder | Tar) -> _Batches | None:
    """The batches in the folder nearest to the top that has any.

    A single file named `test` makes no archive: two of a layout's files must be there.
    """
    files = [PurePosixPath(name) for name in container.sizes]
    for folder in sorted({file.parent for file in files}, key=lambda folder: (len(folder.parts), folder)):
        here = [file for file in files if file.parent == folder]
        for layout in LAYOUTS:
            matches = [(file, match) for file in here if (match := re.fullmatch(layout.train, file.name))]
            train = {str(file): int(match[1]) if match.groups() else 1 for file, match in matches}
            test = {str(file): 1 for file in here if file.name == layout.test}
            names = {place.names_file for place in layout.labels.values()} & {file.name for file in here}
            if (train or test) and len(train) + len(test) + len(names) >= 2:
                return _Batches(layout, folder, train, test)
    return None


def _read_batches(archive: _Archive, files: Mapping[str, int], progress: Progress = silent) -> Iterator[Batch]:
    """Each batch in `files`, in the order of their numbers."""
    names = sorted(files, key=files.__getitem__)
    progress("Reading images", 0, len(names))
    contents = archive.container.read(names)
    layout, classes = archive.batches.layout, len(archive.class_names)
    for done, name in enumerate(names, start=1):
        # Some 30 MB each: neither content nor batch has a name here that would keep it while the next one is read.
        yield read_batch(next(contents), str(archive.container.path / name), layout, archive.place, classes)
        progress("Reading images", done, len(names))


def _read_set(archive: _Archive, files: Mapping[str, int], progress: Progress) -> Dataset:
    batches = list(_read_batches(archive, files, progress))
    names = [name for batch in batches for name in batch.names]
    images = np.empty((len(names), IMAGE_SIDE, IMAGE_SIDE, 3), np.uint8)
    start = 0
    for batch in batches:
        planes = batch.rows.reshape(-1, 3, IMAGE_SIDE, IMAGE_SIDE)  # channel first, as the archives have it
        images[start : start + len(planes)] = planes.transpose(0, 2, 3, 1)
        start += len(planes)
    return Dataset(images, np.concatenate([batch.labels for batch in batches]), archive.class_names, names)


def _checksum_notes(path: Path, layout: Layout) -> tuple[str, ...]:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found == layout.md5:
        return ()
    official = f"not {layout.md5} of the official {layout.title}"
    return (f"{path.name} has the MD5 checksum {found}, {official}; it was read all the same.",)
