"""Which files are kept as golden: a few images of the validation set as PNG, or a few of its sounds as WAV.

The last of them is kept so that the whole rule is replayed: an image enlarged and out of proportion, a sound at another
rate and longer than a clip.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.data.dataset import Dataset
from beholder.data.decoding import Rules
from beholder.data.images.decode import ImageRules
from beholder.data.images.places import Folder, Place
from beholder.data.sounds.reading import read_sound
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.writing import wav
from beholder.errors import ImageError
from beholder.figures.png import png

COUNT = 8
_LONGER, _FASTER = 1.6, 2  # times a clip, and times the rate: the last sound


def golden_files(
    rules: Rules, images: NDArray[np.uint8], validation: Dataset, place: Place | None = None
) -> dict[str, bytes]:
    """From name to content.

    Args:
        rules: by which the network takes files.
        images: (N, H, W, C) uint8 of the validation set, which become golden where they are images.
        validation: where golden sounds are from, each file once.
        place: where these files are; None: their names are paths.
    """
    if isinstance(rules, SoundRules):
        return _sounds(rules, validation, place or Folder(Path.cwd(), whole=False))
    return _images(rules, images)


def _images(rules: ImageRules, images: NDArray[np.uint8]) -> dict[str, bytes]:
    last = Image.fromarray(images[-1, ..., 0] if rules.mode == "L" else images[-1])
    enlarged = np.asarray(last.resize((rules.width * 2, rules.height * 3), Image.Resampling.BICUBIC))
    return {f"{number}.png": png(image, level=6) for number, image in enumerate([*images[:-1], enlarged])}


def _sounds(rules: SoundRules, validation: Dataset, place: Place) -> dict[str, bytes]:
    rows = np.unique(np.linspace(0, len(validation) - 1, COUNT).astype(np.int64))
    sounds = [_clip(rules, place, validation.names[row], number) for number, row in enumerate(rows.tolist())]
    files = {f"{number}.wav": wav(sound, rules.rate) for number, sound in enumerate(sounds[:-1])}
    longer = np.resize(sounds[-1], round(_LONGER * rules.seconds * rules.rate))
    return {**files, f"{len(files)}.wav": wav(np.repeat(longer, _FASTER), _FASTER * rules.rate)}


def _clip(rules: SoundRules, place: Place, name: str, number: int) -> NDArray[np.float32]:
    """What a clip holds of a sound; of one that is no longer there a tone in its place."""
    count = round(rules.seconds * rules.rate)
    try:
        return read_sound(place.image(name), rules.rate)[:count]
    except ImageError:
        times = np.arange(count) / rules.rate
        return (0.5 * np.sin(2 * np.pi * 220 * 1.4**number * times)).astype(np.float32)
