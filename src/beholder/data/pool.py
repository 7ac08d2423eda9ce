"""All sets of a data set in one, where an image is looked at for itself and not for the set that it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.groups.linked import head_of, linked
from beholder.data.groups.rule import ALONE
from beholder.data.image_rows import Images
from beholder.data.recordings import joined_recordings
from beholder.data.sounds.rules import SoundRules

_CHUNK = 256  # images that are shrunk at once
_PARTS = 5  # that copies of images of other groups must leave, so that there are folds


@dataclass(frozen=True, eq=False)
class Pool:
    """The images of several sets, one set after the other, and (N,) the set that each of them lies in."""

    dataset: Dataset
    sets: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.dataset)


def pooled(sets: Mapping[str, Dataset], factor: int = 1) -> Pool:
    """Put `sets`, of one shape and the same classes, together in their order; a square of `factor` pixels becomes one.

    Pixels beyond whole squares fall away.
    """
    datasets = list(sets.values())
    images = np.concatenate([_shrunk(dataset.images, factor) for dataset in datasets])
    labels = np.concatenate([dataset.labels for dataset in datasets])
    names = [name for dataset in datasets for name in dataset.names]
    dataset = Dataset(images, labels, datasets[0].class_names, names, joined_groups(datasets), *joined_sound(datasets))
    return Pool(dataset, np.repeat(list(sets), [len(dataset) for dataset in datasets]))


def joined_sound(datasets: Sequence[Dataset]) -> tuple[NDArray[np.int64] | None, SoundRules | None]:
    """Of all rows of `datasets`, one data set after the other, the recordings, and the rules of their sounds."""
    recordings = joined_recordings([one.recordings for one in datasets], list(map(len, datasets)))
    return recordings, datasets[0].sound


def joined_groups(datasets: Sequence[Dataset]) -> list[str] | None:
    """The groups of all images of `datasets`, one data set after the other; None where none has any."""
    if all(dataset.groups is None for dataset in datasets):
        return None
    return [group for one in datasets for group in (one.groups if one.groups is not None else [ALONE] * len(one))]


def pooled_names(sets: Mapping[str, Dataset]) -> Pool:
    """As `pooled`, for those who look at names and labels alone: no image is read, each is one black pixel."""
    datasets = list(sets.values())
    labels = np.concatenate([dataset.labels for dataset in datasets])
    names = [name for dataset in datasets for name in dataset.names]
    pixels = np.zeros((len(labels), 1, 1, 1), np.uint8)
    dataset = Dataset(pixels, labels, datasets[0].class_names, names, joined_groups(datasets), *joined_sound(datasets))
    return Pool(dataset, np.repeat(list(sets), [len(dataset) for dataset in datasets]))


def joined(sets: Mapping[str, Dataset], copies: Iterable[Iterable[tuple[str, str]]]) -> list[int]:
    """One number an image of `sets`, in their order, equal for images that belong together.

    These are windows of a sound, copies of each other, and images of one group; groups that have copies of each other's
    images are one, as far as `linked` joins them. Each of `copies` gives images by their set and name; an image may be
    in several, which then are one.
    """
    keys = [(set_name, name) for set_name, dataset in sets.items() for name in dataset.names]
    row_of = {key: row for row, key in enumerate(keys)}
    sounds = any(dataset.recordings is not None for dataset in sets.values())
    leader = {row: row_of[key] if sounds else row for row, key in enumerate(keys)}  # windows of a file belong together
    for alike in copies:
        heads = [head_of(leader, row_of[key]) for key in alike if key in row_of]
        for head in heads:
            leader[head] = min(heads)
    numbers = [head_of(leader, row) for row in range(len(keys))]
    groups = joined_groups(list(sets.values()))
    if groups is None:
        return numbers
    parts = linked(groups, [str(number).encode() for number in numbers], fewest=_PARTS).parts
    first: dict[str, int] = {}
    return [first.setdefault(part, row) for row, part in enumerate(parts)]


def _shrunk(images: Images, factor: int) -> NDArray[np.uint8]:
    if factor == 1:
        return np.asarray(images)
    count, height, width, channels = images.shape
    rows, columns = height // factor, width // factor
    small = np.empty((count, rows, columns, channels), np.uint8)
    for start in range(0, count, _CHUNK):
        cut = images[start : start + _CHUNK][:, : rows * factor, : columns * factor]
        # Rows first, which lie far apart: several times as fast as both at once.
        lines = cut.reshape(len(cut), rows, factor, columns * factor * channels).sum(axis=2, dtype=np.uint32)
        sums = lines.reshape(len(cut), rows, columns, factor, channels).sum(axis=3, dtype=np.uint32)
        small[start : start + _CHUNK] = np.rint(sums.astype(np.float32) / np.float32(factor * factor))
    return small
