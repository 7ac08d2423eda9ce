"""Images per second of training, end to end: Beholder against PyTorch and Keras's defaults, on the same images.

Two networks. *air* is `fast --widths 64,256,256`, the layout of the public 94 % record; *book* is the chapter's. A
figure counts forward, gradient and update. Beholder's is its own loop, with its optimizer, augmentation and event log.
PyTorch (channels last, weights in bfloat16, tuned allocator) and Keras (`fit`, float32, `adam`, its own batch
normalisation) get the same images without augmentation, *book* gets them cleaned before, and PyTorch updates by plain
momentum: all of that is in their favour. The ceiling is the machine's rate of a bfloat16 matrix product in Beholder's
process, measured before and after; an image of training counts as six operations for each multiply-add of its forward
pass.

usage: python bench/training_peers.py [--networks air,book] [--rounds 3] [--steps 24] [--batch-sizes 256]

With several batch sizes (128,256,512) each peer is measured at all of them and stands with its best.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rounds
from training_loop import CLASSES, noise

WARM = 3  # steps
WIDTHS = (64, 256, 256)
PEERS = {
    "air": ("beholder", "pytorch", "pytorch compiled", "keras"),
    "book": ("beholder", "beholder fp32", "pytorch", "pytorch compiled", "keras", "keras, our normalisation"),
}
BARS = {("book", "keras"): 3.0, ("book", "pytorch"): 1.5}  # Beholder's rate divided by theirs
CEILING_BAR = 0.85  # of the matrix product's rate, air


def beholder(network: str, peer: str, batch: int, steps: int) -> dict[str, Any]:
    """Beholder's own loop: two epochs, of which the second counts."""
    from beholder.runs.environment import has_bfloat16
    from beholder.training.steps import framework

    framework.start()
    from beholder.data.dataset import Dataset
    from beholder.models import build
    from beholder.models.costs import layer_costs
    from beholder.runs.events import EventLog
    from beholder.runs.run_folder import create_run
    from beholder.training.fit import Fit
    from beholder.training.settings import choose, resolve_precision

    settings = choose(
        "fast" if network == "air" else network,
        seed=0,
        precision="float32" if "fp32" in peer else resolve_precision("auto"),
        changes={"epochs": 2, "batch_size": batch},
        options={"widths": WIDTHS} if network == "air" else {},
    )
    images, labels = noise(batch * steps)
    train = Dataset(images, labels, tuple("abcdefghij"), ["noise"] * len(labels))
    ceiling = "bfloat16" if has_bfloat16() else "float32"
    before, events = product_rate(ceiling), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory() as folder:
        run = create_run(Path(folder) / "run")
        log = EventLog(run.events_file, events.append)
        Fit(train, train.select(np.arange(batch)), settings, run, log, lambda: False).run_to_end()
    rate = [event["images_per_second"] for event in events if event["event"] == "epoch"][-1]
    costs = layer_costs(build(settings.model, train.image_shape, CLASSES, **settings.options))
    gflops = 6e-9 * rate * sum(row["multiply_adds"] for row in costs)
    return {"rate": rate, "gflops": gflops, "ceiling": (before + product_rate(ceiling)) / 2}


def product_rate(dtype: str, size: int = 4096, repeats: int = 5) -> float:
    """GFLOP/s of a product of two square matrices in TensorFlow, the best of `repeats`."""
    import tensorflow as tf

    matrix = tf.ones((size, size), dtype)

    def seconds() -> float:
        start = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        return time.perf_counter() - start

    seconds()
    return float(2e-9 * size**3 / min(seconds() for _ in range(repeats)))


