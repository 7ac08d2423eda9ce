"""`beholder --help` takes at most 0.3 s and `beholder predict` of one image at most 1.0 s, whole process, warm disk.

usage: python bench/startup.py     (trains a small classifier of digits first)
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

REPEATS = 9


def seconds(command: list[str]) -> list[float]:
    """Wall seconds of each of the runs, after one that is not counted."""
    taken = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return taken[1:]


def main() -> None:
    """Measure and print medians with their spread."""
    beholder = str(Path(sys.executable).with_name("beholder"))
    with tempfile.TemporaryDirectory() as folder:
        run, image = Path(folder) / "run", Path(folder) / "image.png"
        small = ["train", "digits", "--model", "book", "--epochs", "1", "--out", str(run), "--progress", "none"]
        subprocess.run([beholder, *small], check=True, capture_output=True)
        Image.new("RGB", (640, 480), "white").save(image)
        for name, bar, command in (
            ("beholder --help", 0.3, [beholder, "--help"]),
            ("beholder predict RUN IMAGE", 1.0, [beholder, "predict", str(run), str(image)]),
        ):
            taken = seconds(command)
            spread = f"{min(taken):.2f} to {max(taken):.2f}"
            print(f"{name:30} {statistics.median(taken):.2f} s ({spread}; bar {bar} s), {REPEATS} runs")


if __name__ == "__main__":
    main()
