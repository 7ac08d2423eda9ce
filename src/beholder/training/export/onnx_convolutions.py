"""How what slides over maps is written in ONNX: convolutions and poolings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.training.export.onnx_activations import activated
from beholder.training.export.onnx_nodes import Nodes


def convolution(graph: Nodes, layer: Any, x: str) -> str:
    """Keras's convolution over maps."""
    x = _slid(graph, layer, x, _windows(layer.kernel), layer.bias, layer.groups, layer.dilation_rate)
    return activated(graph, layer.activation, x)


def whitening(graph: Nodes, layer: Any, x: str) -> str:
    """Our `PatchWhitening`."""
    return _slid(graph, layer, x, _windows(layer.kernel), layer.bias)


def depthwise(graph: Nodes, layer: Any, x: str) -> str:
    """A convolution of each channel by itself."""
    windows, channels = _depthwise_windows(layer.kernel), layer.input.shape[3]
    x = _slid(graph, layer, x, windows, layer.bias, channels, layer.dilation_rate)
    return activated(graph, layer.activation, x)


def separable(graph: Nodes, layer: Any, x: str) -> str:
    """A convolution of each channel by itself, then one of all channels at each place."""
    windows, channels = _depthwise_windows(layer.depthwise_kernel), layer.input.shape[3]
    x = _slid(graph, layer, x, windows, None, channels, layer.dilation_rate)
    x = pointwise(graph, x, np.asarray(layer.pointwise_kernel)[0, 0], layer.bias)
    return activated(graph, layer.activation, x)


def pointwise(graph: Nodes, x: str, matrix: NDArray[Any], bias: Any) -> str:
    """The product of `matrix` (C, K) with the channels at each place, and the `bias` if there is one."""
    windows = graph.floats("pointwise_kernel", matrix.T[:, :, np.newaxis, np.newaxis])
    return graph.add("Conv", x, windows, *graph.bias(bias), kernel_shape=[1, 1])


def pooling(kind: str) -> Callable[..., str]:
    """A layer that pools windows by the operation `kind`."""

    def write(graph: Nodes, layer: Any, x: str) -> str:
        return graph.add(kind, x, **_sliding(layer, layer.pool_size))

    return write


def _slid(
    graph: Nodes,
    layer: Any,
    x: str,
    windows: NDArray[Any],
    bias: Any,
    groups: int = 1,
    dilation: Sequence[int] = (1, 1),
) -> str:
    """A convolution with `windows` (K, C, h, w), strided and padded as `layer` is, with the zeros before it."""
    attributes = _sliding(layer, windows.shape[2:], dilation)
    x, zeros = graph.padded.get(x, (x, [0] * 4))
    attributes["pads"] = [own + before for own, before in zip(attributes["pads"], zeros, strict=True)]
    inputs = [x, graph.floats("kernel", windows), *graph.bias(bias)]
    return graph.add("Conv", *inputs, group=groups, dilations=[*dilation], **attributes)


def _sliding(layer: Any, window: Sequence[int], dilation: Sequence[int] = (1, 1)) -> dict[str, Any]:
    """The attributes of what slides a `window` over maps; with `same`, zeros around them as TensorFlow has it."""
    before, after = [], []
    for size, side, stride, step in zip(layer.input.shape[1:3], window, layer.strides, dilation, strict=True):
        beyond = (-(-size // stride) - 1) * stride + (side - 1) * step + 1 - size
        zeros = max(beyond, 0) if getattr(layer, "padding", "valid") == "same" else 0
        before.append(zeros // 2)
        after.append(zeros - zeros // 2)
    return {"kernel_shape": [*window], "strides": [*layer.strides], "pads": [*before, *after]}


def _windows(kernel: Any) -> NDArray[Any]:
    """Keras's (h, w, C, K) as (K, C, h, w)."""
    return np.asarray(kernel).transpose(3, 2, 0, 1)


def _depthwise_windows(kernel: Any) -> NDArray[Any]:
    """Keras's (h, w, C, m) as (C·m, 1, h, w)."""
    windows = np.asarray(kernel)
    return windows.transpose(2, 3, 0, 1).reshape(-1, 1, *windows.shape[:2])
