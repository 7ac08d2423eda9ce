"""All sets of a data set in one, where an image is looked at for itself and not for the set that it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.image_rows import Images

_CHUNK = 256  # images that are shrunk at once


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
    dataset = Dataset(images, labels, datasets[0].class_names, names)
    return Pool(dataset, np.repeat(list(sets), [len(dataset) for dataset in datasets]))


def joined(sets: Mapping[str, Dataset], groups: Iterable[Iterable[tuple[str, str]]]) -> list[int]:
    """One number an image of `sets`, in their order, equal for images that belong together.

    Each of `groups` gives images by their set and name; an image may be in several, which then are one.
    """
    keys = [(set_name, name) for set_name, dataset in sets.items() for name in dataset.names]
    row_of = {key: row for row, key in enumerate(keys)}
    leader = list(range(len(keys)))
    for group in groups:
        heads = [_head(leader, row_of[key]) for key in group if key in row_of]
        for head in heads:
            leader[head] = min(heads)
    return [_head(leader, row) for row in range(len(keys))]


def _head(leader: list[int], row: int) -> int:
    while leader[row] != row:
        leader[row] = leader[leader[row]]
        row = leader[row]
    return row


def _shrunk(images: Images, factor: int) -> NDArray[np.uint8]:
    if factor == 1:
        return np.asarray(images)
    count, height, width, channels = images.shape
    rows, columns = height // factor, width // factor
    small = np.empty((count, rows, columns, channels), np.uint8)
    for start in range(0, count, _CHUNK):
        cut = images[start : start + _CHUNK][:, : rows * factor, : columns * factor]
        blocks = cut.reshape(len(cut), rows, factor, columns, factor, channels)
        small[start : start + _CHUNK] = np.rint(blocks.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)
    return small
