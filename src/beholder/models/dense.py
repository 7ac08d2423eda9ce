"""A fully connected network: what a convolution saves."""

from __future__ import annotations

from typing import Any

import keras

from beholder.models.entrance import entrance, logits


def build(
    shape: tuple[int, int, int], classes: int, *, dtype: str = "float32", neurons: int = 1024, dropout: float = 0.0
) -> Any:
    """(N, H, W, C) uint8 to (N, classes) float32 logits; 3,157,002 parameters at 32 × 32 × 3 and ten classes."""
    inputs, x = entrance(shape)
    x = keras.layers.Rescaling(1 / 127.5, -1, dtype=dtype, name="scale")(x)
    x = keras.layers.Flatten(dtype=dtype, name="flatten")(x)  # (N, H·W·C)
    x = keras.layers.Dense(neurons, "relu", kernel_initializer="he_normal", dtype=dtype, name="features")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")(x)
    return keras.Model(inputs, logits(x, classes), name="dense")
