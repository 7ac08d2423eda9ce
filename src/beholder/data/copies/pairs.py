"""Pairs of images of which one is a copy of the other: proposed by hashes, confirmed by closer looks, by thresholds.

The hashes (`spectra`) propose pairs without comparing each with each (`similar`); the second look lays the two on each
other (`alignment`), at 32 pixels. Larger images get a third look at 96 pixels: two shirts on a plain ground agree in
all that 32 pixels show, and copies agree in their seams and folds too. How well copies must agree depends on the
images: two photographs hardly ever share details, two handwritten digits often do. So a copy has to stand out from what
other pairs of the same data reach.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from beholder.data.copies.alignment import agreement
from beholder.data.copies.similar import similar_pairs
from beholder.data.copies.spectra import (
    Hash,
    Small,
    best_shift,
    central,
    grey_deviation,
    highest_frequency,
    mirrored_spectra,
    spectra,
)
from beholder.data.progress import Progress, silent

# Agreement of details, at 32 pixels and at 96: between copies and others among 50,000 small photographs and 3,409 large
# ones (docs/lab-notebook.md)
CONFIRMED, CONFIRMED_CLOSER = 0.86, 0.88
CLOSER_SIDE = 96  # pixels of the third look
_WORTH = 0.8  # agreement at 32 pixels that earns a third look
_PROMISING = 0.5  # agreement of large images, after a first step, that earns more
_STANDS_OUT = 10.0  # standard deviations above what other pairs reach: handwriting needs it, photographs do not
_OTHERS = 500  # pairs that tell what others reach; a fifth of them at 96 pixels
_FEW = 50  # images: they tell too little of what is usual among them
_CORRELATED = 0.75  # of the low frequencies at the best shift: below it a closer look finds no copies
_PLAIN = 3.0  # grey levels: an image that deviates less from its mean is a plain colour, like any other such image
_CHUNK = 256  # pairs that one thread looks at, before somebody hears of it
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


Closer = Callable[[NDArray[np.int64]], NDArray[np.uint8]]  # from rows to their images, (n, h, w)
# Of n pairs: scores (n,), places (n, 4) and whether the second one is mirrored (n,), as `agreement` has them
_Look = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]
THOROUGH = Search((1.0, 0.9, 0.8), cells=8, limit=0.6, steps=6)
QUICK = Search((1.0,), cells=3, limit=0.75, steps=2)  # a second for 45,000 on two cores; misses a third of what was cut


def near_copies(
    small: Small, search: Search, progress: Progress = silent, closer: Closer | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pairs of near copies among different images, found on all cores; plain colours are copies of nothing.

    Args:
        small: (N, h, w) uint8, from `small_grey`; the result does not depend on where an image stands, but for ties.
        search: how hard to look.
        progress: told how far it is.
        closer: gives larger grey images of some rows, in ascending order; None: there are none.

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
        looked, others = _second_looks(small, search, progress, -1.0 if closer is None else _PROMISING)
        confirmed = CONFIRMED
        if closer is not None:
            look = partial(_third_looks, closer=lambda rows: closer(lively[rows]), shape=small.shape[1:])
            looked = look(looked.above(_WORTH), search=search, progress=progress)
            others = look(others.at(np.arange(len(others.pairs)) % 5 == 0), search=search, progress=silent)
            confirmed = CONFIRMED_CLOSER
        found = looked.above(max(confirmed, _standing_out(others.scores)))
    progress(_TASK, 1, 1)
    return lively[found.pairs], found.scores


@dataclass(frozen=True, eq=False)
class _Looked:
    """Pairs (n, 2) int64 and how well they agree (n,), where (n, 4), and whether mirrored (n,)."""

    pairs: NDArray[np.int64]
    scores: NDArray[np.float32]
    places: NDArray[np.float32]
    mirrored: NDArray[np.bool_]

    def at(self, chosen: NDArray[np.bool_]) -> _Looked:
        return _Looked(self.pairs[chosen], self.scores[chosen], self.places[chosen], self.mirrored[chosen])

    def above(self, least: float) -> _Looked:
        return self.at(self.scores >= least)


def _second_looks(small: Small, search: Search, progress: Progress, promising: float) -> tuple[_Looked, _Looked]:
    """At pairs of images none of which is plain: those that are proposed, and others that are no copies."""
    whole = spectra(small, highest_frequency(small))
    pairs, others = _proposed(small, whole, search, progress), _others(len(small))
    looked = _in_chunks(
        pairs, lambda rows: _second_look(small, whole, pairs[rows], search.steps, promising=promising), progress
    )
    known = _in_chunks(
        others, lambda rows: _second_look(small, whole, others[rows], search.steps, correlated=-1), progress
    )
    return _Looked(pairs, *looked), _Looked(others, *known)


def _third_looks(
    looked: _Looked, closer: Closer, shape: tuple[int, ...], search: Search, progress: Progress
) -> _Looked:
    """At pairs that were seen in images of `shape`, in larger ones."""
    if not len(looked.pairs):
        return looked
    rows, places = np.unique(looked.pairs, return_inverse=True)
    large, numbers = closer(rows), places.reshape(looked.pairs.shape)
    ratio = np.array([large.shape[1] / shape[0], large.shape[2] / shape[1], 1, 1], np.float32)

    def look(chosen: slice) -> _Look:
        begin, mirrored = looked.places[chosen] * ratio, looked.mirrored[chosen]
        found = agreement(large, numbers[chosen], begin, mirrored, search.steps, promising=_PROMISING)
        return *found, mirrored

    return _Looked(looked.pairs, *_in_chunks(looked.pairs, look, progress))


def _in_chunks(pairs: NDArray[np.int64], look: Callable[[slice], _Look], progress: Progress) -> _Look:
    """What `look` gives for all `pairs`, a chunk of them a thread."""
    scores, places = np.zeros(len(pairs), np.float32), np.zeros((len(pairs), 4), np.float32)
    mirrored = np.zeros(len(pairs), bool)
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(pairs), _CHUNK)]
    with ThreadPoolExecutor() as threads:  # NumPy lets go of the interpreter while it works
        for chunk, found in zip(chunks, threads.map(look, chunks), strict=True):
            progress(_TASK, chunk.start, len(pairs))
            scores[chunk], places[chunk], mirrored[chunk] = found
    return scores, places, mirrored


def _proposed(small: Small, whole: NDArray[np.complex64], search: Search, progress: Progress) -> NDArray[np.int64]:
    """Pairs that may be copies, as `similar_pairs`; all of them where there are too few images to learn from."""
    if len(small) <= _FEW:
        return np.stack(np.triu_indices(len(small), 1), axis=1)
    learned = Hash.learn(small)
    highest = highest_frequency(small)
    vectors = [
        learned.vectors(whole if share == 1 else spectra(central(small, share), highest)) for share in search.shares
    ]
    owners = np.tile(np.arange(len(small)), len(vectors))
    together = np.concatenate(vectors)
    return similar_pairs(together, owners, limit=search.limit, cells=search.cells, progress=progress)


def _second_look(
    small: Small,
    whole: NDArray[np.complex64],
    pairs: NDArray[np.int64],
    steps: int,
    correlated: float = _CORRELATED,
    promising: float = -1.0,
) -> _Look:
    """How well the details of each pair agree; 0 where their low frequencies are not `correlated`."""
    scores, places = np.zeros(len(pairs), np.float32), np.zeros((len(pairs), 4), np.float32)
    if not len(pairs):
        return scores, places, np.zeros(0, bool)
    height, width = small.shape[1:]
    first, second = whole[pairs[:, 0]], whole[pairs[:, 1]]
    straight, shift = best_shift(first, second, (height, width))
    turned, turned_shift = best_shift(first, mirrored_spectra(second, width), (height, width))
    mirrored = turned > straight
    places[:, :2] = np.where(mirrored[:, np.newaxis], turned_shift, shift)
    close = np.flatnonzero(np.maximum(straight, turned) >= correlated)
    found = agreement(small, pairs[close], places[close], mirrored[close], steps, promising=promising)
    scores[close], places[close] = found
    return scores, places, mirrored


def _others(count: int) -> NDArray[np.int64]:
    """Pairs (n, 2) of so many images that are hardly ever copies; none of so few that they tell too little."""
    if count <= _FEW:
        return np.zeros((0, 2), np.int64)
    first = np.linspace(0, count - 1, _OTHERS).astype(np.int64)
    second = (first + 1 + np.arange(_OTHERS) % (count - 1)) % count  # never the image itself
    return np.stack([first, second], axis=1)


def _standing_out(others: NDArray[np.float32]) -> float:
    """The agreement that stands out from that of `others`, in units in which correlations are normal (Fisher's z)."""
    if not len(others):
        return -1.0
    heights = np.arctanh(np.clip(others, -0.999, 0.999))
    middle = np.median(heights)
    deviation = 1.4826 * np.median(np.abs(heights - middle))  # of a normal distribution; copies among them do no harm
    return float(np.tanh(middle + _STANDS_OUT * deviation))
