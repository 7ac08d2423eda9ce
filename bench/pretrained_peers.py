"""A few hundred photographs, the same pretrained network, the same minutes: Beholder, PyTorch, Keras.

usage: python bench/pretrained_peers.py [FOLDER] [--budgets 60s,5m] [--seeds 0] [--peers beholder,pytorch,keras,probe]

FOLDER holds train/<class>/…, val/… and test/…; without it the shared photographs of clothes are taken. Each run is a
process of its own and has the whole of its minutes, imports and reading included; then its test set is opened once.

- *pytorch*: AdamW, one cycle, random resized crops of 128 pixels, mirrored, label smoothing; photographs are decoded
  once and stay in memory. Steps are planned by the time that the first ones take.
- *keras*: as its guide to transfer learning has it: `fit` with the body frozen for a quarter of the time, then all of
  it at a tenth of the rate; 128 pixels, mirrored.
- *probe*: scikit-learn's logistic regression on frozen features (PyTorch, 128 pixels, centre crop), its strength chosen
  on the validation set: what twenty lines of one's own do. It takes the time it takes.
- *beholder*: `train --model lite0`; *first*: its first answer alone, at 128 pixels, with an empty cache of images.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import images
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.models.weights.finding import find_weights

BEGAN = time.monotonic()
SIDE, STORED, BATCH = 128, 160, 32  # pixels, pixels, images
RATE, SMOOTHING = 1e-3, 0.1
CLOSING = 2.0  # seconds that peers keep back, to judge on the validation set
PEERS = ("beholder", "pytorch", "keras", "probe", "first")


def main() -> None:
    """Print a line a run, and for each budget the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--budgets", default="60s,5m")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder = arguments.folder or images.clothes()
    if arguments.one:
        peer, seconds, seed = arguments.one.split(",")
        print(json.dumps(RUNS[peer](folder, float(seconds), int(seed))))
        return
    for budget in arguments.budgets.split(","):
        seconds = 60.0 * float(budget[:-1]) if budget.endswith("m") else float(budget[:-1])
        for peer in arguments.peers.split(","):
            found = [once(folder, peer, seconds, int(seed)) for seed in arguments.seeds.split(",")]
            print(f"{budget}, {peer}: mean {np.mean(found):.1%}", flush=True)


