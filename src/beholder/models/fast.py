"""A modern colour network: whitened patches, three groups of 3 × 3 convolutions, batch normalisation, ReLU.

The layout is that of K. Jordan's 94 % on CIFAR-10 (2024), narrowed for a CPU: narrow and longer beats wide and short
(docs/lab-notebook.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from beholder.data.chunks import chunks
from beholder.data.image_rows import Images
from beholder.models.entrance import entrance, logits
from beholder.models.layers import BatchNormalization, Convolution3x3, GlobalMaxPooling2D, PatchWhitening
from beholder.models.resolution import LARGEST_SIDE, shrink_factor

WHITENING_IMAGES = 2000
WHITENING_PIXELS = 1 << 18  # of these that are looked at together


def build(
    shape: tuple[int, int, int],
    classes: int,
    *,
    dtype: str = "float32",
    widths: Sequence[int] = (48, 128, 192),
    side: int = LARGEST_SIDE,
    dropout: float = 0.0,
    images: Images | None = None,
) -> Any:
    """(N, H, W, C) uint8 to (N, classes) float32 logits.

    Args:
        shape: height, width and channels of an image.
        classes: how many.
        dtype: Keras dtype policy of the layers that compute.
        widths: windows of the convolutions in each of the three groups.
        side: short side, in pixels, that larger images are averaged down to.
        dropout: share of the features silenced while training, 0 to 1.
        images: (N, H, W, C) uint8 training images, from whose patches the first layer is set; without them it
            stays as drawn, which is of use only where weights are loaded next.
    """
    layers = keras.layers
    inputs, x = entrance(shape, side)
    x = layers.Rescaling(1 / 127.5, -1, dtype=dtype, name="scale")(x)
    whitening = PatchWhitening(dtype=dtype, name="whitening")
    x = whitening(x)
    x = layers.Activation("relu", dtype=dtype, name="whitening_activation")(x)
    for group, width in enumerate(widths, start=1):
        x = _convolution(x, width, f"group_{group}_convolution_1", dtype)
        if min(x.shape[1:3]) >= 2:
            x = layers.MaxPooling2D(2, dtype=dtype, name=f"group_{group}_pool")(x)
        x = _normalised(x, f"group_{group}_1", dtype)
        x = _convolution(x, width, f"group_{group}_convolution_2", dtype)
        x = _normalised(x, f"group_{group}_2", dtype)
    x = GlobalMaxPooling2D(dtype=dtype, name="features")(x)  # (N, widths[-1])
    if dropout:
        x = layers.Dropout(dropout, dtype=dtype, name="dropout")(x)
    model = keras.Model(inputs, logits(x, classes), name="fast")
    if images is not None:
        factor = shrink_factor(shape, side)
        parts = chunks(min(len(images), WHITENING_IMAGES), shape, WHITENING_PIXELS)
        whitening.adapt(_as_whitening_sees(images[part], factor) for part in parts)
    return model


def _convolution(x: Any, width: int, name: str, dtype: str) -> Any:
    return Convolution3x3(width, kernel_initializer="he_normal", dtype=dtype, name=name)(x)


def _normalised(x: Any, name: str, dtype: str) -> Any:
    x = BatchNormalization(dtype=dtype, name=f"{name}_normalisation")(x)
    return keras.layers.Activation("relu", dtype=dtype, name=f"{name}_activation")(x)


def _as_whitening_sees(images: NDArray[np.uint8], factor: int) -> NDArray[np.float32]:
    count, height, width, channels = images.shape
    rows, columns = height // factor, width // factor
    blocks = images[:, : rows * factor, : columns * factor].reshape(count, rows, factor, columns, factor, channels)
    averaged: NDArray[np.float32] = blocks.mean(axis=(2, 4), dtype=np.float32)
    return averaged / np.float32(127.5) - np.float32(1)
