"""The same image or sound more than once: equal pixel by pixel, or nearly.

A near copy of an image was encoded again, resized, mirrored, shifted or cut by a few pixels, or made brighter, darker
or of another contrast; one of a sound was encoded again, cut, made louder or brought to another rate. Here pairs of
copies (`copies.pairs`, `copies.recordings`) become groups, and groups become findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from beholder.data.checks.findings import Finding, Kind
from beholder.data.copies.groups import copies_of_one
from beholder.data.copies.pairs import CLOSER_SIDE, QUICK, THOROUGH, Search, near_copies
from beholder.data.copies.recordings import near_recordings
from beholder.data.copies.spectra import SIDE, small_grey
from beholder.data.dataset import Dataset
from beholder.data.image_rows import images_at
from beholder.data.kinds import IMAGES
from beholder.data.progress import Progress, silent

MIN_SIDE = 16  # pixels: smaller images have too few details to tell a copy from an image that is alike
# Agreement of details from which on nobody doubts that they are copies; of 200 planted ones nine in ten reach it, of
# other pairs among photographs of clothes the best has 0.80 (docs/lab-notebook.md)
SURE_COPY = 0.95
_FEW = 4000  # images among which a thorough search takes two seconds, which is what it may take before training


def exact_duplicates(sets: Mapping[str, Dataset]) -> list[Finding]:
    """Groups of images, or of sounds, with equal pixels, within and across `sets`; those across sets first."""
    sets = _files(sets)
    groups = [(rows, 1.0) for rows in _rows_by_content(_contents(sets)).values() if len(rows) > 1]
    return _findings(sets, "exact_duplicate", groups, f"equal {_plural(sets)}")


def near_duplicates(
    sets: Mapping[str, Dataset], progress: Progress = silent, *, search: Search = THOROUGH
) -> list[Finding]:
    """Groups of images, or of sounds, that are copies of one of them, but not pixel by pixel; the sure ones first.

    A group has all copies, equal ones too. Its score is how well the copy that is least like that one agrees with it.
    All images have one shape.
    """
    files = _files(sets)
    rows = list(_rows_by_content(_contents(files)).values())
    near = copies_of_one(*_near_pairs(sets.values(), rows, search, progress), [1] * len(rows))
    groups = [(sorted(row for content in group for row in rows[content]), score) for group, score in near]
    return _findings(files, "near_duplicate", groups, f"{_plural(sets)} that are copies of one, each a little changed")


def too_small(sets: Mapping[str, Dataset]) -> bool:
    """Whether images of `sets`, or clips, are too small for near copies; equal ones are found all the same."""
    return any(min(dataset.image_shape[:2]) < MIN_SIDE for dataset in sets.values())


def copy_groups(dataset: Dataset, progress: Progress = silent, *, largest: float = 0.05) -> list[bytes]:
    """One value a file (16 bytes), equal for images or sounds that are equal to one of them, or near copies of it.

    Args:
        dataset: the images, in any order, or the windows of sounds.
        progress: told how far it is.
        largest: share of all images that near copies may make one group of, but five they may be: the frames of a
            film would be a single one, and leave no set without it.
    """
    files = dataset.files
    by_content = _rows_by_content(files.contents)
    hashes, rows = list(by_content), list(by_content.values())
    search = THOROUGH if len(files) <= _FEW else QUICK
    pairs, scores = _near_pairs([dataset], rows, search, progress)
    groups = list(files.contents)
    for group, _ in copies_of_one(pairs, scores, list(map(len, rows)), most=max(5, largest * len(files))):
        for row in (row for content in group for row in rows[content]):
            groups[row] = hashes[min(group)]
    return groups


def _files(sets: Mapping[str, Dataset]) -> dict[str, Dataset]:
    return {set_name: dataset.files for set_name, dataset in sets.items()}


def _plural(sets: Mapping[str, Dataset]) -> str:
    return next((dataset.file_kind for dataset in sets.values()), IMAGES).plural


def _contents(sets: Mapping[str, Dataset]) -> list[bytes]:
    return [content for dataset in sets.values() for content in dataset.contents]


def _rows_by_content(contents: Sequence[bytes]) -> dict[bytes, list[int]]:
    """From content to the images that have it, in the order of the contents and so not of the images."""
    rows: dict[bytes, list[int]] = {}
    for row, content in enumerate(contents):
        rows.setdefault(content, []).append(row)
    return dict(sorted(rows.items()))


def _near_pairs(
    datasets: Iterable[Dataset], rows: list[list[int]], search: Search, progress: Progress
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of contents that are near copies, (n, 2) int64, and their agreement, (n,) float32.

    `rows` has for each content the files that have it, numbered through all `datasets`.
    """
    filled = [dataset for dataset in datasets if len(dataset)]
    shapes = {dataset.image_shape for dataset in filled}
    if len(rows) < 2 or len(shapes) != 1 or min(min(shapes)[:2]) < MIN_SIDE:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    firsts = np.array([members[0] for members in rows])
    if filled[0].sound is not None:
        return near_recordings(filled, firsts, progress, quick=search is QUICK)
    small = np.concatenate([small_grey(dataset.images) for dataset in filled])[firsts]

    def closer(chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
        return _grey_at(filled, firsts[chosen], CLOSER_SIDE)

    larger = max(next(iter(shapes))[:2]) > SIDE
    return near_copies(small, search, progress, closer if larger else None)


def _grey_at(datasets: Sequence[Dataset], rows: NDArray[np.int64], side: int) -> NDArray[np.uint8]:
    """Small grey images (n, h, w) of some `rows`, numbered through all `datasets`."""
    height, width, _ = datasets[0].image_shape
    small = np.empty((len(rows), min(height, side), min(width, side)), np.uint8)
    start = 0
    for dataset in datasets:
        inside = np.flatnonzero((rows >= start) & (rows < start + len(dataset)))
        small[inside] = small_grey(images_at(dataset.images, rows[inside] - start), side)
        start += len(dataset)
    return small


def _findings(
    sets: Mapping[str, Dataset], kind: Kind, groups: list[tuple[list[int], float]], words: str
) -> list[Finding]:
    """One a group of rows, numbered through all sets: the sure first, of these those across sets, then by score."""
    images = [
        (name, set_name, dataset.class_names[label])
        for set_name, dataset in sets.items()
        for name, label in zip(dataset.names, dataset.labels.tolist(), strict=True)
    ]
    found = []
    for rows, score in groups:
        names, homes, labels = zip(*(images[row] for row in rows), strict=True)
        places = f", in {' and '.join(dict.fromkeys(homes))}" if len(set(homes)) > 1 else ""
        classes = f", labelled {' and '.join(dict.fromkeys(labels))}" if len(set(labels)) > 1 else ""
        sentence = f"{len(rows)} {words}{places}{classes}."
        found.append(Finding(kind, names, homes, score, labels, sentence=sentence))
    return sorted(
        found, key=lambda one: (one.score < SURE_COPY, len(set(one.sets)) == 1, -one.score, -len(one.paths), one.paths)
    )
