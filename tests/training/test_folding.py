"""A person relies on: the written graph answers as the network does, whatever was folded into what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 4


def graph(*, between: str | None = None, rising: bool = True, dimensions: int = 2, told: tuple[str, ...] = ()) -> Any:
    """A convolution, perhaps a node `between`, and a batch normalisation with drawn figures; then a rectifier.

    What is `told` is an output too, beside the rectifier's.
    """
    random = np.random.default_rng(0)
    scale = random.uniform(0.5, 2, CHANNELS)
    scale[0] *= 1 if rising else -1
    figures = {
        "kernel": random.normal(size=(CHANNELS, 3, *[3] * dimensions)),
        "scale": scale,
        "offset": random.normal(size=CHANNELS),
        "mean": random.normal(size=CHANNELS),
        "variance": random.uniform(0.5, 2, CHANNELS),
    }
    constants = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in figures.items()]
    nodes = [helper.make_node("Conv", ["x", "kernel"], ["maps"])]
    if between == "MaxPool":
        nodes.append(helper.make_node("MaxPool", ["maps"], ["passed"], kernel_shape=[2, 2], strides=[2, 2]))
    normalised = ["passed" if between else "maps", "scale", "offset", "mean", "variance"]
    nodes.append(helper.make_node("BatchNormalization", normalised, ["normalised"], epsilon=1e-3))
    nodes.append(helper.make_node("Relu", ["normalised"], ["y"]))
    sides = [f"side {axis}" for axis in range(dimensions)]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", CHANNELS, *sides]) for name in ("y", *told)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, *[8] * dimensions])]
    made = helper.make_graph(nodes, "made", inputs, outputs, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def answers(model: Any) -> Any:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    shape = [3, *session.get_inputs()[0].shape[1:]]
    return session.run(["y"], {"x": np.random.default_rng(1).normal(size=shape).astype(np.float32)})[0]


@pytest.mark.parametrize(
    ("built", "left"),
    [
        ({}, 0),
        ({"between": "MaxPool"}, 0),
        ({"between": "MaxPool", "rising": False}, 1),
        ({"rising": False}, 0),
        ({"dimensions": 1}, 0),
        ({"dimensions": 3}, 0),
        ({"told": ("maps",)}, 1),
        ({"told": ("normalised",)}, 1),
    ],
)
def test_folding_changes_no_answer(built: dict[str, Any], left: int) -> None:
    from beholder.training.export.folding import fold_normalisation

    before = answers(graph(**built))
    folded = fold_normalisation(graph(**built))
    np.testing.assert_allclose(answers(folded), before, atol=1e-5)
    assert [node.op_type for node in folded.graph.node].count("BatchNormalization") == left


def test_pooling_last_changes_no_answer() -> None:
    from beholder.training.export.folding import fold_normalisation, pool_last

    before = answers(graph(between="MaxPool"))
    turned = pool_last(fold_normalisation(graph(between="MaxPool")))
    np.testing.assert_allclose(answers(turned), before, atol=1e-5)
    assert [node.op_type for node in turned.graph.node] == ["Conv", "Relu", "MaxPool"]


@pytest.mark.parametrize("side", [8, 18])
def test_no_normalisation_is_left_in_a_written_graph(side: int, tmp_path: Path, framework: None) -> None:
    """At 8 pixels the last maps are one pixel large."""
    from beholder.models import build
    from beholder.training.export.graphs import write_graphs

    images = np.random.default_rng(0).integers(256, size=(9, side, side, 3)).astype(np.uint8)
    model = build("fast", (side, side, 3), 3, images=images, widths=(16, 24, 32))
    write_graphs(tmp_path, model, ("plain", "mirrored"))
    kinds = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert kinds.count("Conv") == 7
    assert "BatchNormalization" not in kinds
