"""The same image more than once: equal pixel by pixel, or nearly.

A near copy was encoded again, resized, mirrored, shifted or cut by a few pixels, or made brighter, darker or of another
contrast. Here pairs of copies (`copies.pairs`) become groups, and groups become findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from beholder.data.checks.findings import Finding, Kind
from beholder.data.copies.pairs import QUICK, THOROUGH, Search, near_copies
from beholder.data.copies.spectra import small_grey
from beholder.data.dataset import Dataset
from beholder.data.progress import Progress, silent

MIN_SIDE = 16  # pixels: smaller images have too few details to tell a copy from an image that is alike
_FEW = 4000  # images among which a thorough search takes two seconds, which is what it may take before training


def exact_duplicates(sets: Mapping[str, Dataset]) -> list[Finding]:
    """Groups of images with equal pixels, within and across `sets`; those across sets first."""
    groups = [(rows, 1.0) for rows in _rows_by_content(_contents(sets)).values() if len(rows) > 1]
    return _findings(sets, "exact_duplicate", groups, "equal images")


def near_duplicates(
    sets: Mapping[str, Dataset], progress: Progress = silent, *, search: Search = THOROUGH
) -> list[Finding]:
    """Groups of images of which each is a copy of another one, but not pixel by pixel; those across sets first.

    A group has all copies, equal ones too. Its score is the agreement of its least alike neighbours. All images have
    one shape.
    """
    rows = list(_rows_by_content(_contents(sets)).values())
    linked = _linked(*_near_pairs(sets.values(), rows, search, progress), [1] * len(rows))
    groups = [(sorted(row for content in group for row in rows[content]), score) for group, score in linked]
    return _findings(sets, "near_duplicate", groups, "images that are copies of one, each a little changed")


def too_small(sets: Mapping[str, Dataset]) -> bool:
    """Whether images of `sets` are too small for near copies to be looked for; equal ones are found all the same."""
    return any(min(dataset.image_shape[:2]) < MIN_SIDE for dataset in sets.values())


def copy_groups(dataset: Dataset, progress: Progress = silent, *, largest: float = 0.05) -> list[bytes]:
    """One value an image (16 bytes), equal for images of which each is equal to another one or a near copy of it.

    Args:
        dataset: the images, in any order.
        progress: told how far it is.
        largest: share of all images that near copies may make one group of, but five they may be: the frames of a
            film would be a single one, and leave no set without it.
    """
    by_content = _rows_by_content(dataset.contents)
    hashes, rows = list(by_content), list(by_content.values())
    search = THOROUGH if len(dataset) <= _FEW else QUICK
    pairs, scores = _near_pairs([dataset], rows, search, progress)
    groups = list(dataset.contents)
    for group, _ in _linked(pairs, scores, list(map(len, rows)), most=max(5, largest * len(dataset))):
        for row in (row for content in group for row in rows[content]):
            groups[row] = hashes[group[0]]
    return groups


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

    `rows` has for each content the images that have it, numbered through all `datasets`.
    """
    filled = [dataset for dataset in datasets if len(dataset)]
    shapes = {dataset.image_shape for dataset in filled}
    if len(rows) < 2 or len(shapes) != 1 or min(min(shapes)[:2]) < MIN_SIDE:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    small = np.concatenate([small_grey(dataset.images) for dataset in filled])
    return near_copies(small[[members[0] for members in rows]], search, progress)


def _linked(
    pairs: NDArray[np.int64], scores: NDArray[np.float32], sizes: list[int], most: float = float("inf")
) -> list[tuple[list[int], float]]:
    """Groups that `pairs` of things link, best `scores` first, and the weakest link that each needs (Kruskal, 1956).

    No group is linked whose things have together more than `most` of their `sizes`.
    """
    groups: dict[int, list[int]] = {}  # by its head, which is its smallest member
    weakest: dict[int, float] = {}
    head = list(range(len(sizes)))
    weight = list(sizes)
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


def _findings(
    sets: Mapping[str, Dataset], kind: Kind, groups: list[tuple[list[int], float]], words: str
) -> list[Finding]:
    """One a group of rows, numbered through all sets: those across sets first, then the surest, then the largest."""
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
    return sorted(found, key=lambda one: (len(set(one.sets)) == 1, -one.score, -len(one.paths), one.paths))
