"""Softmax regression: one weight for each pixel value and class."""

from __future__ import annotations

from typing import Any

import keras

from beholder.models.entrance import entrance, logits


def build(shape: tuple[int, int, int], classes: int, *, dtype: str = "float32") -> Any:
    """(N, H, W, C) uint8 to (N, classes) float32 logits; 30,730 parameters at 32 × 32 × 3 and ten classes."""
    inputs, x = entrance(shape)
    x = keras.layers.Rescaling(1 / 127.5, -1, dtype=dtype, name="scale")(x)
    x = keras.layers.Flatten(dtype=dtype, name="features")(x)  # (N, H·W·C)
    return keras.Model(inputs, logits(x, classes), name="linear")