def once(folder: Path, peer: str, seconds: float, seed: int) -> float:
    """Test accuracy of one run, 0 to 1."""
    command = [sys.executable, __file__, str(folder), "--one", f"{peer},{seconds},{seed}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    told = json.loads(done.stdout.decode().splitlines()[-1])
    print(f"{peer}, {seconds:.0f} s, seed {seed}: {told}", flush=True)
    return float(told["accuracy"])


def beholder(folder: Path, seconds: float, seed: int, *more: str) -> dict[str, Any]:
    """Beholder as a person runs it."""
    with tempfile.TemporaryDirectory() as scratch:
        run, began = f"{scratch}/run", time.monotonic()
        train = ["train", str(folder), "--model", "lite0", "--seed", str(seed), "--out", run, *more]
        trained = _command(*train, "--budget", f"{seconds:.0f}s")
        took = time.monotonic() - began
        judged = _command("evaluate", run)
        [answer] = [event for event in _events(Path(run)) if event["event"] == "first_answer"]
    return {
        "accuracy": judged["accuracy"],
        "seconds": round(took, 1),
        "side": trained["summary"].get("side"),
        "epochs": trained["epochs"],
        "first answer": answer["validation_accuracy"],
    }


def first(folder: Path, _seconds: float, seed: int) -> dict[str, Any]:
    """Seconds from the command until the first answer, where the cache is empty; its accuracy on the test set."""
    with tempfile.TemporaryDirectory() as scratch:
        run, began = Path(scratch) / "run", time.time()
        options = ["--model", "lite0", "--side", str(SIDE), "--epochs", "1", "--seed", str(seed)]
        command: list[str] = [
            sys.executable,
            "-m",
            "beholder",
            "train",
            str(folder),
            *options,
            "--out",
            str(run),
            "--cache",
            scratch,
        ]
        training = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while not (answers := [event for event in _events(run) if event["event"] == "first_answer"]):
            time.sleep(0.2)
            if training.poll() is not None:
                sys.exit("The run ended before its first answer.")
        training.terminate()  # which keeps the answer
        training.wait()
        judged = _command("evaluate", str(run))
    told = {"accuracy": judged["accuracy"], "validation": answers[0]["validation_accuracy"]}
    return {**told, "seconds": round(answers[0]["time"] - began, 1)}


def pytorch(folder: Path, seconds: float, seed: int) -> dict[str, Any]:
    """All layers, AdamW, one cycle; the best epoch is not looked for: with one cycle it is the last."""
    import torch
    from torch import nn
    from torch_lite0 import learned

    torch.manual_seed(seed)
    (train, labels), names = squares(folder / "train", STORED), classes(folder)
    model = learned(str(find_weights("lite0")), len(names)).train()
    pixels, targets = torch.from_numpy(train), torch.from_numpy(labels)
    random, loss = np.random.default_rng(seed), nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE / 25, weight_decay=0.01)
    cycle, done, measured, order = None, 0, list[float](), iter(np.array([], np.int64))
    while cycle is None or done < cycle.total_steps:
        began = time.monotonic()
        rows = next(order, None)
        if rows is None:
            order = iter(np.array_split(random.permutation(len(labels)), math.ceil(len(labels) / BATCH)))
            rows = next(order)
        views = torch.stack([crop(pixels[row], random) for row in rows]).contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad()
        loss(model(views), targets[rows]).backward()
        optimizer.step()
        done += 1
        if cycle is not None:
            cycle.step()
            continue
        measured.append(time.monotonic() - began)
        if done == 8:
            left = seconds - CLOSING - (time.monotonic() - BEGAN)
            steps = max(int(left / float(np.median(measured[2:]))), 2)
            cycle, done = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps), 0
        elif time.monotonic() - BEGAN > seconds:
            break
    took = time.monotonic() - BEGAN
    model.eval()
    told = {"seconds": round(took, 1), "epochs": round(done * BATCH / len(labels), 2)}
    with torch.inference_mode():
        return {"accuracy": judged(folder, lambda views: model(torch.from_numpy(views)).numpy()), **told}


def crop(image: Any, random: np.random.Generator) -> Any:
    """A random part of an image (3, H, W), 35 to 100 % of it, of about its proportions, at SIDE × SIDE pixels."""
    from torch.nn import functional

    _, height, width = image.shape
    share, ratio = random.uniform(0.35, 1), math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
    h = min(int(math.sqrt(height * width * share / ratio)), height)
    w = min(int(math.sqrt(height * width * share * ratio)), width)
    top, left = random.integers(height - h + 1), random.integers(width - w + 1)
    part = image[None, :, top : top + h, left : left + w].float()
    scaled = functional.interpolate(part, (SIDE, SIDE), mode="bilinear", antialias=True)[0]
    return scaled.flip(2) if random.integers(2) else scaled


