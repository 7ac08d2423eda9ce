"""Which family of networks is better on which photographs in which time: the table behind what `auto` chooses.

usage: python bench/families.py FOLDER… [--budgets 60s,5m] [--models fast,lite0] [--seeds 0]

Each run is a `beholder train` of its own, in turn, and its test set is opened once. FOLDER is divided as always; make a
development test set of your own in it, lest the official one is used up. Seconds are of the wall clock of the whole
command, imports included, after a first one that fills the cache of decoded images.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Print a line a run, and for each folder and budget which family was ahead."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--budgets", default="60s,5m")
    parser.add_argument("--models", default="fast,lite0")
    parser.add_argument("--seeds", default="0")
    arguments = parser.parse_args()
    models, seeds = arguments.models.split(","), [int(seed) for seed in arguments.seeds.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        for folder in arguments.folders:
            beholder("look", str(folder), "--out", f"{scratch}/look.png")
            for budget in arguments.budgets.split(","):
                right = {model: [once(folder, model, budget, seed) for seed in seeds] for model in models}
                means = {model: sum(found) / len(found) for model, found in right.items()}
                best = max(means, key=lambda model: means[model])
                print(f"{folder.name}, {budget}: {best} is ahead; means {means}", flush=True)


def once(folder: Path, model: str, budget: str, seed: int) -> float:
    """Test accuracy of one run, 0 to 1."""
    with tempfile.TemporaryDirectory() as scratch:
        run, began = f"{scratch}/run", time.monotonic()
        train = ["train", str(folder), "--model", model, "--budget", budget, "--seed", str(seed)]
        trained = beholder(*train, "--out", run)
        seconds = time.monotonic() - began
        judged = beholder("evaluate", run)
    accuracy, (low, high) = judged["accuracy"], judged["interval"]
    side, epochs = trained["summary"].get("side"), trained["epochs"]
    print(
        f"{folder.name}, {model}, {budget}, seed {seed}: {accuracy:.1%} ({low:.1%} to {high:.1%}), {side} px, "
        f"{epochs} epochs, {seconds:.1f} s",
        flush=True,
    )
    return float(accuracy)


def beholder(*arguments: str) -> dict[str, Any]:
    """What a command prints with `--json`."""
    command = [sys.executable, "-m", "beholder", *arguments, "--json"]
    document: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return document


if __name__ == "__main__":
    main()
