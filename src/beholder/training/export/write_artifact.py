"""From trained weights to an artifact: all arithmetic in its graph, golden images, an int8 model if it is as good."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from beholder import files
from beholder.artifact import golden
from beholder.artifact.familiar import FAMILIAR_FILE, write_familiar
from beholder.artifact.graph import Graph
from beholder.artifact.inside import Inside
from beholder.artifact.manifest import Manifest
from beholder.artifact.store import INT8_FILE, replacing_artifact
from beholder.data.dataset import Dataset
from beholder.data.images.decode import ImageRules
from beholder.data.images.fitting import DEFAULT_FIT, ImageFit
from beholder.errors import ArtifactError, StorageError
from beholder.evaluation.abstention import risk_in_words
from beholder.evaluation.calibration import fit_temperature
from beholder.evaluation.familiarity import UNLIKE_SHARE
from beholder.models import build
from beholder.models.costs import layer_costs
from beholder.runs.environment import has_int8, versions
from beholder.training.export.graphs import features_graph, set_temperature, write_network
from beholder.training.export.honesty import Honest, Outputs, fit_honesty, outputs_for
from beholder.training.export.quantise import calibration_images, quantise
from beholder.training.export.training_features import TrainingFeatures, look_at_training
from beholder.training.settings import Settings

_CHECKED = 2  # images that graph and network are compared on
_ROUNDING = 1e-3  # of logits, relative to the largest: by so much two libraries may differ in float32
_SEEN = {"crop": "scaled and cropped to", "pad": "scaled and padded to", "stretch": "stretched to"}
LARGEST_DROP = 0.002  # of validation accuracy; an int8 model that loses more is not kept


@dataclass(frozen=True, eq=False)
class Exported:
    """What the artifact says of itself, and what its network made of the data on the way.

    Attributes:
        manifest: of the artifact.
        probabilities: (N, classes) float32, of the validation set's N images.
        seen: what it made of some training images.
    """

    manifest: Manifest
    probabilities: NDArray[np.float32]
    seen: TrainingFeatures


def export_artifact(
    folder: Path,
    settings: Settings,
    weights: list[NDArray[Any]],
    train: Dataset,
    validation: Dataset,
    data: dict[str, Any],
    risk: float | None = None,
    fit: ImageFit = DEFAULT_FIT,
) -> Exported:
    """Write the artifact of a trained network to `folder`, whole or not at all.

    Args:
        folder: becomes the `model/` folder; an older one is replaced.
        settings: what was trained.
        weights: the values of the model's variables, in its order.
        train: the training set; some of its images set the scales of the int8 model, and tell what each
            class's features are like.
        validation: the validation set; its figures go into the manifest, a few of its images become golden, and
            temperature and thresholds are fitted to it.
        data: name and fingerprints of the data, for the manifest.
        risk: the share of wrong answers that the person tolerates; None: 5 %, if it can be promised.
        fit: how images of other proportions got into the size of these, and those to answer will.

    Raises:
        ArtifactError: the exported graph does not answer as the network does, or a network of the person's own cannot
            be written as ONNX.
    """
    shape = validation.image_shape
    model = build(settings.model, shape, len(validation.class_names), dtype="float32", **settings.options)
    for variable, value in zip(model.variables, weights, strict=True):
        variable.assign(value)
    rules = ImageRules(shape[0], shape[1], "L" if shape[2] == 1 else "RGB", fit)
    with replacing_artifact(folder) as building:
        views = ("plain", "mirrored") if settings.mirrors(shape[2]) else ("plain",)
        layers = tuple(layer_costs(model))
        with _network_errors(settings):
            write_network(building, model, views)
            seen = look_at_training(features_graph(building, model), layers, train)
            outputs = outputs_for(Graph(building / "model.onnx"), validation, seen.prototypes)
            temperature = fit_temperature(outputs.logits, validation.labels)
            set_temperature(building / "model.onnx", temperature)
            graph = Graph(building / "model.onnx")
            images = validation.images[_spread(len(validation), golden.COUNT)]
            check_graph(model, graph, images[:_CHECKED], mirrored="mirrored" in views)
        _save_weights(model, building)
        cost = sum(int(layer["multiply_adds"]) for layer in layers)
        calibrating = train.images[_spread(len(train), calibration_images(cost))]
        int8, int8_outputs = _int8(building, calibrating, validation, seen.prototypes, outputs)
        honest = {
            precision: fit_honesty(one, validation.labels, temperature, seen.prototypes, risk)
            for precision, one in (("float32", outputs), ("int8", int8_outputs))
            if one is not None
        }
        familiar = {name: one.familiarity for name, one in honest.items() if one.familiarity is not None}
        if familiar:
            write_familiar(building, familiar)
        golden.write_golden(building / "golden", graph, rules, images, Inside(building), int8)
        manifest = Manifest(
            model=settings.model,
            class_names=validation.class_names,
            image=rules,
            views=views,
            layers=layers,
            validation=honest["float32"].figures,
            temperature=temperature,
            unsure_below=honest["float32"].unsure_below,
            risk=honest["float32"].risk,
            familiar={"file": FAMILIAR_FILE, "share": UNLIKE_SHARE} if familiar else None,
            int8=_int8_facts(honest["int8"]) if "int8" in honest else None,
            data=data,
            versions=versions(),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        manifest.write(building / "manifest.json")
        files.write_bytes(building / "README.md", model_card(manifest).encode("utf-8", "backslashreplace"))
    return Exported(manifest, honest["float32"].probabilities, seen)


def check_graph(model: Any, graph: Graph, images: NDArray[np.uint8], *, mirrored: bool) -> None:
    """Compare the logits of `graph` with those of `model` on some `images` (N, H, W, C).

    Raises:
        ArtifactError: they differ by more than rounding.
    """
    views = [images, images[:, :, ::-1]] if mirrored else [images]
    expected = np.mean([keras.ops.convert_to_numpy(model(view, training=False)) for view in views], axis=0)
    difference = float(np.abs(graph(images).logits - expected).max())
    if not difference <= _ROUNDING * max(1.0, float(np.abs(expected).max())):
        raise ArtifactError(
            f"The exported graph does not answer as the network does (its logits differ by {difference:.2g}); please "
            "report this."
        )


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
    height, width, _ = manifest.image.shape
    seen = f"{_SEEN[manifest.image.fit]} {height} × {width} pixels"
    names = ", ".join(name.replace("\n", " ") for name in manifest.class_names[:20])
    more = f" and {len(manifest.class_names) - 20} more" if len(manifest.class_names) > 20 else ""
    parameters = sum(layer["parameters"] for layer in manifest.layers)
    return f"""# An image classifier made by Beholder

