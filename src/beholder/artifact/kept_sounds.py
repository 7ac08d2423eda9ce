"""Sounds that a run keeps for its page, small enough to play: one file beside the model, as `kept_images`.

Samples have 8 bits by the mu-law of ITU-T G.711 (its continuous form), which is a telephone's quality.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.kept_images import damaged, read_kept, write_kept
from beholder.data.sounds.writing import wav

SOUNDS_FILE = "sounds.npz"
_MOST_BYTES = 50_000_000  # of all sounds together; a sample has one
_MOST_RATE = 96_000  # Hz
_MU = 255.0


@dataclass(frozen=True, eq=False)
class KeptSounds:
    """Sounds of a run, by their names in the data.

    Attributes:
        rate: in Hz, of all of them.
        places: from a sound's name to its place here.
        ends: (N,) int64, where each ends among `samples`.
        samples: (n,) uint8, one sound after the other.
    """

    rate: int
    places: dict[str, int]
    ends: NDArray[np.int64]
    samples: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ends)

    def wav(self, place: int) -> bytes:
        """A sound as a WAV file: mono, 16 bits."""
        start = int(self.ends[place - 1]) if place else 0
        return wav(_expanded(self.samples[start : self.ends[place]]), self.rate)


def open_sounds(run: Path) -> KeptSounds | None:
    """The sounds that `train` kept in the RUN folder `run`; None where it kept none.

    Raises:
        ArtifactError: they are damaged, or of another model than the run's; all else of the run can be used.
    """
    path = run / SOUNDS_FILE
    read = read_kept(path, run / "model", ("rate", "ends", "samples"), ("names",))
    if read is None:
        return None
    arrays, texts = read
    rate, ends, samples, names = arrays["rate"], arrays["ends"], arrays["samples"], texts["names"]
    fits = rate.shape == (1,) and rate.dtype.kind == "i" and 0 < rate[0] <= _MOST_RATE
    fits = fits and ends.dtype == np.int64 and ends.shape == (len(names),)
    fits = fits and samples.dtype == np.uint8 and samples.ndim == 1
    if not fits or (np.diff(ends, prepend=0) < 0).any() or (len(ends) and ends[-1] != len(samples)):
        raise damaged(path)
    return KeptSounds(int(rate[0]), {name: place for place, name in enumerate(names)}, ends, samples)


def write_sounds(run: Path, rate: int, sounds: Iterable[tuple[str, NDArray[np.float32]]]) -> None:
    """Keep `sounds` in the RUN folder `run`, beside its model, as many as 50 MB hold: the first ones.

    Args:
        run: the RUN folder.
        rate: in Hz, of all of them.
        sounds: names in the data with samples (n,) float32, full scale at 1; taken as long as there is room.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    names: list[str] = []
    parts: list[NDArray[np.uint8]] = []
    size = 0
    for name, samples in sounds:
        size += len(samples)
        if size > _MOST_BYTES:
            break
        names.append(name)
        parts.append(_compressed(samples))
    arrays = {
        "rate": np.array([rate], np.int64),
        "ends": np.cumsum([len(part) for part in parts], dtype=np.int64),
        "samples": np.concatenate([np.zeros(0, np.uint8), *parts]),
    }
    write_kept(run / SOUNDS_FILE, run / "model", arrays, {"names": names})


def _compressed(samples: NDArray[np.float32]) -> NDArray[np.uint8]:
    level = np.log1p(_MU * np.minimum(np.abs(samples), 1)) / np.log1p(_MU)
    levels: NDArray[np.uint8] = np.rint(128 + 127 * np.sign(samples) * level).astype(np.uint8)
    return levels


def _expanded(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    signed = np.maximum((levels.astype(np.float32) - 128) / 127, -1)
    expanded = np.sign(signed) * np.expm1(np.abs(signed) * np.log1p(_MU)) / _MU
    return np.asarray(expanded, np.float32)
