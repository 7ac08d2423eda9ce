"""What tells a recording from another of the same thing: fine structure in pitch, and how well two share it.

*Details* are what stands out from neighbouring bands of pitch (a difference of blurs), less its mean over time, divided
by its local energy: how loud a sound is, which room it was made in and a steady hum are in their own bands all along
and drop out; a copy keeps its details when it is made louder, encoded again, cut or brought to another rate. What is
almost silent counts little, for encoders and noise change it. Two recordings are laid on each other at every shift in
time; what lies before and after either is in one of the two only, and left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SOFT = 80.0  # grey levels: what is softer counts less, in proportion
_NOISE = 16.0  # squared grey levels: the energy of details below which they are noise
_QUARTER = np.float32(0.25)
LEAST_FRAMES = 12  # columns that two have to share, or half of the shorter one where that is more
_CHUNK = 64  # pairs that are worked on at once
_LANDMARKS = 6  # moments of a window by which it is found, its loudest and those at which it grows most
_AROUND, _BANDS = 24, 16  # columns and bands of the surroundings of one

Maps = NDArray[np.float32]  # (n, bands, frames)


def details(windows: NDArray[np.uint8]) -> tuple[Maps, NDArray[np.float32]]:
    """Details (n, H, W) float32, and which columns are heard (n, W) float32, of spectrograms (n, H, W) uint8.

    What is silent before and after a sound is not heard, and its details are 0.
    """
    heard = _heard(windows)
    levels = _levels(windows, heard)
    fine = _blur(levels, 1, 2)
    band = fine - _blur(fine, 4, 1)
    weights = heard[:, np.newaxis]
    band -= (band * weights).sum(axis=2, keepdims=True) / np.maximum(weights.sum(axis=2, keepdims=True), 1)
    energy = _blur(_blur(band * band, 4, 1), 4, 2)
    found: Maps = band / np.sqrt(energy + _NOISE) * np.minimum(levels / _SOFT, 1) * weights
    return found.astype(np.float32), heard


def landmarks(windows: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors (m, d) float32 of norm 1 by which copies of spectrograms (n, H, W) uint8 find each other, and whose.

    Each is of the surroundings of a moment that a cut copy has too. One that is silent has none.
    """
    found, heard = details(windows)
    count, bands, frames = found.shape
    loudness = _blur(windows.astype(np.float32).mean(axis=1, keepdims=True), 2, 2)[:, 0] * heard
    growth = np.maximum(np.diff(loudness, axis=1, prepend=loudness[:, :1]), 0)
    around = np.pad(growth, ((0, 0), (1, 1)))
    peaks = np.where((growth > 0) & (growth >= around[:, :-2]) & (growth > around[:, 2:]), growth, 0)
    peaks[np.arange(count), loudness.argmax(axis=1)] = np.where(heard.any(axis=1), np.inf, 0)
    strongest = np.argsort(-peaks, axis=1, kind="stable")[:, :_LANDMARKS]
    owners, place = np.nonzero(np.take_along_axis(peaks, strongest, axis=1) > 0)
    moments = strongest[owners, place]
    pooled = found.reshape(count, _BANDS, bands // _BANDS, frames).mean(axis=2)
    padded = np.pad(pooled, ((0, 0), (0, 0), (_AROUND // 2, _AROUND // 2)))
    parts = np.lib.stride_tricks.sliding_window_view(padded, _AROUND, axis=2)[owners, :, moments]
    vectors = parts.reshape(len(owners), _BANDS, _AROUND // 2, 2).mean(axis=3).reshape(len(owners), -1)
    norms = np.linalg.norm(vectors, axis=1)
    lively = norms > 0
    return (vectors[lively] / norms[lively, np.newaxis]).astype(np.float32), owners[lively].astype(np.int64)


def sound_agreement(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How well details of pairs of spectrograms (n, H, W) uint8 agree at the best shift in time: (n,), at most 1."""
    scores = [_agreement(first[at : at + _CHUNK], second[at : at + _CHUNK]) for at in range(0, len(first), _CHUNK)]
    return np.concatenate([np.zeros(0, np.float32), *scores])


def _agreement(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    (one, one_heard), (other, other_heard) = details(first), details(second)
    size = 1 << (2 * first.shape[2] - 1).bit_length()
    product = np.fft.irfft((_spectrum(one, size) * _spectrum(other, size).conj()).sum(axis=1), size)
    spectra = [_spectrum(each, size) for each in ((one * one).sum(axis=1), one_heard)]
    others = [_spectrum(each, size).conj() for each in ((other * other).sum(axis=1), other_heard)]
    energy = np.fft.irfft(spectra[0] * others[1], size)  # of the first, where the second is heard
    other_energy = np.fft.irfft(spectra[1] * others[0], size)
    shared = np.fft.irfft(spectra[1] * others[1], size)
    shorter = np.minimum(one_heard.sum(axis=1), other_heard.sum(axis=1))
    enough = shared > np.maximum(shorter / 2, LEAST_FRAMES)[:, np.newaxis] - 0.5
    norms = np.sqrt(np.maximum(energy, 0) * np.maximum(other_energy, 0))
    known = enough & (norms > 1e-3)
    scores = np.where(known, product / np.where(known, norms, 1), 0).max(axis=1)
    limited: NDArray[np.float32] = np.minimum(scores, 1).astype(np.float32)
    return limited


def _spectrum(values: NDArray[np.float32], size: int) -> NDArray[np.complexfloating]:
    spectrum: NDArray[np.complexfloating] = np.fft.rfft(values, size)
    return spectrum


def _heard(windows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, W): 1 from the first column that is not silent to the last."""
    sounds: NDArray[np.bool_] = windows.max(axis=1) > 0
    begun = np.logical_or.accumulate(sounds, axis=1)
    unended = np.logical_or.accumulate(sounds[:, ::-1], axis=1)[:, ::-1]
    heard: NDArray[np.float32] = (begun & unended).astype(np.float32)
    return heard


def _levels(windows: NDArray[np.uint8], heard: NDArray[np.float32]) -> Maps:
    """Grey levels, where the first and the last column that is heard go on, so that no edge is a detail."""
    frames = windows.shape[2]
    some = heard.any(axis=1)
    first = np.where(some, heard.argmax(axis=1), 0)[:, np.newaxis]
    last = np.where(some, frames - 1 - heard[:, ::-1].argmax(axis=1), frames - 1)[:, np.newaxis]
    columns = np.clip(np.arange(frames)[np.newaxis], first, last)
    return np.take_along_axis(windows, columns[:, np.newaxis], axis=2).astype(np.float32)


def _blur(maps: Maps, times: int, axis: int) -> Maps:
    """Binomial weights 1, 2, 1 along one axis, so often."""
    for _ in range(times):
        sides = [(0, 0)] * 3
        sides[axis] = (1, 1)
        padded = np.moveaxis(np.pad(maps, sides, "edge"), axis, 0)
        maps = np.moveaxis((padded[:-2] + 2 * padded[1:-1] + padded[2:]) * _QUARTER, 0, axis)
    return maps