- Network: `{manifest.model}`, {parameters:,} parameters; made {manifest.created}.
- It puts an image, {seen}, into one of {len(manifest.class_names)} classes: {names}{more}.
- Learned from: {manifest.data["name"]}{_origin(manifest)}.
- Validation set: accuracy {manifest.validation["accuracy"]:.4f} on {manifest.validation["count"]} images. For
  figures on images that no choice was made on, see `evaluation.json` of its run, once `beholder evaluate` made it.
{_int8_line(manifest)}
It knows its own classes only: an image of anything else gets one of their names all the same.{_honesty(manifest)}

`beholder predict` answers with it. `sha256sum --check SHA256SUMS` tells whether a byte changed.
"""


def _origin(manifest: Manifest) -> str:
    earlier = manifest.data.get("started_from")
    return "" if earlier is None else f", starting from the weights of {earlier['name']} (SHA-256 {earlier['sha256']})"


def _honesty(manifest: Manifest) -> str:
    """What its probabilities are worth, and what it is unsure of."""
    calibrated = f"are calibrated on the validation set (temperature {manifest.temperature:.3f})"
    uncalibrated = "are not calibrated: the validation set is too small for that"
    lines = [f"Its probabilities {uncalibrated if manifest.temperature == 1 else calibrated}."]
    if manifest.risk is not None:
        lines.append(risk_in_words(manifest.risk))
    if manifest.familiar is not None:
        share = f"{100 * manifest.familiar['share']:.3g} %"
        lines.append(
            f"An image whose features are less familiar than those of all but {share} of the validation images is "
            "called unlike anything that it was trained on, and its answer unsure; images of a class near to its own "
            "may pass for one of these."
        )
    return "\n" + "\n".join(textwrap.fill(line, 118) for line in lines)


def _int8_line(manifest: Manifest) -> str:
    if manifest.int8 is None:
        return ""
    return (
        f"- `{manifest.int8['file']}` is the same network in 8-bit integers: accuracy {manifest.int8['accuracy']:.4f} "
        "there. It answers where\n  the processor is made for that, unless one asks for the exact network.\n"
    )


def _int8(
    building: Path,
    images: NDArray[np.uint8],
    validation: Dataset,
    prototypes: NDArray[np.float32] | None,
    outputs: Outputs,
) -> tuple[Graph, Outputs] | tuple[None, None]:
    """The int8 model of the graph in `building`, calibrated by some `images`, and what it makes of the validation set.

    None where this processor could not judge it, it gains nothing, or it is right less often by too much than the
    network itself, whose answers are in `outputs`.
    """
    path = building / INT8_FILE
    if not has_int8() or not quantise(building / "model.onnx", path, images):
        return None, None
    int8 = Graph(path, side_by_side=True)
    own = outputs_for(int8, validation, prototypes)
    accuracy, own_accuracy = (float((one.logits.argmax(axis=1) == validation.labels).mean()) for one in (outputs, own))
    if round(accuracy - own_accuracy, 9) > LARGEST_DROP:
        path.unlink()
        return None, None
    return int8, own


def _int8_facts(honest: Honest) -> dict[str, Any]:
    return {
        "file": INT8_FILE,
        "accuracy": honest.figures["accuracy"],
        "tolerance": golden.INT8_TOLERANCE,
        "unsure_below": honest.unsure_below,
        "risk": honest.risk,
    }


def _spread(count: int, size: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, size).astype(np.int64))


def _save_weights(model: Any, folder: Path) -> None:
    """The first convolution's windows (K, h, w, C), and the weights from features to logits (F, classes), if any.

    They are what is drawn of the first layer, and what a class activation map is made of.
    """
    filters = next((layer.kernel for layer in model.layers if len(getattr(layer, "kernel_size", ())) == 2), None)
    if filters is not None:
        _save(folder / "filters.npy", np.asarray(filters, np.float32).transpose(3, 0, 1, 2))
    head = getattr(model.get_layer("logits"), "kernel", None)
    if head is not None:
        _save(folder / "head.npy", np.asarray(head, np.float32))


def _save(path: Path, values: NDArray[np.float32]) -> None:
    with files.replacing(path) as file:
        np.save(file, values)
