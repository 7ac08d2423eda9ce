"""How well two images agree in their details, once they are laid on each other as well as they can be.

*Laying on each other* is least-squares matching (Lucas and Kanade, IJCAI 1981; Gruen, 1985): shift and scale, in both
directions, and gain and offset of the brightness, in Gauss-Newton steps from a shift that was found before. *Details*
are a band of spatial frequencies (a difference of two blurs), divided by their local energy: two ships under one sky
have the sky in common and no details, and a copy keeps its details when it is encoded again or made darker. The edge is
left out: what a shift or a cut did to it is in one of the two only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SURE = 0.97  # agreement at which nothing is to be gained by a better fit
_LARGEST_STEP = np.array([2, 2, 0.1, 0.1], np.float32)  # pixels down and right; scale down and right
_NOISE = 4.0  # squared grey levels: the energy of details below which they are noise
_QUARTER = np.float32(0.25)
_CHUNK = 256  # pairs that are worked on at once: they stay in a core's cache

Grey = NDArray[np.float32]  # (n, h, w)


def agreement(
    small: NDArray[np.uint8],
    pairs: NDArray[np.int64],
    places: NDArray[np.float32],
    mirrored: NDArray[np.bool_],
    steps: int,
    *,
    promising: float = -1.0,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How well the details of two images agree where they lie best on each other, and where that is.

    Args:
        small: (N, h, w) uint8 grey images, h and w at least 8.
        pairs: (n, 2) int64, two of their rows.
        places: (n, 4) float32, where to begin: pixel (y, x) of the second image, from its centre, is about
            (y + down, x + right) of the first, and moves by so many pixels down and right for each pixel of its own.
        mirrored: (n,) bool, whether the second one is to be mirrored before that.
        steps: of Gauss and Newton; 0 looks at the given place alone.
        promising: a pair that agrees less after the first step gets no further ones.

    Returns:
        (n,) float32, a correlation of at most 1; and (n, 4) float32, the places where it was found.
    """
    scores, best = np.zeros(len(pairs), np.float32), places.copy()
    for start in range(0, len(pairs), _CHUNK):
        rows = slice(start, start + _CHUNK)
        second = small[pairs[rows, 1]]
        turned = mirrored[rows]
        second[turned] = second[turned, :, ::-1]
        first = small[pairs[rows, 0]].astype(np.float32)
        found = _best_agreement(first, second.astype(np.float32), places[rows], steps, promising)
        scores[rows], best[rows] = found
    return scores, best


def _best_agreement(
    first: Grey, second: Grey, begin: NDArray[np.float32], steps: int, promising: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    height, width = first.shape[1:]
    inner = second[:, height // 8 : height - height // 8, width // 8 : width - width // 8]
    details = _details(inner)
    place, best_place = begin.copy(), begin.copy()
    best = np.full(len(first), -1, np.float32)
    for step in range(steps + 1):
        undecided = np.flatnonzero((best < _SURE) & ((best >= promising) | (step < 2)))
        if not len(undecided):
            break
        laid = _lay(first[undecided], place[undecided])
        agreed = _correlation(_details(laid), details[undecided])
        better = agreed > best[undecided]
        best[undecided[better]] = agreed[better]
        best_place[undecided[better]] = place[undecided[better]]
        if step < steps:
            place[undecided] += _gauss_newton(laid, inner[undecided], height, width)
    return best, best_place


def _lay(first: Grey, place: NDArray[np.float32]) -> Grey:
    """The part of `first` that lies on the inner part of the second image (bilinear; the edge goes on outside)."""
    count, height, width = first.shape
    y = (1 + place[:, 2:3]) * _from_centre(height) + place[:, 0:1] + (height - 1) / 2
    x = (1 + place[:, 3:4]) * _from_centre(width) + place[:, 1:2] + (width - 1) / 2
    y, x = np.clip(y, 0, height - 1.001), np.clip(x, 0, width - 1.001)
    top, left = y.astype(np.int64), x.astype(np.int64)
    lower = (y - top).astype(np.float32)[:, :, np.newaxis]
    right = (x - left).astype(np.float32)[:, np.newaxis, :]
    corner = ((np.arange(count)[:, np.newaxis] * height + top) * width)[:, :, np.newaxis] + left[:, np.newaxis, :]
    pixels = first.ravel()
    upper_line = pixels[corner] * (1 - right) + pixels[corner + 1] * right
    lower_line = pixels[corner + width] * (1 - right) + pixels[corner + width + 1] * right
    return np.asarray(upper_line * (1 - lower) + lower_line * lower)


def _gauss_newton(laid: Grey, wanted: Grey, height: int, width: int) -> NDArray[np.float32]:
    """(n, 4) how to move so that gain * laid + offset comes nearer to `wanted`."""
    count = len(laid)
    down, right = np.gradient(laid, axis=(1, 2))
    # A quarter of a side as the unit of a scale gives it the weight of a shift.
    from_middle, from_centre = _from_centre(height)[:, np.newaxis] * 4 / height, _from_centre(width) * 4 / width
    columns = np.stack([laid, down, right, down * from_middle, right * from_centre], axis=-1).reshape(count, -1, 5)
    columns -= columns.mean(axis=1, keepdims=True)
    target = (wanted - wanted.mean(axis=(1, 2), keepdims=True)).reshape(count, -1, 1)
    transposed = columns.transpose(0, 2, 1)
    normal = transposed @ columns
    ridge = 1e-4 * np.trace(normal, axis1=1, axis2=2) + 1e-3
    normal += ridge[:, np.newaxis, np.newaxis] * np.eye(5, dtype=np.float32)
    solution = np.linalg.solve(normal, transposed @ target)[..., 0]
    move = solution[:, 1:] / np.maximum(solution[:, :1], 0.2)  # by the gain, which is above zero for a copy
    move[:, 2:] *= 4 / np.array([height, width], np.float32)
    return np.clip(move, -_LARGEST_STEP, _LARGEST_STEP).astype(np.float32)


def _details(grey: Grey) -> Grey:
    fine = _blur(grey, 1)
    band = fine - _blur(fine, 3)
    return np.asarray(band / np.sqrt(_blur(band * band, 4) + _NOISE), np.float32)


def _blur(grey: Grey, times: int) -> Grey:
    """Binomial weights 1, 2, 1 in both directions, so often."""
    for _ in range(times):
        padded: Grey = np.pad(grey, ((0, 0), (1, 1), (1, 1)), "edge")
        lines: Grey = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) * _QUARTER
        grey = (lines[:, :, :-2] + 2 * lines[:, :, 1:-1] + lines[:, :, 2:]) * _QUARTER
    return grey


def _correlation(one: Grey, other: Grey) -> NDArray[np.float32]:
    one, other = one.reshape(len(one), -1), other.reshape(len(other), -1)
    one, other = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    norms = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1))
    return np.asarray((one * other).sum(axis=1) / np.maximum(norms, 1e-6), np.float32)


def _from_centre(length: int) -> NDArray[np.float32]:
    """Places of the inner pixels of a side, from its centre."""
    return (np.arange(length // 8, length - length // 8) - (length - 1) / 2).astype(np.float32)
