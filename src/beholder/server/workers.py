"""The bounded pool that answers: the event loop never waits, and what waits goes through the network together.

A request's images join one queue. Each thread takes its share of what waits, at most a batch, decodes it and runs the
network once. A full queue refuses instead of growing.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import _imaging

from beholder.answering.classifier import Classifier
from beholder.cores import usable_cores
from beholder.errors import BusyError, ImageError
from beholder.evaluation.recordings import by_recording
from beholder.server.decoding import BoundedDecoder, Spent
from beholder.server.guard.request_limits import Limits
from beholder.server.prometheus import Metrics

BATCH_IMAGES, BATCH_BYTES = 64, 2 * 2**20  # a thread takes no more at a time, so that nobody waits long behind it
MANY_WINDOWS = 64  # a sound of more is answered alone, so that the memory holds one of these at a time for each thread
# Pillow's own blocks of 16 MiB come from a heap for each thread, which keeps the memory of its largest image; blocks
# above 32 MiB come from the system and go back to it.
_imaging.set_block_size(128 * 2**20)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Answered:
    """What the network says of one image, or of one sound by its windows.

    Attributes:
        pixels: (H, W, C) uint8, the image as the network receives it; of a sound the window that speaks most for its
            most probable class.
        probabilities: (classes,) float32; of a sound the mean of its windows.
        features: (F,) float32, what the last layer sees of `pixels`.
        unlike: whether the image, or most windows, are unlike anything that it was trained on; None where that cannot
            be told.
        windows: (n, classes) float32, the probabilities of each window; of an image there is one.
    """

    pixels: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]
    unlike: bool | None
    windows: NDArray[np.float32]


Reply = Answered | ImageError


@dataclass
class _Request:
    """The files of one request, and what became of them so far."""

    replies: list[Reply | Exception | None]
    missing: int
    spent: Spent = field(default_factory=Spent)
    done: Future[list[Reply]] = field(default_factory=Future)


@dataclass(frozen=True)
class _Waiting:
    """One file in the queue."""

    request: _Request
    place: int
    image: bytes | NDArray[np.uint8]


@dataclass(frozen=True)
class _Call:
    """Other work in the queue."""

    work: Callable[[], Any]
    done: Future[Any]


class Workers:
    """Threads that answer images or sounds in batches.

    Args:
        classifier: the opened model.
        limits: how many files may wait, and how large each may be.
        metrics: hears of batches and of what became of images.
        threads: how many; by default one a core, but two at least, so that one decodes while another runs the network,
            and four at most, because the network itself uses every core.
    """

    def __init__(self, classifier: Classifier, limits: Limits, metrics: Metrics, threads: int | None = None) -> None:
        self._classifier = classifier
        self._limits = limits
        self._metrics = metrics
        self._queue: deque[_Waiting | _Call] = deque()
        self._changed = threading.Condition()
        self.decoder = BoundedDecoder(classifier.artifact.manifest.image, limits)
        self._closed = False
        self._second = 1e-3  # seconds that an image takes, as lately seen
        count = min(4, max(2, usable_cores())) if threads is None else threads
        self._threads = [threading.Thread(target=self._work, name=f"answers-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether every thread still works."""
        return not self._closed and all(thread.is_alive() for thread in self._threads)

    @property
    def waiting(self) -> int:
        """Images and calls in the queue."""
        return len(self._queue)

    async def answer(self, images: Sequence[bytes | NDArray[np.uint8]]) -> list[Reply]:
        """What the network says of each file, in order; an `ImageError` in the place of one that cannot be read.

        Args:
            images: the bytes of image or sound files, or uint8 arrays (H, W), (H, W, 1) or (H, W, 3); at least one.

        Raises:
            BusyError: too many images wait already.
        """
        request = _Request([None] * len(images), len(images))
        self._enqueue([_Waiting(request, place, image) for place, image in enumerate(images)])
        return await asyncio.wrap_future(request.done)

    async def call(
        self, work: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Let a thread do `work(*arguments, **named)`, in its turn; what it raises is raised here.

        Raises:
            BusyError: too much waits already.
        """
        done: Future[Result] = Future()
        self._enqueue([_Call(lambda: work(*arguments, **named), done)])
        return await asyncio.wrap_future(done)

    def close(self) -> None:
        """Finish what waits, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def check_room(self, count: int = 1) -> None:
        """Refuse `count` images where they would not find room, which may well be said before they are read.

        Raises:
            BusyError: too much waits already.
        """
        if self._closed or len(self._queue) + count > self._limits.waiting:
            self._metrics.refused.inc()
            raise BusyError(
                "The server has more to answer than it can take; try again in a moment.",
                retry_after=max(1, math.ceil(len(self._queue) * self._second)),
            )

    def _enqueue(self, entries: Sequence[_Waiting | _Call]) -> None:
        with self._changed:
            self.check_room(len(entries))
            self._queue.extend(entries)
            self._metrics.waiting.set(len(self._queue))
            self._changed.notify(len(entries))

    def _work(self) -> None:
        while self._work_once():
            pass  # nothing of a batch is held while the next one is waited for

    def _work_once(self) -> bool:
        taken = self._take()
        self._metrics.waiting.set(len(self._queue))
        if isinstance(taken, _Call):
            _settle(taken)
        elif taken:
            self._answer(taken)
        return bool(taken)

    def _take(self) -> _Call | list[_Waiting]:
        """A call, or this thread's share of the images that wait; empty once closed and all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            share = min(BATCH_IMAGES, math.ceil(len(self._queue) / len(self._threads)))
            taken: list[_Waiting] = []
            size = 0
            while self._queue and len(taken) < share and size < BATCH_BYTES:
                if isinstance(self._queue[0], _Call) and taken:
                    break
                entry = self._queue.popleft()
                if isinstance(entry, _Call):
                    return entry
                taken.append(entry)
                size += len(entry.image)
            return taken

    def _answer(self, batch: list[_Waiting]) -> None:
        start = time.perf_counter()
        replies: Sequence[Reply | Exception]
        try:
            replies = self._replies(batch)
        except Exception as error:  # noqa: BLE001 - it is raised again where the answer is waited for
            replies = [error] * len(batch)
        self._second = 0.9 * self._second + 0.1 * (time.perf_counter() - start) / len(batch) / len(self._threads)
        finished = []
        with self._changed:
            for entry, reply in zip(batch, replies, strict=True):
                entry.request.replies[entry.place] = reply
                entry.request.missing -= 1
                if entry.request.missing == 0:
                    finished.append(entry.request)
        for request in finished:
            _tell(request)

    def _replies(self, batch: Sequence[_Waiting]) -> list[Reply]:
        replies: list[Reply | None] = []
        together: list[NDArray[np.uint8]] = []
        for entry in batch:
            rows = self._decode(entry)
            if isinstance(rows, ImageError):
                replies.append(rows)
            elif len(rows) > MANY_WINDOWS:
                replies += self._answered([rows])
            else:
                together.append(rows)
                replies.append(None)
        unreadable = sum(isinstance(reply, ImageError) for reply in replies)
        self._metrics.images.labels("answered").inc(len(replies) - unreadable)
        self._metrics.images.labels("unreadable").inc(unreadable)
        answered = iter(self._answered(together))
        return [next(answered) if reply is None else reply for reply in replies]

    def _answered(self, files: Sequence[NDArray[np.uint8]]) -> list[Answered]:
        """What the network says of `files`, (n, H, W, C) uint8 each, which go through it together."""
        if not files:
            return []
        self._metrics.batches.observe(len(files))
        answers = self._classifier.artifact.graph(np.concatenate(files))
        of_rows = np.repeat(np.arange(len(files)), [len(rows) for rows in files])
        means, first = by_recording(answers.probabilities, of_rows)
        unlike = self._classifier.unlike_files(answers.features, of_rows)
        found = []
        for rows, start, mean, strange in zip(files, first.tolist(), means, unlike, strict=True):
            own = slice(start, start + len(rows))
            probabilities = answers.probabilities[own]
            clearest = int(probabilities[:, int(mean.argmax())].argmax())
            found.append(Answered(rows[clearest], mean, answers.features[own][clearest], strange, probabilities))
        return found

    def _decode(self, entry: _Waiting) -> NDArray[np.uint8] | ImageError:
        try:
            return self.decoder.rows(entry.image, entry.request.spent)
        except ImageError as error:
            return ImageError(str(error))  # its frames hold the whole request, which holds it: memory for long


def _tell(request: _Request) -> None:
    """Hand over all replies of `request`, or the first fault of ours among them."""
    if not request.done.set_running_or_notify_cancel():
        return  # whoever asked has gone
    replies = [reply for reply in request.replies if isinstance(reply, Answered | ImageError)]
    faults = [reply for reply in request.replies if not isinstance(reply, Answered | ImageError)]
    if faults:
        request.done.set_exception(faults[0])
    else:
        request.done.set_result(replies)


def _settle(call: _Call) -> None:
    if not call.done.set_running_or_notify_cancel():
        return  # whoever asked has gone
    try:
        call.done.set_result(call.work())
    except Exception as error:  # noqa: BLE001 - it is raised again where the answer is waited for
        call.done.set_exception(error)
