"""From trained weights to an artifact: all arithmetic in its graph, golden images, an int8 model if it is as good."""

from __future__ import annotations

import datetime
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
from beholder.artifact.golden_files import COUNT, golden_files
from beholder.artifact.graph import MODEL_FILE, Graph
from beholder.artifact.inside import FILTERS_FILE, HEAD_FILE, Inside
from beholder.artifact.manifest import MANIFEST_FILE, Manifest
from beholder.artifact.model_card import write_model_card
from beholder.artifact.new_promises import with_promises
from beholder.artifact.store import INT8_FILE, replacing_artifact
from beholder.artifact.validation_probabilities import NetworkAnswers
from beholder.data.dataset import Dataset
from beholder.data.decoding import Rules
from beholder.data.images.decode import ImageRules
from beholder.data.images.places import Place
from beholder.errors import ArtifactError, StorageError
from beholder.evaluation.calibration import fit_temperature
from beholder.evaluation.familiarity import UNLIKE_SHARE
from beholder.evaluation.targets import Target
from beholder.models import build
from beholder.models.costs import layer_costs
from beholder.runs.environment import has_int8, versions
from beholder.training.export.graphs import features_graph, set_temperature, write_network
from beholder.training.export.honesty import FoldOutputs, Honest, Outputs, accuracy, fit_honesty, outputs_for
from beholder.training.export.quantise import calibration_images, quantise
from beholder.training.export.training_features import TrainingFeatures, look_at_training
from beholder.training.settings import Settings

_CHECKED = 2  # images that graph and network are compared on
_ROUNDING = 1e-3  # of logits, relative to the largest: by so much two libraries may differ in float32
LARGEST_DROP = 0.002  # of validation accuracy; an int8 model that loses more is not kept


@dataclass(frozen=True, eq=False)
class Exported:
    """What the artifact says of itself, and what its network made of the data on the way.

    Attributes:
        manifest: of the artifact.
        networks: what its networks, `float32` and perhaps `int8`, said of the validation set.
        seen: what it made of some training images.
    """

    manifest: Manifest
    networks: dict[str, NetworkAnswers]
    seen: TrainingFeatures


