"""What is served: a classifier with its workers, and the RUN folder that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from beholder.answering.classifier import Classifier
from beholder.artifact.inside import Inside
from beholder.artifact.kept_sounds import KeptSounds, open_sounds
from beholder.artifact.neighbours import Neighbours, open_neighbours
from beholder.artifact.store import open_inside
from beholder.artifact.validation_answers import ValidationAnswers, open_validation
from beholder.artifact.validation_probabilities import open_probabilities
from beholder.data.decoding import kind_of
from beholder.data.kinds import Kind
from beholder.errors import ArtifactError
from beholder.report.reading import RunFiles, read_run
from beholder.runs.run_folder import Run
from beholder.server.guard.request_limits import Limits
from beholder.server.prometheus import Metrics
from beholder.server.workers import Workers

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Served:
    """An opened classifier, ready to answer many at once.

    Attributes:
        folder: as the person named it.
        run: the RUN folder; None where a model folder is served.
        classifier: the opened model.
        workers: answer images or sounds and do other work off the event loop.
        limits: what a request may ask for.
        metrics: what `/metrics` tells.
    """

    folder: Path
    run: Path | None
    classifier: Classifier
    workers: Workers
    limits: Limits
    metrics: Metrics

    def read(self) -> RunFiles | None:
        """The RUN folder's documents as they are now; None where a model folder is served.

        Raises:
            RunError: one of them is damaged.
        """
        return self._of_this_model(read_run)

    @property
    def kind(self) -> Kind:
        """What it answers."""
        return kind_of(self.classifier.artifact.manifest.image).name

    @cached_property
    def inside(self) -> Inside:
        """The network with every layer's output, opened when it is first asked for.

        Raises:
            ArtifactError: the model can answer but not explain.
        """
        return open_inside(self.classifier.artifact)

    @cached_property
    def neighbours(self) -> Neighbours | None:
        """The training images that the run keeps; None where it keeps none.

        Raises:
            ArtifactError: they are damaged, or of another model.
        """
        return self._of_this_model(open_neighbours)

    @cached_property
    def sounds(self) -> KeptSounds | None:
        """The sounds that the run keeps, to be played; None where it keeps none.

        Raises:
            ArtifactError: they are damaged, or of another model.
        """
        return self._of_this_model(open_sounds)

    def sound_address(self, name: str) -> str | None:
        """Where the page finds the sound called `name` in the data; None where the run keeps none, or not this one."""
        try:
            place = None if self.kind == "image" or self.sounds is None else self.sounds.places.get(name)
        except ArtifactError:  # all else can be shown without them
            return None
        return None if place is None else f"page/sounds/{place}.wav"

    @cached_property
    def validation(self) -> ValidationAnswers | None:
        """The answers to the validation set, of the network that answers here; None where the run keeps none.

        Those of the float32 network, where the run does not keep all of the int8 model's.

        Raises:
            ArtifactError: they are damaged, or of another model.
        """
        validation, precision = self._of_this_model(open_validation), self.classifier.precision
        if validation is None or precision == validation.precision:
            return validation
        probabilities = self._probabilities(precision, len(validation))
        return validation if probabilities is None else validation.said_by(precision, probabilities)

    @cached_property
    def decided_validation(self) -> ValidationAnswers | None:
        """`validation` with the answers that this model gives where it promises something of one class.

        Those to the most probable classes, where the run does not keep the probabilities of all.

        Raises:
            ArtifactError: as of `validation`.
        """
        validation = self.validation
        if validation is None:
            return None
        point = self.classifier.artifact.manifest.operating_point(validation.precision)
        probabilities = None if point is None else self._probabilities(validation.precision, len(validation))
        return validation if point is None or probabilities is None else validation.decided(probabilities, point)

    def _probabilities(self, precision: str, count: int) -> NDArray[np.float32] | None:
        """What the network of this `precision` said of all `count` validation images, (count, classes); None: of some.

        Raises:
            ArtifactError: it is damaged, or of another model.
        """
        classes = len(self.classifier.class_names)
        kept = self._of_this_model(lambda run: open_probabilities(run, classes))
        if kept is None or precision not in kept.networks or not np.array_equal(kept.rows, np.arange(count)):
            return None
        return kept.networks[precision].probabilities

    def _of_this_model(self, read: Callable[[Path], _Read]) -> _Read | None:
        """What `read` finds in the RUN folder, if that still holds the model that answers here.

        Raises:
            ReplacedError: training replaced it.
        """
        if self.run is None:
            return None
        try:
            return read(self.run)
        finally:
            self.classifier.artifact.check_same()


def open_served(folder: str | Path, *, exact: bool = False, limits: Limits | None = None) -> Served:
    """Open the classifier in `folder`, a RUN folder or a model folder, and start its workers.

    Args:
        folder: where it lies.
        exact: answer in float32, also where an int8 model is at hand.
        limits: what a request may ask for; the defaults where None.

    Raises:
        ArtifactError: it is missing, damaged, too new, or answers differently from when it was saved.
    """
    path = Path(folder)
    limits = limits or Limits()
    classifier = Classifier.load(path, exact=exact)
    metrics = Metrics()
    workers = Workers(classifier, limits, metrics)
    run = path if Run(path).config_file.is_file() else None
    return Served(path, run, classifier, workers, limits, metrics)
