"""From trained weights to an artifact: float32, preprocessing and views inside the graph, golden pictures beside it."""

from __future__ import annotations

import datetime
import os
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from beholder import files
from beholder.artifact import golden
from beholder.artifact.graph import Graph
from beholder.artifact.inside import Inside
from beholder.artifact.manifest import Manifest
from beholder.artifact.store import replacing_artifact
from beholder.data.dataset import Dataset
from beholder.data.pictures import PictureRules
from beholder.models import build
from beholder.models.costs import layer_costs
from beholder.runs.environment import versions
from beholder.training.settings import Settings

OPSET = 17


def export_artifact(
    folder: Path,
    settings: Settings,
    weights: list[NDArray[Any]],
    validation: Dataset,
    data: dict[str, Any],
) -> Manifest:
    """Write the artifact of a trained network to `folder`, whole or not at all.

    Args:
        folder: becomes the `model/` folder; an older one is replaced.
        settings: what was trained.
        weights: the values of the model's variables, in its order.
        validation: the validation part; its figures go into the manifest, a few of its pictures become golden.
        data: name and fingerprints of the data, for the manifest.

    Raises:
        ArtifactError: the exported graph does not answer as the network does.
    """
    shape = validation.picture_shape
    model = build(settings.model, shape, len(validation.class_names), dtype="float32", **settings.options)
    for variable, value in zip(model.variables, weights, strict=True):
        variable.assign(value)
    rules = PictureRules(shape[0], shape[1], "L" if shape[2] == 1 else "RGB")
    with replacing_artifact(folder) as building:
        views = ("plain", "mirrored") if settings.mirrors(shape[2]) else ("plain",)
        export_graph(model, building / "model.onnx", views)
        export_inside(model, building / "inside.onnx")
        model.save(building / "model.keras")
        _save_filters(model, building / "filters.npy")
        _save_head(model, building / "head.npy")
        graph = Graph(building / "model.onnx")
        pictures = validation.pictures[_spread(len(validation))]
        golden.write_golden(building / "golden", graph, rules, pictures, Inside(building))
        manifest = Manifest(
            model=settings.model,
            class_names=validation.class_names,
            picture=rules,
            views=views,
            layers=tuple(layer_costs(model)),
            validation=_figures(graph, validation),
            data=data,
            versions=versions(),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        manifest.write(building / "manifest.json")
        files.write_bytes(building / "README.md", model_card(manifest).encode("utf-8", "backslashreplace"))
    return manifest


def export_graph(model: Any, path: Path, views: tuple[str, ...]) -> None:
    """Write `model` to `path` as ONNX: `pictures` uint8 in; `probabilities`, `logits` and `features` out.

    The logits are the mean over the views; the features are those of the plain view.
    """
    inner = keras.Model(model.input, [model.output, model.get_layer("features").output])
    pictures = keras.Input(model.input.shape[1:], dtype="uint8", name="pictures")
    logits, features = inner(pictures)
    if "mirrored" in views:
        mirrored, _ = inner(ops.flip(pictures, axis=2))
        logits = (logits + mirrored) / 2
    outputs = {"probabilities": ops.softmax(logits), "logits": logits, "features": features}
    _export(keras.Model(pictures, outputs), path)


def export_inside(model: Any, path: Path) -> None:
    """Write `model` to `path` as ONNX with every layer's output, named as the layer: `pictures` uint8 in, no views."""
    outputs = {layer.name: layer.output for layer in model.layers if type(layer).__name__ != "InputLayer"}
    _export(keras.Model(model.input, outputs), path)


def _export(model: Any, path: Path) -> None:
    model(np.zeros((1, *model.input.shape[1:]), np.uint8))  # Keras exports only what has been called
    with warnings.catch_warnings():
        # Keras probes for a NumPy name that is gone, and is warned.
        warnings.filterwarnings("ignore", category=FutureWarning)
        model.export(os.fspath(path), format="onnx", verbose=False, opset_version=OPSET)


def model_card(manifest: Manifest) -> str:
    """The artifact's README: what it is, what it learned from, how good, and what it must not be trusted with."""
    height, width, _ = manifest.picture.shape
    names = ", ".join(name.replace("\n", " ") for name in manifest.class_names[:20])
    more = f" and {len(manifest.class_names) - 20} more" if len(manifest.class_names) > 20 else ""
    parameters = sum(layer["parameters"] for layer in manifest.layers)
    return f"""# A picture classifier made by Beholder

- Network: `{manifest.model}`, {parameters:,} parameters; made {manifest.created}.
- It puts a picture, seen at {height} × {width} pixels, into one of {len(manifest.class_names)} classes: {names}{more}.
- Learned from: {manifest.data["name"]}.
- Validation part: accuracy {manifest.validation["accuracy"]:.4f} on {manifest.validation["count"]} pictures. For
  figures on pictures that no choice was made on, see `evaluation.json` of its run, once `beholder evaluate` made it.

It knows its own classes only: a picture of anything else gets one of their names all the same. Its probabilities are
not calibrated where `temperature` in `manifest.json` is 1, and it never says "unsure" where `unsure_below` is null.

`beholder predict` answers with it. `sha256sum --check SHA256SUMS` tells whether a byte changed.
"""


def _figures(graph: Graph, part: Dataset) -> dict[str, Any]:
    correct = 0
    for start in range(0, len(part), 1024):
        answers = graph(part.pictures[start : start + 1024])
        correct += int((answers.probabilities.argmax(axis=1) == part.labels[start : start + 1024]).sum())
    return {"accuracy": correct / len(part), "count": len(part)}


def _spread(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, golden.COUNT).astype(np.int64))


def _save_filters(model: Any, path: Path) -> None:
    kernel = next((layer.kernel for layer in model.layers if len(getattr(layer, "kernel_size", ())) == 2), None)
    if kernel is None:
        return
    windows = np.asarray(kernel, np.float32).transpose(3, 0, 1, 2)  # (K, h, w, C)
    with files.replacing(path) as file:
        np.save(file, windows)


def _save_head(model: Any, path: Path) -> None:
    """The weights from the features to the logits, (F, classes): what a class activation map is made of."""
    kernel = getattr(model.get_layer("logits"), "kernel", None)
    if kernel is None:
        return
    with files.replacing(path) as file:
        np.save(file, np.asarray(kernel, np.float32))
