"""What each network reaches with its defaults on the shared pictures, and how long it takes.

usage: python bench/accuracy.py [MODEL …] [--seeds 0,1,2]

Trains by the command line on the archive, judges on its test part (a development figure: those pictures come from
CIFAR-10's training set), and prints validation and test accuracy and the seconds from command to written report.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pictures


def verb(*arguments: str) -> Any:
    """The JSON document of a verb."""
    beholder = str(Path(sys.executable).with_name("beholder"))
    done = subprocess.run([beholder, *arguments, "--json"], check=True, capture_output=True)
    return json.loads(done.stdout)


def main() -> None:
    """Train and judge each model with each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["linear", "dense", "book", "fast"])
    parser.add_argument("--seeds", default="0")
    arguments = parser.parse_args()
    for model in arguments.models:
        rows = []
        for seed in arguments.seeds.split(","):
            with tempfile.TemporaryDirectory() as folder:
                run = str(Path(folder) / "run")
                data = str(pictures.archive())
                trained = verb("train", data, "--model", model, "--seed", seed, "--out", run, "--progress", "none")
                rows.append((trained["seconds"], trained["validation_accuracy"], verb("evaluate", run)["accuracy"]))
        seconds, validation, test = (statistics.mean(column) for column in zip(*rows, strict=True))
        print(
            f"{model:7} {seconds:5.0f} s  validation {validation:.1%}  test {test:.1%}  (mean of {len(rows)} seeds)",
            flush=True,
        )


if __name__ == "__main__":
    main()
