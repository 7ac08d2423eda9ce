"""What each network reaches with its defaults, or `train` within a budget, on the shared images, and in what time.

usage: python bench/accuracy.py [DATA] [--models linear,dense,book,fast] [--seeds 0,1,2]
       python bench/accuracy.py [DATA] --budget 60s [--seeds 0,1,2]

Trains by the command line and judges on the test set (of the shared archive a development figure: those images come
from CIFAR-10's training set). Seconds are wall clock of the whole command `train`, from its start to its end. The runs
of one budget share a cache that is empty at first: the first one measures the machine, as anyone's first run does. The
matrix products are those that it measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import images

from beholder.cli.values import Duration

BARS = {60.0: 0.83, 300.0: 0.89, 900.0: 0.91}  # accuracy on the shared test set, by the budget's seconds
KEPT = 0.05  # of the budget, that the command may end earlier or later
# What the recipe of the public 94 % record reaches on the JPEG copy, in how many seconds on two cores (Zen 4) whose
# matrix products run at so many GFLOP/s; the bar is half of that time.
RECORD_ACCURACY, RECORD_SECONDS, RECORD_GFLOPS = 0.909, 800.0, 406.0


def main() -> None:
    """Train and judge with each seed: each model, or `train` within the budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="without it the shared archive")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--models", default="linear,dense,book,fast")
    what.add_argument("--budget", type=lambda text: Duration().convert(text, None, None))
    parser.add_argument("--seeds", default="0")
    arguments = parser.parse_args()
    data, seeds = arguments.data or str(images.archive()), arguments.seeds.split(",")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.budget is not None:
            within(data, arguments.budget, seeds, Path(folder))
            return
        for model in arguments.models.split(","):
            by_default(data, model, seeds, Path(folder))


def by_default(data: str, model: str, seeds: list[str], folder: Path) -> None:
    """One line: what a network reaches with its defaults, the mean over the seeds."""
    rows = []
    for seed in seeds:
        trained, test, seconds = run(data, folder / f"{model}-{seed}", "--model", model, "--seed", seed)
        rows.append((seconds, trained["validation_accuracy"], test))
    seconds, validation, test = (statistics.mean(column) for column in zip(*rows, strict=True))
    print(
        f"{model:7} {seconds:5.0f} s  validation {validation:.1%}  test {test:.1%}  (mean of {len(rows)} seeds)",
        flush=True,
    )


def within(data: str, budget: float, seeds: list[str], folder: Path) -> None:
    """A line for each run of one budget, their mean against the bar, and against the record recipe's time."""
    how = ["--budget", f"{budget:g}s", "--cache", str(folder / "cache")]
    accuracies, taken, product = list[float](), list[float](), 0.0
    for seed in seeds:
        trained, test, seconds = run(data, folder / seed, *how, "--seed", seed)
        plan, over = trained["summary"], seconds / budget - 1
        products = ", ".join(f"{dtype} {rate:.0f}" for dtype, rate in plan["matrix_product_gflops"].items())
        print(
            f"seed {seed}: test {test:.1%}, {seconds:.1f} s ({over:+.1%}); {'/'.join(map(str, plan['widths']))} at "
            f"{plan['side']} px, {plan['epochs']:.3g} epochs planned, {trained['epochs']} completed; matrix products "
            f"{products} GFLOP/s",
            flush=True,
        )
        accuracies.append(test)
        taken.append(seconds)
        product = max(plan["matrix_product_gflops"].values())
    mean, kept = statistics.mean(accuracies), sum(abs(seconds / budget - 1) <= KEPT for seconds in taken)
    bar = BARS.get(budget)
    said = "" if bar is None else f", bar {bar:.0%}: {'reached' if mean >= bar else 'missed'}"
    print(f"mean of {len(seeds)}: test {mean:.1%}{said}; {kept} of {len(taken)} ended within 5% of the budget")
    if budget >= RECORD_SECONDS / 2:
        print(against_record(mean, statistics.mean(taken), product))


def against_record(accuracy: float, seconds: float, product: float) -> str:
    """Whether the record recipe's accuracy came in half of its time, scaled by the rates of the matrix products."""
    bar = RECORD_SECONDS / 2 * RECORD_GFLOPS / product
    good, soon = accuracy >= RECORD_ACCURACY, seconds <= bar
    found = f"in at most {seconds:.0f} s" if good else f"not reached in {seconds:.0f} s"
    # A run tells no more than that it was there by its end, or was not.
    said = {(True, True): "reached", (False, False): "missed"}.get((good, soon), "not shown by these runs")
    return f"{RECORD_ACCURACY:.1%} {found}, bar {bar:.0f} s with these matrix products: {said}"


def run(data: str, out: Path, *options: str) -> tuple[Any, float, float]:
    """What `train` says, the accuracy on the test set, and the wall-clock seconds of `train`."""
    begun = time.monotonic()
    trained = command("train", data, "--out", str(out), "--progress", "none", *options)
    seconds = time.monotonic() - begun
    return trained, command("evaluate", str(out))["accuracy"], seconds


def command(*arguments: str) -> Any:
    """The JSON document of a command."""
    beholder = str(Path(sys.executable).with_name("beholder"))
    done = subprocess.run([beholder, *arguments, "--json"], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit((done.stderr.strip().splitlines() or [f"{arguments[0]} ended with {done.returncode}"])[-1])
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
