"""Fills the templates of the pages: everything is text until a template says otherwise, numbers are written one way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader

from beholder.report import words


def render(template: str, **values: Any) -> bytes:
    """The page that `template`, a file of this folder, makes of `values`, in UTF-8."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for write in (words.percent, words.whole, words.decimal, words.rough, words.duration):
        environment.filters[write.__name__] = write
    # A file name may hold bytes that are no text; they are shown as question marks.
    return environment.get_template(template).render(**values).encode("utf-8", "replace")
