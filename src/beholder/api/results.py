"""What the public functions return: attributes in Python, and `to_dict()`, the document that `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from beholder.data.kinds import Kind
from beholder.figures.png import ImageUri
from beholder.figures.sound_clip import SoundUri
from beholder.schema import SCHEMA


@dataclass(frozen=True, kw_only=True)
class JsonResult:
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
    """How well one class is recognised: shares from 0 to 1; a ratio whose denominator is 0 is 0."""

    class_name: str
    precision: float
    recall: float
    f1: float
    count: int  # of its images


@dataclass(frozen=True, kw_only=True)
class EvaluationResult(JsonResult):
    """What `evaluate` found; shares go from 0 to 1."""

    data: str  # as the person calls it
    set: str  # `test`, or `all` of other data that bring no test set
    model: str  # the checksum of the artifact
    precision: str  # `float32` or `int8`, of the network that answered
    count: int  # of images
    accuracy: float
    interval: tuple[float, float]  # of the accuracy, 95 %: Wilson's, or for images of new groups `accuracy_interval`
    top5: float | None  # share of images whose class is among the five most probable; None up to ten classes
    log_loss: float  # mean, in nats
    macro_recall: float  # the mean recall of the classes, called balanced accuracy
    macro_f1: float  # the mean F1 of the classes
    uneven: bool  # whether these two say more than the accuracy
    per_class: tuple[ClassFigures, ...] = field(repr=False)  # in the order of the labels
    confusion: list[list[int]] = field(repr=False)  # counts, rows true, columns predicted
    ece: float  # expected calibration error, 15 bins of equal width
    reliability: list[dict[str, Any]] = field(repr=False)  # these bins: count, confidence, accuracy
    # Of the answers that are not unsure coverage, risk (the share that is wrong) and its interval; the curve of both;
    # and what the model promises: unsure_below, asked, promised; unlike, the share of images unlike those it learned.
    # With a promise of one class, all of this is of the answers `other_than` that class, which are never unsure.
    selective: dict[str, Any] = field(repr=False)
    # The most confident wrong answers: name, label, prediction, probability, label_probability, image (a data URI).
    mistakes: list[dict[str, Any]] = field(repr=False)
    seconds: float  # that answering took
    created: str  # ISO 8601
    judged: str  # a sentence: how many images of how many, and why the others are left out
    fingerprint: str  # of the images and labels that were judged
    notes: list[str]  # sentences about the data
    skipped: list[dict[str, Any]]  # images that could not be read: path, error
    file: str  # the name in the RUN under which all this is kept
    kind: str = "image"  # of what was judged: `image` or `sound`
    groups: int | None = None  # that the images are of; None where nothing is known of groups
    group_rule: dict[str, str] | None = None  # what says so: by (`pattern`, `column`, `given`), rule
    group_fingerprint: str | None = field(default=None, repr=False)  # of the group of each image
    # What came of the promise of one class (see `threshold`): class_name, figure, asked, confidence, threshold; count,
    # others, found, false, recall, precision, false_alarms as `judge_point` tells them; the interval of the promised
    # figure, 95 % (Wilson), and whether it held; average_precision, auroc, and curve (see `operating_curves`).
    point: dict[str, Any] | None = field(default=None, repr=False)
    corruptions: dict[str, Any] | None = field(default=None, repr=False)  # see `corruption_figures`
    consistency: dict[str, Any] | None = None  # see `consistency_figures`

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> EvaluationResult:
        """What `to_dict` gave.

        Raises:
            TypeError: a field is missing, or there is one too many.
        """
        needed = [one.name for one in fields(cls) if one.default is MISSING and one.name != "top5"]
        lacking = [name for name in needed if document.get(name) is None]
        if lacking:
            raise TypeError(f"it has no {lacking[0]!r}")
        low, high = document["interval"]
        rows = tuple(ClassFigures(**row) for row in document["per_class"])
        unseen = [one for one in document["mistakes"] if not isinstance(one.get("image"), str)]
        if unseen:
            raise TypeError("one of its 'mistakes' has no 'image'")
        mistakes = [{**one, "image": ImageUri(one["image"])} for one in document["mistakes"]]
        for one in mistakes:
            if isinstance(one.get("sound"), str):
                one["sound"] = SoundUri(one["sound"])
        return cls(**{**document, "interval": (low, high), "per_class": rows, "mistakes": mistakes})

    def _repr_html_(self) -> str:
        """As the cell of a notebook shows it."""
        from beholder.report.cells.results import evaluation_cell

        return evaluation_cell(self.to_dict(), [row.class_name for row in self.per_class])


@dataclass(frozen=True, kw_only=True)
class ThresholdResult(JsonResult):
    """What `threshold` set or found: what a run's model promises, as its manifest says it."""

    run: Path  # the RUN folder
    model: str  # the checksum of the artifact
    # Of the float32 network `unsure_below`, `risk`, and `point`, the promise of one class (None without): class_name,
    # figure (recall or precision), asked, confidence, promised, threshold; and on the validation set count, others,
    # found, false, recall, precision, false_alarms, as `judge_point` tells them.
    float32: dict[str, Any]
    int8: dict[str, Any] | None  # likewise of the int8 model; None where there is none


