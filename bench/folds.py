"""Is an out-of-fold accuracy what it says it is? Draws of 300 images, and the same model on 10,000 others.

usage: python bench/folds.py [DATA] [--draws 20] [--first 0] [--images 300] [--folds 5] [--model fast] [--budget 60s]

For each draw, stratified by class, `train --folds` learns from the images that were drawn, and what it came to is
judged on 10,000 images that were not, drawn likewise. Prints a line a draw: the out-of-fold accuracy with its 95 %
interval, the accuracy on the others, whether that lies within the interval, and the seconds. Exits with 1 where fewer
than nine in ten do. Without a budget the model's own epochs are trained. DATA is by default the shared archive, whose
training and test set are both drawn from: no choice of ours was made by such a draw.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import images
import numpy as np

import beholder
from beholder.cli.values import Duration
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.pool import pooled
from beholder.data.progress import silent
from beholder.data.split import stratified_order

OTHERS, BAR = 10_000, 0.9


def main() -> None:
    """A line a draw, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="without it the shared archive")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the number of the first draw, which is its seed")
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--budget", type=lambda text: Duration().convert(text, None, None))
    arguments = parser.parse_args()
    whole = every_image(arguments.data or str(images.archive()))
    within, errors = 0, list[float]()
    for seed in range(arguments.first, arguments.first + arguments.draws):
        held, error = draw(whole, seed, arguments)
        within += held
        errors.append(error)
    mean = 100 * float(np.mean(errors))
    print(
        f"{within} of {arguments.draws} draws within their interval; the out-of-fold accuracy is {mean:+.1f} points "
        "above that on others in the mean",
        flush=True,
    )
    sys.exit(0 if within >= BAR * arguments.draws else 1)


def every_image(data: str) -> Dataset:
    """All images of `data` in one set."""
    return pooled({name: read(silent) for name, read in open_source(data).readers.items()}).dataset


def draw(whole: Dataset, seed: int, asked: argparse.Namespace) -> tuple[bool, float]:
    """Whether the accuracy on others is within the interval, and by how much the out-of-fold accuracy is above it."""
    order, began = stratified_order(whole.labels, seed=seed), time.monotonic()
    drawn, others = np.sort(order[: asked.images]), np.sort(order[asked.images : asked.images + OTHERS])
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        trained = beholder.train(
            whole.select(drawn),
            model=asked.model,
            folds=asked.folds,
            budget=asked.budget,
            seed=seed,
            out=run,
            neighbours=False,
            progress=False,
        )
        middle = time.monotonic()
        judged = beholder.evaluate(run, whole.select(others), progress=False)
    if trained.folds is None:
        raise AssertionError
    (low, high), accuracy = trained.folds["interval"], trained.folds["accuracy"]
    held = low <= judged.accuracy <= high
    print(
        f"draw {seed}: out of fold {accuracy:.1%} ({low:.1%} to {high:.1%}) on {trained.folds['count']}, on "
        f"{judged.count:,} others {judged.accuracy:.1%}: {'within' if held else 'outside'}; trained "
        f"{middle - began:.0f} s, judged {time.monotonic() - middle:.0f} s",
        flush=True,
    )
    return held, accuracy - judged.accuracy


if __name__ == "__main__":
    main()
