"""A folder of 5,000 JPEG is answered at 85 % or more of what decoding and the network alone allow.

`Classifier.stream` on the files, against 1 / (1 / decode rate + 1 / answer rate): the decode rate is that of Beholder's
decoding of the same files in processes on all cores, the answer rate that of the graph alone on decoded images. Once
with the images as they are (32 pixels), once enlarged to 256, whose decoding costs more.

usage: python bench/folder_answering.py [RUN] [--rounds 3] [--images 5000]

Without a RUN, that of bench/answering.py.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import images
import numpy as np
import rounds
from answering import default_run
from PIL import Image

from beholder.answering.classifier import Classifier
from beholder.data.decoding import image_rules
from beholder.data.images.decode import ImageRules, decode

BAR = 0.85
SIDES = (32, 256)  # pixels


def enlarge(folder: Path, side: int, count: int) -> None:
    """Fill `folder` with `count` of the training images, enlarged to `side`."""
    every = sorted((images.folder() / "train").rglob("*.jpg"))
    for number, path in enumerate(every[:: max(1, len(every) // count)][:count]):
        with Image.open(path) as image:
            image.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{number:05}.jpg", quality=90)


def decode_one(job: tuple[str, ImageRules]) -> bytes:
    """The pixels of one file."""
    return decode(Path(job[0]), job[1]).tobytes()


def measure(run: str, folder: str) -> dict[str, float]:
    """The three rates, images per second."""
    paths = sorted(str(path) for path in Path(folder).glob("*.jpg"))
    classifier = Classifier.load(run)
    rules = image_rules(classifier.artifact.manifest.image)
    with multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0))) as pool:
        pool.map(decode_one, [(path, rules) for path in paths[:200]])
        start = time.perf_counter()
        decoded = pool.map(decode_one, [(path, rules) for path in paths], chunksize=64)
        decoding = time.perf_counter() - start
    pixels = np.frombuffer(b"".join(decoded), np.uint8).reshape(-1, *rules.shape)
    answering = _answering_seconds(classifier, pixels)
    start = time.perf_counter()
    count = sum(1 for _ in classifier.stream(paths))
    streaming = time.perf_counter() - start
    answering = (answering + _answering_seconds(classifier, pixels)) / 2
    return {"decode": count / decoding, "answer": count / answering, "stream": count / streaming}


def _answering_seconds(classifier: Classifier, pixels: Any) -> float:
    classifier.artifact.graph(pixels[:512])
    start = time.perf_counter()
    classifier.artifact.graph(pixels)
    return time.perf_counter() - start


def main() -> None:
    """Measure in rounds and print a line a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    run = str(arguments.run or default_run())
    if arguments.only:
        print(json.dumps(measure(run, arguments.only)))
        return
    for side in SIDES:
        with tempfile.TemporaryDirectory() as folder:
            enlarge(Path(folder), side, arguments.images)
            way = rounds.Way("stream", [run, "--only", folder])
            rows = rounds.in_turn(__file__, [way], arguments.rounds)["stream"]
        shares = [row["stream"] * (1 / row["decode"] + 1 / row["answer"]) for row in rows]
        rates = ", ".join(f"{name} {rounds.spread([row[name] for row in rows])}" for name in rows[0])
        said = f"share {rounds.spread(shares, 2)}  {rounds.verdict(statistics.median(shares), BAR)}"
        print(f"{arguments.images:,} JPEG of {side} pixels, images/s: {rates}; {said}")


if __name__ == "__main__":
    main()
