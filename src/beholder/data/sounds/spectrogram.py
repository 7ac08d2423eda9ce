"""From samples to an image of time and pitch: magnitudes in mel bands, their logarithm, grey levels of a fixed range.

A periodic Hann window of 25 ms every 10 ms, in the middle of a spectrum of 512 points; magnitudes; 64 triangles on
HTK's mel scale, each with a peak of 1, from 125 to 7,500 Hz or half the rate; ln(mel + 0.001), as YAMNet has it; level
0 is silence, 255 is 5.0 and more.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from beholder.data.sounds.rules import BANDS, FFT, band_edges, frames_of, hop_of, window_of

_FLOOR, _TOP = 0.001, 5.0
_LEVELS_A_UNIT = 255 / (_TOP - math.log(_FLOOR))
_FRAMES_AT_ONCE = 100  # always as many in the product with the bands, so that a stream and a whole sound are equal
_GROUPS = 4  # of bands, each of which needs few frequencies


class _Kept(threading.local):
    """Arrays that each thread uses again: to get so much memory anew takes as long as half of the transform."""

    def __init__(self) -> None:
        frequencies = FFT // 2 + 1
        self.frames = np.empty((_FRAMES_AT_ONCE, FFT))
        self.transforms = np.empty((_FRAMES_AT_ONCE, frequencies), np.complex128)
        self.spectra = np.zeros((_FRAMES_AT_ONCE, frequencies), np.complex64)
        self.magnitudes = np.empty((_FRAMES_AT_ONCE, frequencies), np.float32)
        self.mel = np.empty((_FRAMES_AT_ONCE, BANDS), np.float32)


_kept = _Kept()


def spectrogram(samples: NDArray[np.float32], rate: int) -> NDArray[np.uint8]:
    """(n,) float32 mono at `rate` Hz, full scale at 1 -> (64, T) uint8, high pitch at the top.

    A sound shorter than one spectrum is padded with zeros.
    """
    return streamed_spectrogram((samples,), rate)


def streamed_spectrogram(chunks: Iterable[NDArray[np.float32]], rate: int) -> NDArray[np.uint8]:
    """What `spectrogram` makes of all chunks together; beside its result a few chunks are in memory."""
    return np.ascontiguousarray(np.concatenate([_levels(block, rate) for block in _blocks(chunks, rate)]).T[::-1])


def level_of(magnitude: float) -> int:
    """The grey level of a `magnitude` in a band."""
    return min(round((math.log(magnitude + _FLOOR) - math.log(_FLOOR)) * _LEVELS_A_UNIT), 255)


def _blocks(chunks: Iterable[NDArray[np.float32]], rate: int) -> Iterator[NDArray[np.float32]]:
    """Samples of `_FRAMES_AT_ONCE` frames each; those of fewer at the end."""
    step = _FRAMES_AT_ONCE * hop_of(rate)
    held, sent = np.empty(0, np.float32), 0
    for chunk in chunks:
        held = np.concatenate((held, chunk)) if len(held) else chunk
        while len(held) >= step + FFT:
            yield held[: step - hop_of(rate) + FFT]
            held, sent = held[step:], sent + 1
    if len(held) >= FFT or not sent:
        whole = np.zeros(max(len(held), FFT), np.float32)
        whole[: len(held)] = held
        for start in range(0, frames_of(len(held), rate) * hop_of(rate), step):
            yield whole[start : start + step - hop_of(rate) + FFT]


def _levels(samples: NDArray[np.float32], rate: int) -> NDArray[np.uint8]:
    """Samples of up to `_FRAMES_AT_ONCE` frames -> (frames, 64), the lowest band first."""
    count, window = frames_of(len(samples), rate), _window(rate)
    # Where a window lies among zeros changes phases alone, so the zeros are all behind it.
    place = (FFT - len(window)) // 2
    frames = np.lib.stride_tricks.as_strided(
        samples[place:], (count, len(window)), (hop_of(rate) * samples.itemsize, samples.itemsize), writeable=False
    )
    with np.errstate(over="ignore", invalid="ignore"):  # float sounds may go beyond all bounds; that is 255
        # In double precision: NumPy is no faster in single.
        cut = np.multiply(frames, window, out=_kept.frames[:count, : len(window)])
        _kept.spectra[:count] = np.fft.rfft(cut, FFT, out=_kept.transforms[:count])
        np.abs(_kept.spectra, out=_kept.magnitudes)
        for bands, frequencies, weights in _groups(rate):
            np.matmul(_kept.magnitudes[:, frequencies], weights, out=_kept.mel[:, bands])
    levels = _kept.mel[:count]
    levels += np.float32(_FLOOR)
    np.log(levels, out=levels)
    levels -= np.float32(math.log(_FLOOR))
    levels *= np.float32(_LEVELS_A_UNIT)
    np.rint(levels, out=levels)
    return np.fmin(levels, 255, out=levels).astype(np.uint8)


@functools.cache
def _window(rate: int) -> NDArray[np.float64]:
    """A periodic Hann window of 25 ms."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_of(rate)) / window_of(rate))


@functools.cache
def _groups(rate: int) -> tuple[tuple[slice, slice, NDArray[np.float32]], ...]:
    """Bands that lie together, the frequencies of a spectrum that they need, and what each gives: (frequencies, bands).

    Most of the whole matrix is zeros: few frequencies count for a low band.
    """
    edges = band_edges(rate)
    hertz = np.arange(FFT // 2 + 1)[:, np.newaxis] * (rate / FFT)
    rising = (hertz - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hertz) / np.diff(edges)[1:]
    weights = np.maximum(np.minimum(rising, falling), 0).astype(np.float32)
    groups = []
    for first in range(0, BANDS, BANDS // _GROUPS):
        bands = slice(first, first + BANDS // _GROUPS)
        used = np.flatnonzero(weights[:, bands].any(1))
        frequencies = slice(int(used[0]), int(used[-1]) + 1)
        groups.append((bands, frequencies, np.ascontiguousarray(weights[frequencies, bands])))
    return tuple(groups)
