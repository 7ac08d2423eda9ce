"""Sounds become images, and one is answered: how fast, and how equal to librosa's.

    rate     claim: 10,000 one-second files become images at 0.85 of the rate at least at which miniaudio and NumPy's
             FFT alone decode and transform them, on all cores; rounds in turn, the median of each pair's quotient.
    clip     claim: one clip is answered in 10 ms inside a process, and in 1.0 s as a command; RUN is one of sounds.
    librosa  claim: equal to librosa to one grey level, on noise, tones and speech; wants librosa here, which Beholder
             itself never needs (and whose resampler is under the LGPL).

usage: python bench/sounds.py rate [--files 10000] [--rounds 5] [--hertz 16000]
       python bench/sounds.py clip RUN
       python bench/sounds.py librosa
"""

from __future__ import annotations

import argparse
import io
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process a core, as Beholder's own

import images
import numpy as np
from numpy.typing import NDArray

from beholder.cores import usable_cores
from beholder.data.images.cache import ImageFiles
from beholder.data.images.places import Folder
from beholder.data.sounds.loading import load_sounds
from beholder.data.sounds.reading import read_sound
from beholder.data.sounds.rules import SoundRules
from beholder.data.sounds.spectrogram import spectrogram
from beholder.data.sounds.windows import decode_sound

AT_ONCE = 64  # files that a process of the peer takes


def tones(count: int, hertz: int) -> Path:
    """`bench/work/sounds-HERTZ/<n>.wav`, a second of a tone in noise each, 16 bits, written once."""
    folder = images.WORK / f"sounds-{hertz}"
    folder.mkdir(parents=True, exist_ok=True)
    random, place = np.random.default_rng(0), np.arange(hertz) / hertz
    for number in range(count):
        path = folder / f"{number:05d}.wav"
        if not path.exists():
            sound = 0.3 * np.sin(2 * np.pi * random.uniform(100, 3000) * place) + random.normal(0, 0.05, hertz)
            path.write_bytes(wav(sound, hertz))
    return folder


