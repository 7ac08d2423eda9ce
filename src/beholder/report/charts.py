"""The report's figures: learning curves, confusion matrix and filters, as data URIs for light and dark pages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from beholder.figures.lettering import one_line
from beholder.figures.pixels import enlarged, window_image
from beholder.figures.png import png_uri
from beholder.report.drawing import Chart, Palette, chart, plain_axes

_NUMBERED = 12  # up to so many classes every cell of the confusion matrix holds its number
_NAMED = 100  # up to so many classes every row and column has its name
_MOST_FILTERS = 256
_LONGEST_NAME = 16  # characters of a class name beside the confusion matrix


def loss_curves(epochs: list[dict[str, Any]]) -> Chart:
    """Train and validation loss by epoch."""

    def draw(figure: Figure, colours: Palette) -> None:
        axes = _epoch_axes(figure, colours, epochs)
        _curve(axes, epochs, "train_loss", "train", colours.train)
        _curve(axes, epochs, "validation_loss", "validation", colours.validation)
        _legend(axes, colours)

    return chart(draw, 4.6, 3.0)


def accuracy_curves(epochs: list[dict[str, Any]], lowest: float | None = None, highest: float | None = None) -> Chart:
    """Train and validation accuracy by epoch, the gap between them shaded.

    Args:
        epochs: the event of each epoch.
        lowest: accuracy at the foot of the chart, 0 to 1; charts that are compared share it, and `highest`.
        highest: accuracy at its head.
    """

    def draw(figure: Figure, colours: Palette) -> None:
        axes = _epoch_axes(figure, colours, epochs)
        train, validation = _values(epochs, "train_accuracy"), _values(epochs, "validation_accuracy")
        numbers = [epoch["epoch"] for epoch in epochs]
        if np.isfinite(validation).any():
            axes.fill_between(numbers, train, validation, color=colours.muted, alpha=0.18, linewidth=0, label="gap")
        _curve(axes, epochs, "train_accuracy", "train", colours.train)
        _curve(axes, epochs, "validation_accuracy", "validation", colours.validation)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))
        axes.set_ylim(lowest, highest)
        _legend(axes, colours)

    return chart(draw, 4.6, 3.0)


def confusion_chart(confusion: list[list[int]], class_names: list[str]) -> Chart:
    """The confusion matrix, rows true and columns predicted, shaded by the square root of the share of the true class.

    The root lets rare confusions be seen beside a full diagonal.
    """
    counts = np.asarray(confusion, dtype=np.float64)  # (K, K)
    shades = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    size = len(class_names)
    side = 2.0 + 0.38 * size if size <= _NUMBERED else min(12.0, max(6.2, 2.0 + 0.1 * size))
    names = [_shortened(name) for name in class_names]

    def draw(figure: Figure, colours: Palette) -> None:
        axes = figure.add_subplot()
        ramp = LinearSegmentedColormap.from_list("shares", [colours.paper, colours.train])
        axes.imshow(shades, cmap=ramp, vmin=0, vmax=1, interpolation="none")
        axes.set_xlabel("predicted", color=colours.muted)
        axes.set_ylabel("true", color=colours.muted)
        _name_classes(axes, names, colours, letter=min(10.0, 0.72 * 72 * side / size))
        for row, column in np.argwhere(counts > 0) if size <= _NUMBERED else ():
            colour = colours.paper if shades[row, column] > 0.55 else colours.ink
            axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", color=colour)

    return chart(draw, side, side)


def filters_image(filters: NDArray[np.float32]) -> tuple[str, int, int]:
    """The windows of the first layer side by side, each scaled by its own largest weight; mid-grey is a weight of 0.

    Args:
        filters: (K, h, w, C) float32; with C other than 3, the mean over C is drawn in grey.

    Returns:
        A PNG as data URI, its width and its height in pixels; transparent between the windows.
    """
    windows = [window_image(window) for window in np.nan_to_num(filters[:_MOST_FILTERS])]
    count, height, width = len(windows), *windows[0].shape[:2]
    factor, gap = max(1, 40 // max(height, width)), 6
    columns = min(16, math.ceil(math.sqrt(2 * count)))
    rows = -(-count // columns)
    step_y, step_x = height * factor + gap, width * factor + gap
    canvas = np.zeros((rows * step_y - gap, columns * step_x - gap, 4), np.uint8)
    for index, window in enumerate(windows):
        row, column = divmod(index, columns)
        top, left = row * step_y, column * step_x
        tile = canvas[top : top + height * factor, left : left + width * factor]
        tile[..., :3] = enlarged(window, factor)
        tile[..., 3] = 255
    return png_uri(canvas, level=9), canvas.shape[1], canvas.shape[0]


def _epoch_axes(figure: Figure, colours: Palette, epochs: list[dict[str, Any]]) -> Axes:
    axes = plain_axes(figure, colours)
    axes.set_xlabel("epoch", color=colours.muted)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    if len(epochs) == 1:
        axes.set_xlim(epochs[0]["epoch"] - 1, epochs[0]["epoch"] + 1)
    return axes


def _curve(axes: Axes, epochs: list[dict[str, Any]], key: str, name: str, colour: str) -> None:
    values = _values(epochs, key)
    if not np.isfinite(values).any():
        return
    marker = "o" if len(epochs) <= 20 else ""
    # The validation curve is dashed too: nothing is told by colour alone.
    dashes = "--" if name == "validation" else "-"
    numbers = [epoch["epoch"] for epoch in epochs]
    axes.plot(numbers, values, dashes, marker=marker, markersize=3.5, linewidth=1.8, color=colour, label=name)


def _values(epochs: list[dict[str, Any]], key: str) -> NDArray[np.float64]:
    """The figure `key` of each epoch, NaN where it is unknown."""
    return np.array([epoch.get(key) if epoch.get(key) is not None else np.nan for epoch in epochs], dtype=np.float64)


def _legend(axes: Axes, colours: Palette) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, frameon=False, labelcolor=colours.ink, fontsize=10
        )


def _name_classes(axes: Axes, names: list[str], colours: Palette, letter: float) -> None:
    axes.spines[:].set_color(colours.grid)
    axes.xaxis.set_ticks_position("top")
    axes.xaxis.set_label_position("top")
    ticks = range(len(names)) if len(names) <= _NAMED else ()
    short = all(len(name) <= 3 for name in names)
    axes.set_xticks(list(ticks), [names[tick] for tick in ticks], rotation=0 if short else 90, fontsize=letter)
    axes.set_yticks(list(ticks), [names[tick] for tick in ticks], fontsize=letter)


def _shortened(name: str) -> str:
    text = one_line(name)
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1].rstrip() + "…"
