"""Does `train --from RUN` beat training from scratch on 50 images a class, under the same budget?

usage: python bench/fine_tuning.py [--rates]     (4 minutes; rates: equal epochs, several rates of the body instead)

`fast` learns five classes of the shared images' training set; then 50 images of each of the other five, with
three choices of those images. Validation accuracy on 200 other training images a class; no test set is opened.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import images
import numpy as np

from beholder.api.train import train
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.models import MODELS

EARLIER, NEW = range(5), range(5, 10)  # classes by their number
FEW, JUDGED = 50, 200  # images a class
PRETRAINING = 60.0  # seconds
BUDGET = 20.0  # seconds
EPOCHS = 20  # with --rates, of 48/128/192
SEEDS = (0, 1, 2)
RATES = (0.0, 0.03, 0.1, 0.3, 1.0)


def main() -> None:
    """Print a line for each run, and the means."""
    dataset = Split(open_source(images.archive()), seed=0).train()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        earlier = of_classes(dataset, EARLIER)
        held = earlier.select(np.arange(0, len(earlier), 10))
        rest = earlier.select(np.setdiff1d(np.arange(len(earlier)), np.arange(0, len(earlier), 10)))
        how: dict[str, Any] = {"model": "fast", "epochs": 4} if "--rates" in sys.argv else {"budget": PRETRAINING}
        earlier_run = train(source("earlier", rest, held), out=runs / "earlier", cache=runs, **how)
        print(f"earlier run: {earlier_run.validation_accuracy:.3f} on its classes, {earlier_run.summary}", flush=True)
        ways: list[float | None] = [None, *(RATES if "--rates" in sys.argv else [MODELS["fast"].body_rate])]
        for way in ways:
            accuracies = [once(dataset, runs, way, seed) for seed in SEEDS]
            print(f"{said(way)}: mean {np.mean(accuracies):.3f}, {np.round(accuracies, 3)}", flush=True)


def once(dataset: Dataset, runs: Path, body_rate: float | None, seed: int) -> float:
    """Validation accuracy of one run on a few images, from scratch where `body_rate` is None."""
    few, judged = choose(of_classes(dataset, NEW), seed)
    start = None
    if body_rate is not None:
        MODELS["fast"] = replace(MODELS["fast"], body_rate=body_rate)
        start = runs / "earlier"
    began = time.monotonic()
    out = runs / f"{body_rate}-{seed}"
    how: dict[str, Any] = {"budget": BUDGET}
    if "--rates" in sys.argv:
        how = {"epochs": EPOCHS, "model": "fast" if start is None else "auto"}
    trained = train(source("new", few, judged), seed=seed, start_from=start, out=out, cache=runs, **how)
    seconds, plan = time.monotonic() - began, trained.summary
    print(
        f"{said(body_rate)}, seed {seed}: {trained.validation_accuracy:.4f} after {seconds:.1f} s, "
        f"{trained.epochs} epochs, {plan['epochs']} planned, widths {plan.get('widths')}",
        flush=True,
    )
    return trained.validation_accuracy or 0.0


def said(body_rate: float | None) -> str:
    """How the run began, for a line of the table."""
    return "from scratch" if body_rate is None else f"--from, body at {body_rate:g} of the head's rate"


def of_classes(dataset: Dataset, numbers: range) -> Dataset:
    """The images of some classes, these numbered from 0."""
    rows = np.flatnonzero(np.isin(dataset.labels, numbers))
    chosen = dataset.select(rows)
    names = tuple(dataset.class_names[number] for number in numbers)
    return Dataset(chosen.images, chosen.labels - numbers.start, names, chosen.names)


def choose(dataset: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """FEW images a class to learn from, by `seed`, and JUDGED others that are the same for every seed."""
    random = np.random.default_rng(seed)
    learned, judged = [], []
    for label in range(len(dataset.class_names)):
        rows = np.flatnonzero(dataset.labels == label)
        judged.append(rows[:JUDGED])
        learned.append(random.choice(rows[JUDGED:], FEW, replace=False))
    return dataset.select(np.sort(np.concatenate(learned))), dataset.select(np.sort(np.concatenate(judged)))


def source(name: str, learned: Dataset, judged: Dataset) -> Source:
    """Both sets as `train` takes them."""

    def read_learned(_progress: Progress) -> Dataset:
        return learned

    def read_judged(_progress: Progress) -> Dataset:
        return judged

    # A test set of its own keeps `train` from splitting one off the few images; nothing opens it.
    return Source(name, learned.class_names, {"train": read_learned, "validation": read_judged, "test": read_judged})


if __name__ == "__main__":
    main()