def keras_defaults(network: str, peer: str, batch: int, steps: int) -> dict[str, Any]:
    """The same network from Keras's own layers, as most people would write and fit it."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    inputs, logits = _keras_air() if network == "air" else _keras_book(ours="our" in peer)
    model = keras.Model(inputs, logits)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    images, labels = _inputs(network, batch * steps)
    warm = batch * WARM
    model.fit(images[:warm], labels[:warm], batch, verbose=0)
    start = time.perf_counter()
    model.fit(images, labels, batch, verbose=0)
    return {"rate": len(labels) / (time.perf_counter() - start)}


def _keras_air() -> tuple[Any, Any]:
    from keras import Input, layers

    inputs = Input((32, 32, 3), dtype="uint8")
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    x = layers.Conv2D(24, 2, activation="relu")(x)
    for width in WIDTHS:
        x = layers.MaxPooling2D()(layers.Conv2D(width, 3, padding="same", use_bias=False)(x))
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
    return inputs, layers.Dense(CLASSES)(layers.GlobalMaxPooling2D()(x))


def _keras_book(*, ours: bool) -> tuple[Any, Any]:
    """The chapter's network with its own normalisation, TensorFlow's operator; or with our faster one."""
    import tensorflow as tf
    from keras import Input, layers

    from beholder.models.layers import LocalResponseNormalization

    def normalised(x: Any) -> Any:
        if ours:
            return LocalResponseNormalization()(x)
        return layers.Lambda(lambda maps: tf.nn.local_response_normalization(maps, 4, 1.0, 0.001 / 9, 0.75))(x)

    inputs = Input((24, 24, 1))
    x = layers.Conv2D(64, 5, padding="same", activation="relu")(inputs)
    x = normalised(layers.MaxPooling2D(3, 2, "same")(x))
    x = layers.Conv2D(64, 5, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, 2, "same")(normalised(x))
    x = layers.Dropout(0.5)(layers.Dense(1024, activation="relu")(layers.Flatten()(x)))
    return inputs, layers.Dense(CLASSES)(x)


def pytorch(network: str, peer: str, batch: int, steps: int) -> dict[str, Any]:
    """The same network in PyTorch, in bfloat16 throughout, which is faster here than its autocast."""
    import torch
    from torch.nn import functional
    from torch_networks import Air, Book

    model: Any = Air(WIDTHS, CLASSES) if network == "air" else Book(CLASSES)
    model = model.to(torch.bfloat16).to(memory_format=torch.channels_last)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-3, momentum=0.85, nesterov=True)
    if "compiled" in peer:
        model = torch.compile(model)
    images, labels = (torch.from_numpy(array) for array in _inputs(network, batch * steps))

    def step(number: int) -> None:
        rows = slice(number * batch, (number + 1) * batch)
        loss = functional.cross_entropy(model(images[rows]).float(), labels[rows], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for number in range(WARM):
        step(number)
    start = time.perf_counter()
    for number in range(steps):
        step(number)
    return {"rate": batch * steps / (time.perf_counter() - start)}


def _inputs(network: str, count: int) -> tuple[Any, Any]:
    """Images as a peer's network takes them, and labels (N,) int64."""
    from beholder.data.cifar.clean import clean_images

    images, labels = noise(count)
    return (images if network == "air" else clean_images(images)), labels


def main() -> None:
    """Measure in rounds and print a table a network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="air,book")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=24, help="steps of batch 256 that count; book takes four times")
    parser.add_argument("--batch-sizes", default="256")
    parser.add_argument("--only", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        network, peer, batch, steps = arguments.only
        ways: dict[str, Callable[..., dict[str, Any]]] = {
            "beholder": beholder,
            "keras": keras_defaults,
            "pytorch": pytorch,
        }
        way = next(function for name, function in ways.items() if peer.startswith(name))
        print(json.dumps(way(network, peer, int(batch), int(steps))))
        return
    for network in arguments.networks.split(","):
        images = 256 * arguments.steps * (1 if network == "air" else 4)
        batches = [int(batch) for batch in arguments.batch_sizes.split(",")]
        compare(network, batches, images, arguments.rounds)


def compare(network: str, batches: list[int], images: int, count: int) -> None:
    """Measure each peer at each batch size in `count` rounds of so many `images`; print the best of each."""
    ways = [
        rounds.Way(
            f"{peer} @{batch}",
            ["--only", network, peer, str(batch), str(images // batch)],
            rounds.TUNED_ALLOCATOR if peer.startswith("pytorch") else {},
        )
        for peer in PEERS[network]
        for batch in batches
    ]
    measured = rounds.in_turn(__file__, ways, count)
    best: dict[str, tuple[str, list[float]]] = {}
    for name, figures in measured.items():
        peer, rates = name.rpartition(" @")[0], [figure["rate"] for figure in figures]
        if peer not in best or statistics.median(rates) > statistics.median(best[peer][1]):
            best[peer] = name, rates
    ours, rates = best["beholder"]
    print(f"{network}, {count} rounds of {images:,} images     images/s     Beholder divided by it")
    for peer, (name, theirs) in best.items():
        bar = BARS.get((network, peer))
        said = "" if bar is None else f"  {rounds.verdict(rounds.median_ratio(rates, theirs), bar)}"
        print(f"  {name:32} {rounds.spread(theirs):28} {rounds.ratio(rates, theirs)}{said}")
    shares = [figure["gflops"] / figure["ceiling"] for figure in measured[ours]]
    ceiling = rounds.spread([figure["ceiling"] for figure in measured[ours]])
    said = f"  {rounds.verdict(statistics.median(shares), CEILING_BAR)}" if network == "air" else ""
    print(f"  matrix product {ceiling} GFLOP/s, of which Beholder trains at {rounds.spread(shares, 2)}{said}")


if __name__ == "__main__":
    main()
