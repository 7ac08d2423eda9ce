"""`read_data` is at least twice as fast as the chapter's listing (measured: 2.5 to 7 times), in 160 MB, not 1,130.

Measured on 2 cores of an AMD EPYC (Zen 4), shared with others, Python 3.11, NumPy 2.4, the 45,000 training images of
the shared archive, warm disk, 5 pairs. The bar is 2 times and 400 MB.

usage: python bench/read_data.py FOLDER     (an unpacked CIFAR-10 archive, python version)

Both ways read the same files in turn, five times each, each time in a process of its own. The seconds are those of the
reading alone, without the imports; the memory is the largest resident size less that of the interpreter with NumPy.
"""

from __future__ import annotations

import json
import pickle
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from beholder.data.cifar.archive import read_data

REPEATS = 5


def listing(folder: Path) -> Any:
    """The chapter's way: unpickle, stack, float64 mean, crop, standardise, float32."""
    rows, labels = np.empty((0, 3072), np.uint8), []
    for number in range(1, 6):
        with (folder / f"data_batch_{number}").open("rb") as file:
            batch = pickle.load(file, encoding="latin1")
        rows = np.vstack((rows, batch["data"]))
        labels.extend(batch["labels"])
    grey = rows.reshape(-1, 3, 32, 32).mean(1)
    cropped = grey[:, 4:28, 4:28].reshape(len(rows), -1)
    means = cropped.mean(axis=1, keepdims=True)
    deviations = np.maximum(cropped.std(axis=1, keepdims=True), 1 / np.sqrt(cropped.shape[1]))
    return ((cropped - means) / deviations).astype(np.float32), np.array(labels)


def ours(folder: Path) -> Any:
    """Beholder's way."""
    _, data, labels = read_data(folder)
    return data, labels


def peak() -> float:
    """The largest resident size of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def compare(folder: Path) -> None:
    """Print the largest difference between the results of the two ways."""
    print(json.dumps({"difference": float(np.abs(listing(folder)[0] - ours(folder)[0]).max())}))


def measure(way: str, folder: Path) -> None:
    """Run one way here and print its seconds and megabytes."""
    before, start = peak(), time.perf_counter()
    result = {"listing": listing, "ours": ours}[way](folder)
    print(json.dumps({"seconds": time.perf_counter() - start, "megabytes": peak() - before, "rows": len(result[0])}))


def run(way: str, folder: Path) -> dict[str, float]:
    """Measure one way in a process of its own."""
    command = [sys.executable, __file__, str(folder), way]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return figures


def main() -> None:
    """Compare the two ways and print medians and spread."""
    if len(sys.argv) == 3:
        folder, way = Path(sys.argv[1]), sys.argv[2]
        compare(folder) if way == "difference" else measure(way, folder)
        return
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    # Not in this process: what it starts would inherit its peak.
    difference = run("difference", folder)["difference"]
    pairs = [(run("listing", folder), run("ours", folder)) for _ in range(REPEATS)]
    for name, column in (("listing", 0), ("read_data", 1)):
        seconds = [pair[column]["seconds"] for pair in pairs]
        megabytes = statistics.median(pair[column]["megabytes"] for pair in pairs)
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(f"{name:9}  {statistics.median(seconds):.2f} s ({spread})  {megabytes:.0f} MB")
    ratios = [theirs["seconds"] / mine["seconds"] for theirs, mine in pairs]
    print(f"ratio      {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}), {REPEATS} pairs")
    print(f"largest difference between the two: {difference:.1e}; {int(pairs[0][1]['rows'])} images")


if __name__ == "__main__":
    main()
