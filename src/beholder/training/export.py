"""From trained weights to an artifact: float32, preprocessing and views inside the graph, golden pictures beside it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder import files
from beholder.artifact import golden
from beholder.artifact.graph import Graph
from beholder.artifact.inside import Inside
from beholder.artifact.manifest import Manifest
from beholder.artifact.store import TWIN, replacing_artifact
from beholder.data.dataset import Dataset
from beholder.data.pictures import PictureRules
from beholder.errors import ArtifactError, StorageError
from beholder.models import build
from beholder.models.costs import layer_costs
from beholder.runs.environment import has_int8, versions
from beholder.training.graphs import write_network
from beholder.training.quantise import CALIBRATION_PICTURES, quantise
from beholder.training.settings import Settings

LARGEST_DROP = 0.002  # of validation accuracy; an int8 twin that loses more is not kept


def export_artifact(
    folder: Path,
    settings: Settings,
    weights: list[NDArray[Any]],
    train: Dataset,
    validation: Dataset,
    data: dict[str, Any],
) -> tuple[Manifest, NDArray[np.float32]]:
    """Write the artifact of a trained network to `folder`, whole or not at all.

    Args:
        folder: becomes the `model/` folder; an older one is replaced.
        settings: what was trained.
        weights: the values of the model's variables, in its order.
        train: the train part; a few hundred of its pictures set the scales of the int8 twin.
        validation: the validation part; its figures go into the manifest, a few of its pictures become golden.
        data: name and fingerprints of the data, for the manifest.

    Returns:
        What the artifact says of itself, and its probabilities (N, classes) of the validation part's N pictures.

    Raises:
        ArtifactError: the exported graph does not answer as the network does, or a network of the person's own cannot
            be written as ONNX.
    """
    shape = validation.picture_shape
    model = build(settings.model, shape, len(validation.class_names), dtype="float32", **settings.options)
    for variable, value in zip(model.variables, weights, strict=True):
        variable.assign(value)
    rules = PictureRules(shape[0], shape[1], "L" if shape[2] == 1 else "RGB")
    with replacing_artifact(folder) as building:
        views = ("plain", "mirrored") if settings.mirrors(shape[2]) else ("plain",)
        with _network_errors(settings):
            write_network(building, model, views)
            graph = Graph(building / "model.onnx")
            answers = _answers(graph, validation)
        _save_filters(model, building / "filters.npy")
        _save_head(model, building / "head.npy")
        figures = _figures(answers, validation)
        twin, twin_facts = _twin(building, train, validation, figures["accuracy"])
        pictures = validation.pictures[_spread(len(validation), golden.COUNT)]
        golden.write_golden(building / "golden", graph, rules, pictures, Inside(building), twin)
        manifest = Manifest(
            model=settings.model,
            class_names=validation.class_names,
            picture=rules,
            views=views,
            layers=tuple(layer_costs(model)),
            validation=figures,
            twin=twin_facts,
            data=data,
            versions=versions(),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        manifest.write(building / "manifest.json")
        files.write_bytes(building / "README.md", model_card(manifest).encode("utf-8", "backslashreplace"))
    return manifest, answers


@contextmanager
def _network_errors(settings: Settings) -> Iterator[None]:
    """One sentence for a network from a person's file that cannot become a graph; of our own it is our fault."""
    try:
        yield
    except Exception as error:
        if settings.initial is None or settings.own_file is None or isinstance(error, OSError | StorageError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"The network from {settings.initial.source!r} cannot be written as ONNX ({reason}); rebuild it from "
            "Keras's common layers."
        ) from error


def model_card(manifest: Manifest) -> str:
    """The artifact's README: what it is, what it learned from, how good, and what it must not be trusted with."""
    height, width, _ = manifest.picture.shape
    names = ", ".join(name.replace("\n", " ") for name in manifest.class_names[:20])
    more = f" and {len(manifest.class_names) - 20} more" if len(manifest.class_names) > 20 else ""
    parameters = sum(layer["parameters"] for layer in manifest.layers)
    return f"""# A picture classifier made by Beholder

- Network: `{manifest.model}`, {parameters:,} parameters; made {manifest.created}.
- It puts a picture, seen at {height} × {width} pixels, into one of {len(manifest.class_names)} classes: {names}{more}.
- Learned from: {manifest.data["name"]}{_origin(manifest)}.
- Validation part: accuracy {manifest.validation["accuracy"]:.4f} on {manifest.validation["count"]} pictures. For
  figures on pictures that no choice was made on, see `evaluation.json` of its run, once `beholder evaluate` made it.
{_twin_line(manifest)}
It knows its own classes only: a picture of anything else gets one of their names all the same. Its probabilities are
not calibrated where `temperature` in `manifest.json` is 1, and it never says "unsure" where `unsure_below` is null.

`beholder predict` answers with it. `sha256sum --check SHA256SUMS` tells whether a byte changed.
"""


def _origin(manifest: Manifest) -> str:
    earlier = manifest.data.get("started_from")
    return "" if earlier is None else f", starting from the weights of {earlier['name']} (SHA-256 {earlier['sha256']})"


def _twin_line(manifest: Manifest) -> str:
    if manifest.twin is None:
        return ""
    return (
        f"- `{manifest.twin['file']}` is the same network in 8-bit integers: accuracy {manifest.twin['accuracy']:.4f} "
        "there. It answers where\n  the processor is made for that, unless one asks for the exact network.\n"
    )


def _answers(graph: Graph, part: Dataset) -> NDArray[np.float32]:
    """(N, classes) float32: the probabilities alone, since the features of a large part would fill the memory."""
    starts = range(0, len(part), 1024)
    return np.concatenate([graph(part.pictures[start : start + 1024]).probabilities for start in starts])


def _figures(answers: NDArray[np.float32], part: Dataset) -> dict[str, Any]:
    correct = int((answers.argmax(axis=1) == part.labels).sum())
    return {"accuracy": correct / len(part), "count": len(part)}


def _twin(
    building: Path, train: Dataset, validation: Dataset, accuracy: float
) -> tuple[Graph, dict[str, Any]] | tuple[None, None]:
    """The int8 twin of the graph in `building`, and what the manifest says of it.

    None where this processor could not judge it, it gains nothing, or it loses too much of the network's `accuracy`.
    """
    path = building / TWIN
    pictures = train.pictures[_spread(len(train), CALIBRATION_PICTURES)]
    if not has_int8() or not quantise(building / "model.onnx", path, pictures):
        return None, None
    twin = Graph(path, side_by_side=True)
    own = _figures(_answers(twin, validation), validation)["accuracy"]
    if round(accuracy - own, 9) > LARGEST_DROP:
        path.unlink()
        return None, None
    return twin, {"file": TWIN, "accuracy": own, "tolerance": golden.INT8_TOLERANCE}


def _spread(count: int, size: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, size).astype(np.int64))


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
