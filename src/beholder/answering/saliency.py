"""Where the network looked: class activation, where its head allows it; else occlusion.

A head of one global pooling and one fully connected layer makes a logit a sum over places, and each place's part is
known exactly. Sources: Zhou et al., Learning deep features for discriminative localization (2016), for the average;
Oquab et al., Is object localization for free? (2015), for the maximum; Zeiler and Fergus, Visualizing and understanding
convolutional networks (2014), section 4.2, for occlusion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beholder.answering.classifier import Classifier
from beholder.artifact.inside import Inside
from beholder.data.sounds.rules import SoundRules
from beholder.evaluation.decision import decide

Pooling = Literal["average", "maximum"]
_POOLINGS: dict[str, Pooling] = {"GlobalAveragePooling2D": "average", "GlobalMaxPooling2D": "maximum"}
_PLACES = 13  # of a patch along each side: 169 covered images, a fraction of a second


@dataclass(frozen=True)
class Where:
    """Where the network looked."""

    method: Literal["class activation", "occlusion"]  # `class activation` or `occlusion`
    heat: NDArray[np.float32]  # (h, w) float32 on the whole image: what speaks for the answer there, positive for it
    layer: str | None = None  # the maps it was read from, for a class activation
    patch: tuple[int, int] | None = None  # height and width of what was covered, for an occlusion


@dataclass(frozen=True)
class Head:
    """The last layers, where they allow a class activation map: `maps` is the layer that `pooling` reduces."""

    maps: str
    pooling: Pooling


def where_it_looked(
    classifier: Classifier,
    inside: Inside,
    pixels: NDArray[np.uint8],
    label: int | None = None,
    outputs: Mapping[str, NDArray[np.float32]] | None = None,
) -> Where:
    """What speaks for an answer, and where.

    Args:
        classifier: an opened one.
        inside: its graph of every layer, opened once for many images.
        pixels: (H, W, C) uint8 as they enter the graph.
        label: a class; None: that of the answer.
        outputs: of `inside` for these pixels, without the batch, where they are known.
    """

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return classifier.artifact.graph(images).probabilities

    if label is None:
        label = int(decide(answer(pixels[np.newaxis])[0], classifier.artifact.point))
    head = find_head(classifier.artifact.manifest.layers)
    if head is not None and inside.head is not None:
        maps = inside(pixels[np.newaxis], [head.maps])[head.maps][0] if outputs is None else outputs[head.maps]
        if len(inside.head) == maps.shape[2]:
            return Where("class activation", class_activation(maps, inside.head, label, head.pooling), layer=head.maps)
    sound = isinstance(classifier.artifact.manifest.image, SoundRules)
    heat, patch = occlusion(answer, pixels, label, silence=sound)
    return Where("occlusion", heat, patch=patch)


def find_head(layers: Sequence[dict[str, Any]]) -> Head | None:
    """The head in a manifest's `layers`; None where it is another, or where its maps have a single place."""
    rows = [row for row in layers if row["type"] != "Dropout"]
    if len(rows) < 3 or rows[-1]["type"] != "Dense" or rows[-2]["type"] not in _POOLINGS:
        return None
    shape = rows[-3]["output_shape"]
    if len(shape) != 3 or shape[0] * shape[1] < 2:
        return None
    return Head(rows[-3]["name"], _POOLINGS[rows[-2]["type"]])


def class_activation(
    maps: NDArray[np.float32], weights: NDArray[np.float32], label: int, pooling: Pooling
) -> NDArray[np.float32]:
    """What each place adds to the logit of `label`, over what it adds to the logits of all classes on average.

    The places sum to that difference, without the bias. With `maximum`, a map counts at its largest value alone
    (several equal ones share). (h, w) float32, from the last feature maps (h, w, F) and the weights (F, classes) from
    the pooled maps to the logits.
    """
    speaking = weights[:, label] - weights.mean(axis=1)  # (F,)
    if pooling == "average":
        shares = maps / (maps.shape[0] * maps.shape[1])
    else:
        largest = maps.max(axis=(0, 1))
        at = maps == largest
        shares = largest * at / at.sum(axis=(0, 1))
    return np.asarray(shares @ speaking, np.float32)


def occlusion(
    answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    image: NDArray[np.uint8],
    label: int,
    *,
    silence: bool = False,
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Slide a patch of the image's mean colour, a quarter of each side, over the image (H, W, C) uint8.

    With `silence` it is 0, as spectrograms have it.

    Returns:
        For each pixel (H, W) float32, by how much the probability of `label` falls (0 to 1; negative where it rises)
        by `answer` (N, classes), the mean over the patches that cover it; and the patch's height and width in pixels.
    """
    height, width = image.shape[:2]
    patch = max(1, height // 4), max(1, width // 4)
    corners = list(product(_places(height, patch[0]), _places(width, patch[1])))
    colour = np.uint8(0) if silence else image.mean(axis=(0, 1)).round().astype(np.uint8)
    covered = np.repeat(image[np.newaxis], len(corners) + 1, axis=0)  # the last stays as it is
    for index, (top, left) in enumerate(corners):
        covered[index, top : top + patch[0], left : left + patch[1]] = colour
    probabilities = answer(covered)[:, label]
    falls = probabilities[-1] - probabilities[:-1]
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for (top, left), fall in zip(corners, falls, strict=True):
        total[top : top + patch[0], left : left + patch[1]] += fall
        count[top : top + patch[0], left : left + patch[1]] += 1
    return (total / count).astype(np.float32), patch


def _places(size: int, patch: int) -> list[int]:
    """Evenly spread, from edge to edge, never a patch's length apart."""
    return [int(place) for place in np.unique(np.linspace(0, size - patch, _PLACES).round())]