def keras(folder: Path, seconds: float, seed: int) -> dict[str, Any]:
    """Frozen for a quarter of the time, then all layers at a tenth of the rate."""
    import keras as framework

    from beholder.models import build, learned_weights

    framework.utils.set_random_seed(seed)
    names = classes(folder)
    body = build("lite0", (SIDE, SIDE, 3), len(names), side=SIDE)
    learned_weights("lite0", body)
    inputs = framework.Input((SIDE, SIDE, 3), dtype="uint8")
    model = framework.Model(inputs, body(framework.layers.RandomFlip("horizontal", dtype="uint8")(inputs)))
    read = {"image_size": (SIDE, SIDE), "crop_to_aspect_ratio": True, "batch_size": BATCH}
    train = framework.utils.image_dataset_from_directory(folder / "train", seed=seed, **read)
    held = framework.utils.image_dataset_from_directory(folder / "val", shuffle=False, **read)
    train = train.map(lambda views, labels: (_as_uint8(views), labels)).cache().shuffle(64, seed=seed).prefetch(2)
    held = held.map(lambda views, labels: (_as_uint8(views), labels)).cache()

    class Until(framework.callbacks.Callback):
        def __init__(self, end: float) -> None:
            super().__init__()
            self.end = end

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002  # as Keras calls it
            if time.monotonic() - BEGAN > self.end:
                self.model.stop_training = True
                raise StopIteration

    epochs, photographs = 0.0, sum(1 for _ in (folder / "train").glob("*/*"))
    for frozen, rate, end in ((True, RATE, seconds / 4), (False, RATE / 10, seconds - CLOSING)):
        for layer in body.layers:
            if layer.name != "logits" and not isinstance(layer, framework.layers.BatchNormalization):
                layer.trainable = not frozen
        loss = framework.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(framework.optimizers.Adam(rate), loss, metrics=["accuracy"])
        with suppress(StopIteration):
            model.fit(train, epochs=1000, validation_data=held, verbose=0, callbacks=[Until(end)])
        epochs += int(model.optimizer.iterations) * BATCH / photographs
    took = time.monotonic() - BEGAN

    def answer(views: NDArray[np.float32]) -> NDArray[np.float32]:
        pixels = np.rint(views.transpose(0, 2, 3, 1)).clip(0, 255).astype(np.uint8)
        return np.asarray(body(pixels))

    return {"accuracy": judged(folder, answer), "seconds": round(took, 1), "epochs": round(epochs, 2)}


def probe(folder: Path, _seconds: float, _seed: int) -> dict[str, Any]:
    """Frozen features and a logistic regression."""
    import torch
    from sklearn.linear_model import LogisticRegression
    from torch_lite0 import learned

    model, seen = learned(str(find_weights("lite0")), len(classes(folder))).eval(), dict[str, Any]()
    with torch.inference_mode():
        for part in ("train", "val", "test"):
            views, labels = squares(folder / part, SIDE)
            chunks = np.array_split(views, math.ceil(len(views) / BATCH))
            found = [model.features(torch.from_numpy(one.astype(np.float32))).numpy() for one in chunks]
            seen[part] = np.concatenate(found), labels
    best = (-1.0, -1.0)
    for strength in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0):
        regression = LogisticRegression(C=strength, max_iter=1000).fit(*seen["train"])
        best = max(best, (regression.score(*seen["val"]), regression.score(*seen["test"])))
    return {"accuracy": best[1], "validation": best[0], "seconds": round(time.monotonic() - BEGAN, 1)}


def classes(folder: Path) -> list[str]:
    """Names of the classes, in their order."""
    return sorted(one.name for one in (folder / "train").iterdir())


def squares(folder: Path, side: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Photographs (N, 3, side, side) uint8, the square in their middle, and labels (N,)."""
    views, labels = list[NDArray[np.uint8]](), list[int]()
    for label, name in enumerate(sorted(one.name for one in folder.iterdir())):
        for path in sorted((folder / name).iterdir()):
            views.append(square(path, side))
            labels.append(label)
    return np.stack(views), np.array(labels)


def square(path: Path, side: int) -> NDArray[np.uint8]:
    """(3, side, side), scaled to cover the square and cut."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    scale = side / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side))).transpose(2, 0, 1)


def judged(folder: Path, answer: Any) -> float:
    """Share of the test set that `answer`, from views (B, 3, SIDE, SIDE) float32 to logits, has right."""
    views, labels = squares(folder / "test", SIDE)
    parts = np.array_split(np.arange(len(labels)), math.ceil(len(labels) / BATCH))
    right = [answer(views[part].astype(np.float32)).argmax(1) == labels[part] for part in parts]
    return float(np.concatenate(right).mean())


def _as_uint8(views: Any) -> Any:
    import tensorflow as tf

    return tf.cast(tf.clip_by_value(tf.round(views), 0, 255), tf.uint8)


def _events(run: Path) -> list[dict[str, Any]]:
    """What a run has told by now."""
    log = run / "events.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def _command(*arguments: str) -> dict[str, Any]:
    """What a command prints with `--json`."""
    command = [sys.executable, "-m", "beholder", *arguments, "--json"]
    document: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return document


RUNS = {"beholder": beholder, "pytorch": pytorch, "keras": keras, "probe": probe, "first": first}


if __name__ == "__main__":
    main()
