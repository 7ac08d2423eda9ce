"""How activations are written in ONNX."""

from __future__ import annotations

from typing import Any

from keras import activations

from beholder.training.export.onnx_nodes import Nodes, require

_ACTIVATIONS: dict[Any, tuple[str, dict[str, Any]]] = {
    activations.relu: ("Relu", {}),
    activations.sigmoid: ("Sigmoid", {}),
    activations.tanh: ("Tanh", {}),
    activations.hard_sigmoid: ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    activations.hard_silu: ("HardSwish", {}),
}


def activation(graph: Nodes, layer: Any, x: str) -> str:
    """A layer that is an activation and no more."""
    return activated(graph, layer.activation, x)


def relu(graph: Nodes, layer: Any, x: str) -> str:
    """Keras's rectifier, without a slope below zero."""
    require(layer.negative_slope == 0 and layer.threshold == 0)
    return graph.add("Relu", x) if layer.max_value is None else _clipped(graph, x, layer.max_value)


def activated(graph: Nodes, function: Any, x: str) -> str:
    """What `function`, one of Keras's activations, makes of `x`."""
    if function is activations.linear:
        return x
    if function is activations.silu:
        return graph.add("Mul", x, graph.add("Sigmoid", x))
    if function is activations.relu6:
        return _clipped(graph, x, 6)
    require(function in _ACTIVATIONS)
    kind, attributes = _ACTIVATIONS[function]
    return graph.add(kind, x, **attributes)


def _clipped(graph: Nodes, x: str, most: float) -> str:
    return graph.add("Clip", x, graph.floats("least", 0), graph.floats("most", most))
