"""A process of its own that decodes images first, where one of them may have ended the worker that decoded it.

A damaged file can crash a decoder, or take more memory than there is; then no error is raised, the process is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from beholder.data.decoding import Rules, decode_rows, kind_of
from beholder.data.images.fresh_process import fresh_process
from beholder.errors import ImageError

_ENDS = "Cannot decode this {}: it ended the process that tried; save it again, or make it smaller."


def tried(images: Iterable[str | bytes | ImageError], rules: Rules) -> Iterator[str | bytes | ImageError]:
    """Each image as it is, or an `ImageError` in the place of one that ends the process that decodes it."""
    with ExitStack() as trials:
        trial = _start(trials, rules)
        for image in images:
            try:
                trial.send(image)
                trial.recv()
            except (EOFError, ConnectionError):
                trial = _start(trials, rules)
                yield ImageError(_ENDS.format(kind_of(rules).name))
            else:
                yield image


def work(connection: Connection[Any, Any]) -> None:
    """What the process does: decode what comes and say that it is still there, until the pipe closes."""
    with suppress(EOFError, ConnectionError):
        rules = connection.recv()
        while True:
            image = connection.recv()
            if not isinstance(image, ImageError):
                with suppress(ImageError):  # the worker will say so
                    decode_rows(Path(image) if isinstance(image, str) else image, rules)
            connection.send(None)


def _start(trials: ExitStack, rules: Rules) -> Connection[Any, Any]:
    """A new process in the place of the one before."""
    trials.close()
    trial = trials.enter_context(fresh_process(work))
    with suppress(ConnectionError):  # it has ended: waiting for its answer says so
        trial.send(rules)
    return trial
