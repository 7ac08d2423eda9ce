"""Pairs of sound files of which one is a copy of the other, or of a part of it, though encoded or cut otherwise.

Landmarks (`sound_details`) propose pairs of windows without comparing each with each (`similar`); a closer look lays
the two on each other in time. Two recordings of one word by one speaker agree less than copies do, and in data of which
all recordings are alike (one machine's hum) a copy has to stand out from what other pairs reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from beholder.data.copies.similar import similar_pairs
from beholder.data.copies.sound_details import landmarks, sound_agreement
from beholder.data.dataset import Dataset
from beholder.data.progress import Progress

# Agreement of details: of 150 planted copies of spoken digits nine in ten reach it; of 1.3 million pairs of different
# recordings, among them the same word by the same speaker, the best has 0.75, of 16,000 pairs of plain tones 0.84
# (docs/lab-notebook.md)
CONFIRMED = 0.85
_CONFIRMED_OF_FEW = 0.9  # where there are too few to tell what others reach
# Likeness of two landmarks that earns a closer look; a quick search looks at a fifth of the pairs
_PROPOSED, _PROPOSED_QUICKLY = 0.65, 0.75
_STANDS_OUT = 8.0  # standard deviations above what other pairs reach
_OTHERS = 500  # pairs that tell what others reach
_FEW = 8  # windows: they tell too little of what is usual among them
_CHUNK = 512  # windows, or pairs, that one thread looks at
_CELLS = 3  # that each landmark is looked for in
_TASK = "Comparing similar pairs of sounds"


def near_recordings(
    datasets: Sequence[Dataset], files: NDArray[np.int64], progress: Progress, *, quick: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of near copies among different sound files, found on all cores.

    Args:
        datasets: whose windows have one shape.
        files: (n,) numbers of different files, through all `datasets`.
        progress: told how far it is.
        quick: miss more of those that were cut or encoded again.

    Returns:
        (m, 2) int64, places in `files` of two copies, the smaller first; and (m,) float32, how well they agree, up to
        1: at least half of the windows of the shorter one agree with one of the other so well.
    """
    windows = _Windows(datasets, files)
    vectors, owners = windows.landmarks()
    nothing = np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    if not len(owners):
        return nothing
    limit = _PROPOSED_QUICKLY if quick else _PROPOSED
    pairs = similar_pairs(vectors, owners, limit=limit, cells=_CELLS, progress=progress)
    pairs = pairs[windows.files[pairs[:, 0]] != windows.files[pairs[:, 1]]]
    scores = windows.agreement(pairs, progress)
    least = max(CONFIRMED, _standing_out(windows))
    sure = scores >= least
    lively = np.bincount(windows.files[np.unique(owners)], minlength=len(files))
    return _of_files(windows.files[pairs[sure]], pairs[sure], scores[sure], lively)


class _Windows:
    """The windows of some files of several data sets, numbered in a row."""

    def __init__(self, datasets: Sequence[Dataset], files: NDArray[np.int64]) -> None:
        places: list[NDArray[np.int64]] = []
        numbers: list[NDArray[np.int64]] = []
        start = 0
        for which, dataset in enumerate(datasets):
            own = dataset.file_of_row
            wanted = np.flatnonzero(np.isin(own + start, files))
            places.append(np.stack([np.full(len(wanted), which), wanted], axis=1))
            numbers.append(own[wanted] + start)
            start += int(own.max(initial=-1)) + 1
        self._datasets = datasets
        self._places = np.concatenate(places)
        order = np.argsort(files)
        self.files: NDArray[np.int64] = order[np.searchsorted(files[order], np.concatenate(numbers))]

    def at(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(n, H, W) of some."""
        height, width, _ = self._datasets[0].image_shape
        found = np.empty((len(rows), height, width), np.uint8)
        places = self._places[rows]
        for which, dataset in enumerate(self._datasets):
            inside = np.flatnonzero(places[:, 0] == which)
            found[inside] = dataset.images[places[inside, 1]][..., 0]
        return found

    def landmarks(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As `sound_details.landmarks`, of all."""
        starts = range(0, len(self.files), _CHUNK)
        everything = np.arange(len(self.files))
        with ThreadPoolExecutor() as threads:  # NumPy lets go of the interpreter while it works
            found = list(threads.map(lambda start: landmarks(self.at(everything[start : start + _CHUNK])), starts))
        owners = [own + start for (_, own), start in zip(found, starts, strict=True)]
        return np.concatenate([vectors for vectors, _ in found]), np.concatenate(owners)

    def agreement(self, pairs: NDArray[np.int64], progress: Progress) -> NDArray[np.float32]:
        """(n,) how well pairs (n, 2) of windows agree."""
        chunks = [pairs[start : start + _CHUNK] for start in range(0, len(pairs), _CHUNK)]
        scores = [np.zeros(0, np.float32)]
        with ThreadPoolExecutor() as threads:
            found = threads.map(lambda some: sound_agreement(self.at(some[:, 0]), self.at(some[:, 1])), chunks)
            for done, some in enumerate(found, start=1):
                progress(_TASK, min(done * _CHUNK, len(pairs)), len(pairs))
                scores.append(some)
        return np.concatenate(scores)


def _standing_out(windows: _Windows) -> float:
    """The agreement that stands out from that of other pairs, where correlations are normal (Fisher's z)."""
    count = len(windows.files)
    if count <= _FEW:
        return _CONFIRMED_OF_FEW
    first, second = np.triu_indices(count, 1) if count * (count - 1) // 2 <= _OTHERS else _spread(count)
    others = windows.files[first] != windows.files[second]
    if others.sum() <= _FEW:
        return _CONFIRMED_OF_FEW
    pairs = np.stack([first[others], second[others]], axis=1)
    heights = np.arctanh(np.clip(sound_agreement(windows.at(pairs[:, 0]), windows.at(pairs[:, 1])), -0.999, 0.999))
    middle = np.median(heights)
    deviation = 1.4826 * np.median(np.abs(heights - middle))  # of a normal distribution; copies among them do no harm
    return float(np.tanh(middle + _STANDS_OUT * deviation))


def _spread(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`_OTHERS` pairs of so many windows, far from each other and close."""
    first = np.linspace(0, count - 1, _OTHERS).astype(np.int64)
    return first, (first + 1 + np.arange(_OTHERS) * 7 % (count - 1)) % count


def _of_files(
    files: NDArray[np.int64], pairs: NDArray[np.int64], scores: NDArray[np.float32], lively: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of files from `pairs` (n, 2) of windows that agree, of `files` (n, 2), by how many `lively` each has."""
    best: dict[tuple[int, int], tuple[dict[int, float], dict[int, float]]] = {}
    for (one, other), (row, partner), score in zip(files.tolist(), pairs.tolist(), scores.tolist(), strict=True):
        swapped = one > other
        key = (other, one) if swapped else (one, other)
        sides = best.setdefault(key, ({}, {}))
        for side, window in zip(sides, (partner, row) if swapped else (row, partner), strict=True):
            side[window] = max(side.get(window, 0.0), score)
    found = []
    for (one, other), sides in best.items():
        shorter = 0 if lively[one] <= lively[other] else 1
        agreed = sorted(sides[shorter].values(), reverse=True)
        half = -(-int(lively[(one, other)[shorter]]) // 2)
        if len(agreed) >= half:
            found.append((one, other, agreed[half - 1]))
    found.sort()
    return (
        np.array([each[:2] for each in found], np.int64).reshape(-1, 2),
        np.array([each[2] for each in found], np.float32),
    )
