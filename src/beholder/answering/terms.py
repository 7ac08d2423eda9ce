"""One number of a feature map, taken apart: the window that made it, its terms, and the pixels that it goes back to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.answering.convolution import edges
from beholder.artifact.weights import Convolution


@dataclass(frozen=True)
class Area:
    """Rows from `top` and columns from `left`, `height` × `width`; a window may overhang what it slides over."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Terms:
    """A value of a convolution: the sum of `pixels` times `weights`, plus `bias`, perhaps rectified."""

    pixels: NDArray[np.float32]  # (h, w, C) float32 under the window, zeros where it overhangs
    weights: NDArray[np.float32]  # (h, w, C) float32
    channels: NDArray[np.int64]  # (C,) which maps of the layer before they belong to
    bias: float  # added to the sum
    rectified: bool  # whether a value below zero becomes zero

    @property
    def sums(self) -> NDArray[np.float64]:
        """(C,) the sum of each channel's products."""
        totals: NDArray[np.float64] = (self.pixels.astype(np.float64) * self.weights).sum(axis=(0, 1))
        return totals

    @property
    def value(self) -> float:
        """What comes out."""
        value = float(self.sums.sum()) + self.bias
        return max(value, 0.0) if self.rectified else value


def window_place(source: Sequence[int], output: Sequence[int], layer: dict[str, Any], row: int, column: int) -> Area:
    """Where the window of `layer`, a row of the manifest, lies for its output at (`row`, `column`).

    `source` and `output` are shapes (H, W, …) of what it slides over and of what comes out. The layer's `padding`,
    zeros above and left, is taken where it is known better than by these.
    """
    corner = [_start(source[axis], output[axis], layer, axis, at) for axis, at in enumerate((row, column))]
    return Area(*corner, *(int(size) for size in layer["window"]))


def under(source: NDArray[np.float32], place: Area, beyond: float = 0.0) -> NDArray[np.float32]:
    """(h, w, C) float32: the part of `source` (H, W, C) under a window, `beyond` where it overhangs."""
    values = np.full((place.height, place.width, source.shape[2]), beyond, np.float32)
    top, left = max(place.top, 0), max(place.left, 0)
    part = source[top : max(place.top + place.height, 0), left : max(place.left + place.width, 0)]
    values[top - place.top :, left - place.left :][: part.shape[0], : part.shape[1]] = part
    return values


def convolution_terms(source: NDArray[np.float32], convolution: Convolution, place: Area, number: int) -> Terms:
    """What map `number` of a convolution is made of where its window lies at `place` of `source` (H, W, C) float32."""
    weights = convolution.windows[number]
    size = weights.shape[2]  # channels of a group
    group = number * convolution.groups // len(convolution.windows)
    channels = np.arange(group * size, (group + 1) * size)
    down, right = convolution.dilation
    pixels = under(source[..., channels], place)[::down, ::right]
    return Terms(pixels, weights, channels, float(convolution.bias[number]), convolution.rectified)


def receptive_field(
    layers: Sequence[dict[str, Any]],
    sources: Sequence[Sequence[int]],
    number: int,
    row: int,
    column: int,
    image: Sequence[int],
) -> Area | None:
    """The pixels of the image that a value of layer `number` (from 0) depends on, by strides and windows.

    Going back through a layer with window k, stride s and p zeros before the edge, outputs from u to v depend on inputs
    from s·u - p to s·v - p + k - 1. Source: Araujo, Norris and Sim, Computing receptive fields of convolutional neural
    networks (Distill, 2019). What normalises over a whole image or all channels is not counted.

    `layers` are rows of a manifest, as for `window_place`, and `sources` for each the layers before it that it works
    on; -1 is the image, of shape (H, W, C). Where the output is a vector, `row` and `column` are of no account. None
    where a layer on the way is none of those that this knows.
    """
    spans: list[tuple[int, int]] = []
    for axis, at in enumerate((row, column)):
        needed = {number: (at, at)}  # the first and the last place of each layer's output
        for index in range(number, -1, -1):
            for source in sources[index] if index in needed else ():
                shape = layers[source]["output_shape"] if source >= 0 else list(image)
                span = _before(layers[index], shape, axis, *needed[index])
                if span is None or source >= index:
                    return None
                low, high = needed.get(source, span)
                needed[source] = min(low, span[0]), max(high, span[1])
        if -1 not in needed:
            return None
        spans.append(needed[-1])
    (top, bottom), (left, right) = spans
    return Area(top, left, bottom - top + 1, right - left + 1)


def _before(layer: dict[str, Any], source: Sequence[int], axis: int, low: int, high: int) -> tuple[int, int] | None:
    """The first and the last place of `source` along `axis` that a layer's outputs from `low` to `high` depend on."""
    output = layer["output_shape"]
    if len(source) != 3 or len(output) != 3:  # of a vector's vector it is decided where that was made of maps
        return (low, high) if len(source) != 3 else (0, source[axis] - 1)
    if layer["type"] == "Clean":  # it cuts the middle out
        offset = (source[axis] - output[axis]) // 2
        return low + offset, high + offset
    if layer["window"]:
        stride, window = int(layer["stride"][axis]), int(layer["window"][axis])
        if "padding" not in layer and output[axis] not in (
            -(-source[axis] // stride),
            (source[axis] - window) // stride + 1,
        ):
            return None
        first = _start(source[axis], output[axis], layer, axis, low)
        last = _start(source[axis], output[axis], layer, axis, high) + window - 1
        return max(first, 0), min(last, source[axis] - 1)
    if 1 in (output[axis], source[axis]):  # one value of all places, or one that counts at every place
        return 0, source[axis] - 1
    return (low, high) if output[axis] == source[axis] else None


def _start(source: int, output: int, layer: dict[str, Any], axis: int, at: int) -> int:
    stride, window = int(layer["stride"][axis]), int(layer["window"][axis])
    if "padding" in layer:
        return at * stride - int(layer["padding"][axis])
    padding = edges(source, window, stride, "same" if output == -(-source // stride) else "valid")[0]
    return at * stride - padding