def wav(sound: NDArray[np.float64], hertz: int) -> bytes:
    """A WAV file of one channel and 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, hertz, 0, "NONE", ""))
        writer.writeframes(np.rint(32767 * sound.clip(-1, 1)).astype("<i2").tobytes())
    return file.getvalue()


def peer(paths: list[str], hertz: int) -> int:
    """Miniaudio decodes, NumPy transforms frames of 25 ms every 10 ms; nothing is made of them."""
    import miniaudio

    window = np.hanning(hertz // 40).astype(np.float32)
    frames = 0
    for path in paths:
        decoded = miniaudio.decode_file(path, miniaudio.SampleFormat.FLOAT32, 1, hertz)
        samples = np.frombuffer(decoded.samples, np.float32)
        cut = np.lib.stride_tricks.sliding_window_view(samples, len(window))[:: hertz // 100]
        frames += len(np.fft.rfft(cut * window, 512))
    return frames


def ours(paths: list[str], hertz: int) -> int:
    """The whole rule for each file, in the processes of the peer."""
    return sum(len(decode_sound(Path(path), SoundRules(hertz, 1.0))) for path in paths)


def in_processes(work: Callable[[list[str], int], int], paths: list[str], hertz: int) -> float:
    """Files a second on all cores; the processes are there before the clock starts."""
    batches = [paths[start : start + AT_ONCE] for start in range(0, len(paths), AT_ONCE)]
    with ProcessPoolExecutor(usable_cores()) as pool:
        list(pool.map(work, [paths[:8]] * 4 * usable_cores(), [hertz] * 4 * usable_cores()))
        begun = time.perf_counter()
        list(pool.map(work, batches, [hertz] * len(batches)))
        return len(paths) / (time.perf_counter() - begun)


def loaded(folder: Path, names: list[str], hertz: int) -> float:
    """Files a second as Beholder loads a set, its processes started and its cache written within the time."""
    with tempfile.TemporaryDirectory(dir=images.WORK) as cache:
        begun = time.perf_counter()
        made = load_sounds(ImageFiles(Folder(folder), "training", names), SoundRules(hertz, 1.0), cache=Path(cache))
        taken = time.perf_counter() - begun
        if len(made.images) != len(names):
            raise SystemExit(f"{len(made.images)} images of {len(names)} files")
    return len(names) / taken


def rate(files: int, rounds: int, hertz: int) -> None:
    """Measure the peer and Beholder in turn."""
    folder = tones(files, hertz)
    names = [f"{number:05d}.wav" for number in range(files)]
    paths = [str(folder / name) for name in names]
    ways: dict[str, Callable[[], float]] = {
        "miniaudio and NumPy's FFT": lambda: in_processes(peer, paths, hertz),
        "Beholder's rule": lambda: in_processes(ours, paths, hertz),
        "Beholder loads a set": lambda: loaded(folder, names, hertz),
    }
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            measured[name].append(way())
    base = measured["miniaudio and NumPy's FFT"]
    print(f"| {files:,} files of a second at {hertz:,} Hz | Files a second | Of the peer's, round by round |")
    print("|---|---|---|")
    for name, rates in measured.items():
        quotient = statistics.median(one / other for one, other in zip(rates, base, strict=True))
        print(f"| {name} | {statistics.median(rates):,.0f} | {quotient:.2f} |")


def clip(run: str) -> None:
    """One clip, answered inside this process and by the command."""
    import beholder

    sound = 0.3 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        path.write_bytes(wav(sound, 8000))
        classifier = beholder.Classifier.load(run)
        taken = []
        for _ in range(220):
            begun = time.perf_counter()
            classifier.predict(path)
            taken.append(1000 * (time.perf_counter() - begun))
        low, middle, high = np.percentile(taken[20:], [5, 50, 95])
        print(f"inside a process: {middle:.2f} ms ({low:.2f} to {high:.2f}; bar 10 ms), 200 times")
        command = [str(Path(sys.executable).with_name("beholder")), "predict", run, str(path)]
        seconds = []
        for _ in range(10):
            begun = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.perf_counter() - begun)
        spread = f"{min(seconds[1:]):.2f} to {max(seconds[1:]):.2f}"
        print(f"as a command: {statistics.median(seconds[1:]):.2f} s ({spread}; bar 1.0 s), 9 times")


def librosa_levels(sound: NDArray[np.float32], hertz: int) -> NDArray[np.int64]:
    """(64, T): librosa's mel spectrogram in double precision, brought to grey levels."""
    import librosa

    mel: NDArray[Any] = librosa.feature.melspectrogram(
        y=np.pad(sound.astype(np.float64), (0, max(0, 512 - len(sound)))),
        sr=hertz,
        n_fft=512,
        win_length=round(hertz / 40),
        hop_length=round(hertz / 100),
        window="hann",
        center=False,
        power=1,
        n_mels=64,
        fmin=125,
        fmax=min(7500, hertz / 2),
        htk=True,
        norm=None,
    )
    floor = math.log(0.001)
    levels: NDArray[np.int64] = np.rint((np.log(mel + 0.001) - floor) * 255 / (5 - floor)).clip(0, 255).astype(np.int64)
    return levels[::-1]


def compare_with_librosa() -> None:
    """Largest difference and the share of levels that differ, by kind of sound and rate."""
    random = np.random.default_rng(0)
    print("| Sound | Rate | Levels | Largest difference | Differ |")
    print("|---|---|---|---|---|")
    for hertz in (16_000, 11_025, 8_000, 4_000):
        place = np.arange(10 * hertz) / hertz
        kinds = {
            "noise": random.normal(0, 0.3, len(place)),
            "near silence": random.normal(0, 1e-5, len(place)),
            "a tone": 0.9 * np.sin(2 * np.pi * 440 * place),
            "a sweep": 0.5 * np.sin(2 * np.pi * place * place * hertz / 40),
        }
        for kind, sound in kinds.items():
            _told(kind, hertz, [sound.astype(np.float32)])
    spoken = [read_sound(path.read_bytes(), 8_000) for path in sorted(images.spoken().glob("*/*.wav"))[::5]]
    _told(f"{len(spoken)} spoken digits", 8_000, spoken)


def _told(kind: str, hertz: int, sounds: list[NDArray[np.float32]]) -> None:
    apart = [np.abs(spectrogram(one, hertz) - librosa_levels(one, hertz)).ravel() for one in sounds]
    levels = np.concatenate(apart)
    print(f"| {kind} | {hertz:,} | {levels.size:,} | {levels.max()} | {(levels > 0).mean():.4%} |")


def main() -> None:
    """One part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    one = parts.add_parser("rate")
    one.add_argument("--files", type=int, default=10_000)
    one.add_argument("--rounds", type=int, default=5)
    one.add_argument("--hertz", type=int, default=16_000)
    parts.add_parser("clip").add_argument("run")
    parts.add_parser("librosa")
    given = parser.parse_args()
    if given.part == "rate":
        rate(given.files, given.rounds, given.hertz)
    elif given.part == "clip":
        clip(given.run)
    else:
        compare_with_librosa()


if __name__ == "__main__":
    main()
