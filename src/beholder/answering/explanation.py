"""What a classifier sees in one image: its windows, every layer's maps, a sliding window, and where it looked.

A sound is an image of time and pitch; of a long one it is the clip that speaks most for the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.answering.classifier import Classifier
from beholder.answering.convolution import Padding, convolve, max_pool
from beholder.answering.given import Given, ImageLike, only, rows_of
from beholder.answering.listened import Listened, listened_most
from beholder.answering.prediction import Prediction
from beholder.answering.saliency import Where, where_it_looked
from beholder.artifact.inside import Inside
from beholder.artifact.store import open_inside
from beholder.data.kinds import IMAGES, SOUNDS, FileKind
from beholder.data.sounds.reading import sound_header
from beholder.data.sounds.rules import SoundRules, frames_of
from beholder.data.sounds.windows import starts
from beholder.errors import ImageError, UsageError

_RANDOM_WINDOWS, _RANDOM_SIZE = 32, 5  # how many, and pixels of a side: the chapter's
_CLIPS_AT_ONCE = 64  # of a long sound


@dataclass(frozen=True)
class Maps:
    """What one layer makes of the image."""

    number: int  # its place in the network, from 1
    name: str  # of the layer
    kind: str  # its type
    values: NDArray[np.float32]  # (H, W, K) float32
    # (K,) the maps by strength, strongest first; layers that only work on each map keep the order of the convolution
    # before them, so that a map can be followed from step to step
    order: NDArray[np.int64]
    window: tuple[int, int] | None = None  # side lengths, for a convolution or a pooling
    stride: int | None = None  # likewise


@dataclass(frozen=True)
class Windows:
    """The windows of the first convolution, or random ones in their place."""

    weights: NDArray[np.float32]  # (K, h, w, C) float32
    source: NDArray[np.float32]  # (H, W, C) float32, what they slide over
    stride: int  # pixels that they move at a time
    padding: Padding  # of the edges
    sums: NDArray[np.float32]  # (H', W', K) float32, their output without a bias
    random: bool  # whether they were drawn rather than trained

    @property
    def strengths(self) -> NDArray[np.float32]:
        """(K,) the mean absolute output of each window on this image."""
        return _strengths(self.sums)

    @property
    def order(self) -> NDArray[np.int64]:
        """(K,) the windows, strongest first."""
        return _by_strength(self.sums)


@dataclass(frozen=True)
class Clip:
    """The clip of a sound that is explained.

    Attributes:
        rules: by which it became an image.
        number: which of its sound's clips it is, from 1.
        count: how many there are.
        start: seconds into the sound at which its first column is; below 0 where silence lies before a short sound.
        listened: when and at which pitch the network listened most; None where nothing speaks for the answer.
    """

    rules: SoundRules
    number: int
    count: int
    start: float
    listened: Listened | None = None


@dataclass(frozen=True)
class Explanation:
    """All that is shown of one image; `image` is (H, W, C) uint8 as it enters the graph."""

    image: NDArray[np.uint8]
    prediction: Prediction
    seen: tuple[Maps, ...]  # what the network makes of the image before anything that it learned
    windows: Windows | None
    layers: tuple[Maps, ...]
    where: Where
    clip: Clip | None = None  # of a sound

    @property
    def kind(self) -> FileKind:
        """What is explained."""
        return IMAGES if self.clip is None else SOUNDS


def explain_image(
    classifier: Classifier,
    image: ImageLike,
    *,
    top: int = 5,
    random: bool = False,
    window: int | None = None,
    seed: int = 0,
) -> Explanation:
    """Look into the network while it answers `image`.

    Args:
        classifier: an opened one.
        image: one, as `Classifier.predict` takes it.
        top: how many class names the answer lists.
        random: draw windows from N(0, 1) in the place of the first layer's.
        window: side of those random windows in pixels, 5 by default.
        seed: draws them.

    Raises:
        ImageError: the image cannot be read.
        UsageError: it is none, or many; a window size without `random`, or larger than the image.
        ArtifactError: the model cannot explain.
    """
    if window is not None and not random:
        raise UsageError(
            f"The size of trained windows is fixed; "
            f"add --random to draw windows of {window} pixels, or leave --window out."
        )
    rules = classifier.artifact.manifest.image
    given = only(image, rules)
    clips = rows_of(given, rules)
    prediction = replace(classifier.predict([clips if len(clips) > 1 else clips[0]], top=top)[0], path=given.path)
    label = classifier.class_names.index(str(prediction.label))
    number = _speaks_most(classifier, clips, label)
    pixels = clips[number]
    inside = open_inside(classifier.artifact)
    rows = classifier.artifact.manifest.layers
    outputs = {name: output[0] for name, output in inside(pixels[np.newaxis]).items()}
    maps = all_maps(rows, outputs)
    first = _first_learned(rows)
    seen = tuple(layer for layer in maps if layer.number <= first and layer.kind != "Rescaling")
    source = next((layer.values for layer in reversed(maps) if layer.number <= first), pixels.astype(np.float32))
    windows: Windows | None
    if random:
        windows = _random_windows(source, _RANDOM_SIZE if window is None else window, seed, classifier.kind)
        maps = _random_maps(windows)
    else:
        windows = _trained_windows(inside, rows, source)
    where = where_it_looked(classifier, inside, pixels, label, outputs)
    clip = _clip(given, rules, number, len(clips), where) if isinstance(rules, SoundRules) else None
    return Explanation(pixels, prediction, seen, windows, maps, where, clip)


def _speaks_most(classifier: Classifier, clips: NDArray[np.uint8], label: int) -> int:
    """Which of the `clips` (n, H, W, 1) of a sound has the greatest probability of `label`."""
    if len(clips) == 1:
        return 0
    chunks = (clips[start : start + _CLIPS_AT_ONCE] for start in range(0, len(clips), _CLIPS_AT_ONCE))
    return int(np.concatenate([classifier.artifact.graph(some).probabilities[:, label] for some in chunks]).argmax())


def _clip(given: Given, rules: SoundRules, number: int, count: int, where: Where) -> Clip:
    width = rules.frames
    length = width + (count - 1) * (width // 2)  # of an array nobody knows how much of it is silence
    if not isinstance(given.image, np.ndarray | ImageError):
        length = frames_of(round(sound_header(given.image).seconds * rules.rate), rules.rate)
    columns = starts(length, width)
    start = (columns[min(number, len(columns) - 1)] - max(width - length, 0) // 2) * rules.step
    listened = listened_most(where.heat, width, rules.hertz, rules.step, start)
    return Clip(rules, number + 1, count, round(start, 3), listened)


def all_maps(rows: Sequence[dict[str, Any]], outputs: dict[str, NDArray[np.float32]]) -> tuple[Maps, ...]:
    """Every layer's maps of one image, from a manifest's `rows` and the layers' `outputs` without the batch."""
    found: list[Maps] = []
    for number, row in enumerate(rows, start=1):
        values = outputs.get(row["name"])
        if values is None or values.ndim != 3:
            continue
        mixes = bool(row["window"] and row["parameters"])
        follows = found and not mixes and len(found[-1].order) == values.shape[2]
        order = found[-1].order if follows else _by_strength(values)
        window = tuple(row["window"]) if row["window"] else None
        stride = int(row["stride"][0]) if row["stride"] else None
        found.append(Maps(number, row["name"], row["type"], values, order, window, stride))
    return tuple(found)


