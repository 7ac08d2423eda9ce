"""What checkpoints cost: their time against that of all of training, for epochs from very short on.

usage: python bench/checkpoints.py [--widths 64,192,320] [--seconds 40] [--images 1000,4000,16000]

`fast` on images of noise, 32 × 32 × 3, about so many seconds for each size of the training set. The share counts the
copies out of TensorFlow, the fsync, and the checkpoint at the very end; "at each epoch" is what one after every epoch
would have cost.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def measure(widths: tuple[int, int, int], images: int, seconds: float) -> dict[str, float]:
    """Train for about `seconds`; seconds of training and of its checkpoints, and their number, size and epochs."""
    from beholder.data.dataset import Dataset
    from beholder.runs.environment import has_bfloat16
    from beholder.runs.events import EventLog, read_events
    from beholder.runs.run_folder import create_run
    from beholder.training.fit import Fit
    from beholder.training.settings import choose

    random = np.random.default_rng(0)
    shown = random.integers(256, size=(images + 500, 32, 32, 3)).astype(np.uint8)
    labels, names = random.integers(10, size=images + 500), [str(row) for row in range(images + 500)]
    data = Dataset(shown, labels.astype(np.int64), tuple("0123456789"), names)
    train, validation = data.select(np.arange(images)), data.select(np.arange(images, images + 500))
    settings = choose(
        "fast",
        seed=0,
        precision="bfloat16" if has_bfloat16() else "float32",
        changes={"epochs": 10_000},
        options={"widths": widths},
    )
    saves: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        run = create_run(Path(folder) / "run")
        first = time.monotonic()
        fit = Fit(
            train, validation, settings, run, EventLog(run.events_file), lambda: time.monotonic() > first + seconds
        )
        vars(fit)["_save"] = timed(fit._save, saves)
        began = time.monotonic()
        fit.run_to_end()
        took = time.monotonic() - began
        epochs = sum(event["event"] == "epoch" for event in read_events(run.events_file))
        size = run.checkpoint_file.stat().st_size / 1e6
    return {"took": took, "spent": sum(saves), "count": len(saves), "median": float(np.median(saves)), "size": size} | {
        "epochs": epochs
    }


def timed(function: Callable[[], None], seconds: list[float]) -> Callable[[], None]:
    """`function`, its seconds kept."""

    def call() -> None:
        began = time.monotonic()
        function()
        seconds.append(time.monotonic() - began)

    return call


def main() -> None:
    """Measure each size and print a table."""
    from beholder.training.steps import framework

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", default="64,192,320")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--images", default="1000,4000,16000")
    arguments = parser.parse_args()
    framework.start()
    for images in map(int, arguments.images.split(",")):
        widths: Any = tuple(map(int, arguments.widths.split(",")))
        found = measure(widths, images, arguments.seconds)
        each = found["median"] * found["epochs"] / found["took"]
        print(
            f"{images:6,} images: {found['took']:5.1f} s, {found['epochs']:3.0f} epochs of "
            f"{found['took'] / max(found['epochs'], 1):5.2f} s; {found['count']:2.0f} checkpoints of "
            f"{found['size']:.0f} MB, {found['median'] * 1000:4.0f} ms each: {found['spent'] / found['took']:5.2%} of "
            f"the time; at each epoch {each:6.2%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
