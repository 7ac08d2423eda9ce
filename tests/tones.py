"""Sounds that tests make: tones in a little noise, as samples, as WAV files and as a folder of classes."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000  # Hz
CLASSES = {"low": 300, "middle": 900, "high": 2500}  # to the pitch of each in Hz


def tone(hertz: float, seconds: float, seed: int = 0, rate: int = RATE) -> NDArray[np.float64]:
    """(n,) a tone of this pitch, a tenth of a second of nearly nothing at both ends."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    loud = np.clip(np.minimum(time, time[-1] - time) * 10, 0, 1) ** 2
    made: NDArray[np.float64] = 0.3 * loud * np.sin(2 * np.pi * hertz * time) + random.normal(0, 0.002, len(time))
    return made


def wav(samples: NDArray[np.float64], rate: int = RATE) -> bytes:
    """A WAV file of one channel and 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.rint(32767 * np.clip(samples, -1, 1)).astype("<i2").tobytes())
    return file.getvalue()


def write_tones(folder: Path, each: int = 24) -> None:
    """A folder of `CLASSES`, `each` file about half a second long and of a pitch of its own near its class's."""
    random = np.random.default_rng(7)
    for name, hertz in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for number in range(each):
            made = tone(hertz * random.uniform(0.9, 1.1), random.uniform(0.4, 0.5), number)
            (folder / name / f"{number}.wav").write_bytes(wav(made))
