"""TensorFlow and tf2onnx write the graphs of a network from a person's file whose layers we do not write ourselves.

Where the network was trained on another backend, they do so in a process of its own, from `model.keras`.
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
from beholder.artifact.graph import MODEL_FILE
from beholder.artifact.inside import INSIDE_FILE
from beholder.artifact.store import KERAS_FILE
from beholder.training.export.folding import fold_normalisation, pool_last
from beholder.training.export.onnx_nodes import OPSET

_SCRIPT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from beholder.training.steps import framework; "
    "framework.start(); from beholder.training.export.converter import convert_as_told; convert_as_told()"
)


def convert(folder: Path, model: Any, views: tuple[str, ...]) -> None:
    """Write `model.onnx` and `inside.onnx` of `model` into `folder`, where it lies as `model.keras`.

    They have the inputs and outputs of those of `beholder.training.export.graphs.write_graphs`.
    """
    if keras.config.backend() == "tensorflow":
        _convert_graph(model, folder / MODEL_FILE, views)
        convert_inside(model, folder / INSIDE_FILE)
    else:
        _convert_apart(folder, views)


def _convert_graph(model: Any, path: Path, views: tuple[str, ...]) -> None:
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


def convert_inside(model: Any, path: Path) -> None:
    """Write `inside.onnx` of `model` to `path`."""
    outputs = {layer.name: layer.output for layer in model.layers if type(layer).__name__ != "InputLayer"}
    _export(keras.Model(model.input, outputs), path)


def _export(model: Any, path: Path) -> None:
    model(np.zeros((1, *model.input.shape[1:]), np.uint8))  # Keras exports only what has been called
    with warnings.catch_warnings():
        # Keras probes for a NumPy name that is gone, and is warned.
        warnings.filterwarnings("ignore", category=FutureWarning)
        model.export(os.fspath(path), format="onnx", verbose=False, opset_version=OPSET)


def _convert_apart(folder: Path, views: tuple[str, ...]) -> None:
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


def convert_as_told() -> None:
    """What the process of its own does: write the graphs of the folder and the views that its command line names."""
    importlib.import_module("beholder.models.layers")  # registers our layers, so that the model opens
    folder, views = Path(sys.argv[2]), tuple(sys.argv[3:])
    convert(folder, keras.saving.load_model(folder / KERAS_FILE, compile=False), views)
