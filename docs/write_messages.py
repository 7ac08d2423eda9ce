"""Writes `docs/messages.md`, every sentence with which Beholder refuses something, from the code that raises it.

usage: python docs/write_messages.py [--check]     (`make docs` writes, `make lint` checks)
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from written import write_or_compare

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "beholder"
TARGET = ROOT / "docs" / "messages.md"

HEAD = """# What Beholder says when it refuses

Every error that you can cause is one sentence: what is wrong, with which value or file, and what to do. This page is
made from the code and lists the sentences that are written out where they are raised, so that a change to one is seen.
Parts in ‹ › are filled in: a name, a path, a number,
or a clause that the code chooses. The errors are classes of `beholder.errors`, and each is a `BeholderError`; `fail` is
a value on the command line that cannot be read, and `RefusedError` the reason why an image file is refused, which
follows "Cannot read 'PATH': ".

This page is made by `make docs`; do not edit it by hand.
"""
_ENDS = ("Error", "Exception")
_FAILS = ("fail", "ClickException", "UsageError")


def page() -> str:
    """The whole page, as Markdown."""
    parts = [HEAD]
    for path in sorted(PACKAGE.rglob("*.py")):
        told = sorted(_messages(ast.parse(path.read_text(encoding="utf-8"))))
        if told:
            parts.append(f"## `{path.relative_to(PACKAGE.parent).as_posix()}`\n")
            parts += [f"- {kind}: {text}" for _, kind, text in told]
            parts.append("")
    return "\n".join(parts)


def _messages(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Line, kind and sentence of each error that is made in a module."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        kind = _name(node.func)
        texts = [_text(one) for one in node.args if _is_text(one)]
        if texts and (kind.endswith(_ENDS) or kind in _FAILS):
            yield node.lineno, f"`{kind}`", " ".join(texts[0].split())


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _text(node: ast.expr) -> str:
    """A text as it is shown, with names in the place of what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.FormattedValue):
        quotes = "'" if node.conversion == ord("r") else ""
        return f"{quotes}{_text(node.value)}{quotes}"
    if isinstance(node, ast.IfExp):
        return f"‹{_plain(node.body)} or {_plain(node.orelse)}›"
    return f"‹{_name(node)}›"


def _plain(node: ast.expr) -> str:
    text = _text(node).replace("‹", "").replace("›", "")
    return text or "nothing"


def _name(node: ast.AST) -> str:
    """What a person would call what an expression gives: the last name in it that says something."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Constant(value=value):
            return str(value)
        case ast.Call(func=function, args=[first, *_]) if _name(function) in _WRAPPERS:
            return _name(first)
        case ast.Call(func=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner) | ast.BinOp(left=inner):
            return _name(inner)
        case _:
            return "…"


_WRAPPERS = ("str", "repr", "map", "len", "join", "sorted", "int", "quote", "list", "ascii", "lower", "min", "max")


if __name__ == "__main__":
    sys.exit(write_or_compare(TARGET, page(), "the code says now", sys.argv[1:]))
