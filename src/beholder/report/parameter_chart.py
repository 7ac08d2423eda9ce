"""The chart of the chapter's argument: weights against image size, for a fully connected layer and a convolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beholder import files
from beholder.errors import UsageError
from beholder.models.costs import convolution_weights, fully_connected_weights
from beholder.report.drawing import LIGHT, MARKERS, Palette, chart_png, chart_svg, plain_axes

WIDTH, HEIGHT = 4.2, 3.6  # inches; letters stay legible on a phone
_TICKS = (16, 32, 64, 128, 256, 512)


def save_parameter_chart(path: Path, *, sides: tuple[int, ...], neurons: int, window: int, windows: int) -> None:
    """Draw the weights of both kinds of layer against the side of a square grey image, and write the chart.

    Args:
        path: a `.png` or `.svg` to write, whole or not at all.
        sides: pixels; image sizes to mark with their numbers.
        neurons: of the fully connected layer.
        window: side of the convolution's windows, pixels.
        windows: how many it has.

    Raises:
        UsageError: another ending than `.png` or `.svg`.
        StorageError: the disk is full or may not be written to.
    """

    def draw(figure: Figure, colours: Palette) -> None:
        axes = _axes(figure, colours)
        across = np.geomspace(_TICKS[0], _TICKS[-1], 60)
        dense = across**2 * neurons
        convolution = np.full_like(across, convolution_weights(window, windows))
        for index, values in enumerate((dense, convolution)):
            axes.plot(across, values, color=colours.series[index], linewidth=2)
        # The upper line climbs to the right: there its numbers stand above it on the left and below it on the right.
        _mark(
            axes, [(side, fully_connected_weights(side, neurons)) for side in sides], colours.series[0], 0, below=True
        )
        _mark(axes, [(side, convolution_weights(window, windows)) for side in sides], colours.series[1], 1)
        _label(axes, f"fully connected,\n{neurons} neurons", (18, 2e5), colours.series[0])
        _label(axes, f"convolution, {windows} windows of {window} × {window}", (18, 440), colours.series[1])

    suffix = path.suffix.lower()
    if suffix == ".png":
        files.write_bytes(path, chart_png(draw, LIGHT, WIDTH, HEIGHT))
    elif suffix == ".svg":
        files.write_bytes(path, chart_svg(draw, LIGHT, WIDTH, HEIGHT, paper=True).encode())
    else:
        raise UsageError(f"A chart is written as .png or .svg; give --out such a name. Received: {str(path)!r}.")


def _axes(figure: Figure, colours: Palette) -> Axes:
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)  # inches; it stands alone, without a page around it
    axes = plain_axes(figure, colours)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_ylim(100, 1e7)
    axes.set_xticks(_TICKS, [str(tick) for tick in _TICKS])
    axes.minorticks_off()
    axes.set_yticks(
        [10**power for power in range(2, 8)], ["100", "1,000", "10,000", "100,000", "1 million", "10 million"]
    )
    axes.set_xlabel("side of a grey image, pixels", color=colours.muted)
    axes.set_title("weights of one layer", loc="left", color=colours.ink, fontsize=11)
    return axes


def _mark(axes: Axes, points: list[tuple[int, int]], colour: str, series: int, *, below: bool = False) -> None:
    """Dots with size and number: the last to the right of its dot (and perhaps below), the others to the left."""
    for index, (side, weights) in enumerate(points):
        last = index == len(points) - 1
        down = below and last
        axes.plot([side], [weights], MARKERS[series], color=colour, markersize=5)
        axes.annotate(
            f"{side} × {side}:\n{weights:,}",
            (side, weights),
            xytext=(4 if last else -4, -8 if down else 8),
            textcoords="offset points",
            ha="left" if last else "right",
            va="top" if down else "bottom",
            color=colour,
        )


def _label(axes: Axes, text: str, place: tuple[float, float], colour: str) -> None:
    axes.text(*place, text, color=colour, fontsize=11, fontweight="bold", va="center")
