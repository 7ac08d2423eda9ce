"""Fills the templates of the pages: everything is text until a template says otherwise, numbers are written one way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup, escape

from beholder.report import words

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]{0,30}(?![\w-])")  # --weight-decay


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
    environment.filters["options"] = _options
    # A file name may hold bytes that are no text; they are shown as question marks.
    return environment.get_template(template).render(**values).encode("utf-8", "replace")


def _options(sentence: str) -> Markup:
    """`sentence` as text, the options in it as code: a line that broke after a hyphen would cut one in two."""
    return Markup(_OPTION.sub(r"<code>\g<0></code>", str(escape(sentence))))  # noqa: S704 - escaped just here
