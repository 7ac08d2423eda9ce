"""From a Keras model to the files of it in an artifact: `model.keras` and the two ONNX graphs.

We write the graphs ourselves where we know all layers, as we do of our own networks: at once, without TensorFlow, and
the same bytes for the same weights.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx

from beholder import files
from beholder.artifact.graph import MODEL_FILE, Graph
from beholder.artifact.inside import INSIDE_FILE
from beholder.artifact.store import KERAS_FILE
from beholder.standard_error import muted_standard_error
from beholder.training.export.converter import convert
from beholder.training.export.folding import fold_normalisation, pool_last
from beholder.training.export.onnx_layers import MAPS, write_layers
from beholder.training.export.onnx_nodes import Nodes, UnknownLayer


def write_network(folder: Path, model: Any, views: tuple[str, ...]) -> None:
    """Write the float32 `model` into `folder` as `model.keras`, `model.onnx` and `inside.onnx`.

    Args:
        folder: of the artifact that is being built.
        model: the trained network.
        views: over which the answer is a mean, `plain` and perhaps `mirrored`.
    """
    if keras.config.backend() == "tensorflow":
        model.save(folder / KERAS_FILE)
    else:
        with muted_standard_error():  # Keras imports TensorFlow to save, whatever its backend
            model.save(folder / KERAS_FILE)
    try:
        write_graphs(folder, model, views)
    except UnknownLayer:
        convert(folder, model, views)


def write_graphs(folder: Path, model: Any, views: tuple[str, ...]) -> None:
    """Write the two ONNX graphs of `model` into `folder`.

    `model.onnx`: `images` uint8 in; `probabilities`, `logits` and `features` out. The logits are the mean over the
    views; the features are those of the plain view. `inside.onnx`: `images` uint8 in, no views; every layer's output,
    named as the layer.

    Raises:
        UnknownLayer: the model has a layer that we do not write.
    """
    for name, graph in ((MODEL_FILE, _answering(model, views)), (INSIDE_FILE, _inside(model))):
        files.write_bytes(folder / name, graph.SerializeToString())


def features_graph(folder: Path | None, model: Any) -> Graph:
    """A graph that gives the `features` of the plain view and nothing else, as fast as ONNX Runtime can.

    Args:
        folder: of the artifact, whose `inside.onnx` serves where we do not know all layers; None: we do.
        model: the network.
    """
    try:
        graph = _answering(model, ("plain",))
    except UnknownLayer:
        if folder is None:
            raise
        graph = onnx.load(folder / INSIDE_FILE)
    for output in [output for output in graph.graph.output if output.name != "features"]:
        graph.graph.output.remove(output)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "features.onnx"
        path.write_bytes(graph.SerializeToString())
        return Graph(path)


def _answering(model: Any, views: tuple[str, ...]) -> Any:
    """`model.onnx`."""
    graph = Nodes("views")
    images = "images"
    if "mirrored" in views:  # behind the plain ones, in one batch: half the steps of two passes
        columns = graph.integers("columns", range(model.input.shape[2])[::-1])
        images = graph.add("Concat", images, graph.add("Gather", images, columns, axis=2), axis=0)
    made = write_layers(graph, model, graph.channels_first(images))
    graph.layer = "answer"
    logits, features = made["logits"], made["features"]
    if "mirrored" in views:
        graph.add("ReduceMean", _by_view(graph, logits, model), name="logits", axes=[0], keepdims=0)
        plain = graph.integers("plain", 0)
        graph.add("Gather", _by_view(graph, features, model.get_layer("features")), plain, name="features", axis=0)
    else:
        graph.add("Identity", logits, name="logits")
        graph.add("Identity", features, name="features")
    graph.add("Softmax", "logits", name="probabilities", axis=-1)
    classes = model.output.shape[1:]
    outputs = {"probabilities": classes, "logits": classes, "features": model.get_layer("features").output.shape[1:]}
    return pool_last(fold_normalisation(graph.model(model.input.shape[1:], outputs)))


def _by_view(graph: Nodes, x: str, layer: Any) -> str:
    """`x` (2N, F), what `layer` makes of two views, as (2, N, F)."""
    return graph.add("Reshape", x, graph.integers("by_view", [2, -1, layer.output.shape[-1]]))


def _inside(model: Any) -> Any:
    """`inside.onnx`."""
    graph = Nodes("images")
    made = write_layers(graph, model, graph.channels_first("images"))
    outputs = {name: model.get_layer(name).output.shape[1:] for name in made}
    for name, shape in outputs.items():
        if len(shape) + 1 == MAPS:
            graph.channels_last(made[name], name)
        else:
            graph.add("Identity", made[name], name=name)
    return graph.model(model.input.shape[1:], outputs)


def set_temperature(path: Path, temperature: float) -> None:
    """Divide the logits of the graph at `path` by `temperature` before its last softmax; the output `logits` stays."""
    model = onnx.load(path)
    nodes = model.graph.node
    softmax = next(node for node in nodes if "probabilities" in node.output)
    while softmax.op_type != "Softmax":  # tf2onnx may put a node between that only names the output
        softmax = next(node for node in nodes if softmax.input[0] in node.output)
    name = "temperature"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(temperature), name))
    division = onnx.helper.make_node("Div", [softmax.input[0], name], [f"logits_over_{name}"], name=name)
    softmax.input[0] = division.output[0]
    nodes.insert(list(nodes).index(softmax), division)  # nodes are listed in the order in which they run
    files.write_bytes(path, model.SerializeToString())
