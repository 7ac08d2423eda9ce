"""The chapter's network: two 5 × 5 convolutions with local response normalisation on cleaned grey images.

The chapter draws every weight from N(0, 1), which is why it learns so slowly; here each layer is He-initialised. Half
of the wide layer is silenced while training, worth two points on validation; `--dropout 0` is the chapter's own.
"""

from __future__ import annotations

from typing import Any

import keras

from beholder.errors import UsageError
from beholder.models.entrance import entrance, logits
from beholder.models.layers import BiasReLU, Clean, LocalResponseNormalization


def build(
    shape: tuple[int, int, int],
    classes: int,
    *,
    dtype: str = "float32",
    window: int = 5,
    stride: int = 1,
    padding: str = "same",
    filters: int = 64,
    neurons: int = 1024,
    dropout: float = 0.5,
) -> Any:
    """(N, H, W, C) uint8 to (N, classes) float32 logits; 2,474,698 parameters at 32 × 32 and ten classes.

    Args:
        shape: height, width and channels of an image.
        classes: how many.
        dtype: Keras dtype policy of the layers that compute.
        window: side of the square window, pixels.
        stride: pixels that the window moves at a time.
        padding: `same` or `valid`.
        filters: windows a convolution.
        neurons: width of the fully connected layer.
        dropout: share of those neurons silenced while training, 0 to 1.

    Raises:
        UsageError: the window is larger than what it moves over.
    """
    layers = keras.layers

    def convolution(number: int) -> Any:
        return layers.Conv2D(
            filters,
            window,
            stride,
            padding,
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=dtype,
            name=f"convolution_{number}",
        )

    def bias_relu(number: int) -> Any:
        return BiasReLU(dtype=dtype, name=f"bias_relu_{number}")

    def pool(number: int) -> Any:
        return layers.MaxPooling2D(3 if padding == "same" else 2, 2, "same", dtype=dtype, name=f"pool_{number}")

    inputs, x = entrance(shape)
    x = Clean(name="clean")(x)  # (N, H·3//4, W·3//4, 1)
    _refuse_larger_window(window, x)
    x = bias_relu(1)(convolution(1)(x))
    x = pool(1)(x)
    x = LocalResponseNormalization(dtype=dtype, name="normalisation_1")(x)
    if padding == "valid":
        _refuse_larger_window(window, x)
    x = bias_relu(2)(convolution(2)(x))
    x = LocalResponseNormalization(dtype=dtype, name="normalisation_2")(x)
    x = pool(2)(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    x = layers.Dense(neurons, "relu", kernel_initializer="he_normal", dtype=dtype, name="features")(x)
    if dropout:
        x = layers.Dropout(dropout, dtype=dtype, name="dropout")(x)
    return keras.Model(inputs, logits(x, classes), name="book")


def _refuse_larger_window(window: int, maps: Any) -> None:
    height, width = maps.shape[1:3]
    if window > min(height, width):
        raise UsageError(
            f"A --window of {window} pixels is larger than the {height} × {width} pixels that it moves over; choose a "
            "smaller one, --padding same, or larger images."
        )
