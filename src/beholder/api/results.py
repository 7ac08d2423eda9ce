"""What the public functions return: attributes in Python, and `to_dict()`, the document that `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from beholder.schema import SCHEMA


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a public function found; `schema` is the version of its document."""

    schema: int = SCHEMA

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-ready values; figures that were not asked for are left out."""
        document: dict[str, Any] = _plain(self)
        return document


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        named = [(one, getattr(value, one.name)) for one in fields(value)]
        return {one.name: _plain(item) for one, item in named if item is not None or one.default is not None}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


@dataclass(frozen=True)
class ClassFigures:
    """How well one class is told: shares from 0 to 1, and the number of its images; a ratio without images is 0."""

    class_name: str
    precision: float
    recall: float
    f1: float
    count: int


@dataclass(frozen=True, kw_only=True)
class EvaluationResult(Result):
    """What `evaluate` found; shares go from 0 to 1.

    Attributes:
        data: what was judged, as the person calls it.
        set: `test`, or `all` of other data that bring no test set.
        model: the checksum of the artifact.
        precision: `float32` or `int8`, of the network that answered.
        count: images.
        accuracy: share of right answers.
        interval: its 95 % interval (Wilson).
        top5: share of images whose class is among the five most probable; None up to ten classes.
        log_loss: in nats.
        macro_recall: the mean of the classes' recall, called balanced accuracy.
        macro_f1: the mean of the classes' F1.
        uneven: whether these two say more than `accuracy`.
        per_class: in the order of the labels.
        confusion: counts, rows true, columns predicted.
        ece: expected calibration error, 15 bins of equal width.
        reliability: these bins: count, confidence and accuracy.
        selective: of the answers that are not unsure `coverage` and `risk`, the share that is wrong, with its
            `interval`, the `curve` of both, and what the model promises: `unsure_below`, `asked`, `promised`, `unlike`.
        mistakes: the surest wrong answers: name, label, prediction, probability, label_probability, image (a PNG).
        seconds: that answering took.
        created: an ISO 8601 moment.
        judged: on how many images of how many, and why the others are left out.
        fingerprint: of the images and labels that were judged.
        notes: sentences about the data.
        skipped: images that could not be read: path and error.
        file: the name in the RUN under which all this is kept.
        corruptions: accuracy on corrupted images, see `corruption_figures`; None where that was never asked for.
        consistency: answers that stay under small changes, see `consistency_figures`; likewise.
    """

    data: str
    set: str
    model: str
    precision: str
    count: int
    accuracy: float
    interval: tuple[float, float]
    top5: float | None
    log_loss: float
    macro_recall: float
    macro_f1: float
    uneven: bool
    per_class: tuple[ClassFigures, ...] = field(repr=False)
    confusion: list[list[int]] = field(repr=False)
    ece: float
    reliability: list[dict[str, Any]] = field(repr=False)
    selective: dict[str, Any] = field(repr=False)
    mistakes: list[dict[str, Any]] = field(repr=False)
    seconds: float
    created: str
    judged: str
    fingerprint: str
    notes: list[str]
    skipped: list[dict[str, Any]]
    file: str
    corruptions: dict[str, Any] | None = field(default=None, repr=False)
    consistency: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> EvaluationResult:
        """What `to_dict` gave.

        Raises:
            TypeError: a field is missing, or one too many.
        """
        low, high = document["interval"]
        rows = tuple(ClassFigures(**row) for row in document["per_class"])
        return cls(**{**document, "interval": (low, high), "per_class": rows})


@dataclass(frozen=True, kw_only=True)
class ComparedModel:
    """A finished run of a comparison.

    Attributes:
        model: the network's name.
        images: that it learned from.
        parameters: of the network.
        multiply_adds: for one image.
        seconds: that training took.
        train_accuracy: as training measured it, like `gap`, for the weights that were kept.
        validation_accuracy: of the model as it answers.
        gap: between the two accuracies.
        best_epoch: with the best validation accuracy.
        run: the RUN folder.
        test_accuracy: None where the test set stays closed.
        interval: its 95 % interval.
    """

    model: str
    images: int
    parameters: int
    multiply_adds: int
    seconds: float
    train_accuracy: float
    validation_accuracy: float
    gap: float
    best_epoch: int
    run: Path
    test_accuracy: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class ComparisonResult(Result):
    """What `compare` found, as in `comparison.json`.

    Attributes:
        data: by the name that `train` takes, or `arrays`.
        seed: fixed every random choice.
        models: ranked on validation accuracy.
        missing: the names of runs that are not finished, because the person stopped.
        out: the folder of the runs and of the table.
        notes: sentences about the data.
        created: an ISO 8601 moment.
    """

    data: str
    seed: int
    models: tuple[ComparedModel, ...]
    missing: tuple[str, ...]
    out: Path
    notes: tuple[str, ...]
    created: str


@dataclass(frozen=True)
class LayerCosts:
    """What one layer costs.

    Attributes:
        name: in the network.
        type: the Keras class.
        output_shape: without the batch.
        window: height and width, of convolutions and poolings; None otherwise, as `stride`.
        stride: pixels down and across.
        parameters: biases and running statistics counted.
        multiply_adds: for one image, of convolutions and fully connected layers.
        share: of the network's parameters, 0 to 1.
    """

    name: str
    type: str
    output_shape: list[int]
    window: list[int] | None
    stride: list[int] | None
    parameters: int
    multiply_adds: int
    share: float


@dataclass(frozen=True, kw_only=True)
class ParametersResult(Result):
    """What `parameters` counted.

    Attributes:
        model: the network's name.
        layers: from the image to the logits.
        parameters: of all layers.
        multiply_adds: of all layers, for one image.
        argument: weights of a `fully_connected` layer and of a `convolution` on two sizes of image.
    """

    model: str
    layers: tuple[LayerCosts, ...]
    parameters: int
    multiply_adds: int
    argument: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ExplanationResult(Result):
    """What `explain` drew, as in `explain.json`.

    Attributes:
        path: of the image.
        label: the most probable class name.
        probability: of that class, 0 to 1.
        unsure: as in `Prediction`, like `unlike`.
        unlike: whether the image is unlike anything that the network was trained on.
        top: the most probable class names: label and probability.
        method: of showing where the network looked, class activation or occlusion.
        random: whether the windows were drawn at random.
        seen: the image on its way into the network: name, type and shape of each step.
        shape: of the image, (H, W, C).
        windows: number and strength, strongest first.
        sliding: the window that slides over the image; None where the network has none.
        layers: number, name, type, shape and file of each layer's maps.
        where: how the picture of where the network looked was made.
        notes: sentences about the image.
        files: in the folder.
        out: the folder.
    """

    path: str
    label: str
    probability: float
    unsure: bool | None
    unlike: bool | None
    top: list[dict[str, Any]]
    method: str
    random: bool
    seen: list[dict[str, Any]] = field(repr=False)
    shape: list[int]
    windows: list[dict[str, Any]] = field(repr=False)
    sliding: dict[str, Any] | None
    layers: list[dict[str, Any]] = field(repr=False)
    where: dict[str, Any] = field(repr=False)
    notes: list[str]
    files: list[str] = field(repr=False)
    out: Path
