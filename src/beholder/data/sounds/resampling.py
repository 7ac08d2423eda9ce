"""Sound at one rate from sound at another: a polyphase filter, streamed, the same whatever the chunks.

miniaudio's own is left aside: from 48 kHz to 16 kHz it lets a tone of 10 kHz through at -10 dB, as one of 6 kHz, and
offers no better filter; here that is -90 dB. SciPy's `resample_poly` has -57 dB, and would be a large thing to install.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_CROSSINGS = 32  # of the filter's sinc on each side
_BETA = 8.0  # of the Kaiser window: 80 dB
_CUTOFF = 0.97  # of half the lower rate
_LEAST_COLUMNS, _MOST_PHASES, _MOST_PERIOD = 64, 640, 4_096  # new samples, and old ones, after which the filter repeats


def resampled(chunks: Iterable[NDArray[np.float32]], old: int, new: int) -> Iterator[NDArray[np.float32]]:
    """Mono sound in chunks of (n,) float32 at `old` Hz -> chunks at `new` Hz, ceil(n * new / old) samples in all."""
    if old == new:
        yield from chunks
        return
    up, down = ratio(old, new)
    several = max(1, min(_LEAST_COLUMNS // up, _MOST_PERIOD // down))  # a product with few columns is slow
    up, down = several * up, several * down
    matrix = _matrix(up, down)
    reach, blocks = matrix.shape[0], max(1, 4096 // down)
    before = _taps(up, down) // 2
    held = np.zeros(before, np.float32)
    received = sent = 0
    for chunk in chunks:
        received += len(chunk)
        held = np.concatenate((held, chunk))
        while len(held) >= (blocks - 1) * down + reach:
            yield _product(held, blocks, down, matrix)
            held = held[blocks * down :]
            sent += blocks * up
    wanted = -(-received * up // down) - sent
    while wanted > 0:
        held = np.concatenate((held, np.zeros(max((blocks - 1) * down + reach - len(held), 0), np.float32)))
        part = _product(held, blocks, down, matrix)[:wanted]
        yield part
        held = held[blocks * down :]
        wanted -= len(part)


def ratio(old: int, new: int) -> tuple[int, int]:
    """How many new samples stand for how many old ones, in small whole numbers.

    Exact for the rates that recorders have. Others, 44,101 Hz, are taken as the nearest of small numbers: by less
    than 0.1 % off, a sixtieth of a semitone.
    """
    most = min(_MOST_PHASES, max(1, _MOST_PERIOD * new // old))
    nearest = Fraction(old, new).limit_denominator(most)
    return nearest.denominator, nearest.numerator


def _product(held: NDArray[np.float32], blocks: int, down: int, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = np.lib.stride_tricks.sliding_window_view(held, matrix.shape[0])[: (blocks - 1) * down + 1 : down]
    return np.asarray((rows @ matrix).reshape(-1))


def _taps(up: int, down: int) -> int:
    """Samples of the old rate that one of the new rate is made of, an even number."""
    return 2 * math.ceil(_CROSSINGS * max(1.0, down / up) / _CUTOFF)


@functools.lru_cache(maxsize=8)
def _matrix(up: int, down: int) -> NDArray[np.float32]:
    """(down + taps, up): `up` new samples from the old ones, which begin taps / 2 before the first new one."""
    taps = _taps(up, down)
    cutoff = _CUTOFF * min(1.0, up / down)
    first = np.arange(up) * down // up  # old sample before each new one
    rows = first + np.arange(taps + 1)[:, np.newaxis]  # (taps + 1, up): those that count; all others are 0
    place = rows - taps // 2 - np.arange(up) * (down / up)
    inside = np.clip(1 - np.square(place / (taps / 2)), 0, None)
    kernel = cutoff * np.sinc(cutoff * place) * np.i0(_BETA * np.sqrt(inside)) / np.i0(_BETA)
    kernel[np.abs(place) > taps / 2] = 0
    matrix = np.zeros((down + taps, up), np.float32)
    matrix[rows, np.arange(up)] = kernel / kernel.sum(0)
    return matrix
