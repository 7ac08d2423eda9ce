"""Work on many files, batch by batch, in a process on each core or in this one; answers come in order.

Small files spend most of their time in Python, so threads do not help: processes take batches of names from a pipe.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, Generic, Protocol, TypeVar

from beholder.cores import usable_cores
from beholder.data.images.fresh_process import fresh_process
from beholder.errors import DataError

BATCH_FILES, BATCH_BYTES = 64, 2_000_000  # some milliseconds of work: nobody waits long, progress is smooth
_IN_PROCESS = 200  # below this many files, starting processes costs more than it gives

Batch = tuple[int, list[str]]  # the first row, and the names of the files from there on
Reply = TypeVar("Reply")
_Replied = TypeVar("_Replied", covariant=True)  # noqa: PLC0105  as the protocol's variance is


class Job(Protocol[_Replied]):
    """What is done to files; it travels to the processes once."""

    @property
    def descriptors(self) -> Sequence[int]:
        """Of open files that the processes use by the same numbers."""

    @property
    def what(self) -> str:
        """What the files are, several of them: `images`."""

    def work(self, batch: Batch) -> _Replied:
        """Do it; an `OSError` means that what comes of it could not be written."""


def batches_of(wanted: Sequence[tuple[int, str, int]], least_bytes: int) -> Iterator[Batch]:
    """Runs of consecutive rows.

    Args:
        wanted: row, name and size in bytes of each file.
        least_bytes: that a file counts for at least.
    """
    start, names, size = 0, list[str](), 0
    for row, name, file_size in wanted:
        if names and (row != start + len(names) or len(names) == BATCH_FILES or size >= BATCH_BYTES):
            yield start, names
            names, size = [], 0
        if not names:
            start = row
        names.append(name)
        size += max(file_size, least_bytes)
    if names:
        yield start, names


@contextmanager
def replies_to(job: Job[Reply], batches: Sequence[Batch]) -> Iterator[Iterator[Reply]]:
    """The reply to each batch, in order.

    Raises:
        DataError: a process ended unexpectedly.
        OSError: a file could not be written.
    """
    if sum(len(names) for _, names in batches) < _IN_PROCESS:
        yield map(job.work, batches)
        return
    count = min(usable_cores(), len(batches))
    crew = _Crew(job)
    # Left in reverse: processes are killed first, so that no thread still waits for one.
    with ThreadPoolExecutor(count) as threads, ExitStack() as processes:
        for _ in range(count):
            connection = processes.enter_context(fresh_process(answer_batches, job.descriptors))
            with suppress(ConnectionError):  # it has ended: waiting for its answer says so
                connection.send(job)
            crew.idle.put(connection)
        yield threads.map(crew.ask, batches)


def answer_batches(connection: Connection[Any, Any]) -> None:
    """What a process of its own does: take a job, then answer batches until the pipe closes."""
    with suppress(EOFError, ConnectionError):
        job = connection.recv()
        while True:
            batch = connection.recv()
            try:
                reply = job.work(batch)
            except OSError as error:
                reply = error
            connection.send(reply)


class _Crew(Generic[Reply]):
    """Processes that wait for a batch; a thread waits for each that has one."""

    def __init__(self, job: Job[Reply]) -> None:
        self.job = job
        self.idle: queue.SimpleQueue[Connection[Any, Any]] = queue.SimpleQueue()

    def ask(self, batch: Batch) -> Reply:
        connection = self.idle.get()
        try:
            connection.send(batch)
            reply: Reply | OSError = connection.recv()
        except (EOFError, ConnectionError) as error:
            what = self.job.what
            raise DataError(
                f"A process that decodes {what} ended unexpectedly at {batch[1][0]!r} or one of the "
                f"{len(batch[1]) - 1} {what} after it; make these {what} smaller or remove them."
            ) from error
        finally:
            self.idle.put(connection)
        if isinstance(reply, OSError):
            raise reply
        return reply
