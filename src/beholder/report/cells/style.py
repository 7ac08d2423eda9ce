"""The look of what a cell of a notebook shows: inline, in the notebook's own colours, on light and dark pages.

A notebook strips style sheets or lets them reach its other cells, and tells nobody whether it is dark: text takes the
colour of its surroundings, and all else is a colour that stands out on white and on near black.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

ACCENT = "#3d7fb5"  # a contrast of 3 : 1 and more on white and on #111
SECOND = "#c9772b"
WARNING = "border-left:3px solid #c9772b;padding-left:6px"
MUTED = "opacity:.75"
_FRAME = "font:13px/1.5 system-ui,sans-serif;max-width:760px;color:inherit;background:transparent"
_CELL = "padding:1px 8px;background:transparent;color:inherit;border:0"


def framed(*parts: str) -> str:
    """One fragment of `parts`, which are HTML."""
    return f'<div style="{_FRAME}">{"".join(parts)}</div>'


def headline(figure: str, words: str) -> str:
    """A figure in large letters, and what it is."""
    return (
        f'<div><span style="font-size:20px;font-weight:600">{escape(figure)}</span> '
        f'<span style="{MUTED}">{escape(words)}</span></div>'
    )


def lines(sentences: Iterable[str], style: str = MUTED) -> str:
    """A line for each sentence."""
    return "".join(f'<div style="{style}">{escape(one)}</div>' for one in sentences)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text, and the others figures."""

    def row(cells: Sequence[str], tag: str) -> str:
        sides = ("left", *["right"] * (len(cells) - 1))
        return "".join(
            f'<{tag} style="{_CELL};text-align:{side}">{escape(cell)}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )

    body = "".join(f'<tr style="background:transparent">{row(cells, "td")}</tr>' for cells in rows)
    return (
        f'<table style="border-collapse:collapse;margin:6px 0;color:inherit"><thead><tr>{row(columns, "th")}</tr>'
        f"</thead><tbody>{body}</tbody></table>"
    )


def shortened(text: str, most: int = 20) -> str:
    """`text` in at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
