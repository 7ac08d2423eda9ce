"""Where images enter a network: from uint8 to float32, and down to the resolution that the network looks at."""

from __future__ import annotations

import math
from typing import Any

import keras

from beholder.models.layers import Resize
from beholder.models.resolution import LARGEST_SIDE, shrink_factor


def entrance(shape: tuple[int, int, int], side: int = LARGEST_SIDE) -> tuple[Any, Any]:
    """The input of uint8 images of `shape` (H, W, C), and the same as float32 in 0 … 255, averaged down if large."""
    inputs = keras.Input(shape, dtype="uint8", name="images")
    x = keras.layers.Rescaling(1.0, dtype="float32", name="as_float")(inputs)
    factor = shrink_factor(shape, side)
    if factor > 1:
        x = keras.layers.AveragePooling2D(factor, dtype="float32", name="shrink")(x)
    return inputs, x


def seen_size(model: Any) -> tuple[int, int]:
    """Height and width in pixels of what `model` works on: its images, or what they are enlarged to."""
    sizes = [tuple(layer.output.shape[1:3]) for layer in model.layers if isinstance(layer, Resize)]
    return max([tuple(model.input.shape[1:3]), *sizes], key=math.prod)


def logits(x: Any, classes: int) -> Any:
    """The last layer: one float32 number a class."""
    return keras.layers.Dense(classes, dtype="float32", name="logits")(x)