@dataclass(frozen=True, kw_only=True)
class ComparedModel:
    """The figures of a finished run of a comparison; shares go from 0 to 1."""

    model: str  # the network's name
    images: int  # that it learned from
    parameters: int
    multiply_adds: int  # for one image
    seconds: float  # that training took
    train_accuracy: float  # as training measured it, for the weights that were kept
    validation_accuracy: float  # of the model as it answers
    gap: float  # between the two accuracies, as training measured them
    best_epoch: int  # by validation accuracy
    run: Path  # the RUN folder
    test_accuracy: float | None = None  # None where the test set stays closed
    interval: tuple[float, float] | None = None  # of the test accuracy, 95 % (Wilson)


@dataclass(frozen=True, kw_only=True)
class ComparisonResult(JsonResult):
    """What `compare` found, as in `comparison.json`."""

    data: str  # by the name that `train` takes, or `arrays`
    seed: int
    models: tuple[ComparedModel, ...]  # ranked on validation accuracy
    missing: tuple[str, ...]  # names of runs that are not finished, because the person stopped
    out: Path  # the folder of the runs and of the table
    notes: tuple[str, ...]  # sentences about the data
    created: str  # ISO 8601
    kind: Kind = "image"  # of what was learned from

    def _repr_html_(self) -> str:
        """As the cell of a notebook shows it."""
        from beholder.report.cells.results import comparison_cell

        return comparison_cell(self.to_dict())


@dataclass(frozen=True)
class LayerCosts:
    """What one layer costs."""

    name: str
    type: str  # the Keras class
    output_shape: list[int]  # without the batch
    window: list[int] | None  # height and width, of convolutions and poolings
    stride: list[int] | None  # down and across, of these
    parameters: int  # biases and running statistics counted
    multiply_adds: int  # for one image, of convolutions and fully connected layers
    share: float  # of the network's parameters, 0 to 1


@dataclass(frozen=True, kw_only=True)
class ParametersResult(JsonResult):
    """What `parameters` counted."""

    model: str  # the network's name
    layers: tuple[LayerCosts, ...]  # from the image to the logits
    parameters: int  # of all layers
    multiply_adds: int  # of all layers, for one image
    argument: dict[str, Any] = field(repr=False)  # weights of both kinds of layer on two sizes of image

    def _repr_html_(self) -> str:
        """As the cell of a notebook shows it."""
        from beholder.report.cells.results import parameters_cell

        return parameters_cell(self.to_dict())


@dataclass(frozen=True, kw_only=True)
class ExplanationResult(JsonResult):
    """What `explain` drew, as in `explain.json`."""

    path: str  # of the image
    label: str  # the most probable class name
    probability: float  # of that class, 0 to 1
    unsure: bool | None  # as in `Prediction`, like the next
    unlike: bool | None
    top: list[dict[str, Any]]  # the most probable class names: label, probability
    method: str  # of showing where the network looked: class activation or occlusion
    random: bool  # whether the windows were drawn at random
    seen: list[dict[str, Any]] = field(repr=False)  # the image on its way into the network: name, type, shape
    shape: list[int]  # of the image, (H, W, C)
    clip: dict[str, Any] | None  # of a sound, which clip is shown: number, count, start, seconds; None of an image
    windows: list[dict[str, Any]] = field(repr=False)  # number and strength, strongest first
    sliding: dict[str, Any] | None  # the window that slides over the image; None where the network has none
    layers: list[dict[str, Any]] = field(repr=False)  # number, name, type, shape, file of each layer's maps
    where: dict[str, Any] = field(repr=False)  # where it looked: method, layer, patch, greatest, text; listened
    notes: list[str]  # sentences about the image
    files: list[str] = field(repr=False)  # in the folder
    out: Path  # the folder
