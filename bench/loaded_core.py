"""Whether a budget is kept when another program takes a core, or both, halfway through; and when the run is killed.

usage: python bench/loaded_core.py [--budget 60] [--cores 0,1,2] [--kill] [--data DATA]

Each run is a `beholder train DATA --budget …` of its own. Seconds are of the wall clock, from the start of the command
to its end, imports included. With --kill each run is killed with SIGKILL at a random moment as well, and resumed; the
time of both sessions counts.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import images
import numpy as np

SPIN = "while True: pass"


def measure(data: str, budget: float, cores: int, killed_at: float | None, folder: Path) -> str:
    """One run, told in one line."""
    run, cache = folder / "run", Path(tempfile.gettempdir()) / "beholder-loaded-core"
    command = [sys.executable, "-m", "beholder", "train", data, "--budget", f"{budget:g}s", "--progress", "none"]
    command += ["--out", str(run), "--cache", str(cache)]
    begun = time.monotonic()
    with loaded(cores, budget / 2):
        if killed_at is not None:
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            time.sleep(killed_at)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            command = [sys.executable, "-m", "beholder", "train", "--resume", str(run), "--progress", "none"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - begun
    events = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    replans = ", ".join(f"{event['step']}→{event['steps']}" for event in events if event["event"] == "replan")
    end = events[-1]
    closing = end["time"] - next(event["time"] for event in reversed(events) if event["event"] == "export")
    killed = "" if killed_at is None else f", killed after {killed_at:.1f} s"
    return (
        f"{cores} cores loaded from half time on{killed}: {seconds:.1f} s, {seconds / budget - 1:+.1%}; packing took "
        f"{closing:.1f} s; validation {end['validation_accuracy']:.1%}; re-plans (step→steps): {replans or 'none'}"
    )


@contextmanager
def loaded(cores: int, after: float) -> Iterator[None]:
    """Processes that spin on so many cores, begun `after` seconds."""
    waiting = f"import time; time.sleep({after})\n{SPIN}"
    spinning = [subprocess.Popen([sys.executable, "-c", waiting]) for _ in range(cores)]
    try:
        yield
    finally:
        for one in spinning:
            one.kill()
            one.wait()


def main() -> None:
    """Measure each way and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=60)
    parser.add_argument("--cores", default="0,1,2")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--data")
    arguments = parser.parse_args()
    data, moments = arguments.data or str(images.archive()), np.random.default_rng(0)
    for cores in map(int, arguments.cores.split(",")):
        killed_at = float(moments.uniform(0.1, 0.9)) * arguments.budget if arguments.kill else None
        with tempfile.TemporaryDirectory() as folder:
            print(measure(data, arguments.budget, cores, killed_at, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
