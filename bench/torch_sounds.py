"""Sounds told apart in PyTorch as its tutorials would: log-mel spectrograms, a plain CNN, AdamW, no augmentation.

It wants torch and NumPy alone. The best of the epochs by a tenth of the training files, drawn by lot, is judged on the
test files. The last line that it prints is JSON.

usage: python bench/torch_sounds.py FOLDER [--minutes 2] [--seed 0]

FOLDER has `train/<class>/*.wav` and `test/<class>/*.wav`, 16 bits, one channel, all of one rate.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

BANDS, FFT, BATCH = 64, 512, 64
PERCENT = 95  # of the training files lie within a clip


def waves(folder: Path) -> tuple[list[Any], list[int], int]:
    """Samples of each file of a set, its class, and the rate."""
    sounds, labels, rate = [], [], 0
    for label, kind in enumerate(sorted(one for one in folder.iterdir() if one.is_dir())):
        for path in sorted(kind.glob("*.wav")):
            with wave.open(str(path)) as file:
                rate = file.getframerate()
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
            sounds.append(torch.from_numpy(samples))
            labels.append(label)
    return sounds, labels, rate


def log_mel(sounds: list[Any], length: int, rate: int) -> Any:
    """(N, 1, 64, T) float32: each sound cut or padded to `length` samples."""
    filled = torch.zeros(len(sounds), length)
    for row, sound in enumerate(sounds):
        short = min(len(sound), length)
        filled[row, :short] = sound[:short]
    window = torch.hann_window(rate // 40)
    power = torch.stft(filled, FFT, rate // 100, rate // 40, window, return_complex=True).abs() ** 2
    return torch.log(torch.einsum("fb,nft->nbt", _mel(rate), power) + 1e-6).unsqueeze(1)


def _mel(rate: int) -> Any:
    """(257, 64) triangles, as torchaudio's `MelSpectrogram` has them."""
    low, high = 0.0, 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(low, high, BANDS + 2) / 2595) - 1)
    hertz = torch.linspace(0, rate / 2, FFT // 2 + 1).unsqueeze(1)
    rising, falling = (hertz - edges[:-2]) / edges.diff()[:-1], (edges[2:] - hertz) / edges.diff()[1:]
    return torch.minimum(rising, falling).clamp(min=0)


def network(classes: int) -> Any:
    """Four convolutions with normalisation, halved after each, the mean of the maps, one linear layer."""
    layers: list[nn.Module] = [nn.BatchNorm2d(1)]
    before = 1
    for width in (32, 64, 128, 256):
        layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(before, classes))


def right(model: Any, inputs: Any, labels: Any) -> float:
    """The share of rows that are told right."""
    model.eval()
    with torch.inference_mode():
        found = torch.cat([model(inputs[start : start + 256]).argmax(1) for start in range(0, len(inputs), 256)])
    return float((found == labels).float().mean())


def main() -> None:
    """Train for the time that is given, reading the files included."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    end = time.perf_counter() + 60 * given.minutes
    torch.manual_seed(given.seed)
    sounds, known, rate = waves(given.folder / "train")
    length = int(np.percentile([len(sound) for sound in sounds], PERCENT))
    inputs, labels = log_mel(sounds, length, rate), torch.tensor(known)
    lot = torch.randperm(len(labels))
    chosen, rest = lot[: len(lot) // 10], lot[len(lot) // 10 :]
    model = network(int(labels.max()) + 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    best, kept, epochs, begun = -1.0, model.state_dict(), 0, time.perf_counter()
    while time.perf_counter() < end:
        model.train()
        for group in optimiser.param_groups:  # a cosine over the time there is
            part = (time.perf_counter() - begun) / max(end - begun, 1e-9)
            group["lr"] = 1e-3 * (1 + math.cos(math.pi * min(part, 1))) / 2
        for rows in rest[torch.randperm(len(rest))].split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()
            optimiser.step()
            if time.perf_counter() > end:
                break
        epochs += 1
        accuracy = right(model, inputs[chosen], labels[chosen])
        if accuracy >= best:
            best, kept = accuracy, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    sounds, known, _ = waves(given.folder / "test")
    accuracy = right(model, log_mel(sounds, length, rate), torch.tensor(known))
    print(json.dumps({"accuracy": accuracy, "validation": best, "epochs": epochs, "files": len(known)}))


if __name__ == "__main__":
    main()
