"""The same image more than once: equal pixel by pixel, or nearly.

A near copy was encoded again, resized, mirrored, shifted or cut by a few pixels, or made brighter, darker or of another
contrast.

Here pairs of copies (`copies`) become groups, and groups become findings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beholder.data.checks.findings import Finding, Kind
from beholder.data.copies.pairs import QUICK, THOROUGH, Search, near_copies
from beholder.data.copies.spectra import small_grey
from beholder.data.dataset import Dataset
from beholder.data.progress import Progress, silent

MIN_SIDE = 16  # pixels: smaller images have too few details to tell a copy from an image that is alike
_FEW = 4000  # images among which a thorough search takes two seconds


def exact_duplicates(sets: Mapping[str, Dataset]) -> list[Finding]:
    """Groups of images with equal pixels, within and across `sets`; those across sets first.

    Args:
        sets: from set name to its images.
    """
    contents = _Contents.of(list(sets.values()))
    told = _Told(sets)
    groups = [(rows, 1.0) for rows in contents.rows if len(rows) > 1]
    return told.findings("exact_duplicate", groups, "{count} equal images")


def near_duplicates(
    sets: Mapping[str, Dataset], progress: Progress = silent, *, search: Search = THOROUGH
) -> list[Finding]:
    """Groups of images of which each is a copy of another one, but not pixel by pixel; those across sets first.

    A group has all copies, equal ones too. Its score is the agreement of its least alike neighbours.

    Args:
        sets: from set name to its images, all of one shape.
        progress: told how far it is.
        search: how hard to look.
    """
    contents = _Contents.of(list(sets.values()))
    groups = [
        (np.sort(np.concatenate([contents.rows[content] for content in group])), score)
        for group, score in _linked(*contents.copies(search, progress), count=len(contents.rows))
    ]
    return _Told(sets).findings(
        "near_duplicate", groups, "{count} images that are copies of one, each a little changed"
    )


def too_small(sets: Mapping[str, Dataset]) -> bool:
    """Whether images of `sets` are too small for near copies to be looked for; equal ones are found all the same."""
    return any(min(dataset.image_shape[:2]) < MIN_SIDE for dataset in sets.values())


def content_groups(dataset: Dataset) -> list[bytes]:
    """One value an image (16 bytes), equal for equal pixels.

    Files that are equal byte for byte decode to equal pixels, so groups by pixels keep them together too.
    """
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in dataset.images]


def copy_groups(
    dataset: Dataset, contents: Sequence[bytes], progress: Progress = silent, *, largest: float = 0.05
) -> list[bytes]:
    """One value an image (16 bytes), equal for images of which each is equal to another one or a near copy of it.

    Args:
        dataset: the images, in any order.
        contents: their `content_groups`.
        progress: told how far it is.
        largest: share of all images that near copies may make one group of, but five they may be: the frames of a
            film would be a single one, and leave no part without it.
    """
    groups = list(contents)
    different = _Contents.of([dataset], contents)
    sizes = [len(rows) for rows in different.rows]
    pairs, scores = different.copies(search_for(len(dataset)), progress)
    for group, _ in _linked(pairs, scores, count=len(sizes), sizes=sizes, most=max(5, largest * len(dataset))):
        for row in np.concatenate([different.rows[content] for content in group]).tolist():
            groups[row] = different.hashes[group[0]]
    return groups


def search_for(count: int) -> Search:
    """How hard to look for near copies among `count` images before training, which should take two seconds."""
    return THOROUGH if count <= _FEW else QUICK


@dataclass(frozen=True, eq=False)
class _Contents:
    """Different images of some data sets, ordered by their hashes and so not by where they stand.

    Attributes:
        hashes: one a content.
        rows: of each content the images that have it, numbered through all data sets; ascending.
        datasets: the data sets.
    """

    hashes: list[bytes]
    rows: list[NDArray[np.int64]]
    datasets: list[Dataset]

    @classmethod
    def of(cls, datasets: list[Dataset], hashes: Sequence[bytes] | None = None) -> _Contents:
        if hashes is None:
            hashes = [value for dataset in datasets for value in content_groups(dataset)]
        rows: dict[bytes, list[int]] = {}
        for row, value in enumerate(hashes):
            rows.setdefault(value, []).append(row)
        order = sorted(rows)
        return cls(order, [np.array(rows[value], np.int64) for value in order], datasets)

    def copies(self, search: Search, progress: Progress) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Pairs of contents that are near copies, (n, 2) int64, and their agreement, (n,) float32."""
        shapes = {dataset.image_shape for dataset in self.datasets if len(dataset)}
        if len(self.rows) < 2 or len(shapes) != 1 or min(min(shapes)[:2]) < MIN_SIDE:
            return np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
        small = np.concatenate([small_grey(dataset.images) for dataset in self.datasets])
        return near_copies(small[[rows[0] for rows in self.rows]], search, progress)


def _linked(
    pairs: NDArray[np.int64],
    scores: NDArray[np.float32],
    *,
    count: int,
    sizes: Sequence[int] | None = None,
    most: float = float("inf"),
) -> list[tuple[list[int], float]]:
    """Groups that `pairs` of `count` things link, and the score of the weakest link that each needs (Kruskal, 1956).

    Args:
        pairs: (n, 2) int64.
        scores: (n,) float32; the best links are taken first.
        count: how many things there are.
        sizes: of each thing; 1 where there are none.
        most: the largest sum of sizes that may be linked.
    """
    groups: dict[int, list[int]] = {}  # by its head, which is its smallest member
    weakest: dict[int, float] = {}
    head = list(range(count))
    weight = [1] * count if sizes is None else list(sizes)
    for index in np.argsort(-scores, kind="stable").tolist():
        one, other = sorted(head[thing] for thing in pairs[index].tolist())
        if one == other or weight[one] + weight[other] > most:
            continue
        moved = groups.pop(other, [other])
        groups[one] = sorted([*groups.get(one, [one]), *moved])
        weight[one] += weight[other]
        weakest[one] = float(scores[index])
        for thing in moved:
            head[thing] = one
    return [(groups[one], weakest[one]) for one in sorted(groups)]


class _Told:
    """Findings about rows, numbered through all sets."""

    def __init__(self, sets: Mapping[str, Dataset]) -> None:
        self.sets = [set_name for set_name, dataset in sets.items() for _ in range(len(dataset))]
        self.names = [name for dataset in sets.values() for name in dataset.names]
        self.labels = [dataset.class_names[label] for dataset in sets.values() for label in dataset.labels.tolist()]

    def findings(self, kind: Kind, groups: list[tuple[NDArray[np.int64], float]], words: str) -> list[Finding]:
        """One a group: those across sets first, then the surest, then the largest."""
        found = [self._finding(kind, rows.tolist(), score, words) for rows, score in groups]
        return sorted(found, key=lambda one: (len(set(one.sets)) == 1, -one.score, -len(one.paths), one.paths))

    def _finding(self, kind: Kind, rows: list[int], score: float, words: str) -> Finding:
        sets = tuple(self.sets[row] for row in rows)
        labels = tuple(self.labels[row] for row in rows)
        places = f", in {' and '.join(dict.fromkeys(sets))}" if len(set(sets)) > 1 else ""
        classes = f", labelled {' and '.join(dict.fromkeys(labels))}" if len(set(labels)) > 1 else ""
        sentence = f"{words.format(count=len(rows))}{places}{classes}."
        return Finding(kind, tuple(self.names[row] for row in rows), sets, score, labels, sentence=sentence)
