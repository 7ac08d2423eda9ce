"""What is measured of one sound to tell what is wrong with it: its length, its loudest moment, clipping, mains hum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beholder.data.images.headers import StoredImage
from beholder.data.sounds.headers import SoundHeader
from beholder.data.sounds.reading import open_sound

LOOKED_AT = 60.0  # seconds from the beginning in which clipping and hum are looked for
_LEAST_PEAK = 0.01  # of full scale: softer sounds are not looked at for clipping
_BIN = 1 / 64  # of the peak: values within it pile up where a sound is clipped
_PILED, _LEAST_PILED = 4, 10  # times as many as within the next such part; values at least
_LEAST_SHARE = 0.001  # of all values
_FLAT = 1.5 / 32768  # of full scale: values that differ less are equal
MAINS = (50, 60)  # hertz
_HARMONICS = 5
_FOUND, _ABOVE = 3, 4.0  # harmonics that have to stand so many times above what is between them
_LEAST_HUM, _LEAST_AGAINST_SOUND = 0.0003, 0.01  # its amplitude, of full scale, and against that of the whole sound
_LONGEST, _SHORTEST = 1.0, 0.2  # seconds of a frame in which hum is looked for


@dataclass(frozen=True)
class SoundMeasures:
    """What was measured.

    Attributes:
        header: what the file says of itself.
        seconds: of sound.
        peak: its largest value, of full scale.
        clipped: share of its values that lie at its peak as if cut off, 0 to 1; 0 where it is not clipped.
        hum: hertz of the mains whose harmonics are in it all the time; None where none are.
        hum_decibels: how loud that is against the whole sound; 0 where there is none.
    """

    header: SoundHeader
    seconds: float
    peak: float
    clipped: float
    hum: int | None
    hum_decibels: float


def measure_sound(content: StoredImage | bytes) -> SoundMeasures:
    """Read a sound at its own rate, and measure it.

    Raises:
        SoundError: it cannot be read.
    """
    parts: list[NDArray[np.float32]] = []
    count, peak = 0, 0.0
    with open_sound(content) as sound:
        header = sound.header
        for part in sound.chunks(header.rate):
            if count < LOOKED_AT * header.rate:
                parts.append(part)
            count += len(part)
            peak = max(peak, float(np.abs(part).max(initial=0)))
    samples = np.concatenate(parts)
    hum, decibels = mains_hum(samples, header.rate)
    return SoundMeasures(header, count / header.rate, peak, clipped_share(samples), hum, decibels)


def clipped_share(samples: NDArray[np.float32]) -> float:
    """The share of `samples` (n,) that lie at a peak as if cut off; 0 where they taper off as sounds do.

    A clipped sound has several equal values after each other at its peak, and many more close to it than just below.
    """
    share = 0.0
    for side in (samples, -samples):
        peak = float(side.max(initial=0))
        if peak < _LEAST_PEAK:
            continue
        near = int((side >= peak * (1 - _BIN)).sum())
        below = int((side >= peak * (1 - 2 * _BIN)).sum()) - near
        flat = side >= peak - _FLAT
        runs = (flat[2:] & flat[1:-1] & flat[:-2]).any()
        if runs and near >= max(_LEAST_PILED, _LEAST_SHARE * len(side)) and near >= _PILED * below:
            share += near / len(side)
    return share


def mains_hum(samples: NDArray[np.float32], rate: int) -> tuple[int | None, float]:
    """The mains whose first harmonics are in `samples` (n,) at `rate` Hz in every moment, and how loud; else None, 0.

    In each harmonic the softest frame counts, so that a voice, which comes and goes, is no hum.
    """
    seconds = len(samples) / rate
    length = round(min(max(seconds / 4, _SHORTEST), _LONGEST) * rate)
    loud = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    if seconds < 2 * _SHORTEST or rate < 2 * (_HARMONICS + 1) * max(MAINS) or not loud:
        return None, 0.0
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[:: length // 2]
    window = np.hanning(length + 1)[:-1]
    moments = np.arange(length) / rate
    found: list[tuple[float, int]] = []
    for mains in MAINS:
        hertz = mains * np.arange(0.5, _HARMONICS + 1, 0.5)
        waves = np.exp(-2j * np.pi * np.outer(moments, hertz)) * window[:, np.newaxis]
        amplitudes = np.percentile(2 * np.abs(frames @ waves) / window.sum(), 10, axis=0)
        lines, between = amplitudes[1::2], amplitudes[::2]
        around = np.maximum(between[:-1], between[1:])
        clear = lines > _ABOVE * around
        amplitude = float(np.sqrt(np.square(lines[clear]).sum() / 2))
        if clear.sum() >= _FOUND and clear[:2].any() and amplitude >= max(_LEAST_HUM, _LEAST_AGAINST_SOUND * loud):
            found.append((amplitude, mains))
    if not found:
        return None, 0.0
    amplitude, mains = max(found)
    return mains, 20 * float(np.log10(amplitude / loud))
