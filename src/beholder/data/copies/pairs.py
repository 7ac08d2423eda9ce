"""Pairs of images of which one is a copy of the other: proposed by hashes, confirmed by a second look, by thresholds.

The hashes (`spectra`) propose pairs without comparing each with each (`similar`); the second look lays the two on each
other (`alignment`). How well copies must agree depends on the images: two photographs hardly ever share details, two
handwritten digits often do. So a copy has to stand out from what other pairs of the same data reach.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from beholder.data.copies.alignment import agreement
from beholder.data.copies.similar import similar_pairs
from beholder.data.copies.spectra import (
    Hash,
    best_shift,
    central,
    grey_deviation,
    highest_frequency,
    mirrored_spectra,
    spectra,
)
from beholder.data.progress import Progress, silent

CONFIRMED = 0.86  # agreement of details: between copies and others among 50,000 photographs, see docs/lab-notebook.md
_STANDS_OUT = 10.0  # standard deviations above what other pairs reach: handwriting needs it, photographs do not
_OTHERS = 500  # pairs that tell what others reach
_FEW = 50  # images: they tell too little of what is usual among them
_CORRELATED = 0.75  # of the low frequencies at the best shift: below it a closer look finds no copies
_PLAIN = 3.0  # grey levels: an image that deviates less from its mean is a plain colour, like any other such image
_CHUNK = 1024  # pairs that one thread looks at
_TASK = "Comparing similar pairs of images"


@dataclass(frozen=True)
class Search:
    """How hard to look.

    `shares` of the sides of an image are compared with whole images, so that cut copies are proposed too; `cells` and
    `limit` are those of `similar_pairs`, and `steps` those of `agreement`.
    """

    shares: tuple[float, ...]
    cells: int
    limit: float
    steps: int


THOROUGH = Search((1.0, 0.9, 0.8), cells=8, limit=0.6, steps=6)
QUICK = Search((1.0,), cells=3, limit=0.75, steps=2)  # a second for 45,000 on two cores; misses a third of what was cut


def near_copies(
    small: NDArray[np.uint8], search: Search, progress: Progress = silent
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of near copies among different images, found on all cores; plain colours are copies of nothing.

    Args:
        small: (N, h, w) uint8, from `small_grey`; the result does not depend on where an image stands, but for ties.
        search: how hard to look.
        progress: told how far it is.

    Returns:
        (n, 2) int64, rows of two copies, the smaller first, and (n,) float32, how well their details agree, up to 1.
    """
    lively = np.flatnonzero(grey_deviation(small) >= _PLAIN)
    small = small[lively]
    if len(small) < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    progress(_TASK, 0, 1)
    # Many small products: threads of the matrix library would wait for each other, ten times longer on a busy machine.
    with threadpool_limits(1, user_api="blas"):
        pairs, scores = _find(small, search, progress)
    progress(_TASK, 1, 1)
    return lively[pairs], scores


def _find(
    small: NDArray[np.uint8], search: Search, progress: Progress
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """As `near_copies`, for images none of which is plain."""
    whole = spectra(small, highest_frequency(small))
    pairs = _proposed(small, whole, search)
    scores = np.zeros(len(pairs), np.float32)
    chunks = [pairs[start : start + _CHUNK] for start in range(0, len(pairs), _CHUNK)]
    with ThreadPoolExecutor() as threads:  # NumPy lets go of the interpreter while it works
        looked = threads.map(lambda chunk: _second_look(small, whole, chunk, search.steps), chunks)
        for number, agreed in enumerate(looked):
            progress(_TASK, number * _CHUNK, len(pairs))
            scores[number * _CHUNK : number * _CHUNK + len(agreed)] = agreed
    copies = scores >= _least_agreement(small, whole, search.steps)
    return pairs[copies], scores[copies]


def _proposed(small: NDArray[np.uint8], whole: NDArray[np.complex64], search: Search) -> NDArray[np.int64]:
    """Pairs that may be copies, as `similar_pairs`; all of them where there are too few images to learn from."""
    if len(small) <= _FEW:
        return np.stack(np.triu_indices(len(small), 1), axis=1)
    learned = Hash.learn(small)
    highest = highest_frequency(small)
    vectors = [
        learned.vectors(whole if share == 1 else spectra(central(small, share), highest)) for share in search.shares
    ]
    owners = np.tile(np.arange(len(small)), len(vectors))
    return similar_pairs(np.concatenate(vectors), owners, limit=search.limit, cells=search.cells)


def _second_look(
    small: NDArray[np.uint8],
    whole: NDArray[np.complex64],
    pairs: NDArray[np.int64],
    steps: int,
    correlated: float = _CORRELATED,
) -> NDArray[np.float32]:
    """How well the details of each pair agree; 0 where their low frequencies are not `correlated`."""
    height, width = small.shape[1:]
    first, second = whole[pairs[:, 0]], whole[pairs[:, 1]]
    straight, shift = best_shift(first, second, (height, width))
    turned, turned_shift = best_shift(first, mirrored_spectra(second, width), (height, width))
    mirror = turned > straight
    scores = np.zeros(len(pairs), np.float32)
    close = np.flatnonzero(np.maximum(straight, turned) >= correlated)
    shift = np.where(mirror[:, np.newaxis], turned_shift, shift)
    scores[close] = agreement(small, pairs[close], shift[close], mirror[close], steps)
    return scores


def _least_agreement(small: NDArray[np.uint8], whole: NDArray[np.complex64], steps: int) -> float:
    """The agreement from which on a pair is one of copies, in units in which correlations are normal (Fisher's z)."""
    count = len(small)
    if count <= _FEW:
        return CONFIRMED
    first = np.linspace(0, count - 1, _OTHERS).astype(np.int64)
    second = (first + 1 + np.arange(_OTHERS) % (count - 1)) % count  # never the image itself
    others = _second_look(small, whole, np.stack([first, second], axis=1), steps, correlated=-1)
    heights = np.arctanh(np.clip(others, -0.999, 0.999))
    middle = np.median(heights)
    deviation = 1.4826 * np.median(np.abs(heights - middle))  # of a normal distribution; copies among them do no harm
    return max(CONFIRMED, float(np.tanh(middle + _STANDS_OUT * deviation)))
