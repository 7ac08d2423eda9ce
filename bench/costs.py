"""Seconds an epoch and memory of training, over pictures × classes × resolution; memory is pictures + 2 GB at most.

Each row is a whole `train` with `fast` in a process of its own, on made-up pictures, stopped after seconds of steps
as by Ctrl-C, with its model packed: seconds an epoch are the pictures over the rate between the first and the last told
step, memory is the largest resident size (VmHWM) at three moments. `before` is pictures, libraries and the built
network, `training` adds the steps, `in all` the packed model. A table row `split off` brings one unsplit part, of which
Beholder itself makes train, validation and test; the others bring these three.

usage: python bench/costs.py [--long] [--seconds 6]     (long: up to what 24 GiB hold, about ten minutes)
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rounds

from beholder.data.dataset import Dataset
from beholder.data.progress import Progress
from beholder.data.source import Source

ALLOWED = 2.0  # GB beside the pictures
BLOCK = 1000  # pictures that differ; they are repeated
HELD = 500  # pictures of the validation part
# pictures, classes, pixels a side, how they come
SHORT = [
    (1_000, 10, 32, "parts"),
    (50_000, 10, 32, "parts"),
    (50_000, 1_000, 32, "parts"),
    (200_000, 10, 32, "parts"),
    (10_000, 100, 128, "parts"),
    (10_000, 10, 224, "parts"),
    (50_000, 10, 64, "split off"),
]
LONG = [
    *((count, classes, 32, "parts") for count in (1_000, 10_000, 50_000, 200_000) for classes in (2, 10, 100)),
    *((10_000, classes, side, "parts") for side in (64, 128, 224) for classes in (10, 1_000)),
    (200_000, 100, 64, "parts"),
    (200_000, 100, 128, "parts"),
    (100_000, 1_000, 224, "parts"),
    (200_000, 100, 64, "split off"),
    (40_000, 100, 224, "split off"),
]


def made_up(count: int, classes: int, side: int) -> Dataset:
    """Pictures of noise, a thousand different ones over and over."""
    random = np.random.default_rng(0)
    pictures = np.empty((count, side, side, 3), np.uint8)
    block = random.integers(256, size=(min(count, BLOCK), side, side, 3), dtype=np.uint8)
    for start in range(0, count, BLOCK):
        pictures[start : start + BLOCK] = block[: count - start]
    labels = np.arange(count) % classes
    return Dataset(pictures, labels, tuple(f"class {k}" for k in range(classes)), ["noise"] * count)


def source(count: int, classes: int, side: int, kind: str) -> Source:
    """The pictures as one part to be split, or as a train part with a small validation and test part."""
    names = tuple(f"class {k}" for k in range(classes))
    whole = made_up(count, classes, side)
    held = whole.select(np.arange(min(count, max(HELD, classes))))

    def gives(part: Dataset) -> Callable[[Progress], Dataset]:
        return lambda _: part

    parts = {"all": whole} if kind == "split off" else {"train": whole, "validation": held, "test": held}
    return Source("noise", names, {name: gives(part) for name, part in parts.items()})


def measure(count: int, classes: int, side: int, kind: str, seconds: float) -> dict[str, float]:
    """Train for so many `seconds` of steps in this process."""
    from beholder.verbs.train import train

    memory, steps = dict[str, float](), list[tuple[float, int]]()

    def listen(event: dict[str, Any]) -> None:
        if event["event"] in ("start", "export"):
            memory[event["event"]] = peak()
        if event["event"] == "step":
            steps.append((time.perf_counter(), (event["epoch"] - 1) * event["steps"] + event["step"]))
            if steps[-1][0] - steps[0][0] > seconds and not stopped:
                stopped.append(True)
                os.kill(os.getpid(), signal.SIGINT)

    stopped: list[bool] = []
    with tempfile.TemporaryDirectory() as folder:
        data = source(count, classes, side, kind)
        trained = train(data, out=Path(folder) / "run", model="fast", epochs=1000, listener=listen)
    (began, first), (ended, last) = steps[0], steps[-1]
    rate = (last - first) * trained.plan["batch_size"] / (ended - began)
    return {
        "epoch": trained.plan["train_pictures"] / rate,
        "rate": rate,
        "pictures": count * side * side * 3 / 1e9,
        "before": memory["start"],
        "training": memory["export"],
        "all": peak(),
    }


def peak() -> float:
    """The largest resident size of this process so far, in GB."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024 / 1e9


def main() -> None:
    """Measure each row and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seconds", type=float, default=6.0, help="of steps in each row")
    parser.add_argument("--only", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        count, classes, side, kind = arguments.only
        print(json.dumps(measure(int(count), int(classes), int(side), kind, arguments.seconds)))
        return
    print(
        "pictures classes side              s an epoch   GB: pictures  before  training  in all   beside the pictures"
    )
    for row in LONG if arguments.long else SHORT:
        values = [str(value) for value in row]
        way = rounds.Way(" ".join(values), ["--seconds", str(arguments.seconds), "--only", *values])
        for figure in rounds.in_turn(__file__, [way], 1).get(way.name, []):
            count, classes, side, kind = row
            beside = figure["all"] - figure["pictures"]
            print(
                f"{count:8,} {classes:7,} {side:4} {kind:10} {figure['epoch']:13.1f} {figure['pictures']:14.2f} "
                f"{figure['before']:7.2f} {figure['training']:9.2f} {figure['all']:7.2f} {beside:9.2f} GB, "
                f"bar {ALLOWED:g}: {'reached' if beside <= ALLOWED else 'missed'}",
                flush=True,
            )


if __name__ == "__main__":
    main()
