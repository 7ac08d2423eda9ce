"""Beholder's compiled step against Keras's `Model.fit` on the same networks, optimizers and batches.

usage: python bench/training_loop.py [--models book,fast] [--pairs 3] [--steps 60]

Each pair runs both in turn, each in a process of its own, on images of noise (the rate does not depend on what they
show); the rate leaves out the first steps, in which TensorFlow compiles. `Model.fit` gets the network with Keras's own
batch normalisation as `keras`, and with ours as `fit`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

CLASSES, WARM = 10, 5


def noise(count: int) -> tuple[Any, Any]:
    """Images (N, 32, 32, 3) uint8 and labels (N,) int64."""
    random = np.random.default_rng(0)
    return random.integers(256, size=(count, 32, 32, 3)).astype(np.uint8), random.integers(CLASSES, size=count)


def measure(way: str, name: str, steps: int) -> float:
    """Images per second of one way, in this process."""
    from beholder.runs.environment import has_bfloat16
    from beholder.training.steps import framework

    framework.start()
    import keras

    from beholder.models import MODELS, build
    from beholder.training.steps.optimizer import build_optimizer
    from beholder.training.steps.step import compile_step

    recipe = MODELS[name]
    if way == "keras":
        _use_keras_batch_normalisation()
    images, labels = noise(recipe.batch_size * (steps + WARM))
    fitted = {"images": images[:500]} if recipe.sees_images else {}
    dtype = "mixed_bfloat16" if has_bfloat16() else "float32"
    model = build(name, (32, 32, 3), CLASSES, dtype=dtype, **fitted)
    optimizer = build_optimizer(recipe)
    if way == "ours":
        step = compile_step(model, optimizer, label_smoothing=recipe.label_smoothing)
        for number in range(steps + WARM):
            if number == WARM:
                start = time.perf_counter()
            rows = slice(number * recipe.batch_size, (number + 1) * recipe.batch_size)
            step(images[rows], labels[rows], recipe.learning_rate, number)
        return steps * recipe.batch_size / (time.perf_counter() - start)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    warm, rest = recipe.batch_size * WARM, slice(recipe.batch_size * WARM, None)
    model.fit(images[:warm], labels[:warm], recipe.batch_size, verbose=0)
    start = time.perf_counter()
    model.fit(images[rest], labels[rest], recipe.batch_size, verbose=0)
    return steps * recipe.batch_size / (time.perf_counter() - start)


def _use_keras_batch_normalisation() -> None:
    import keras

    from beholder.models import fast

    def of_keras(**options: Any) -> Any:
        return keras.layers.BatchNormalization(scale=False, momentum=0.8, **options)

    vars(fast)["BatchNormalization"] = of_keras


def main() -> None:
    """Measure in pairs and print medians, ratios and their spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="book,fast")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only[0], arguments.only[1], arguments.steps)))
        return
    for name in arguments.models.split(","):
        ways = ["ours", "fit", *(["keras"] if name == "fast" else [])]
        rates: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(arguments.pairs):
            for way in ways:
                command = [sys.executable, __file__, "--steps", str(arguments.steps), "--only", way, name]
                rates[way].append(float(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)))
        for way in ways:
            ratios = [mine / theirs for mine, theirs in zip(rates["ours"], rates[way], strict=True)]
            print(
                f"{name:6} {way:6} {statistics.median(rates[way]):7.0f} images/s; ours is "
                f"{statistics.median(ratios):.2f} times that ({min(ratios):.2f} to {max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
