"""Training sounds are varied, as spectrograms, in the ways in which another recording of the same sound might differ.

Masks as in D. S. Park et al., SpecAugment (2019), without the warp; frequencies as in N. Jaitly and G. Hinton, Vocal
tract length perturbation improves speech recognition (2013). No sound is turned around: backwards it is another.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from beholder.training.augmentation import SoundAugmentation

_FLOOR, _LOUDEST = 0.001, math.exp(5.0)  # magnitudes of grey 0, which is silence, and of 255
_STEP = math.log(_LOUDEST / _FLOOR) / 255  # nepers of a grey level
_MAGNITUDES = (_FLOOR * np.exp(_STEP * np.arange(256)) - _FLOOR).astype(np.float32)  # of each grey level
_LOWEST, _HIGHEST = 125.0, 7500.0  # hertz of the rows of a spectrogram; of slower recordings less, which matters little
_QUIETEST_NOISE, _LOUDEST_NOISE = -40.0, -20.0  # decibels against the loudest moment
_TILT = 12.0  # decibels by which noise is louder or softer at the top than at the bottom, at most
_ALL = slice(None)

# One sound: what is drawn for it, each of 0 to 1.
_MOVE, _STRETCH, _PITCH, _LEVEL, _NOISE, _LOUD, _SLOPE, _PART = range(8)
_TIME, _TIME_PLACE, _BANDS, _BANDS_PLACE, _NUMBERS = range(8, 13)


def varied_sounds(
    sounds: NDArray[np.uint8],
    how: SoundAugmentation,
    random: np.random.Generator,
    batch: int | None = None,
    share: slice = _ALL,
) -> NDArray[np.uint8]:
    """`sounds` (B, H, W, 1), pitch upwards and time to the right, each varied in its own way.

    They are the `share` of a `batch` of so many, and become what they would among all of it.
    """
    height, width = sounds.shape[1:3]
    drawn = random.random((batch or len(sounds), _NUMBERS))[share]
    pixels = sounds[..., 0]
    if how.shift or how.stretch or how.pitch:
        pixels = _elsewhere(pixels, how, drawn)
    if how.level:
        pixels = _of_other_level(pixels, how, drawn)
    if how.noise:
        texture = 0.5 + random.random((height, 2 * width), np.float32)
        pixels = _with_noise(pixels, texture, how, drawn)
    if how.mask:
        pixels = _masked(pixels, how, drawn)
    return pixels[..., np.newaxis]


def _elsewhere(pixels: NDArray[np.uint8], how: SoundAugmentation, drawn: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Moved and stretched in time about the middle, and in pitch, in one go; each pixel is the nearest one's."""
    count, height, width = pixels.shape
    middle = (width - 1) / 2
    pace = 1 + _spread(drawn[:, _STRETCH], how.stretch)
    start = middle + _spread(drawn[:, _MOVE], how.shift) * width
    columns = np.rint(start[:, np.newaxis] + pace[:, np.newaxis] * (np.arange(width) - middle)).astype(np.int64)
    rows = _rows_at(1 + _spread(drawn[:, _PITCH], how.pitch), height)
    first = np.arange(0, count * height, height)[:, np.newaxis]
    places = ((first + rows) * width)[:, :, np.newaxis] + columns.clip(0, width - 1)[:, np.newaxis]
    inside = (columns >= 0) & (columns < width)
    moved: NDArray[np.uint8] = np.take(pixels.reshape(-1), places) * inside[:, np.newaxis]
    return moved


def _rows_at(pitch: NDArray[np.float64], height: int) -> NDArray[np.int64]:
    """(B, H): the row whose frequency, times `pitch` (B,), is that of each row, the lowest or highest beyond them."""
    low, high = _mel(np.array([_LOWEST, _HIGHEST]))
    step = (high - low) / (height + 1)
    hertz = 700 * np.expm1((low + step * np.arange(height, 0, -1)) / 1127)
    rows = height - (_mel(hertz / pitch[:, np.newaxis]) - low) / step
    nearest: NDArray[np.int64] = np.rint(rows).clip(0, height - 1).astype(np.int64)
    return nearest


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Source: S. Young et al., The HTK book, section 5.4."""
    mel: NDArray[np.float64] = 1127 * np.log1p(hertz / 700)
    return mel


def _of_other_level(pixels: NDArray[np.uint8], how: SoundAugmentation, drawn: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Louder or softer; silence stays what it is."""
    gain = _ratio(_spread(drawn[:, _LEVEL], how.level))
    tables = _greys(gain[:, np.newaxis] * _MAGNITUDES)
    first = np.arange(0, 256 * len(pixels), 256)[:, np.newaxis, np.newaxis]
    louder: NDArray[np.uint8] = np.take(tables.reshape(-1), first + pixels)
    return louder


def _with_noise(
    pixels: NDArray[np.uint8], texture: NDArray[np.float32], how: SoundAugmentation, drawn: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """A share of them over a part of `texture` (H, 2W), steady noise of magnitude 1 which fluctuates by a half."""
    which = drawn[:, _NOISE] < how.noise
    chosen, drawn = pixels[which], drawn[which]
    if not len(chosen):
        return pixels
    height, width = pixels.shape[1:]
    decibels = _QUIETEST_NOISE + (_LOUDEST_NOISE - _QUIETEST_NOISE) * drawn[:, _LOUD]
    loudness = _MAGNITUDES[chosen.max(axis=(1, 2))] * _ratio(decibels)
    tilt = _ratio(_spread(drawn[:, _SLOPE], _TILT)[:, np.newaxis] * np.linspace(0.5, -0.5, height))
    starts = (drawn[:, _PART] * (width + 1)).astype(np.int64)
    noise = np.lib.stride_tricks.sliding_window_view(texture, width, axis=1)[:, starts].transpose(1, 0, 2)
    louder = pixels.copy()
    scale = (loudness[:, np.newaxis] * tilt).astype(np.float32)
    louder[which] = _greys(_MAGNITUDES[chosen] + scale[:, :, np.newaxis] * noise)
    return louder


def _masked(pixels: NDArray[np.uint8], how: SoundAugmentation, drawn: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Without some time, and without some bands."""
    _, height, width = pixels.shape
    bands = _heard(drawn[:, [_BANDS, _BANDS_PLACE]], how.mask, height)
    times = _heard(drawn[:, [_TIME, _TIME_PLACE]], how.mask, width)
    masked: NDArray[np.uint8] = pixels * bands[:, :, np.newaxis] * times[:, np.newaxis]
    return masked


def _heard(drawn: NDArray[np.float64], most: float, side: int) -> NDArray[np.bool_]:
    """(B, side): all but a part of up to a share `most`, of which `drawn` (B, 2) says the length and the place."""
    length = np.floor(drawn[:, :1] * (int(most * side) + 1))
    start = np.floor(drawn[:, 1:] * (side - length + 1))
    places = np.arange(side)
    heard: NDArray[np.bool_] = (places < start) | (places >= start + length)
    return heard


def _greys(magnitudes: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Grey levels of magnitudes of at least 0, as the rule of spectrograms has them."""
    levels: NDArray[np.uint8] = np.rint(np.log1p(magnitudes / _FLOOR) / _STEP).clip(0, 255).astype(np.uint8)
    return levels


def _ratio(decibels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of magnitudes."""
    ratio: NDArray[np.float64] = 10 ** (decibels / 20)
    return ratio


def _spread(drawn: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """From 0 … 1 to -most … most."""
    spread: NDArray[np.float64] = (2 * drawn - 1) * most
    return spread
