"""EfficientNet-Lite0, which has seen ImageNet: depthwise convolutions between narrow maps, no attention, ReLU6.

Layout and weights are those of M. Tan, Q. V. Le and R. Liu (Google, 2020); source: Tan and Le, EfficientNet (2019), and
github.com/tensorflow/tpu, models/official/efficientnet/lite. `beholder.models.weights` has the weights.

Batch normalisation keeps the statistics, scale and offset that it learned there, as is usual for few images
(https://keras.io/guides/transfer_learning/).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from beholder.models.entrance import logits
from beholder.models.layers import Resize
from beholder.models.resolution import RESIZED_SIDE, resized

_STEM, _HEAD = 32, 1280  # channels
# Of each group of blocks: how many, and their window, stride (of the first), expansion and channels
_GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_EPSILON = 1e-3
_MIDDLE, _DEVIATION = 127, 128  # of pixels, as the weights were trained
# From what a convolution is called here to what the file calls it and the normalisation behind it
_NAMES = {
    "stem": ("_conv_stem", "_bn0"),
    "expansion": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "projection": ("_project_conv", "_bn2"),
    "head": ("_conv_head", "_bn1"),
}


def build(
    shape: tuple[int, int, int],
    classes: int,
    *,
    dtype: str = "float32",
    dropout: float = 0.0,
    side: int = RESIZED_SIDE,
) -> Any:
    """(N, H, W, C) uint8 to (N, classes) float32 logits; the weights are drawn, `first_weights` gives the learned ones.

    Args:
        shape: height, width and channels of an image; one channel is repeated three times.
        classes: how many.
        dtype: Keras dtype policy of the layers that compute.
        dropout: share of the features silenced while training, 0 to 1.
        side: short side, in pixels, that images are brought to, up or down; they keep their proportions.
    """
    layers = keras.layers
    inputs = keras.Input(shape, dtype="uint8", name="images")
    x = layers.Rescaling(1.0, dtype="float32", name="as_float")(inputs)
    height, width = resized(shape, side)
    if (height, width) != tuple(shape[:2]):
        x = Resize(height, width, name="resize")(x)
    if shape[2] == 1:
        x = layers.Concatenate(dtype="float32", name="three_channels")([x, x, x])
    x = layers.Rescaling(1 / _DEVIATION, -_MIDDLE / _DEVIATION, dtype=dtype, name="scale")(x)
    x = _convolved(x, _STEM, 3, 2, "stem", dtype)
    number = 0
    for repeats, window, stride, expansion, channels in _GROUPS:
        for repeat in range(repeats):
            number += 1
            x = _block(x, window, 1 if repeat else stride, expansion, channels, f"block_{number}_", dtype)
    x = _convolved(x, _HEAD, 1, 1, "head", dtype)
    x = layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)  # (N, 1280)
    if dropout:
        x = layers.Dropout(dropout, dtype=dtype, name="dropout")(x)
    return keras.Model(inputs, logits(x, classes), name="lite0")


def first_weights(model: Any, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Give all layers of `model` but the last the learned weights, `tensors` by the names that their file has."""
    for layer in model.layers:
        if layer.weights and layer.name != "logits":
            layer.set_weights(_weights(layer, tensors))


def _block(x: Any, window: int, stride: int, expansion: int, channels: int, name: str, dtype: str) -> Any:
    """Wider by a 1 × 1 convolution, then a window over each map, then narrow again; `x` is added where it fits."""
    before = x
    if expansion > 1:
        x = _convolved(x, expansion * x.shape[-1], 1, 1, f"{name}expansion", dtype)
    depthwise = keras.layers.DepthwiseConv2D(
        window, stride, "same", use_bias=False, dtype=dtype, name=f"{name}depthwise"
    )
    x = _rectified(_normalised(depthwise(x), f"{name}depthwise", dtype), f"{name}depthwise", dtype)
    x = _normalised(_convolution(channels, 1, 1, f"{name}projection", dtype)(x), f"{name}projection", dtype)
    if stride > 1 or before.shape[-1] != channels:
        return x
    return keras.layers.Add(dtype=dtype, name=f"{name}sum")([before, x])


def _convolved(x: Any, channels: int, window: int, stride: int, name: str, dtype: str) -> Any:
    return _rectified(_normalised(_convolution(channels, window, stride, name, dtype)(x), name, dtype), name, dtype)


def _convolution(channels: int, window: int, stride: int, name: str, dtype: str) -> Any:
    return keras.layers.Conv2D(channels, window, stride, "same", use_bias=False, dtype=dtype, name=name)


def _normalised(x: Any, name: str, dtype: str) -> Any:
    layer = keras.layers.BatchNormalization(epsilon=_EPSILON, dtype=dtype, name=f"{name}_normalisation")
    layer.trainable = False
    return layer(x)


def _rectified(x: Any, name: str, dtype: str) -> Any:
    return keras.layers.ReLU(6, dtype=dtype, name=f"{name}_activation")(x)


def _weights(layer: Any, tensors: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Of one layer, in the order and the layout that Keras has them in."""
    name, normalises, _ = layer.name.partition("_normalisation")
    block, _, part = name.rpartition("_")
    place = f"_blocks.{int(block.removeprefix('block_')) - 1}." if block else ""
    convolution, normalisation = _NAMES[part]
    if normalises:
        parts = ("weight", "bias", "running_mean", "running_var")
        return [tensors[f"{place}{normalisation}.{one}"] for one in parts]
    windows = tensors[f"{place}{convolution}.weight"]  # (K, C, h, w), or (C, 1, h, w) of a depthwise one
    return [np.ascontiguousarray(windows.transpose((2, 3, 0, 1) if part == "depthwise" else (2, 3, 1, 0)))]
