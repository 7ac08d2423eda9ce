"""How much a figure flatters where the same speakers are in training and in test: spoken digits, drawn as spectrograms.

    .venv/bin/python bench/speakers.py [--seeds 3] [--epochs 12]

Each seed trains twice, about a minute on two cores each: once divided at random and once by `--group-pattern`, so that
the test set's speaker was never heard. The test accuracy of both is printed.
"""

from __future__ import annotations

import argparse
import io
import shutil
import wave
import zipfile
from pathlib import Path

import images
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import beholder

PATTERN = r"/(s\d+)-"
_WIDTHS, _LOOKED_AT = (16, 32, 64), 32  # a small network that looks at 32 pixels, so that a busy machine is in time too
_SIDE = 64  # pixels: frames of an eightieth of a second or less, and bands of frequency
_SECONDS = 1.0  # that are drawn: the middle of what is longer, and silence around what is shorter
_WINDOW = 256  # samples of a frame
_RANGE = 70.0  # decibels from black to white


def spectrograms() -> Path:
    """`bench/work/speakers/<digit>/<speaker>-<number>.png`, 64 × 64 grey pixels, drawn once."""
    target = images.WORK / "speakers"
    if not target.exists():
        building = images.WORK / "speakers.building"
        shutil.rmtree(building, ignore_errors=True)
        with zipfile.ZipFile(images.SHARED / "spoken-digits.zip") as bundle:
            for name in (one for one in bundle.namelist() if one.endswith(".wav")):
                place = building / Path(name).parent.name / f"{Path(name).stem}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(spectrogram(*_samples(bundle.read(name)))).save(place)
        building.rename(target)
    return target


def spectrogram(samples: NDArray[np.float64], rate: int) -> NDArray[np.uint8]:
    """(64, 64) uint8: low frequencies at the bottom, time to the right, loudness in decibels below the loudest."""
    wanted = int(_SECONDS * rate) + _WINDOW
    spare = len(samples) - wanted
    samples = samples[spare // 2 : spare // 2 + wanted] if spare > 0 else samples
    short = wanted - len(samples)
    samples = np.pad(samples, (short // 2, short - short // 2))
    starts = np.linspace(0, wanted - _WINDOW, _SIDE).astype(int)
    frames = np.stack([samples[start : start + _WINDOW] for start in starts]) * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1))[:, : _WINDOW // 2] ** 2
    bands = power.reshape(_SIDE, _SIDE, -1).mean(axis=2)
    loudness = 10 * np.log10(bands / max(bands.max(), 1e-12) + 1e-12)
    pixels: NDArray[np.uint8] = np.rint(255 * (loudness / _RANGE + 1).clip(0, 1)).astype(np.uint8).T[::-1]
    return pixels


def _samples(content: bytes) -> tuple[NDArray[np.float64], int]:
    with wave.open(io.BytesIO(content)) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float64), sound.getframerate()


def main() -> None:
    """Train, judge, print."""
    options = argparse.ArgumentParser()
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--epochs", type=int, default=12)
    given = options.parse_args()
    data, runs = spectrograms(), images.WORK / "speakers-runs"
    shutil.rmtree(runs, ignore_errors=True)
    for seed in range(given.seeds):
        for name, pattern in (("at random", None), ("by speaker", PATTERN)):
            run = runs / f"{name.replace(' ', '-')}-{seed}"
            how = {"epochs": given.epochs, "seed": seed, "mirror": False, "out": run, "group_pattern": pattern}
            trained = beholder.train(data, model="fast", widths=_WIDTHS, side=_LOOKED_AT, **how)
            judged = beholder.evaluate(run)
            low, high = judged.interval
            print(
                f"seed {seed}, divided {name}: validation {trained.validation_accuracy:.1%}, test "
                f"{judged.accuracy:.1%} ({low:.1%} to {high:.1%}) on {judged.count} images, {trained.seconds:.0f} s",
                *(note for note in trained.notes if "group" in note),
                sep="\n  ",
                flush=True,
            )


if __name__ == "__main__":
    main()
