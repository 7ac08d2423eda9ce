"""One worker of a bulk job: loads the model once, then answers parts and writes each as a file."""

from __future__ import annotations

import os
import pickle
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from beholder.answering.bulk.cluster import end_with_parent
from beholder.answering.bulk.decode_trial import tried
from beholder.answering.bulk.destination import Destination, part_name
from beholder.answering.bulk.sources import BulkSource, Part
from beholder.answering.classifier import Classifier
from beholder.answering.prediction import Prediction
from beholder.errors import ArtifactError, BeholderError, ImageError

WAITING = 2  # parts that a worker is given at a time: it finds the next one as it ends one


@dataclass(frozen=True)
class BulkJob:
    """All that a worker needs; it may run on another machine."""

    model: dict[str, bytes]  # from the name of each file of the model folder to its content
    precision: Literal["float32", "int8"]  # of the network that answers, as on the machine that the job was started on
    source: BulkSource  # where images come from
    destination: Destination  # where answers go
    top: int  # how many class names each answer lists
    folder: str  # the working directory, which paths that are not absolute start from


@dataclass(frozen=True)
class Done:
    """What became of a part: its images, how many of them have an error, and when, in seconds since 1970."""

    images: int
    errors: int
    began: float
    ended: float


class Worker:
    """Answers parts as Ray Data has it: a table with one part in, a table that says what became of it out.

    It works on one thread: as many workers as cores are faster than one worker on all cores.
    """

    def __init__(self, shared: Any) -> None:
        import ray

        end_with_parent()
        self.job: BulkJob = ray.get(shared)
        with suppress(OSError):  # a machine without such a folder can still work on absolute paths and addresses
            os.chdir(self.job.folder)
        # What a worker was given when it died, it is given again: an image of those may be the reason.
        self.suspected = WAITING if ray.get_runtime_context().was_current_actor_reconstructed else 0
        self.failure: BeholderError | None = None
        try:
            self.classifier = _opened(self.job)
        except BeholderError as error:  # told at the first part: Ray would start it again and again
            self.failure = error

    def __call__(self, table: Any) -> Any:
        """Answer the part of each row of `table`, and tell what became of it."""
        import pyarrow as pa

        if self.failure is not None:
            raise self.failure
        rows = []
        for row in table.to_pylist():
            part: Part = pickle.loads(row["part"])  # noqa: S301  written by the task that lists, never by others
            done = self._answer(part, careful=self.suspected > 0) if len(part) else Done(0, 0, 0.0, 0.0)
            rows.append({"skipped": row["skipped"], **asdict(done)})
        self.suspected -= 1
        return pa.Table.from_pylist(rows)

    def _answer(self, part: Part, *, careful: bool) -> Done:
        """Answer `part` and write it; where an image may end the worker, a process of its own decodes each first."""
        began, errors = time.time(), 0

        def rows() -> Iterator[dict[str, Any]]:
            nonlocal errors
            for prediction, key in self._predictions(part, careful):
                errors += prediction.error is not None
                yield _row(prediction) | ({} if key is None else {"row": key})

        source = self.job.source
        self.job.destination.write_part(part_name(source.keys(part)), rows(), by_row=source.by_row)
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
            kind = self.classifier.kind.name
            error = prediction.error and prediction.error.replace(f"this {kind}", repr(path), 1)
            yield replace(prediction, path=path, error=error), key


def _opened(job: BulkJob) -> Classifier:
    """The classifier of `job`, which has to answer here as where the job was started."""
    with tempfile.TemporaryDirectory(prefix="beholder-") as folder:
        for name, content in job.model.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        classifier = Classifier.load(folder, exact=job.precision == "float32", threads=1)
    if classifier.precision != job.precision:
        raise ArtifactError(
            "A machine in the cluster cannot run the int8 model, though this one can; answer in float32 with --exact."
        )
    return classifier


def _row(prediction: Prediction) -> dict[str, Any]:
    """The answer as a row of the destination's schema."""
    return prediction.to_dict() | {"top": [{"label": name, "probability": share} for name, share in prediction.top]}