def export_artifact(
    folder: Path,
    settings: Settings,
    weights: list[NDArray[Any]],
    train: Dataset,
    validation: Dataset,
    data: dict[str, Any],
    risk: float | None = None,
    target: Target | None = None,
    rules: Rules | None = None,
    place: Place | None = None,
    out_of_fold: FoldOutputs | None = None,
) -> Exported:
    """Write the artifact of a trained network to `folder`, whole or not at all.

    Args:
        folder: becomes the `model/` folder; an older one is replaced.
        settings: what was trained.
        weights: the values of the model's variables, in its order.
        train: the training set; some of its images set the scales of the int8 model, and tell what each
            class's features are like.
        validation: the validation set; its figures go into the manifest, a few of its images become golden, and
            temperature and thresholds are fitted to it. With `out_of_fold` the images that it is of.
        data: name and fingerprints of the data, for the manifest.
        risk: the share of wrong answers that the person tolerates; None: 5 %, if it can be promised.
        target: the recall or precision of a class that is to be promised; None without.
        rules: by which files became these images, and those to answer will; None: images of this size.
        place: where the files of the validation set are, of which sounds are taken that become golden; None: their
            names are paths.
        out_of_fold: what other networks said of all images of `validation`, where this one learned from them; figures,
            temperature and thresholds are then fitted to that, and there is no int8 model, which nothing could judge.

    Raises:
        ArtifactError: the exported graph does not answer as the network does, or a network of the person's own cannot
            be written as ONNX.
    """
    shape = validation.image_shape
    model = trained_network(settings, weights, shape, len(validation.class_names))
    rules = rules or ImageRules(shape[0], shape[1], "L" if shape[2] == 1 else "RGB")
    with replacing_artifact(folder) as building:
        views = views_of(settings, shape)
        layers = tuple(layer_costs(model))
        with _network_errors(settings):
            write_network(building, model, views)
            seen = look_at_training(features_graph(building, model), layers, train)
            if out_of_fold is None:
                outputs = outputs_for(Graph(building / MODEL_FILE), validation, seen.prototypes)
            else:
                outputs = out_of_fold.outputs
            temperature = fit_temperature(outputs.logits, validation.labels)
            set_temperature(building / MODEL_FILE, temperature)
            graph = Graph(building / MODEL_FILE)
            images = validation.images[_spread(len(validation), COUNT)]
            check_graph(model, graph, images[:_CHECKED], mirrored="mirrored" in views)
        _save_weights(model, building)
        cost = sum(int(layer["multiply_adds"]) for layer in layers)
        calibrating = train.images[_spread(len(train), calibration_images(cost))]
        int8, int8_outputs = None, None
        if out_of_fold is None:
            int8, int8_outputs = _int8(building, calibrating, validation, seen.prototypes, outputs, temperature)
        folds = None if out_of_fold is None else out_of_fold.fold_of
        honest = {
            precision: fit_honesty(one, validation, temperature, seen.prototypes, risk, target, folds)
            for precision, one in (("float32", outputs), ("int8", int8_outputs))
            if one is not None
        }
        familiar = {name: one.familiarity for name, one in honest.items() if one.familiarity is not None}
        if familiar:
            write_familiar(building, familiar)
        contents = golden_files(rules, images, validation.files, place)
        golden.write_golden(building / "golden", graph, rules, contents, Inside(building), int8)
        manifest = Manifest(
            model=settings.model,
            class_names=validation.class_names,
            image=rules,
            views=views,
            layers=layers,
            validation=honest["float32"].figures,
            temperature=temperature,
            familiar={"file": FAMILIAR_FILE, "share": UNLIKE_SHARE} if familiar else None,
            int8=_int8_facts(honest["int8"]) if "int8" in honest else None,
            data=data,
            versions=versions(),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        manifest = with_promises(manifest, {precision: one.promises for precision, one in honest.items()})
        manifest.write(building / MANIFEST_FILE)
        write_model_card(building, manifest)
    networks = {precision: NetworkAnswers(one.probabilities, one.unlike) for precision, one in honest.items()}
    return Exported(manifest, networks, seen)


def trained_network(settings: Settings, weights: list[NDArray[Any]], shape: tuple[int, int, int], classes: int) -> Any:
    """The network of `settings` in float32, for images of `shape`, with the values of its variables, in its order."""
    model = build(settings.model, shape, classes, dtype="float32", **settings.options)
    for variable, value in zip(model.variables, weights, strict=True):
        variable.assign(value)
    return model


def views_of(settings: Settings, shape: tuple[int, int, int]) -> tuple[str, ...]:
    """Of an image of `shape`, those that the answer is a mean over."""
    return ("plain", "mirrored") if settings.mirrors(shape[2]) else ("plain",)


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


def _int8(
    building: Path,
    images: NDArray[np.uint8],
    validation: Dataset,
    prototypes: NDArray[np.float32] | None,
    outputs: Outputs,
    temperature: float,
) -> tuple[Graph, Outputs] | tuple[None, None]:
    """The int8 model of the graph in `building`, calibrated by some `images`, and what it makes of the validation set.

    None where this processor could not judge it, it gains nothing, or it is right less often by too much than the
    network itself, whose answers are in `outputs`.
    """
    path = building / INT8_FILE
    if not has_int8() or not quantise(building / MODEL_FILE, path, images):
        return None, None
    int8 = Graph(path, side_by_side=True)
    own = outputs_for(int8, validation, prototypes)
    right, own_right = (accuracy(one, validation, temperature) for one in (outputs, own))
    if round(right - own_right, 9) > LARGEST_DROP:
        path.unlink()
        return None, None
    return int8, own


def _int8_facts(honest: Honest) -> dict[str, Any]:
    return {
        "file": INT8_FILE,
        "accuracy": honest.figures["accuracy"],
        "tolerance": golden.INT8_TOLERANCE,
    }


def _spread(count: int, size: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, size).astype(np.int64))


def _save_weights(model: Any, folder: Path) -> None:
    """The first convolution's windows (K, h, w, C), and the weights from features to logits (F, classes), if any.

    They are what is drawn of the first layer, and what a class activation map is made of.
    """
    filters = next((layer.kernel for layer in model.layers if len(getattr(layer, "kernel_size", ())) == 2), None)
    if filters is not None:
        _save(folder / FILTERS_FILE, np.asarray(filters, np.float32).transpose(3, 0, 1, 2))
    head = getattr(model.get_layer("logits"), "kernel", None)
    if head is not None:
        _save(folder / HEAD_FILE, np.asarray(head, np.float32))


def _save(path: Path, values: NDArray[np.float32]) -> None:
    with files.replacing(path) as file:
        np.save(file, values)
