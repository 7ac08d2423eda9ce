"""A folder of tones for tests, some of which are longer than a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tones import CLASSES, RATE, tone, wav

LONG = 2.0  # seconds; others have half a second
WINDOWS = 8  # of a clip of half a second, in a long one


def write_wav(path: Path, samples: NDArray[np.float64], rate: int = RATE) -> Path:
    """A WAV file, and the folder that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav(samples, rate))
    return path


def make_tones(root: Path, each: int = 20, long: int = 2) -> Path:
    """`root/<class>/NN.wav`, `each` of half a second, but the last `long` of each class."""
    random = np.random.default_rng(1)
    for name, hertz in CLASSES.items():
        for number in range(each):
            seconds = LONG if number >= each - long else 0.5
            write_wav(root / name / f"{number:02d}.wav", tone(hertz * random.uniform(0.9, 1.1), seconds, number))
    return root
