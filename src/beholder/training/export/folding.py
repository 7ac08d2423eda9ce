"""Batch normalisation becomes part of the convolution before it: an answer needs its running figures only."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray


def fold_normalisation(model: Any) -> Any:
    """Fold each batch normalisation of the ONNX `model` into the convolution before it, if its maps go nowhere else.

    A max-pooling between the two does not matter: with positive scales the largest value of a window stays the largest.
    """
    graph = model.graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    outputs = {output.name for output in graph.output}
    for normalisation in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        if outputs.intersection(normalisation.output) or not constants.keys() >= set(normalisation.input[1:]):
            continue
        gamma, beta, mean, variance = (constants[name] for name in normalisation.input[1:])
        scale = gamma / np.sqrt(variance + np.float32(_epsilon(normalisation)))
        convolution = _convolution_before(graph, normalisation, rises=bool((scale > 0).all()))
        if convolution is None or not constants.keys() >= set(convolution.input[1:]):
            continue
        kernel, *rest = (constants[name] for name in convolution.input[1:])
        if len(kernel) != len(scale):
            continue
        bias = rest[0] if rest else np.zeros_like(mean)
        windows = kernel * scale.reshape(-1, *[1] * (kernel.ndim - 1))
        _set_weights(graph, convolution, {"kernel": windows, "bias": (bias - mean) * scale + beta})
        _take_out(graph, normalisation)
    _forget_unused(graph)
    return model


def pool_last(model: Any) -> Any:
    """Move each max-pooling of the ONNX `model` behind the rectifier that follows it.

    A rectifier grows with its input, so that the largest value of a window stays the largest and the answers stay the
    same; next to the convolution it is computed with it.
    """
    graph = model.graph
    del graph.value_info[:]  # shapes that are no longer true
    while (pair := _pool_and_rectifier(graph)) is not None:
        pool, rectifier = (graph.node[index] for index in pair)
        start, between, end = pool.input[0], pool.output[0], rectifier.output[0]
        first, second = onnx.NodeProto(), onnx.NodeProto()
        first.CopyFrom(rectifier)
        second.CopyFrom(pool)
        first.input[0], first.output[0], second.input[0], second.output[0] = start, between, between, end
        pool.CopyFrom(first)  # nodes are listed in the order in which they run
        rectifier.CopyFrom(second)
    return model


def _epsilon(normalisation: Any) -> float:
    return next((float(one.f) for one in normalisation.attribute if one.name == "epsilon"), 1e-5)  # ONNX's default


def _convolution_before(graph: Any, node: Any, *, rises: bool) -> Any | None:
    """The convolution whose maps reach `node` and nothing else, each channel still a channel; None if there is none."""
    outputs = {output.name for output in graph.output}
    name = node.input[0]
    while True:
        producer = next((one for one in graph.node if name in one.output), None)
        consumers = sum(list(one.input).count(name) for one in graph.node)
        if producer is None or consumers != 1 or name in outputs:
            return None
        if producer.op_type == "Conv":
            return producer
        if not (producer.op_type == "MaxPool" and rises):
            return None
        name = producer.input[0]


def _set_weights(graph: Any, convolution: Any, weights: dict[str, NDArray[np.float32]]) -> None:
    """Give `convolution` these in the place of its own, which another one may share."""
    del convolution.input[1:]
    for name, array in weights.items():
        tensor = onnx.numpy_helper.from_array(array, f"{convolution.output[0]}_{name}")
        graph.initializer.append(tensor)
        convolution.input.append(tensor.name)


def _take_out(graph: Any, node: Any) -> None:
    """Let whoever reads the output of `node` read its input."""
    for other in graph.node:
        for place, name in enumerate(other.input):
            if name == node.output[0]:
                other.input[place] = node.input[0]
    graph.node.remove(node)


def _forget_unused(graph: Any) -> None:
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _pool_and_rectifier(graph: Any) -> tuple[int, int] | None:
    """The indices of a max-pooling and of the rectifier that alone reads it."""
    for index, pool in enumerate(graph.node):
        if pool.op_type != "MaxPool" or any(output.name == pool.output[0] for output in graph.output):
            continue
        followers = [place for place, node in enumerate(graph.node) if pool.output[0] in node.input]
        if len(followers) == 1 and graph.node[followers[0]].op_type == "Relu":
            return index, followers[0]
    return None
