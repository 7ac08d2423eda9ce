"""Bulk answers on Ray: one worker keeps 85 % of one thread's rate without Ray, two are 1.8 times one, memory is flat.

50,000 JPEG of 32 pixels, every process held to one thread. Rates are without the start: from the first answer's begin
to the last one's end. Memory is the largest sum, over the process that started the job and all below it, of what each
has for itself and its share of what they have together (PSS), looked at twice a second.

usage: python bench/bulk.py [RUN] [--rounds 3] [--images 50000] [--memory 10000,200000] [--keep bulk.json]

Without a RUN, that of bench/answering.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import images
import rounds
from answering import default_run

import beholder
from beholder.answering.inputs import expand

ONE_BAR, TWO_BAR, MEMORY_BAR = 0.85, 1.8, 1.1
FOLDER = 1000  # images in one folder
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def repeat(folder: Path, count: int) -> None:
    """Fill `folder` with `count` links to the training images, each as often as it takes."""
    every = sorted((images.folder() / "train").rglob("*.jpg"))
    for number, path in enumerate(islice(cycle(every), count)):
        link = folder / f"{number // FOLDER:04}" / f"{number:07}.jpg"
        link.parent.mkdir(exist_ok=True)
        os.link(path, link)


def measure(run: str, folder: str, workers: int) -> dict[str, float]:
    """Images per second by so many workers, and seconds of starting; 0 workers are one thread without Ray."""
    if workers == 0:
        start = time.perf_counter()
        classifier = beholder.Classifier.load(run, threads=1)
        begun = time.perf_counter()
        count = sum(1 for _ in classifier.stream(expand([folder]), top=3))
        return {"rate": count / (time.perf_counter() - begun), "start": begun - start}
    with tempfile.TemporaryDirectory() as out:
        result = beholder.predict_in_bulk(run, folder, out, workers=workers)
    return {"rate": result.images_per_second, "start": result.start_seconds}


def peak_memory(run: str, count: int) -> float:
    """The largest memory of a job with two workers, in MB."""
    with tempfile.TemporaryDirectory(dir=images.WORK) as folder:
        repeat(Path(folder), count)
        command = [sys.executable, __file__, run, "--only", folder, "--workers", "2"]
        peak = 0.0
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **ONE_THREAD}) as process:
            while process.poll() is None:
                peak = max(peak, tree_memory(process.pid))
                time.sleep(0.5)
    if process.returncode:
        sys.exit(f"The job on {count:,} images failed.")
    return peak


def medians(rows: dict[str, list[dict[str, float]]], count: int) -> dict[str, float]:
    """What bench/cost_model.py reads: one thread's rate, seconds of starting with Ray, and of the whole jobs."""
    found: dict[str, float] = {"images": count}
    for name, measured in rows.items():
        rate, start = (statistics.median(row[field] for row in measured) for field in ("rate", "start"))
        found[f"{name.replace(' ', '_')}_seconds"] = start + count / rate
        if name == "one thread":
            found["images_per_second"] = rate
        if name == "one worker":
            found["start_seconds"] = start
    return found


def tree_memory(root: int) -> float:
    """MB of the process `root` and all below it."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    below: set[int] = set()
    found = {root}
    while found:
        below |= found
        found = {process for process, parent in parents.items() if parent in below} - below
    return sum(_pss(process) for process in below)


def _pss(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def main() -> None:
    """Measure in rounds and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--memory", default="10000,200000", help="numbers of images, with a comma between; or nothing")
    parser.add_argument("--keep", type=Path, help="where to keep the medians for bench/cost_model.py")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    run = str(arguments.run or default_run())
    if arguments.only:
        print(json.dumps(measure(run, arguments.only, arguments.workers)))
        return
    images.folder()
    with tempfile.TemporaryDirectory(dir=images.WORK) as folder:
        repeat(Path(folder), arguments.images)
        names = {"one thread": 0, "one worker": 1, "two workers": 2}
        ways = [
            rounds.Way(name, [run, "--only", folder, "--workers", str(workers)], ONE_THREAD)
            for name, workers in names.items()
        ]
        rows = rounds.in_turn(__file__, ways, arguments.rounds)
    rates = {name: [row["rate"] for row in rows[name]] for name in names}
    print(f"{arguments.images:,} JPEG of 32 pixels, {arguments.rounds} rounds")
    for name, values in rates.items():
        starts = rounds.spread([row["start"] for row in rows[name]], 1)
        print(f"  {name:<12} {rounds.spread(values)} images/s after {starts} s of starting")
    for name, other, bar in (("one worker", "one thread", ONE_BAR), ("two workers", "one worker", TWO_BAR)):
        share = rounds.median_ratio(rates[name], rates[other])
        print(f"  {name} / {other}: {rounds.ratio(rates[name], rates[other])}  {rounds.verdict(share, bar)}")
    if arguments.keep is not None:
        arguments.keep.write_text(json.dumps(medians(rows, arguments.images)), encoding="utf-8")
    if arguments.memory:
        few, many = (int(count) for count in arguments.memory.split(","))
        peaks = [peak_memory(run, count) for count in (few, many)]
        grown = peaks[1] / peaks[0]
        print(
            f"  memory of all processes, two workers: {few:,} images {peaks[0]:,.0f} MB, {many:,} images "
            f"{peaks[1]:,.0f} MB, {grown:.2f} times; bar {MEMORY_BAR}: {'reached' if grown <= MEMORY_BAR else 'missed'}"
        )


if __name__ == "__main__":
    main()
