"""The comparison's charts: what parameters buy, and how the gap closes with more to learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter
from matplotlib.transforms import Bbox

from beholder.report.drawing import MARKERS, Chart, Palette, chart, plain_axes

_WIDTH, _HEIGHT = 4.6, 3.4  # inches
_LABEL_HEIGHT = 0.075  # of the axes; labels at the end of lines keep this far apart
# Where a dot's label may stand, best first: offset in points, then how it is aligned across and upwards.
_SIDES = (
    ((0, 9), "center", "bottom"),
    ((9, 0), "left", "center"),
    ((-9, 0), "right", "center"),
    ((0, -9), "center", "top"),
    ((9, 12), "left", "bottom"),
    ((-9, 12), "right", "bottom"),
    ((-9, -12), "right", "top"),
    ((9, -12), "left", "top"),
)


def size_chart(rows: Sequence[dict[str, Any]], models: list[str]) -> Chart:
    """Validation accuracy against parameters, with its 95 % interval where known, a dot a row.

    Args:
        rows: of the comparison, one a model; `validation_interval` is a pair or None.
        models: all names, which decide the colours.
    """

    def draw(figure: Figure, colours: Palette) -> None:
        axes = plain_axes(figure, colours)
        _parameter_axis(axes, [row["parameters"] for row in rows])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))
        axes.set_xlabel("parameters", color=colours.muted)
        for row in rows:
            place, colour = models.index(row["model"]), _colour(colours, models, row["model"])
            x, y = row["parameters"], row["validation_accuracy"]
            if row["validation_interval"]:
                axes.plot([x, x], row["validation_interval"], color=colour, linewidth=1.5, alpha=0.6)
            axes.plot([x], [y], MARKERS[place % len(MARKERS)], color=colour, markersize=8)
        axes.margins(y=0.2)
        _label_dots(figure, axes, rows, models, colours)

    return chart(draw, _WIDTH, _HEIGHT)


def gap_chart(rows: Sequence[dict[str, Any]], models: list[str], plural: str) -> Chart:
    """The gap against the number of training `plural`, a line a model, named at its end."""

    def draw(figure: Figure, colours: Palette) -> None:
        axes = plain_axes(figure, colours)
        axes.set_xscale("log")
        sizes = sorted({row["images"] for row in rows})
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.set_xlabel(f"training {plural}", color=colours.muted)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}"))
        ends = []
        for place, model in enumerate(models):
            line = sorted((row["images"], row["gap"]) for row in rows if row["model"] == model)
            colour = _colour(colours, models, model)
            marker = MARKERS[place % len(MARKERS)]
            axes.plot(*zip(*line, strict=True), marker=marker, markersize=6, linewidth=2, color=colour)
            ends.append((line[-1][0], line[-1][1], model, colour))
        axes.set_ylim(min(0.0, axes.get_ylim()[0]), axes.get_ylim()[1])
        axes.axhline(0, color=colours.muted, linewidth=0.8)
        _label_ends(axes, ends)

    return chart(draw, _WIDTH, _HEIGHT)


def _colour(colours: Palette, models: list[str], model: str) -> str:
    return colours.series[models.index(model) % len(colours.series)]


def _parameter_axis(axes: Axes, parameters: list[int]) -> None:
    """A logarithmic axis with room beside the outermost dots, and with a few numbers however near they are."""
    low, high = min(parameters) / 2, max(parameters) * 2
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if high / low < 300 else (1,)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))


def _short(number: float) -> str:
    """30,000 or 3 million."""
    return f"{number / 1e6:,.10g} million" if number >= 1e6 else f"{number:,.10g}"


def _label_dots(
    figure: Figure, axes: Axes, rows: Sequence[dict[str, Any]], models: list[str], colours: Palette
) -> None:
    """Write each model's name beside its dot, where it covers neither a dot nor a name written before."""
    figure.draw_without_rendering()
    points = [axes.transData.transform((row["parameters"], row["validation_accuracy"])) for row in rows]
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in points]
    for row, (x, _) in zip(rows, points, strict=True):
        if row["validation_interval"]:
            low, high = (axes.transData.transform((1, end))[1] for end in row["validation_interval"])
            taken.append(Bbox.from_extents(x - 2, low, x + 2, high))
    for row in rows:
        label = axes.annotate(
            row["model"],
            (row["parameters"], row["validation_accuracy"]),
            xytext=(0, 0),
            textcoords="offset points",
            color=_colour(colours, models, row["model"]),
            fontweight="bold",
        )
        for offset, across, upwards in _SIDES:
            label.set(position=offset, ha=across, va=upwards)
            box = label.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


def _label_ends(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write each line's name to the right of its end, the names pushed apart upwards where they would touch."""
    foot, head = axes.get_ylim()
    lowest = -math.inf
    for x, y, model, colour in sorted(ends, key=lambda end: end[1]):
        height = max((y - foot) / (head - foot), lowest + _LABEL_HEIGHT)
        lowest = height
        axes.annotate(
            model,
            (x, y),
            xytext=(1.03, height),
            textcoords="axes fraction",
            color=colour,
            fontweight="bold",
            va="center",
            annotation_clip=False,
        )
