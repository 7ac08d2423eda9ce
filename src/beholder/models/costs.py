"""What each layer costs: parameters and multiply-adds; and why a convolution is cheap."""

from __future__ import annotations

import math
from typing import Any


def layer_costs(model: Any) -> list[dict[str, Any]]:
    """A row for each layer of a built Keras model, JSON-ready.

    Returns:
        Dicts with name, type, output_shape (without the batch), window and stride (of convolutions and poolings,
        otherwise None), parameters (biases and running statistics counted), and multiply_adds for one image (of
        convolutions and fully connected layers; what is done value by value, as pooling or adding a bias, counts 0).
    """
    return [_row(layer) for layer in model.layers if type(layer).__name__ != "InputLayer"]


def fully_connected_weights(side: int, neurons: int, channels: int = 1) -> int:
    """Weights, without biases, from each value of a square image of `side` pixels to each of `neurons`."""
    return side * side * channels * neurons


def convolution_weights(window: int, windows: int, channels: int = 1) -> int:
    """Weights, without biases, of `windows` square windows of `window` pixels: the image's size is not among them."""
    return window * window * channels * windows


def _row(layer: Any) -> dict[str, Any]:
    shape = [int(size) for size in layer.output.shape[1:]]
    return {
        "name": layer.name,
        "type": type(layer).__name__,
        "output_shape": shape,
        "window": _pair(layer, "kernel_size", "pool_size"),
        "stride": _pair(layer, "strides"),
        "parameters": int(layer.count_params()),
        "multiply_adds": _multiply_adds(layer, shape),
    }


def _pair(layer: Any, *attributes: str) -> list[int] | None:
    for attribute in attributes:
        value = getattr(layer, attribute, None)
        if value is not None:
            return [int(size) for size in value]
    return None


def _multiply_adds(layer: Any, output_shape: list[int]) -> int:
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    positions = math.prod(output_shape[:-1])  # a fully connected layer has one
    return positions * math.prod(int(size) for size in kernel.shape)
