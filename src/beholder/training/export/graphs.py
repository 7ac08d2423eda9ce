"""From a Keras model to the files of it in an artifact: `model.keras` and the two ONNX graphs.

TensorFlow writes the graphs. Where the model was trained on another backend, it does so in a process of its own, from
`model.keras`.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from keras import ops

from beholder import files
from beholder.training.export.folding import fold_normalisation, pool_last
from beholder.training.steps import framework

OPSET = 17
_SCRIPT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from beholder.training import framework; "
    "framework.start(); from beholder.training.export.graphs import work; work()"
)


def write_network(folder: Path, model: Any, views: tuple[str, ...]) -> None:
    """Write the float32 `model` into `folder` as `model.keras`, `model.onnx` and `inside.onnx`.

    Args:
        folder: of the artifact that is being built.
        model: the trained network.
        views: over which the answer is a mean, `plain` and perhaps `mirrored`.
    """
    if keras.config.backend() == "tensorflow":
        model.save(folder / "model.keras")
        _write_graphs(folder, model, views)
    else:
        with framework.muted_standard_error():  # Keras imports TensorFlow to save, whatever its backend
            model.save(folder / "model.keras")
        _write_graphs_apart(folder, views)


def _write_graphs(folder: Path, model: Any, views: tuple[str, ...]) -> None:
    export_graph(model, folder / "model.onnx", views)
    export_inside(model, folder / "inside.onnx")


def export_graph(model: Any, path: Path, views: tuple[str, ...]) -> None:
    """Write `model` to `path` as ONNX: `images` uint8 in; `probabilities`, `logits` and `features` out.

    The logits are the mean over the views; the features are those of the plain view.
    """
    inner = keras.Model(model.input, [model.output, model.get_layer("features").output])
    images = keras.Input(model.input.shape[1:], dtype="uint8", name="images")
    if "mirrored" in views:  # behind the plain ones, in one batch: half the steps of two passes
        columns = np.arange(images.shape[2])[::-1].copy()
        mirrored = ops.take(images, columns, axis=2)
        logits, features = inner(ops.concatenate([images, mirrored]))  # (2N, classes), (2N, F)
        logits = ops.mean(ops.reshape(logits, (2, -1, logits.shape[-1])), axis=0)
        features = ops.reshape(features, (2, -1, features.shape[-1]))[0]
    else:
        logits, features = inner(images)
    outputs = {"probabilities": ops.softmax(logits), "logits": logits, "features": features}
    _export(keras.Model(images, outputs), path)
    files.write_bytes(path, pool_last(fold_normalisation(onnx.load(path))).SerializeToString())


def export_inside(model: Any, path: Path) -> None:
    """Write `model` to `path` as ONNX with every layer's output, named as the layer: `images` uint8 in, no views."""
    outputs = {layer.name: layer.output for layer in model.layers if type(layer).__name__ != "InputLayer"}
    _export(keras.Model(model.input, outputs), path)


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


def _export(model: Any, path: Path) -> None:
    model(np.zeros((1, *model.input.shape[1:]), np.uint8))  # Keras exports only what has been called
    with warnings.catch_warnings():
        # Keras probes for a NumPy name that is gone, and is warned.
        warnings.filterwarnings("ignore", category=FutureWarning)
        model.export(os.fspath(path), format="onnx", verbose=False, opset_version=OPSET)


def _write_graphs_apart(folder: Path, views: tuple[str, ...]) -> None:
    search_path = json.dumps([str(entry) for entry in sys.path])
    done = subprocess.run(  # noqa: S603  our own interpreter and our own script
        [sys.executable, "-P", "-c", _SCRIPT, search_path, os.fspath(folder), *views],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,  # Ctrl-C is ours to handle
        # The accelerator is the other process's.
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"},
    )
    if done.returncode:
        raise RuntimeError(f"TensorFlow could not write the ONNX graphs of {os.fspath(folder)!r}: {done.stderr}")


def work() -> None:
    """What the process of its own does: write the graphs of the folder and the views that its command line names."""
    importlib.import_module("beholder.models.layers")  # registers our layers, so that the model opens
    folder, views = Path(sys.argv[2]), tuple(sys.argv[3:])
    _write_graphs(folder, keras.saving.load_model(folder / "model.keras", compile=False), views)
