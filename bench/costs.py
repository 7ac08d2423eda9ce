"""Seconds an epoch and memory of training, over images × classes × resolution; memory is images + 2 GB at most.

Each row is a whole `train` with `fast` in a process of its own, on made-up images, for so many steps (by a plan),
with its model packed. Seconds an epoch come from the steps over smaller and over whole images, in their shares;
memory is the largest resident size (VmHWM) at three moments: `before` is images, libraries and the built network,
`training` adds the steps and an epoch's judgement, `in all` the packed model. A row `split off` brings one unsplit
set, of which Beholder itself makes train, validation and test; the others bring these three.

usage: python bench/costs.py [--long] [--steps 25]     (long: up to what 24 GiB hold)
"""

from __future__ import annotations

import argparse
import json
import statistics
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
from beholder.models import MODELS
from beholder.training.settings import choose, resolve_precision

ALLOWED = 2.0  # GB beside the images
BLOCK = 1000  # images that differ; they are repeated
SMALL_SHARE = MODELS["fast"].small_share
HELD = 500  # images of the validation set
# images, classes, pixels a side, how they come
SHORT = [
    (1_000, 10, 32, "three sets"),
    (50_000, 10, 32, "three sets"),
    (50_000, 1_000, 32, "three sets"),
    (200_000, 10, 32, "three sets"),
    (10_000, 100, 128, "three sets"),
    (10_000, 10, 224, "three sets"),
    (50_000, 10, 64, "split off"),
]
LONG = [
    *((count, classes, 32, "three sets") for count in (1_000, 10_000, 50_000, 200_000) for classes in (2, 10, 100)),
    *((10_000, classes, side, "three sets") for side in (64, 128, 224) for classes in (10, 1_000)),
    (200_000, 100, 64, "three sets"),
    (200_000, 100, 128, "three sets"),
    (100_000, 1_000, 224, "three sets"),
    (200_000, 100, 64, "split off"),
    (40_000, 100, 224, "split off"),
]


def made_up(count: int, classes: int, side: int) -> Dataset:
    """Images of noise, a thousand different ones over and over."""
    random = np.random.default_rng(0)
    images = np.empty((count, side, side, 3), np.uint8)
    block = random.integers(256, size=(min(count, BLOCK), side, side, 3), dtype=np.uint8)
    for start in range(0, count, BLOCK):
        images[start : start + BLOCK] = block[: count - start]
    labels = np.arange(count) % classes
    return Dataset(images, labels, tuple(f"class {k}" for k in range(classes)), ["noise"] * count)


def source(count: int, classes: int, side: int, kind: str) -> Source:
    """The images as one set to be split, or as a training set with a small validation and test set."""
    names = tuple(f"class {k}" for k in range(classes))
    whole = made_up(count, classes, side)
    held = whole.select(np.arange(min(count, max(HELD, classes))))

    def gives(dataset: Dataset) -> Callable[[Progress], Dataset]:
        return lambda _: dataset

    sets = {"all": whole} if kind == "split off" else {"train": whole, "validation": held, "test": held}
    return Source("noise", names, {name: gives(dataset) for name, dataset in sets.items()})


def measure(count: int, classes: int, side: int, kind: str, steps: int) -> dict[str, float]:
    """Train for so many `steps` in this process."""
    from beholder.api.train import train
    from beholder.training import telling

    telling.STEP_EVENT_SECONDS = 0.0  # every step is told
    memory, ends = dict[str, float](), dict[int, float]()

    def listen(event: dict[str, Any]) -> None:
        if event["event"] in ("start", "export"):
            memory[event["event"]] = peak()
        if event["event"] == "step":
            ends[(event["epoch"] - 1) * event["steps"] + event["step"]] = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        data = source(count, classes, side, kind)
        log = plan(Path(folder) / "plan.jsonl", count, side, steps)
        trained = train(data, plan=log, out=Path(folder) / "run", listener=listen)
    taken = {step: ends[step] - ends[step - 1] for step in ends if step - 1 in ends}
    switch = round(SMALL_SHARE * steps)
    small = statistics.median(seconds for step, seconds in taken.items() if step <= switch)
    whole = statistics.median(seconds for step, seconds in taken.items() if step > switch + 1)  # one compiles
    a_step = SMALL_SHARE * small + (1 - SMALL_SHARE) * whole
    return {
        "epoch": trained.summary["train_images"] / trained.summary["batch_size"] * a_step,
        "batch": trained.summary["batch_size"],
        "images": count * side * side * 3 / 1e9,
        "before": memory["start"],
        "training": memory["export"],
        "all": peak(),
    }


def plan(path: Path, count: int, side: int, steps: int) -> Path:
    """The log of a run of so many `steps`, to be followed: the settings that so many such images get."""
    settings = choose("fast", seed=0, precision=resolve_precision("auto")).fitted(count, (side, side, 3))
    events = [{"event": "start", "settings": settings.to_json()}, {"event": "end", "schedule": [[0, steps]]}]
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events), encoding="utf-8")
    return path


def peak() -> float:
    """The largest resident size of this process so far, in GB."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024 / 1e9


def main() -> None:
    """Measure each row and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--steps", type=int, default=25, help="in each row")
    parser.add_argument("--only", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        count, classes, side, kind = arguments.only
        print(json.dumps(measure(int(count), int(classes), int(side), kind, arguments.steps)))
        return
    print("  images classes side            batch  s an epoch     GB: images  before  training  in all   beside images")
    for row in LONG if arguments.long else SHORT:
        values = [str(value) for value in row]
        way = rounds.Way(" ".join(values), ["--steps", str(arguments.steps), "--only", *values])
        for figure in rounds.in_turn(__file__, [way], 1).get(way.name, []):
            count, classes, side, kind = row
            beside = figure["all"] - figure["images"]
            print(
                f"{count:8,} {classes:7,} {side:4} {kind:10} {figure['batch']:5} {figure['epoch']:11.1f} "
                f"{figure['images']:14.2f} {figure['before']:7.2f} {figure['training']:9.2f} "
                f"{figure['all']:7.2f} {beside:9.2f} GB, "
                f"bar {ALLOWED:g}: {'reached' if beside <= ALLOWED else 'missed'}",
                flush=True,
            )


if __name__ == "__main__":
    main()
