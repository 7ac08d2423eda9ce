"""The files that pages are made of: templates, in which all is text until they say otherwise, styles and scripts."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from beholder.report import words

_CODE = re.compile(r"`([^`]+)`|(?<![\w-])(--[a-z][a-z-]{0,30})(?![\w-])")  # `beholder look digits`, --weight-decay


def render(template: str, **values: Any) -> bytes:
    """The page that `template`, a file of this folder, makes of `values`, in UTF-8."""
    # A file name may hold bytes that are no text; they are shown as question marks.
    page: str = _environment().get_template(template).render(**values)
    return page.encode("utf-8", "replace")


def compile_templates() -> None:
    """Compile all templates, as `render` does with each when it is first asked for it."""
    for template in _environment().list_templates(extensions=("html",)):
        _environment().get_template(template)


@cache
def _environment() -> Any:
    from jinja2 import ChainableUndefined, Environment, FileSystemLoader  # what has no template needs no Jinja

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for write in (words.percent, words.thousands, words.decimal, words.rough, words.duration):
        environment.filters[write.__name__] = write
    environment.filters["with_code"] = _with_code
    return environment


@cache
def read_resource(name: str) -> str:
    """The text of the file `name` of this folder."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _with_code(sentence: str) -> Any:
    """`sentence` as text, its commands and options as code; no line break cuts an option in two."""
    from markupsafe import Markup, escape

    def code(found: re.Match[str]) -> str:
        return f"<code>{found[2]}</code>" if found[2] else f'<code class="command">{found[1]}</code>'

    return Markup(_CODE.sub(code, str(escape(sentence))))  # noqa: S704 - escaped just here
