"""The weights of each convolution, read from `inside.onnx`: what a sum is made of, term by term.

ONNX Runtime keeps a graph's weights to itself, and the `onnx` package is no part of the light install; Protocol
Buffers, which ONNX Runtime brings, read the few fields of the format that are needed. Source: onnx.proto of the ONNX
project.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from numpy.typing import NDArray

from beholder.errors import ArtifactError

_FLOAT32 = 1  # as TensorProto.DataType has it
SAME_VALUES = ("Transpose", "Reshape", "Identity", "Squeeze", "Unsqueeze")  # operations that only arrange

_TYPE = descriptor_pb2.FieldDescriptorProto
_FIELDS: dict[str, tuple[tuple[str, int, int, str], ...]] = {  # name, number, type, and the message that it holds
    "Tensor": (
        ("dims", 1, _TYPE.TYPE_INT64, ""),
        ("data_type", 2, _TYPE.TYPE_INT32, ""),
        ("float_data", 4, _TYPE.TYPE_FLOAT, ""),
        ("name", 8, _TYPE.TYPE_STRING, ""),
        ("raw_data", 9, _TYPE.TYPE_BYTES, ""),
    ),
    "Attribute": (
        ("name", 1, _TYPE.TYPE_STRING, ""),
        ("i", 3, _TYPE.TYPE_INT64, ""),
        ("ints", 8, _TYPE.TYPE_INT64, ""),
    ),
    "Node": (
        ("input", 1, _TYPE.TYPE_STRING, ""),
        ("output", 2, _TYPE.TYPE_STRING, ""),
        ("op_type", 4, _TYPE.TYPE_STRING, ""),
        ("attribute", 5, _TYPE.TYPE_MESSAGE, "Attribute"),
    ),
    "Graph": (("node", 1, _TYPE.TYPE_MESSAGE, "Node"), ("initializer", 5, _TYPE.TYPE_MESSAGE, "Tensor")),
    "Model": (("graph", 7, _TYPE.TYPE_MESSAGE, "Graph"),),
}
_REPEATED = ("dims", "float_data", "ints", "input", "output", "attribute", "node", "initializer")


@dataclass(frozen=True)
class Convolution:
    """What a convolution computes with.

    Attributes:
        windows: (K, h, w, C) float32; C counts the channels of one group.
        bias: (K,) float32, zeros where it has none.
        groups: into how many groups of channels it is divided; 1 but for a depthwise one.
        rectified: whether all below zero becomes zero inside the layer.
        padding: zeros above and left of what the windows slide over; None where the graph leaves that to its runtime.
        dilation: pixels from one value under a window to the next, down and right.
    """

    windows: NDArray[np.float32]
    bias: NDArray[np.float32]
    groups: int
    rectified: bool
    padding: tuple[int, int] | None = None
    dilation: tuple[int, int] = (1, 1)

    @property
    def channels(self) -> int:
        """How many maps it works on."""
        return int(self.windows.shape[3]) * self.groups


def read_convolutions(path: Path, layers: Iterable[str]) -> dict[str, Convolution]:
    """The convolutions among `layers`, by name; one that computes in another way than those described here is left out.

    Args:
        path: `inside.onnx`.
        layers: names of its outputs.

    Raises:
        ArtifactError: the file is missing or damaged.
    """
    try:
        graph = read_graph(path)
        makers = {name: node for node in graph.node for name in node.output}
        tensors = {tensor.name: tensor for tensor in graph.initializer}
        found = {layer: _convolution(layer, makers, tensors) for layer in layers}
    except Exception as error:  # Protocol Buffers answer damage with an exception of their own or NumPy's
        raise ArtifactError(f"{str(path)!r} cannot be read ({error}); copy the model again.") from error
    return {layer: convolution for layer, convolution in found.items() if convolution is not None}


def read_graph(path: Path) -> Any:
    """The nodes and the tensors of an ONNX file, as messages of the format; damage is any exception there is."""
    return _model_class().FromString(path.read_bytes()).graph


def _convolution(name: str, makers: dict[str, Any], tensors: dict[str, Any]) -> Convolution | None:
    """Walk from a layer's output back to the convolution, over what stands behind it inside the layer."""
    bias: NDArray[np.float32] | None = None
    rectified = False
    while name in makers:
        node = makers[name]
        if node.op_type == "Conv":
            return _described(node, bias, rectified, tensors)
        if node.op_type == "Relu" and bias is None:
            rectified = True
        elif node.op_type == "Add" and bias is None and node.input[1] in tensors:
            bias = _array(tensors[node.input[1]])
        elif node.op_type not in SAME_VALUES:
            return None
        name = node.input[0]
    return None


def _described(
    node: Any, bias: NDArray[np.float32] | None, rectified: bool, tensors: dict[str, Any]
) -> Convolution | None:
    kernel = _array(tensors[node.input[1]]) if node.input[1] in tensors else None  # (K, C, h, w)
    if kernel is None or kernel.ndim != 4:
        return None
    total = np.zeros(len(kernel), np.float32)
    if len(node.input) > 2:
        own = _array(tensors[node.input[2]]) if node.input[2] in tensors else None
        if own is None:
            return None
        total += own
    if bias is not None:
        total += bias.reshape(-1)
    facts = {one.name: one for one in node.attribute}
    return Convolution(
        windows=np.ascontiguousarray(kernel.transpose(0, 2, 3, 1)),
        bias=total,
        groups=int(facts["group"].i) if "group" in facts else 1,
        rectified=rectified,
        padding=tuple(facts["pads"].ints[:2]) if "pads" in facts else None,
        dilation=tuple(facts["dilations"].ints[:2]) if "dilations" in facts else (1, 1),
    )


def _array(tensor: Any) -> NDArray[np.float32] | None:
    if tensor.data_type != _FLOAT32:
        return None
    values = np.frombuffer(tensor.raw_data, "<f4") if tensor.raw_data else np.array(tensor.float_data, np.float32)
    return values.reshape(tuple(tensor.dims)).astype(np.float32)


def _model_class() -> Any:
    """A class for ONNX's ModelProto, with the fields above; all others of a file are skipped."""
    file = descriptor_pb2.FileDescriptorProto(name="weights.proto", package="weights")
    for message, fields in _FIELDS.items():
        made = file.message_type.add(name=message)
        for name, number, kind, holds in fields:
            label = _TYPE.LABEL_REPEATED if name in _REPEATED else _TYPE.LABEL_OPTIONAL
            type_name = f".weights.{holds}" if holds else None
            made.field.add(name=name, number=number, type=kind, label=label, type_name=type_name)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("weights.Model"))
