"""`doctor.py labels`, `clothes`, `sounds`: planted wrong labels and images that are no photographs, found by an audit.

One in twenty of the training images gets another label at random, and a few others become noise, digits or text.
Recall: how many of them stand among the findings of their kind. Precision: how many of the findings about training
images were planted; what is wrong, or looks so, with the images as they are counts against it. Of the clothes and the
spoken digits labels alone are planted, in every set, and the strongest doubts are counted, as many as were flipped.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import images
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from beholder.api.audit import audit
from beholder.api.audit_result import AuditResult
from beholder.data.checks.findings import Kind
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import Progress, silent
from beholder.data.source import Source

FLIPPED = 0.05  # of the labels
STRANGERS = 20  # images of each kind that is no photograph
Pixels = NDArray[np.uint8]
Random = np.random.Generator


def noise(random: Random, side: int) -> Pixels:
    """Every pixel at random."""
    return random.integers(256, size=(side, side, 3)).astype(np.uint8)


def text(random: Random, side: int) -> Pixels:
    """Three lines of letters, black on white."""
    image = Image.new("RGB", (side, side), "white")
    for line in range(3):
        letters = "".join(random.choice(list("abcdefghijklmnop"), 6))
        ImageDraw.Draw(image).text((1, 10 * line), letters, fill="black")
    return np.asarray(image)


def digit(random: Random, side: int) -> Pixels:
    """A handwritten digit, white on black."""
    digits = open_source("digits").readers["all"](silent).images
    grey = Image.fromarray(digits[int(random.integers(len(digits)))][:, :, 0])
    return np.asarray(grey.resize((side, side)).convert("RGB"))


KINDS: tuple[Callable[[Random, int], Pixels], ...] = (noise, text, digit)


def measure(budget: float, seed: int) -> None:
    """Plant, audit, count."""
    source = open_source(images.archive())
    random = np.random.default_rng(seed)
    train, test = (source.readers[set_name](silent) for set_name in ("train", "test"))
    planted, flipped, strangers = plant(train, random)
    readers = {"train": lambda _progress: planted, "test": lambda _progress: test}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        mixed = Source("planted", source.class_names, readers)
        result = audit(mixed, out=Path(folder) / "audit", budget=budget, seed=seed)
    print(f"{len(train):,} + {len(test):,} images, budget {budget:.0f} s: {time.monotonic() - began:.0f} s")
    for note in result.notes:
        print(note)
    tell(result, "wrong_label", {train.names[row] for row in flipped.tolist()})
    tell(result, "outlier", {train.names[row] for rows in strangers for row in rows.tolist()})
    for kind, rows in zip(KINDS, strangers, strict=True):
        print(f"  {kind.__name__:6} {len(found(result, 'outlier') & {train.names[row] for row in rows.tolist()})}")


def measure_clothes(budget: float, seed: int) -> None:
    """Flip labels of the photographs of clothes, audit, count."""
    source = open_source(images.clothes(), for_audit=True)
    random = np.random.default_rng(seed)
    sets = {set_name: read(silent) for set_name, read in source.readers.items()}
    planted, flipped = {}, set[str]()
    for set_name, dataset in sets.items():
        rows, labels = random.choice(len(dataset), round(FLIPPED * len(dataset)), replace=False), dataset.labels.copy()
        classes = len(dataset.class_names)
        labels[rows] = (labels[rows] + random.integers(1, classes, len(rows))) % classes
        planted[set_name] = replace(dataset, labels=labels)
        flipped |= {dataset.names[row] for row in rows.tolist()}
    readers = {set_name: partial(_as_planted, dataset) for set_name, dataset in planted.items()}
    with tempfile.TemporaryDirectory() as folder:
        mixed = Source("planted", source.class_names, readers)
        result = audit(mixed, out=Path(folder) / "audit", budget=budget, seed=seed)
    tell_doubts(result, flipped, sum(map(len, sets.values())))


def measure_sounds(budget: float, seed: int) -> None:
    """Lay some of the spoken digits into the folder of another one, audit, count."""
    random, paths = np.random.default_rng(seed), sorted(images.spoken().glob("*/*.wav"))
    names = sorted({path.parent.name for path in paths})
    classes = np.array([names.index(path.parent.name) for path in paths])
    rows = random.choice(len(paths), round(FLIPPED * len(paths)), replace=False)
    classes[rows] = (classes[rows] + random.integers(1, len(names), len(rows))) % len(names)
    with tempfile.TemporaryDirectory(dir=images.WORK) as folder:
        laid = [
            Path(names[number]) / f"{path.parent.name}-{path.name}" for number, path in zip(classes, paths, strict=True)
        ]
        for place, path in zip(laid, paths, strict=True):
            (Path(folder) / "data" / place).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, Path(folder) / "data" / place)
        result = audit(Path(folder) / "data", out=Path(folder) / "audit", budget=budget, seed=seed)
    tell_doubts(result, {str(laid[row]) for row in rows.tolist()}, len(paths))


def tell_doubts(result: AuditResult, flipped: set[str], total: int) -> None:
    """Print how many of the labels that were `flipped`, of so many in `total`, are doubted, and of as many doubts."""
    for note in result.notes:
        print(note)
    doubts = [one.paths[0] for one in result.findings if one.kind == "wrong_label"]
    hits = [one in flipped for one in doubts]
    recall, precision = sum(hits) / len(flipped), sum(hits) / max(len(hits), 1)
    print(
        f"{len(flipped)} of {total:,} labels flipped, {len(doubts)} doubted after {result.seconds:.0f} s: recall "
        f"{recall:.1%}, precision {precision:.1%}; of the {len(flipped)} strongest "
        f"{sum(hits[: len(flipped)]) / len(flipped):.1%}"
    )


def _as_planted(dataset: Dataset, _progress: Progress) -> Dataset:
    return dataset


def plant(train: Dataset, random: Random) -> tuple[Dataset, NDArray[np.int64], list[NDArray[np.int64]]]:
    """`train` with wrong labels and strangers, the rows of the first, and those of each kind of the second."""
    order = random.permutation(len(train))
    flipped, others = np.split(order, [round(FLIPPED * len(train))])
    labels = train.labels.copy()
    classes = len(train.class_names)
    labels[flipped] = (labels[flipped] + random.integers(1, classes, len(flipped))) % classes
    changed = np.array(train.images)
    strangers = [others[kind * STRANGERS : (kind + 1) * STRANGERS] for kind in range(len(KINDS))]
    for draw, rows in zip(KINDS, strangers, strict=True):
        for row in rows.tolist():
            changed[row] = draw(random, train.image_shape[0])
    return replace(train, images=changed, labels=labels), flipped, strangers


def tell(result: AuditResult, kind: Kind, planted: set[str]) -> None:
    """Print recall and precision of one kind of findings."""
    names = found(result, kind)
    hits = len(names & planted)
    print(f"{kind}: {len(names):,} found, recall {hits / len(planted):.1%}, precision {hits / max(len(names), 1):.1%}")


def found(result: AuditResult, kind: Kind) -> set[str]:
    """The training images that findings of `kind` are about."""
    return {one.paths[0] for one in result.findings if one.kind == kind and one.sets == ("train",)}
