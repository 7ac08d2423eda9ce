"""Clips of one length: a shorter sound lies in the middle on silence, a longer one is windows that overlap by half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beholder.data.images.headers import StoredImage
from beholder.data.sounds.endings import read_lacks_end
from beholder.data.sounds.reading import open_sound
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.spectrogram import streamed_spectrogram


def decode_sound(content: StoredImage | bytes, rules: SoundRules) -> NDArray[np.uint8]:
    """A sound file, or its bytes, as images: (n, 64, frames, 1) uint8, a row a window, n at least 1.

    Raises:
        SoundError: it cannot be read.
    """
    with open_sound(content) as sound:
        return windows(streamed_spectrogram(sound.chunks(rules.rate), rules.rate), rules)


def decode_and_look_at_end(content: StoredImage | bytes, rules: SoundRules) -> tuple[NDArray[np.uint8], bool]:
    """As `decode_sound`, and whether the file lacks its end, see `endings`; it is opened and decoded once."""
    with open_sound(content) as sound:
        return windows(streamed_spectrogram(sound.chunks(rules.rate), rules.rate), rules), read_lacks_end(sound)


def windows(spectrogram: NDArray[np.uint8], rules: SoundRules) -> NDArray[np.uint8]:
    """(64, T) uint8 -> (n, 64, frames, 1) uint8."""
    height, width, _ = rules.shape
    length = spectrogram.shape[1]
    if length <= width:
        clip = np.zeros((1, height, width, 1), np.uint8)
        start = (width - length) // 2
        clip[0, :, start : start + length, 0] = spectrogram
        return clip
    return np.stack([spectrogram[:, start : start + width, np.newaxis] for start in starts(length, width)])


def starts(length: int, width: int) -> list[int]:
    """The first columns of the windows of `width` over `length` columns: half a window apart, the last at the end."""
    last = max(length - width, 0)
    return [*range(0, last, max(width // 2, 1)), last]
