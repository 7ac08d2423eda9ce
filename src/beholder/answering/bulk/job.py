"""Bulk answers: millions of images on Ray Data, streamed into a folder of Parquet files.

One task lists the source and cuts it into parts; workers answer a part each and write it themselves, so that what goes
through the cluster is names and counts, and the memory does not grow with the number of images. A part that is done
twice, because a worker died, is written under the same name with the same content.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beholder.answering.bulk.cluster import cluster, cluster_errors, data_settings
from beholder.answering.bulk.destination import Destination
from beholder.answering.bulk.locations import plain
from beholder.answering.bulk.part_worker import WAITING, BulkJob, Done, Worker
from beholder.answering.bulk.sources import BulkSource, Part, open_bulk_source
from beholder.answering.classifier import Classifier
from beholder.data.kinds import Kind
from beholder.errors import BeholderError, UsageError
from beholder.schema import SCHEMA

PART = 2048  # images; a second's work or so, and a file of some 100 kB


@dataclass(frozen=True)
class BulkProgress:
    """How far a bulk job is.

    Attributes:
        images: answered by now, bad ones included, without those of an earlier session.
        errors: how many of them could not be read.
        skipped: images that an earlier session answered, as far as they are listed.
        total: of the source; None while it is still being counted.
        images_per_second: since the first answer began.
        eta_seconds: until the end; None while that is not known.
        kind: of what is answered, `image` or `sound`.
    """

    images: int
    errors: int
    skipped: int
    total: int | None
    images_per_second: float
    eta_seconds: float | None
    kind: Kind = "image"


@dataclass(frozen=True)
class BulkResult:
    """What a bulk job did.

    Attributes:
        out: where the answers are.
        images: answered in this session, bad ones included.
        errors: how many of them could not be read.
        skipped: images that an earlier session answered.
        parts: files that were written.
        workers: that answered, a thread each.
        precision: of the network that answered, `float32` or `int8`.
        seconds: from the first answer's begin to the last one's end.
        start_seconds: before that: opening the model, starting Ray and its workers.
        images_per_second: without the start.
        kind: of what was answered, `image` or `sound`.
    """

    out: str
    images: int
    errors: int
    skipped: int
    parts: int
    workers: int
    precision: str
    seconds: float
    start_seconds: float
    images_per_second: float
    kind: Kind = "image"

    def to_dict(self) -> dict[str, Any]:
        """As in `predict --engine ray --json`."""
        return {"schema": SCHEMA, **asdict(self)}


def answer_in_bulk(
    run: str | Path,
    source: str,
    out: str,
    *,
    top: int = 3,
    exact: bool = False,
    workers: int | None = None,
    address: str | None = None,
    resume: bool = False,
    part_size: int = PART,
    progress: Callable[[BulkProgress], None] = lambda _: None,
) -> BulkResult:
    """Answer all images of `source` on Ray Data, into `out`; arguments and errors are those of `predict_in_bulk`."""
    begun = time.time()
    job, facts = _prepare(run, source, out, top=top, exact=exact)
    written = job.destination.begin(facts, resume=resume)
    with cluster(address, workers) as count, cluster_errors(), data_settings():
        tally = _Tally(job.source)
        for skipped, done in _answers(job, written, count, part_size):
            tally.add(skipped, done)
            progress(tally.progress())
    return tally.result(out, count, job.precision, begun)


def _prepare(run: str | Path, source: str, out: str, *, top: int, exact: bool) -> tuple[BulkJob, dict[str, Any]]:
    """What a worker needs, and the facts about the answers that another session has to share."""
    classifier = Classifier.load(run, exact=exact)
    if top < 1:
        raise UsageError(f"Expected a whole number of at least 1 for the top. Received: {top}.")
    artifact = classifier.artifact
    folder = artifact.folder
    model = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    artifact.check_same()
    facts = {"schema": SCHEMA, "source": plain(source)}
    facts |= {"model": artifact.checksum, "precision": artifact.precision, "top": top}
    images = open_bulk_source(source, classifier.kind)
    job = BulkJob(model, artifact.precision, images, Destination(out), top, os.getcwd())  # noqa: PTH109
    return job, facts


def _answers(job: BulkJob, written: Sequence[str], workers: int, size: int) -> Iterator[tuple[int, Done]]:
    """For each part, as it is done: how many images were skipped before it, and what became of it."""
    import ray
    import ray.data

    shared = ray.put(job)
    settings = {"shared": shared, "written": list(written), "size": size}
    # The task that lists takes no core of its own: it mostly waits for the workers. A worker that dies is started anew.
    parts = ray.data.from_items([0]).map_batches(_list_parts, fn_kwargs=settings, num_cpus=0)
    answers = parts.map_batches(
        Worker,
        fn_constructor_args=(shared,),
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=WAITING),
        num_cpus=1,
    )
    for table in answers.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        for row in table.to_pylist():
            yield row.pop("skipped"), Done(**row)


def _list_parts(_: Any, *, shared: Any, written: list[str], size: int) -> Iterator[Any]:
    """Tables of one row: the images of a part that are not written yet, and how many before them are.

    What is written is what was when the job began, so that listing again, after a death, gives the same parts.
    """
    import pyarrow as pa
    import ray

    job: BulkJob = ray.get(shared)
    with suppress(OSError):
        os.chdir(job.folder)
    known = job.destination.written(written)
    skipped = 0

    def row(part: Part) -> Any:
        return pa.table({"part": pa.array([pickle.dumps(part)], pa.large_binary()), "skipped": [skipped]})

    for part in job.source.parts(size):
        missing = known.missing(job.source.keys(part))
        skipped += len(part) - sum(missing)
        if any(missing):
            yield row(part if all(missing) else part.only(missing))
            skipped = 0
    yield row(Part())


class _Tally:
    """Adds up what is done, and counts the `source` beside the work, for whoever waits."""

    def __init__(self, source: BulkSource) -> None:
        self._source = source
        self._total: int | None = None
        self._images = self._errors = self._skipped = self._parts = 0
        self._began, self._ended = float("inf"), 0.0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        with suppress(BeholderError):  # the task that lists it says so
            self._total = self._source.count()

    def add(self, skipped: int, done: Done) -> None:
        """One more part, and images that were skipped before it."""
        self._skipped += skipped
        if done.images:
            self._parts += 1
            self._images += done.images
            self._errors += done.errors
            self._began, self._ended = min(self._began, done.began), max(self._ended, done.ended)

    def progress(self) -> BulkProgress:
        """How far the job is."""
        rate, total = self._rate(), self._total
        left = None if total is None else max(0, total - self._skipped - self._images)
        eta = left / rate if left is not None and rate else None
        return BulkProgress(self._images, self._errors, self._skipped, total, rate, eta, self._source.kind.name)

    def result(self, out: str, workers: int, precision: str, begun: float) -> BulkResult:
        """What the job did, which `begun`, in seconds since 1970."""
        seconds = self._seconds()
        start = self._began - begun if seconds else time.time() - begun
        counts = (self._images, self._errors, self._skipped, self._parts)
        return BulkResult(out, *counts, workers, precision, seconds, start, self._rate(), self._source.kind.name)

    def _seconds(self) -> float:
        return max(0.0, self._ended - self._began) if self._images else 0.0

    def _rate(self) -> float:
        seconds = self._seconds()
        return self._images / seconds if seconds else 0.0
