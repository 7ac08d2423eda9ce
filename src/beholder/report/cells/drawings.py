"""Drawings for a cell, as SVG and tables in the HTML itself: learning curves and the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from beholder.report.cells.style import ACCENT, MUTED, SECOND, shortened

_WIDTH, _HEIGHT, _LEFT, _FOOT = 300, 150, 44, 18  # pixels of the drawing, and of its axes' words
_MOST_POINTS = 200  # of a curve
_NUMBERED, _MOST_CLASSES = 12, 60  # classes of a matrix with numbers in it, and of one that is drawn
_CURVES = {"train": SECOND, "validation": ACCENT}


def curves(epochs: Sequence[Mapping[str, Any]]) -> str:
    """Training and validation accuracy by epoch; nothing where there are no two epochs."""
    points = [epoch for epoch in epochs if all(_is_share(epoch.get(f"{one}_accuracy")) for one in _CURVES)]
    points = points[:: math.ceil(len(points) / _MOST_POINTS) or 1]
    if len(points) < 2:
        return ""
    values = [float(epoch[f"{one}_accuracy"]) for epoch in points for one in _CURVES]
    low, high = math.floor(min(values) * 10) / 10, math.ceil(max(values) * 10) / 10
    first, last = points[0]["epoch"], points[-1]["epoch"]
    drawn = [_line(points, one, colour, (first, last), (low, high)) for one, colour in _CURVES.items()]
    words = [
        _word(_LEFT - 6, 12, f"{high:.0%}", "end"),
        _word(_LEFT - 6, _HEIGHT - _FOOT, f"{low:.0%}", "end"),
        _word(_LEFT, _HEIGHT - 4, f"epoch {first}", "start"),
        _word(_WIDTH - 4, _HEIGHT - 4, str(last), "end"),
    ]
    axes = f'<path d="M{_LEFT} 4V{_HEIGHT - _FOOT}H{_WIDTH - 4}" fill="none" stroke="currentColor" opacity=".4"/>'
    legend = " ".join(f'<span style="color:{colour}">■</span> {one}' for one, colour in _CURVES.items())
    title = f"Accuracy by epoch: {points[-1]['validation_accuracy']:.1%} on the validation set in the end"
    return (
        f'<div style="display:inline-block;margin:6px 24px 0 0"><div style="{MUTED}">accuracy: {legend}</div>'
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{title}">'
        f'{axes}{"".join(drawn)}<g font-size="11" fill="currentColor">{"".join(words)}</g></svg></div>'
    )


def confusion(counts: Sequence[Sequence[int]], class_names: Sequence[str]) -> str:
    """The confusion matrix, rows true and columns answered, of at most sixty classes; nothing for more.

    A square is the stronger, the larger its share of the row is: blue where the answer is right, orange elsewhere.
    """
    classes = len(class_names)
    if not 0 < classes <= _MOST_CLASSES:
        return ""
    numbered = classes <= _NUMBERED
    wide, high, left, top = (34, 16, 12 + 7 * max(len(shortened(one, 16)) for one in class_names), 18)
    if not numbered:
        wide, high, left, top = 6, 6, 2, 2
    drawn = []
    for row, counted in enumerate(counts):
        y = top + row * high
        if numbered:
            drawn.append(_word(left - 6, y + 12, shortened(class_names[row], 16), "end"))
            drawn.append(_word(left + row * wide + wide // 2, 12, shortened(class_names[row], 6), "middle"))
        for column, count in enumerate(counted):
            if count:
                strength = 0.15 + 0.55 * count / sum(counted)
                x, colour = left + column * wide, ACCENT if row == column else SECOND
                drawn.append(
                    f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" fill="{colour}" opacity="{strength:.2f}"/>'
                )
                drawn += [_word(x + wide // 2, y + 12, f"{count}", "middle")] if numbered else []
    title = (
        f"Confusion matrix of {classes} classes: {sum(counts[one][one] for one in range(classes))} answers are right"
    )
    size = f'width="{left + classes * wide + 4}" height="{top + classes * high + 4}"'
    return (
        f'<div style="display:inline-block;margin:6px 0 0;vertical-align:top"><div style="{MUTED}">'
        f'rows: label, columns: answer</div><svg {size} role="img" aria-label="{title}">'
        f'<g font-size="11" fill="currentColor">{"".join(drawn)}</g></svg></div>'
    )


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _line(
    points: Sequence[Mapping[str, Any]], one: str, colour: str, across: tuple[int, int], up: tuple[float, float]
) -> str:
    wide, high = _WIDTH - _LEFT - 8, _HEIGHT - _FOOT - 8
    places = []
    for point in points:
        x = _LEFT + wide * (point["epoch"] - across[0]) / max(1, across[1] - across[0])
        y = 6 + high * (1 - (point[f"{one}_accuracy"] - up[0]) / (up[1] - up[0] or 1.0))
        places.append(f"{x:.1f},{y:.1f}")
    return f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _word(x: int, y: int, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
