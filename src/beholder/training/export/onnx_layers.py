"""How each kind of layer is written in ONNX: one small function a kind, in `LAYERS`.

Maps are (N, C, H, W) in the graph, which is how ONNX Runtime computes; all else is as Keras has it. Each function adds
the nodes of a layer, given the names of what it works on, and returns the name of what it makes. One that meets a
configuration that it does not know raises `UnknownLayer`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import layers

from beholder.models import layers as own
from beholder.training.export.onnx_activations import activated, activation, relu
from beholder.training.export.onnx_convolutions import convolution, depthwise, pointwise, pooling, separable, whitening
from beholder.training.export.onnx_nodes import Nodes, require

MAPS = 4  # axes of a batch of maps


def write_layers(graph: Nodes, model: Any, start: str) -> dict[str, str]:
    """Add the nodes of each layer of `model`.

    Args:
        graph: to add them to.
        model: a functional Keras model over images.
        start: the name of the images in the graph, (N, C, H, W) uint8.

    Returns:
        From the name of each layer, in their order, to the name of what it makes in the graph.

    Raises:
        UnknownLayer: a layer is of another kind, or configured in another way, than is known here.
    """
    require(knows(model))
    made, names = {id(model.input): start}, dict[str, str]()
    for layer in model.operations:
        if isinstance(layer, layers.InputLayer):
            continue
        require(len(layer._inbound_nodes) == 1)
        node = layer._inbound_nodes[0]
        _require_usual(layer, node)
        graph.layer = layer.name
        inputs = [made[id(tensor)] for tensor in node.input_tensors]
        name = LAYERS[type(layer)](graph, layer, *inputs)
        names[layer.name] = graph.add("Identity", name) if name in inputs else name
        made[id(layer.output)] = names[layer.name]
    return names


def knows(model: Any) -> bool:
    """Whether each layer of `model` is of a kind that is written here, if perhaps not in every configuration."""
    return all(type(layer) in LAYERS or isinstance(layer, layers.InputLayer) for layer in model.operations)


def _require_usual(layer: Any, node: Any) -> None:
    """Float32 values of known sizes, channels last, and no argument that changes what a layer computes."""
    tensors = [*node.input_tensors, *node.output_tensors]
    require(None not in [size for tensor in tensors for size in tensor.shape[1:]])
    require(all(x.dtype == "float32" for x in tensors) or isinstance(layer, layers.Rescaling))
    require(getattr(layer, "data_format", "channels_last") == "channels_last")
    require(all(value is None or value is False for value in node.arguments.kwargs.values()))


def _unchanged(_graph: Nodes, _layer: Any, x: str) -> str:
    """What only training changes, as dropout does."""
    return x


def _rescaling(graph: Nodes, layer: Any, x: str) -> str:
    if layer.input.dtype != "float32":
        x = graph.add("Cast", x, to=1)
    if np.any(np.asarray(layer.scale) != 1):
        x = graph.add("Mul", x, _by_channel(graph, "scale", layer.scale, layer))
    if np.any(np.asarray(layer.offset) != 0):
        x = graph.add("Add", x, _by_channel(graph, "offset", layer.offset, layer))
    return x


def _clean(graph: Nodes, layer: Any, x: str) -> str:
    whole, (height, width) = layer.input.shape[1:3], layer.output.shape[1:3]
    top, left = (whole[0] - height) // 2, (whole[1] - width) // 2
    start, end = graph.integers("start", [top, left]), graph.integers("end", [top + height, left + width])
    x = graph.add("ReduceMean", graph.add("Slice", x, start, end, graph.integers("axes", [2, 3])), axes=[1])
    for _ in range(2):  # as the layer does
        x = graph.add("Sub", x, graph.add("ReduceMean", x, axes=[2, 3]))
    variance = graph.add("ReduceMean", graph.add("Mul", x, x), axes=[2, 3])
    floor = graph.floats("floor", 1 / math.sqrt(height * width))
    return graph.add("Div", x, graph.add("Max", graph.add("Sqrt", variance), floor))


def _resize(graph: Nodes, layer: Any, x: str) -> str:
    columns = graph.add("MatMul", x, graph.floats("columns", layer.columns.T))
    return graph.add("MatMul", graph.floats("rows", layer.rows), columns)


def _bias_relu(graph: Nodes, layer: Any, x: str) -> str:
    return graph.add("Relu", graph.add("Add", x, _by_channel(graph, "bias", layer.bias, layer)))


def _response_normalisation(graph: Nodes, layer: Any, x: str) -> str:
    """The sum over neighbours as the layer has it, by a banded matrix: ONNX's own operation takes twice as long."""
    channel = np.arange(layer.input.shape[-1])
    band = layer.alpha * (np.abs(channel[:, np.newaxis] - channel) <= layer.radius)
    sums = pointwise(graph, graph.add("Mul", x, x), band, None)
    root = graph.add("Sqrt", graph.add("Add", sums, graph.floats("bias", layer.bias)))
    return graph.add("Div", x, graph.add("Mul", root, graph.add("Sqrt", root)))  # (…) ** 0.75


