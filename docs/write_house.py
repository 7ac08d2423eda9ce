"""Writes `docs/house.md`, the map of the package, from the first line of each file.

usage: python docs/write_house.py [--check]     (`make docs` writes, `make lint` checks)
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from written import write_or_compare

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "beholder"
TARGET = ROOT / "docs" / "house.md"

HEAD = """# The map of the code

Where to change what. Imports go down only, in the order of this list; import-linter holds it:

| Folder | What it is |
|---|---|
| `cli/` | the command line: one thin function a command; it composes, prints, and computes nothing |
| `server/` | the page for people and the HTTP interface for programs; `server/static/` is what the browser gets |
| `api/`, `chapter` | the public functions, the same for Python and for the command line; the chapter's own |
| `sessions/` | how a training session is prepared, run, interrupted, resumed, and joined by processes |
| `report/` | self-contained HTML: the report of a run, the page of a comparison, the gallery of an audit |
| `training/` and `answering/` | fitting and exporting a network; answering and explaining. Neither knows the other |
| `artifact/` and `runs/` | the model folder, which joins training and answering; the RUN folder |
| `models/`, `evaluation/`, `figures/` | one network a file; figures of merit; drawings for people |
| `data/` | archives, folders and arrays become a `Dataset`; sets, corrections, checks |
| `arguments`, `files`, `schema`, `standard_error` | what a person gives; whole or not at all; schema version; silence |
| `addresses`, `errors` | paths as people write them; every error that is raised on purpose |

Data go one way: DATA → source → corrections → sets → batches → network → training loop → model folder → evaluate,
predict, explain, serve. The training half is Keras. The answering half is ONNX Runtime and never imports Keras,
TensorFlow or JAX.

Outside the package: `tests/` says what a person relies on; `bench/` measures what is fast and how accurate;
`docs/` holds these pages and the scripts that write parts of them; `examples/` shows how the parts are used together;
`release/` checks a release on bare machines; `Makefile` is the one door to every habit.

What follows is made by `make docs` from the first line of each file; do not edit it by hand.
"""

# Files that cannot say in a comment what they are for.
PURPOSES = {
    "py.typed": "says that the package carries its types",
    "icon.svg": "the icon of the page",
    "scaling.json": "the measured accuracies that a forecast reads",
    "openapi.json": "the HTTP interface in the words of OpenAPI 3.1; its test holds it to the routes",
    "layer_words.json": "what each type of layer does, in one sentence",
}
_COMMENTS = {
    ".js": re.compile(r"\A// (.+)"),
    ".css": re.compile(r"\A/\* (.+?)(?:\*/|\n)"),
    ".html": re.compile(r"\A(?:<!doctype html>\n)?(?:<!-- (.+?) -->|\{#-? (.+?) -?#\})", re.DOTALL),
}


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([HEAD, *_folders(PACKAGE)])


def _folders(folder: Path, depth: int = 2) -> Iterator[str]:
    """A section for `folder`, then one for each folder below it."""
    name = folder.relative_to(PACKAGE.parent).as_posix()
    init = folder / "__init__.py"
    yield f"{'#' * depth} `{name}/`\n"
    if init.exists():
        yield f"{purpose(init)}\n"
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != "__init__.py"]
    if files:
        yield "| File | Purpose |\n|---|---|"
        for path in files:
            yield f"| `{path.name}` | {purpose(path)} |"
        yield ""
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"):
        yield from _folders(below, depth)


def purpose(path: Path) -> str:
    """What `path` is for, in the first sentence that stands in it.

    Raises:
        click.ClickException: nothing in it says so.
    """
    if path.name in PURPOSES:
        return PURPOSES[path.name]
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        words = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
    else:
        found = _COMMENTS[path.suffix].match(text) if path.suffix in _COMMENTS else None
        words = next(filter(None, found.groups()), "") if found else ""
    words = " ".join(words.split()).replace("|", "\\|")
    if not words:
        raise click.ClickException(f"{path.relative_to(ROOT)} does not say in its first line what it is for.")
    return words


if __name__ == "__main__":
    sys.exit(write_or_compare(TARGET, page(), "the files say now", sys.argv[1:]))
