"""What a model said of the validation set: every answer, and thumbnails of the images that tell most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.kept_images import damaged, most_images, read_kept, thumbnails, write_kept
from beholder.data.dataset import Dataset
from beholder.data.split import stratified_order
from beholder.data.stored_arrays import Arrays
from beholder.evaluation.decision import OperatingPoint, decide
from beholder.figures.pixels import as_rgb

VALIDATION_FILE = "validation.npz"
_COLUMNS = ("labels", "answers", "probabilities", "label_probabilities")


@dataclass(frozen=True, eq=False)
class ValidationAnswers:
    """The answers of a network of a run to its whole validation set, or of those of its folds to all images.

    Attributes:
        names: (N) names in the data.
        class_names: in the order of the labels.
        labels: (N,) int64, what is right.
        answers: (N,) int64, what the network says.
        probabilities: (N,) float32, of its answer.
        label_probabilities: (N,) float32, that it gives to what is right.
        shown: from row to its place in `thumbnails`, of at most 5,000 rows: mistakes first.
        thumbnails: (n, h, w, 1 or 3) uint8, as the network gets them, at most 64 pixels a side.
        precision: of the network: `float32`, whose answers a run keeps here, or `int8`.
    """

    names: list[str]
    class_names: list[str]
    labels: NDArray[np.int64]
    answers: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    label_probabilities: NDArray[np.float32]
    shown: dict[int, int]
    thumbnails: NDArray[np.uint8]
    precision: str = "float32"

    def __len__(self) -> int:
        return len(self.names)

    def thumbnail(self, row: int) -> NDArray[np.uint8] | None:
        """The image of `row`, (H, W, 3) uint8; None where it was not kept."""
        return as_rgb(self.thumbnails[self.shown[row]]) if row in self.shown else None

    def said_by(self, precision: str, probabilities: NDArray[np.float32]) -> ValidationAnswers:
        """What the network of another `precision` says, by its (N, classes) float32 `probabilities`."""
        answers, every = probabilities.argmax(axis=1).astype(np.int64), np.arange(len(self))
        return replace(
            self,
            answers=answers,
            probabilities=probabilities[every, answers],
            label_probabilities=probabilities[every, self.labels],
            precision=precision,
        )

    def decided(self, probabilities: NDArray[np.float32], point: OperatingPoint) -> ValidationAnswers:
        """The same with the answers that `point` decides by the (N, classes) float32 `probabilities`."""
        answers = decide(probabilities, point)
        return replace(self, answers=answers, probabilities=probabilities[np.arange(len(self)), answers])

    def confusion(self) -> NDArray[np.int64]:
        """(classes, classes) int64: how many images of a class (row) got an answer (column)."""
        counts = np.zeros((len(self.class_names),) * 2, np.int64)
        np.add.at(counts, (self.labels, self.answers), 1)
        return counts

    def cell(self, label: int, answer: int) -> NDArray[np.int64]:
        """The rows of class `label` that got `answer`, surest first."""
        return self._surest(np.flatnonzero((self.labels == label) & (self.answers == answer)))

    def mistakes(self) -> NDArray[np.int64]:
        """The rows that got a wrong answer, surest first."""
        return self._surest(np.flatnonzero(self.labels != self.answers))

    def _surest(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows[np.argsort(-self.probabilities[rows], kind="stable")]


def open_validation(run: Path) -> ValidationAnswers | None:
    """The answers that `train` kept in the RUN folder `run`; None where it kept none.

    Raises:
        ArtifactError: they are damaged, or of another model than the run's; all else of the run can be used.
    """
    path = run / VALIDATION_FILE
    read = read_kept(path, run / "model", (*_COLUMNS, "rows", "thumbnails"), ("names", "class_names"))
    if read is None:
        return None
    arrays, texts = read
    count, classes = len(texts["names"]), len(texts["class_names"])
    columns = [arrays[name] for name in _COLUMNS]
    rows, kept = arrays["rows"], arrays["thumbnails"]
    fits = count > 0 and all(column.shape == (count,) for column in columns)
    fits = fits and _below(columns[0], classes) and _below(columns[1], classes) and _below(rows, count)
    fits = fits and all(column.dtype == np.float32 for column in columns[2:])
    if not fits or kept.dtype != np.uint8 or kept.ndim != 4 or rows.shape != kept.shape[:1]:
        raise damaged(path)
    shown = {int(row): place for place, row in enumerate(rows)}
    named: dict[str, Any] = {name: arrays[name] for name in _COLUMNS}
    return ValidationAnswers(texts["names"], texts["class_names"], **named, shown=shown, thumbnails=kept)


def write_validation(run: Path, dataset: Dataset, probabilities: NDArray[np.float32]) -> None:
    """Keep in the RUN folder `run`, beside its model, what that said of the validation `dataset`.

    Args:
        run: the RUN folder.
        dataset: N images.
        probabilities: (N, classes) float32.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    answers = probabilities.argmax(axis=1)
    every = np.arange(len(dataset))
    rows = _chosen(dataset, answers, probabilities.max(axis=1))
    arrays: Arrays = {
        "labels": dataset.labels,
        "answers": answers.astype(np.int64),
        "probabilities": probabilities[every, answers],
        "label_probabilities": probabilities[every, dataset.labels],
        "rows": rows,
        "thumbnails": thumbnails(dataset.images[rows]),
    }
    texts = {"names": list(dataset.names), "class_names": list(dataset.class_names)}
    write_kept(run / VALIDATION_FILE, run / "model", arrays, texts)


def _chosen(dataset: Dataset, answers: NDArray[np.int64], probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """The rows whose images are kept: mistakes, surest first, then others in equal shares of their classes."""
    order = stratified_order(dataset.labels, seed=0)
    order = order[np.argsort(np.where(answers != dataset.labels, -probabilities, 1)[order], kind="stable")]
    return np.sort(order[: most_images(dataset.image_shape)])


def _below(array: NDArray[np.int64], limit: int) -> bool:
    return array.dtype == np.int64 and array.ndim == 1 and bool(((array >= 0) & (array < limit)).all())
