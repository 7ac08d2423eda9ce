"""The files of this room that pages are made of: styles, scripts, frames and words."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def read_resource(name: str) -> str:
    """The text of the file `name`."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
