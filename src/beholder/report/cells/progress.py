"""How far work is: lines, and a bar for each thing that is being done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from beholder.report.cells.style import ACCENT, MUTED, WARNING, framed

_LINES = 10  # that are shown; the first of a long run are folded away


@dataclass
class Bar:
    """How far one thing is: `completed` of `total` steps (None: nobody knows), and its `state` in words."""

    description: str
    completed: float
    total: float | None
    state: str = ""


def progress_cell(said: Sequence[tuple[str, bool]], bars: Sequence[Bar]) -> str:
    """The lines that were `said`, each with whether it is a warning, and `bars`."""
    older, newest = said[:-_LINES], said[-_LINES:]
    folded = (
        f"<details><summary>{len(older)} earlier line{'s' * (len(older) != 1)}</summary>{_lines(older)}</details>"
        if older
        else ""
    )
    return framed(folded, _lines(newest), *map(_bar, bars))


def _lines(said: Sequence[tuple[str, bool]]) -> str:
    return "".join(
        f'<div style="white-space:pre-wrap;font-variant-numeric:tabular-nums;{WARNING if warning else ""}">'
        f"{escape(line)}</div>"
        for line, warning in said
    )


def _bar(bar: Bar) -> str:
    share = min(1.0, bar.completed / bar.total) if bar.total else 0.0
    done = f'<div style="width:{share * 100:.1f}%;height:100%;background:{ACCENT};border-radius:3px"></div>'
    return (
        f'<div style="display:flex;gap:10px;align-items:center"><span>{escape(bar.description)}</span>'
        f'<div style="width:200px;height:6px;border-radius:3px;background:rgba(128,128,128,.3)">{done}</div>'
        f'<span style="{MUTED}">{escape(bar.state)}</span></div>'
    )
