"""Which sounds are silent, told from their images of time and pitch, which are at hand before training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.data.sounds.rules import SoundRules, window_of
from beholder.data.sounds.spectrogram import level_of

SILENT = 0.001  # of full scale, 60 decibels below it
_PIXELS = 1 << 24  # that are looked at at once


def silent_sounds(sets: Mapping[str, Dataset]) -> int:
    """How many sounds of `sets` are nowhere louder than a tone of `SILENT`; images are none."""
    return sum(_silent(dataset, dataset.sound) for dataset in sets.values() if dataset.sound is not None)


def silent_level(rules: SoundRules) -> int:
    """The grey level that such a tone has: its magnitude under a Hann window of 25 ms, by the rule of spectrograms."""
    return level_of(SILENT * window_of(rules.rate) / 4)


def _silent(dataset: Dataset, rules: SoundRules) -> int:
    parts = [dataset.images[rows].max(axis=(1, 2, 3)) for rows in chunks(len(dataset), dataset.image_shape, _PIXELS)]
    loudest = np.zeros(len(dataset.files), np.uint8)
    np.maximum.at(loudest, dataset.file_of_row, np.concatenate([np.zeros(0, np.uint8), *parts]))
    return int((loudest <= silent_level(rules)).sum())