def _dense(graph: Nodes, layer: Any, x: str) -> str:
    rank = len(layer.input.shape)
    require(rank in (2, MAPS))
    if rank == MAPS:
        x = pointwise(graph, x, np.asarray(layer.kernel), layer.bias)
    else:
        x = graph.add("Gemm", x, graph.floats("kernel", layer.kernel), *graph.bias(layer.bias))
    return activated(graph, layer.activation, x)


def _normalisation(graph: Nodes, layer: Any, x: str) -> str:
    rank, channels = len(layer.input.shape), layer.input.shape[-1]
    require(rank in (2, MAPS) and layer.axis in (-1, rank - 1))
    scale = np.ones(channels) if layer.gamma is None else layer.gamma
    offset = np.zeros(channels) if layer.beta is None else layer.beta
    return _normalised(graph, layer, x, scale, offset)


def _own_normalisation(graph: Nodes, layer: Any, x: str) -> str:
    return _normalised(graph, layer, x, np.ones(layer.offset.shape), layer.offset)


def _normalised(graph: Nodes, layer: Any, x: str, scale: Any, offset: Any) -> str:
    figures = {"scale": scale, "offset": offset, "mean": layer.moving_mean, "variance": layer.moving_variance}
    inputs = [graph.floats(name, values) for name, values in figures.items()]
    return graph.add("BatchNormalization", x, *inputs, epsilon=layer.epsilon)


def _global_pooling(kind: str) -> Callable[..., str]:
    def write(graph: Nodes, layer: Any, x: str) -> str:
        x = graph.add(kind, x)
        return x if layer.keepdims else graph.add("Flatten", x)

    return write


def _zero_padding(graph: Nodes, layer: Any, x: str) -> str:
    (top, bottom), (left, right) = layer.padding
    name = graph.add("Pad", x, graph.integers("pads", [0, 0, top, left, 0, 0, bottom, right]))
    graph.padded[name] = x, [top, left, bottom, right]
    return name


def _reshaped(graph: Nodes, layer: Any, x: str) -> str:
    if len(layer.input.shape) == MAPS:
        x = graph.channels_last(x)
    x = graph.add("Reshape", x, graph.integers("shape", [-1, *layer.output.shape[1:]]))
    return graph.channels_first(x) if len(layer.output.shape) == MAPS else x


def _merging(kind: str) -> Callable[..., str]:
    def write(graph: Nodes, layer: Any, first: str, *others: str) -> str:
        require(len({len(x.shape) for x in layer.input}) == 1)
        for x in others:
            first = graph.add(kind, first, x)
        return first

    return write


def _concatenation(graph: Nodes, layer: Any, *inputs: str) -> str:
    rank = len(layer.output.shape)
    require(layer.axis in (-1, rank - 1))
    return graph.add("Concat", *inputs, axis=1 if rank == MAPS else rank - 1)


def _by_channel(graph: Nodes, name: str, values: Any, layer: Any) -> str:
    """A constant of one number, or of one for each channel of what `layer` works on."""
    array = np.asarray(values)
    require(array.ndim == 0 or array.shape[-1] == array.size)
    maps = array.ndim > 0 and len(layer.input.shape) == MAPS
    return graph.floats(name, array.reshape(-1, 1, 1) if maps else array)


LAYERS: dict[type, Callable[..., str]] = {
    layers.Activation: activation,
    layers.Add: _merging("Add"),
    layers.AveragePooling2D: pooling("AveragePool"),
    layers.BatchNormalization: _normalisation,
    layers.Concatenate: _concatenation,
    layers.Conv2D: convolution,
    layers.Dense: _dense,
    layers.DepthwiseConv2D: depthwise,
    layers.Dropout: _unchanged,
    layers.Flatten: _reshaped,
    layers.GlobalAveragePooling2D: _global_pooling("GlobalAveragePool"),
    layers.GlobalMaxPooling2D: _global_pooling("GlobalMaxPool"),
    layers.MaxPooling2D: pooling("MaxPool"),
    layers.Multiply: _merging("Mul"),
    layers.ReLU: relu,
    layers.Rescaling: _rescaling,
    layers.Reshape: _reshaped,
    layers.SeparableConv2D: separable,
    layers.SpatialDropout2D: _unchanged,
    layers.ZeroPadding2D: _zero_padding,
    own.BatchNormalization: _own_normalisation,
    own.BiasReLU: _bias_relu,
    own.Clean: _clean,
    own.Convolution3x3: convolution,
    own.GlobalMaxPooling2D: _global_pooling("GlobalMaxPool"),
    own.LocalResponseNormalization: _response_normalisation,
    own.PatchWhitening: whitening,
    own.Resize: _resize,
}
