"""One worker of a bulk job: loads the model once, then answers parts and writes each as a file."""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from beholder.answering.bulk.decode_trial import tried
from beholder.answering.bulk.destination import Destination
from beholder.answering.bulk.sources import Part, Source
from beholder.answering.classifier import Classifier
from beholder.answering.prediction import Prediction
from beholder.errors import ArtifactError, ImageError


@dataclass(frozen=True)
class Job:
    """All that a worker needs; it may run on another machine.

    Attributes:
        model: from the name of each file of the model folder to its content.
        precision: of the network that answers, as on the machine that the job was started on.
        source: where images come from.
        destination: where answers go.
        top: how many class names each answer lists.
        folder: the working directory, which paths that are not absolute start from.
    """

    model: dict[str, bytes]
    precision: Literal["float32", "int8"]
    source: Source
    destination: Destination
    top: int
    folder: str


@dataclass(frozen=True)
class Done:
    """What became of a part: its images, how many of them have an error, and when, in seconds since 1970."""

    images: int
    errors: int
    began: float
    ended: float


class Worker:
    """Answers parts, on one thread: as many workers as cores are faster than one worker on all cores.

    Args:
        job: what is to be done.

    Raises:
        ArtifactError: the model does not answer here as where the job was started.
    """

    def __init__(self, job: Job) -> None:
        with suppress(OSError):  # a machine without such a folder can still work on absolute paths and addresses
            os.chdir(job.folder)
        self.job = job
        with tempfile.TemporaryDirectory(prefix="beholder-") as folder:
            for name, content in job.model.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self.classifier = Classifier.load(folder, exact=job.precision == "float32", threads=1)
        if self.classifier.precision != job.precision:
            raise ArtifactError(
                "A machine of the cluster cannot answer with the int8 model, as this one does; answer with --exact."
            )

    def answer(self, name: str, part: Part, *, careful: bool) -> Done:
        """Answer `part` and write it as the file `name`.

        Args:
            name: of the file, in the destination.
            part: the images.
            careful: one of them may have ended the worker before; a process of its own decodes each first.
        """
        began, errors = time.time(), 0

        def rows() -> Iterator[dict[str, Any]]:
            nonlocal errors
            for prediction, key in self._predictions(part, careful):
                errors += prediction.error is not None
                yield _row(prediction) | ({} if key is None else {"row": key})

        self.job.destination.write_part(name, rows(), by_row=self.job.source.by_row)
        return Done(len(part), errors, began, time.time())

    def _predictions(self, part: Part, careful: bool) -> Iterator[tuple[Prediction, str | None]]:
        said: deque[tuple[str, str | None]] = deque()

        def images() -> Iterator[str | bytes | ImageError]:
            for path, key, image in self.job.source.fetch(part):
                said.append((path, key))
                yield image

        given = tried(images(), self.classifier.artifact.manifest.image) if careful else images()
        for prediction in self.classifier.stream(given, top=self.job.top):
            path, key = said.popleft()
            error = prediction.error and prediction.error.replace("this image", repr(path), 1)
            yield replace(prediction, path=path, error=error), key


def _row(prediction: Prediction) -> dict[str, Any]:
    """The answer as a row of the destination's schema."""
    return prediction.to_dict() | {"top": [{"label": name, "probability": share} for name, share in prediction.top]}
