"""Spectrograms for people: with seconds below them and hertz at their side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from beholder.figures.heading import MUTED
from beholder.figures.lettering import font_for
from beholder.figures.pixels import as_rgb
from beholder.figures.sheet import PAPER, contact_sheet

_HEIGHT = 128  # pixels of a spectrogram: two a band
_NARROWEST, _WIDEST = 128, 320
_LETTERS = 12
LEFT, BELOW, _ABOVE, _TICK = 48, 20, 6, 4  # pixels around a spectrogram; those above hold half a letter
_OCTAVES = (125, 250, 500, 1000, 2000, 4000, 8000)  # hertz that are named, as far as they are apart
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)  # seconds from one that is named to the next
_APART = 16  # pixels that two names of pitch have between them
_APART_IN_TIME = 44


@dataclass(frozen=True, eq=False)
class SoundAxes:
    """What the rows and columns of a spectrogram are.

    Attributes:
        seconds: that its columns take together.
        hertz: (H,) the pitch of each row, the highest first.
        start: seconds into its sound at which the first column is; below 0 where silence lies before it.
    """

    seconds: float
    hertz: NDArray[np.float64]
    start: float = 0.0


def spectrogram_sheet(
    images: Sequence[NDArray[np.uint8]], titles: Sequence[str], axes: SoundAxes, *, columns: int
) -> Image.Image:
    """As `contact_sheet`, of spectrograms (H, W, 1) with their axes."""
    tiles = [np.asarray(with_axes(drawn(image), axes)) for image in images]
    return contact_sheet(tiles, titles, columns=columns, scale=1)


def drawn(image: NDArray[np.uint8]) -> Image.Image:
    """A spectrogram (H, W, 1) in RGB at the size at which it is shown: as wide as it is long, within limits."""
    loaded = Image.fromarray(as_rgb(image))
    width = min(max(2 * loaded.width, _NARROWEST), _WIDEST)
    smaller = width < loaded.width
    return loaded.resize((width, _HEIGHT), Image.Resampling.BOX if smaller else Image.Resampling.NEAREST)


def with_axes(figure: Image.Image, axes: SoundAxes) -> Image.Image:
    """`figure` (RGB), which shows a spectrogram, on paper with seconds below it and hertz at its left."""
    page = Image.new("RGB", (LEFT + figure.width + _ABOVE, _ABOVE + figure.height + BELOW), PAPER)
    page.paste(figure, (LEFT, _ABOVE))
    draw_axes(ImageDraw.Draw(page), axes, (LEFT, _ABOVE, figure.width, figure.height), page.width)
    return page


def draw_axes(draw: ImageDraw.ImageDraw, axes: SoundAxes, box: tuple[int, int, int, int], most: int) -> None:
    """Name hertz and seconds around a spectrogram that is drawn at `box`: left, top, width and height.

    There are `LEFT` pixels at its left and `BELOW` below it; no name goes beyond `most` pixels from the left.
    """
    left, top, width, height = box
    for hertz, y in pitch_ticks(axes.hertz, height):
        text = f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz"
        draw.line((left - _TICK, top + y, left - 1, top + y), fill=MUTED)
        draw.text((left - _TICK - 2, top + y), text, fill=MUTED, font=font_for(text, _LETTERS), anchor="rm")
    foot = top + height
    for seconds, x in time_ticks(axes, width):
        text = f"{seconds:g} s"
        draw.line((left + x, foot, left + x, foot + _TICK - 1), fill=MUTED)
        room = font_for(text, _LETTERS).getlength(text) / 2
        place = (min(max(left + x, room), most - room), foot + BELOW - 3)
        draw.text(place, text, fill=MUTED, font=font_for(text, _LETTERS), anchor="ms")


def pitch_ticks(hertz: NDArray[np.float64], height: int) -> list[tuple[int, int]]:
    """Which hertz are named beside a figure of so many pixels, and how far below its top; the highest first."""
    centres = (np.arange(len(hertz)) + 0.5) * height / len(hertz)
    ticks: list[tuple[int, int]] = []
    for named in reversed(_OCTAVES):
        if hertz[-1] <= named <= hertz[0]:
            y = round(float(np.interp(named, hertz[::-1], centres[::-1])))
            if not ticks or y - ticks[-1][1] >= _APART:
                ticks.append((named, y))
    return ticks


def time_ticks(axes: SoundAxes, width: int) -> list[tuple[float, int]]:
    """Which seconds are named below a figure of so many pixels, and how far from its left, from left to right."""
    step = next((one for one in _STEPS if one / axes.seconds * width >= _APART_IN_TIME), _STEPS[-1])
    first, last = np.ceil(axes.start / step - 1e-9), np.floor((axes.start + axes.seconds) / step + 1e-9)
    seconds = [round(float(number * step), 2) + 0.0 for number in np.arange(first, last + 1)]
    return [(one, min(round((one - axes.start) / axes.seconds * width), width - 1)) for one in seconds]
