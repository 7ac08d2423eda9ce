"""How every chart of a page is drawn: colours for light and dark, one look whatever the person's own settings are."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.style import context
from matplotlib.ticker import PercentFormatter


@dataclass(frozen=True)
class Palette:
    """Colours of a chart; text reaches a contrast of 4.5 on the page behind it (WCAG 2.2 AA), curves one of 3."""

    paper: str
    ink: str
    muted: str
    grid: str
    train: str
    validation: str
    series: tuple[str, ...]  # for things that are told apart, in this order


LIGHT = Palette(
    "#ffffff",
    "#1f2328",
    "#59636e",
    "#e3e6ea",
    "#0b63c4",
    "#b8480a",
    ("#0b63c4", "#b8480a", "#1a7f37", "#8250df", "#0e7c86", "#bf3989"),
)
DARK = Palette(
    "#15181c",
    "#e6e8eb",
    "#a3adb8",
    "#2f353d",
    "#6cb6ff",
    "#ff9e64",
    ("#6cb6ff", "#ff9e64", "#57d68d", "#c9a0ff", "#4fd1d9", "#ff8fc7"),
)
MARKERS = ("o", "s", "^", "D", "v", "P")  # one a series: nothing is told by colour alone

Draw = Callable[[Figure, Palette], None]


@dataclass(frozen=True)
class Chart:
    """One chart as data URIs of its light and its dark rendering, and its natural width and height in CSS pixels."""

    light: str
    dark: str
    width: int
    height: int


def chart(draw: Draw, width: float, height: float) -> Chart:
    """Render `draw` twice, for light and for dark pages, on a figure of `width` × `height` inches."""
    light, dark = (_as_uri(chart_svg(draw, colours, width, height)) for colours in (LIGHT, DARK))
    return Chart(light, dark, round(96 * width), round(96 * height))


def chart_svg(draw: Draw, colours: Palette, width: float, height: float, *, paper: bool = False) -> str:
    """`draw` on a figure of `width` × `height` inches as SVG, on the palette's `paper` or on whatever is behind it."""
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    text = _saved(draw, colours, width, height, format="svg", transparent=not paper, metadata=metadata).decode()
    # Without the XML prologue, which points to the address of a document type; and in the fonts of the reader.
    text = re.sub(r"^.*?(?=<svg )", "", text, count=1, flags=re.DOTALL)
    return re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", text)


def chart_png(draw: Draw, colours: Palette, width: float, height: float) -> bytes:
    """`draw` on a figure of `width` × `height` inches as PNG, two pixels for each of CSS."""
    return _saved(draw, colours, width, height, format="png", dpi=192, metadata={"Software": None})


def plain_axes(figure: Figure, colours: Palette) -> Axes:
    """Axes with a baseline and quiet horizontal lines."""
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color=colours.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def share_axes(figure: Figure, colours: Palette, across: str, up: str) -> Axes:
    """Plain axes of shares, written as per cent, with these labels."""
    axes = plain_axes(figure, colours)
    axes.set_xlabel(across, color=colours.muted)
    axes.set_ylabel(up, color=colours.muted)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))
    return axes


def _saved(draw: Draw, colours: Palette, width: float, height: float, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with _style(colours):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor=colours.paper)
        draw(figure, colours)
        figure.savefig(buffer, **options)
    return buffer.getvalue()


def _as_uri(text: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


@contextmanager
def _style(colours: Palette) -> Iterator[None]:
    """Matplotlib's defaults, whatever the person's own settings are, plus the look of the report; equal every time."""
    look = {
        "svg.fonttype": "none",
        "svg.hashsalt": "beholder",
        "text.parse_math": False,
        "font.size": 10,
        "text.color": colours.ink,
        "axes.edgecolor": colours.grid,
        "xtick.color": colours.muted,
        "ytick.color": colours.muted,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
    }
    with context(look, after_reset=True), warnings.catch_warnings():
        # Letters that Matplotlib's font lacks are drawn by the browser.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield
