"""An autoencoder: rebuilds an image from a short code, which succeeds with what it has seen often.

It is the network of the chapter before that on convolutions, made of fully connected layers.
Source: Hinton and Salakhutdinov, Reducing the dimensionality of data with neural networks (Science, 2006).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from beholder.models.entrance import entrance

REBUILT_SIDE = 32  # pixels of the short side, about, that larger images are averaged down to


def build(shape: tuple[int, int, int], *, neurons: int = 512, code: int = 64) -> Any:
    """(N, H, W, C) uint8 to (N, 1) float32: the mean squared error of the rebuilt pixels, of 0 to 1.

    The layer `code` gives the numbers that an image is rebuilt from, between layers of so many `neurons`.
    """
    layers = keras.layers
    inputs, x = entrance(shape, REBUILT_SIDE)
    pixels = layers.Flatten(name="pixels")(layers.Rescaling(1 / 255, name="scale")(x))
    x = layers.Dense(neurons, "relu", kernel_initializer="he_normal", name="encoder")(pixels)
    x = layers.Dense(code, name="code")(x)
    x = layers.Dense(neurons, "relu", kernel_initializer="he_normal", name="decoder")(x)
    rebuilt = layers.Dense(pixels.shape[-1], name="rebuilt")(x)
    squares = ops.square(layers.Subtract(name="difference")([rebuilt, pixels]))
    return keras.Model(inputs, ops.mean(squares, axis=1, keepdims=True), name="autoencoder")