def _first_learned(rows: Sequence[dict[str, Any]]) -> int:
    """How many layers come before the first that has weights."""
    return next((number for number, row in enumerate(rows) if row["parameters"]), len(rows))


def _trained_windows(inside: Inside, rows: Sequence[dict[str, Any]], source: NDArray[np.float32]) -> Windows | None:
    row = rows[_first_learned(rows)]
    weights = inside.filters
    if weights is None or row["window"] is None or source.ndim != 3 or source.shape[2] != weights.shape[3]:
        return None
    stride = int(row["stride"][0])
    same = row["output_shape"][0] == -(-source.shape[0] // stride)
    padding: Padding = "same" if same else "valid"
    sums = convolve(source, weights, stride=stride, padding=padding)
    return Windows(weights, source, stride, padding, sums, random=False)


def _random_windows(source: NDArray[np.float32], size: int, seed: int, kind: FileKind) -> Windows:
    largest = min(source.shape[:2])
    if not 1 <= size <= largest:
        raise UsageError(
            f"Expected a window from 1 to {largest} pixels, the {kind.drawn}'s side. Received: window={size}."
        )
    shape = (_RANDOM_WINDOWS, size, size, source.shape[2])
    weights = np.random.default_rng(seed).standard_normal(shape, np.float32)
    return Windows(weights, source, 1, "same", convolve(source, weights), random=True)


def _random_maps(windows: Windows) -> tuple[Maps, ...]:
    """The chapter's first steps with its random windows: convolution, rectifier, max-pooling."""
    size = windows.weights.shape[1]
    rectified = np.maximum(windows.sums, 0)
    order = windows.order
    return (
        Maps(1, "random_convolution", "Convolution", windows.sums, order, (size, size), windows.stride),
        Maps(2, "random_relu", "ReLU", rectified, order),
        Maps(3, "random_pool", "MaxPooling2D", max_pool(rectified), order, (2, 2), 2),
    )


def _strengths(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    strengths: NDArray[np.float32] = np.abs(maps).mean(axis=(0, 1), dtype=np.float32)
    return strengths


def _by_strength(maps: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.argsort(-_strengths(maps), kind="stable").astype(np.int64)
