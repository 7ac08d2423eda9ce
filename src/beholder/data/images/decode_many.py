"""Decoding many image files on all cores, straight into the file that will be mapped.

Small images spend most of their time in Python, so threads do not help: processes take batches of names from a pipe.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from beholder.data.images.decode import ImageRules, decode
from beholder.data.images.fresh_process import fresh_process
from beholder.data.progress import Progress
from beholder.errors import DataError, ImageError

_IN_PROCESS = 200  # below this many images, starting processes costs more than it gives
_BATCH_IMAGES, _BATCH_BYTES = 64, 2_000_000  # some milliseconds of work: nobody waits long, progress is smooth

_Batch = tuple[int, list[str]]  # the first row, and the names of the images from there on
Failures = dict[int, str]  # from row to the sentence that says why


@dataclass(frozen=True)
class DecodeJob:
    """Decode images of `folder` by `rules` into the open file `descriptor`, whose row 0 starts at the byte `offset`."""

    folder: Path
    rules: ImageRules
    descriptor: int
    offset: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one decoded image."""
        return int(np.prod(self.rules.shape))

    def write(self, row: int, content: bytes) -> None:
        """Write all of `content` at `row`; a disk that fills up takes some of it first and only then refuses."""
        place = self.offset + row * self.row_bytes
        while content:
            written = os.pwrite(self.descriptor, content, place)
            content, place = content[written:], place + written


def decode_all(job: DecodeJob, wanted: Sequence[tuple[int, str, int]], progress: Progress) -> Failures:
    """Decode images, given by row, name below the folder and size of the file in bytes, into the file of `job`.

    Returns:
        From row to sentence for each image that could not be read; its row in the file is black.

    Raises:
        DataError: a worker process ended unexpectedly.
        OSError: the file could not be written.
    """
    batches = list(_batches(wanted, job.row_bytes))
    failures: Failures = {}
    done = 0
    progress("Decoding images", 0, len(wanted))
    with ExitStack() as stack:
        replies: Iterable[Failures] = (_decode_batch(job, batch) for batch in batches)
        if len(wanted) >= _IN_PROCESS:
            replies = stack.enter_context(_parallel(job, batches))
        for batch, reply in zip(batches, replies, strict=True):
            failures |= reply
            done += len(batch[1])
            progress("Decoding images", done, len(wanted))
    return failures


def decode_batches(connection: Connection[Any, Any]) -> None:
    """What a process of its own does: take a job, then answer batches until the pipe closes."""
    with suppress(EOFError, ConnectionError):
        job = connection.recv()
        while True:
            batch = connection.recv()
            try:
                reply: Failures | OSError = _decode_batch(job, batch)
            except OSError as error:  # the file could not be written
                reply = error
            connection.send(reply)


def _decode_batch(job: DecodeJob, batch: _Batch) -> Failures:
    start, names = batch
    pixels = np.zeros((len(names), *job.rules.shape), np.uint8)
    failures = {}
    for index, name in enumerate(names):
        try:
            pixels[index] = decode(Path(job.folder, name), job.rules)
        except ImageError as error:
            failures[start + index] = str(error)
    job.write(start, pixels.tobytes())
    return failures


def _batches(wanted: Sequence[tuple[int, str, int]], row_bytes: int) -> Iterator[_Batch]:
    """Runs of consecutive rows, so that a batch is one write."""
    start, names, size = 0, list[str](), 0
    for row, name, file_size in wanted:
        if names and (row != start + len(names) or len(names) == _BATCH_IMAGES or size >= _BATCH_BYTES):
            yield start, names
            names, size = [], 0
        if not names:
            start = row
        names.append(name)
        size += max(file_size, row_bytes)
    if names:
        yield start, names


@contextmanager
def _parallel(job: DecodeJob, batches: Sequence[_Batch]) -> Iterator[Iterator[Failures]]:
    """The reply to each batch, in order; a thread waits for each process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(cores, len(batches))
    idle: queue.SimpleQueue[Connection[Any, Any]] = queue.SimpleQueue()
    # Left in reverse: processes are killed first, so that no thread still waits for one.
    with ThreadPoolExecutor(count) as threads, ExitStack() as processes:
        for _ in range(count):
            connection = processes.enter_context(fresh_process(decode_batches, [job.descriptor]))
            with suppress(ConnectionError):  # it has ended: waiting for its answer says so
                connection.send(job)
            idle.put(connection)
        yield threads.map(lambda batch: _ask(idle, batch), batches)


def _ask(idle: queue.SimpleQueue[Connection[Any, Any]], batch: _Batch) -> Failures:
    connection = idle.get()
    try:
        connection.send(batch)
        reply: Failures | OSError = connection.recv()
    except (EOFError, ConnectionError) as error:
        raise DataError(
            f"A process that decodes images ended unexpectedly at {batch[1][0]!r} or one of the {len(batch[1]) - 1} "
            "images after it; make these images smaller or remove them."
        ) from error
    finally:
        idle.put(connection)
    if isinstance(reply, OSError):
        raise reply
    return reply
