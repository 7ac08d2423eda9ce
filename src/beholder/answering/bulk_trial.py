"""A process of its own that decodes pictures first, where one of them may have ended the worker that decoded it.

A damaged file can crash a decoder, or take more memory than there is; then no error is raised, the process is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from beholder.data.fresh_process import fresh_process
from beholder.data.pictures import PictureRules, decode
from beholder.errors import PictureError

_ENDS = "Cannot decode this picture: the process that tried to has ended; save it anew, or smaller."


def tried(pictures: Iterable[str | bytes | PictureError], rules: PictureRules) -> Iterator[str | bytes | PictureError]:
    """Each picture as it is, or a `PictureError` in the place of one that ends the process that decodes it."""
    with ExitStack() as trials:
        trial = _start(trials, rules)
        for picture in pictures:
            try:
                trial.send(picture)
                trial.recv()
            except (EOFError, ConnectionError):
                trial = _start(trials, rules)
                yield PictureError(_ENDS)
            else:
                yield picture


def work(connection: Connection[Any, Any]) -> None:
    """What the process does: decode what comes and say that it is still there, until the pipe closes."""
    with suppress(EOFError, ConnectionError):
        rules = connection.recv()
        while True:
            picture = connection.recv()
            if not isinstance(picture, PictureError):
                with suppress(PictureError):  # the worker will say so
                    decode(Path(picture) if isinstance(picture, str) else picture, rules)
            connection.send(None)


def _start(trials: ExitStack, rules: PictureRules) -> Connection[Any, Any]:
    """A new process in the place of the one before."""
    trials.close()
    trial = trials.enter_context(fresh_process(__name__))
    with suppress(ConnectionError):  # it has ended: waiting for its answer says so
        trial.send(rules)
    return trial
