"""Decoding many image files on all cores, straight into the file that will be mapped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beholder.data.images.decode import ImageRules, decode_and_look_at_end
from beholder.data.images.places import Place
from beholder.data.progress import Progress
from beholder.data.worker_processes import Batch, batches_of, replies_to
from beholder.errors import ImageError

Failures = dict[int, str]  # from row to the sentence that says why
Endless = list[int]  # rows of images that lack their ends
_Reply = tuple[Failures, Endless]


@dataclass(frozen=True)
class DecodeJob:
    """Decode images of `place` by `rules` into the open file `descriptor`, whose row 0 starts at the byte `offset`."""

    place: Place
    rules: ImageRules
    descriptor: int
    offset: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one decoded image."""
        return int(np.prod(self.rules.shape))

    @property
    def descriptors(self) -> Sequence[int]:
        """As `Job.descriptors`."""
        return [self.descriptor]

    @property
    def what(self) -> str:
        """As `Job.what`."""
        return "images"

    def write(self, row: int, content: bytes) -> None:
        """Write all of `content` at `row`; a disk that fills up takes some of it first and only then refuses."""
        place = self.offset + row * self.row_bytes
        while content:
            written = os.pwrite(self.descriptor, content, place)
            content, place = content[written:], place + written

    def work(self, batch: Batch) -> _Reply:
        """Decode a batch: why some could not be read, by row, and which lack their ends."""
        start, names = batch
        pixels = np.zeros((len(names), *self.rules.shape), np.uint8)
        failures, endless = {}, []
        for index, name in enumerate(names):
            image = self.place.image(name)
            try:
                pixels[index], lacks_end = decode_and_look_at_end(image, self.rules)
            except ImageError as error:
                failures[start + index] = str(error)
            else:
                endless += [start + index] if lacks_end else []
        self.write(start, pixels.tobytes())
        return failures, endless


def decode_all(job: DecodeJob, wanted: Sequence[tuple[int, str, int]], progress: Progress) -> _Reply:
    """Decode images, given by row, name in their place and size of the file in bytes, into the file of `job`.

    Returns:
        From row to sentence for each image that could not be read, whose row in the file is black; and the rows of
        those that lack their ends.

    Raises:
        DataError: a worker process ended unexpectedly.
        OSError: the file could not be written.
    """
    batches = list(batches_of(wanted, job.row_bytes))
    failures: Failures = {}
    endless: Endless = []
    done = 0
    progress("Decoding images", 0, len(wanted))
    with replies_to(job, batches) as replies:
        for batch, reply in zip(batches, replies, strict=True):
            failures |= reply[0]
            endless += reply[1]
            done += len(batch[1])
            progress("Decoding images", done, len(wanted))
    return failures, endless
