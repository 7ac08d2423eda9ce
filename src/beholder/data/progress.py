"""How long work tells how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called as `progress("Decoding images", done, total)`, often; `done` equals `total` once at the end."""

    def __call__(self, task: str, done: int, total: int, /) -> None:
        """Hear that `done` of `total` are through with `task`."""


def silent(task: str, done: int, total: int, /) -> None:
    """The progress of somebody who does not want to know."""
