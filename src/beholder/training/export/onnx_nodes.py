"""The nodes and constants of an ONNX graph in the making, named after the layers that they compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

OPSET, FORMAT = 17, 8  # of the operations and of the file: as old as they may be, so that older runtimes open it
_TYPES = {"uint8": onnx.TensorProto.UINT8, "float32": onnx.TensorProto.FLOAT}


class UnknownLayer(Exception):  # noqa: N818  no fault: another way is taken then
    """A kind of layer, or a configuration of one, that is not written here."""


def require(condition: bool) -> None:
    """Go on only where `condition` holds.

    Raises:
        UnknownLayer: it does not.
    """
    if not condition:
        raise UnknownLayer


class Nodes:
    """Nodes in the order in which they run, each with one output of its own name.

    Names are LAYER/OPERATION and LAYER/CONSTANT; Keras lets no name of a layer hold a slash, so none is given twice.

    Attributes:
        layer: the name of the layer whose nodes are being added.
        nodes: as ONNX has them.
        constants: the tensors that the nodes work with.
        padded: from maps with zeros around them to the maps without, and the zeros above, left, below and right.
    """

    def __init__(self, layer: str = "") -> None:
        self.layer = layer
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.padded: dict[str, tuple[str, list[int]]] = {}
        self._names: set[str] = set()

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """A node that runs the operation `kind` of ONNX on `inputs`.

        Returns:
            The name of its output: `name`, or one of its own.
        """
        name = name or self._unused(kind)
        self.nodes.append(onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def floats(self, name: str, values: Any) -> str:
        """A float32 constant of these values; returns its name."""
        return self._constant(name, np.asarray(values, np.float32, order="C"))

    def integers(self, name: str, values: int | Sequence[int]) -> str:
        """An int64 constant of these values; returns its name."""
        return self._constant(name, np.asarray(values, np.int64))

    def bias(self, values: Any) -> list[str]:
        """The inputs that a bias of a layer adds to its node: one, or none where `values` are None."""
        return [] if values is None else [self.floats("bias", values)]

    def channels_first(self, x: str) -> str:
        """`x` (N, H, W, C) as (N, C, H, W)."""
        return self.add("Transpose", x, perm=[0, 3, 1, 2])

    def channels_last(self, x: str, name: str = "") -> str:
        """`x` (N, C, H, W) as (N, H, W, C)."""
        return self.add("Transpose", x, name=name, perm=[0, 2, 3, 1])

    def model(self, shape: Sequence[int], outputs: dict[str, Sequence[int]]) -> Any:
        """The whole as an ONNX model: `images` (N, *shape) uint8 in; `outputs` float32 out, each (N, *its shape)."""
        read = {name for node in self.nodes for name in node.input} | outputs.keys()
        graph = onnx.helper.make_graph(
            [node for node in self.nodes if node.output[0] in read],
            "beholder",
            [_value("images", "uint8", shape)],
            [_value(name, "float32", sizes) for name, sizes in outputs.items()],
            self.constants,
        )
        opset = onnx.helper.make_opsetid("", OPSET)
        return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=FORMAT, producer_name="beholder")

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        tensor = onnx.numpy_helper.from_array(array, self._unused(name))
        self.constants.append(tensor)
        return str(tensor.name)

    def _unused(self, name: str) -> str:
        name = unused = f"{self.layer}/{name}"
        number = 1
        while unused in self._names:
            number += 1
            unused = f"{name}_{number}"
        self._names.add(unused)
        return unused


def _value(name: str, dtype: str, shape: Sequence[int]) -> Any:
    return onnx.helper.make_tensor_value_info(name, _TYPES[dtype], ["N", *shape])
