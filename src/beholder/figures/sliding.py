"""The window slides over the image while its output grows beside it: the frames of an animation."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from beholder import files
from beholder.figures.heading import MUTED, under_heading
from beholder.figures.lettering import fit_text, font_for
from beholder.figures.maps import EDGE
from beholder.figures.pixels import as_rgb, enlarged, window_image
from beholder.figures.sheet import INK, PAPER
from beholder.figures.spectrograms import BELOW, LEFT, SoundAxes, draw_axes

_FRAME = (217, 72, 15)  # of the window, on grey and on colour
_EMPTY = (232, 232, 228)  # padding, and what is not computed yet
_SIDE = 208  # pixels that the padded image has, about
_MIDDLE = 116  # pixels that the window has, at most
_BETWEEN = 30
_NARROWEST = 172  # pixels that the output has at least, for its label's sake
_EDGE = 3  # pixels of a frame that lie outside what it frames
_LABEL = 20
MOST_FRAMES = 52
_SINGLE, _ROWS = 14, 36  # frames: so many places one by one, then the rest of the rows in about so many
_FIRST, _STEP, _SWEEP, _LAST = 500, 280, 110, 2500  # milliseconds


@dataclass(frozen=True)
class Sliding:
    """What slides.

    Attributes:
        source: (H, W, C) float32, the image.
        before: rows and columns of zeros before it.
        padded: height and width with all zeros around it.
        window: (h, w, C) float32.
        sums: (H', W') float32, the output.
        stride: pixels that the window moves at a time.
        number: the window's, for its label.
        axes: of a spectrogram.
    """

    source: NDArray[np.float32]
    before: tuple[int, int]
    padded: tuple[int, int]
    window: NDArray[np.float32]
    sums: NDArray[np.float32]
    stride: int
    number: int
    axes: SoundAxes | None = None


def places(rows: int, columns: int) -> list[tuple[int, int]]:
    """The places (row, column) of the output that a frame ends at; the last is the output's last.

    A small output has a frame for each place; of a large one, the first places come one by one, then whole rows.
    """
    if rows * columns <= MOST_FRAMES:
        return [(row, column) for row in range(rows) for column in range(columns)]
    single = [(0, column) for column in range(min(columns, _SINGLE))]
    rest = [] if columns <= _SINGLE else [(0, columns - 1)]
    step = max(1, -(-(rows - 1) // _ROWS))
    ends = [(min(row, rows - 1), columns - 1) for row in range(step, rows - 1 + step, step)]
    return single + rest + ends


def frames(sliding: Sliding) -> tuple[list[Image.Image], list[int]]:
    """RGB images of one size, and how many milliseconds each stays."""
    rows, columns = sliding.sums.shape
    stops = places(rows, columns)
    title = f"Window {sliding.number} slides with stride {sliding.stride}"
    pixels = "1 pixel" if sliding.stride == 1 else f"{sliding.stride} pixels"
    text = (
        f"It moves {pixels} at a time. At each place, pixels times weights, all added up, are one pixel of the output."
    )
    shown = _Drawing(sliding)
    images = [under_heading(shown.frame(row, column), title, text) for row, column in stops]
    single = len(stops) if rows * columns <= MOST_FRAMES else min(columns, _SINGLE)
    durations = [_FIRST if index < 3 else _STEP if index < single else _SWEEP for index in range(len(images))]
    durations[-1] = _LAST
    return images, durations


def save_gif(images: Sequence[Image.Image], durations: Sequence[int], path: Path) -> None:
    """Write `images` to `path` as a GIF that repeats for ever, whole or not at all.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    palette = _palette(images[-1])
    indexed = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    buffer = io.BytesIO()
    indexed[0].save(
        buffer, "GIF", save_all=True, append_images=indexed[1:], duration=list(durations), loop=0, optimize=False
    )
    files.write_bytes(path, buffer.getvalue())


class _Drawing:
    """What stays the same from frame to frame, drawn once."""

    def __init__(self, sliding: Sliding) -> None:
        self.sliding = sliding
        self.cell = max(1, _SIDE // max(sliding.padded))
        self.input = _padded(sliding)  # (H, W, 3) uint8
        self.output = as_rgb(sliding.sums)  # (H', W', 3) uint8
        self.side = max(1, _MIDDLE // max(sliding.window.shape[:2]))
        self.window = enlarged(window_image(sliding.window), self.side)
        self.left = _EDGE if sliding.axes is None else LEFT
        self.middle = self.left + self.input.shape[1] * self.cell + _BETWEEN
        self.right = self.middle + max(self.window.width, _MIDDLE) + _BETWEEN
        width = self.right + max(self.output.shape[1] * self.cell, _NARROWEST)
        tallest = max(self.input.shape[0] * self.cell, 2 * self.window.height + 22 + _LABEL + 14)
        self.size = width + _EDGE, _LABEL + 12 + tallest + (_EDGE if sliding.axes is None else BELOW)

    def frame(self, row: int, column: int) -> Image.Image:
        """The window at `row` and `column` of the output, and all that it has computed so far."""
        image = Image.new("RGB", self.size, PAPER)
        draw = ImageDraw.Draw(image)
        top = _LABEL + 12
        height, width = self.sliding.window.shape[:2]
        y, x = row * self.sliding.stride, column * self.sliding.stride
        image.paste(enlarged(self.input, self.cell), (self.left, top))
        self._draw_axes(draw, top)
        _outline(draw, self.left + x * self.cell, top + y * self.cell, width * self.cell, height * self.cell)
        patch = enlarged(self.input[y : y + height, x : x + width], self.side)
        image.paste(patch, (self.middle, top))
        _outline(draw, self.middle, top, patch.width, patch.height)
        self._arithmetic(image, draw, top + patch.height, float(self.sliding.sums[row, column]))
        image.paste(enlarged(self._grown(row, column), self.cell), (self.right, top))
        _outline(draw, self.right + column * self.cell, top + row * self.cell, self.cell, self.cell)
        _label(draw, self.left, f"{_size(self.sliding.source)} input", self.middle - self.left - 8)
        _label(draw, self.middle, f"window {self.sliding.number}", self.right - self.middle - 8)
        _label(draw, self.right, f"{_size(self.sliding.sums)} output", self.size[0] - self.right)
        return image

    def _draw_axes(self, draw: ImageDraw.ImageDraw, top: int) -> None:
        """Around the spectrogram that lies within its padding."""
        if self.sliding.axes is not None:
            (above, before), (height, width) = self.sliding.before, self.sliding.source.shape[:2]
            place = self.left + before * self.cell, top + above * self.cell
            draw_axes(draw, self.sliding.axes, (*place, width * self.cell, height * self.cell), self.size[0])

    def _arithmetic(self, image: Image.Image, draw: ImageDraw.ImageDraw, foot: int, total: float) -> None:
        centre = self.middle + self.window.width / 2
        for rise in (-5, 5):  # a cross that every machine can draw, whatever its fonts
            draw.line((centre - 5, foot + 11 - rise, centre + 5, foot + 11 + rise), fill=MUTED, width=2)
        image.paste(self.window, (self.middle, foot + 22))
        draw.rectangle(
            (self.middle, foot + 22, self.middle + self.window.width - 1, foot + 21 + self.window.height), outline=EDGE
        )
        words = f"= {total:.2f}"
        draw.text((centre, foot + 22 + self.window.height + 26), words, fill=INK, font=font_for(words, 22), anchor="ms")

    def _grown(self, row: int, column: int) -> NDArray[np.uint8]:
        grown = np.empty_like(self.output)
        grown[:] = _EMPTY
        grown[:row] = self.output[:row]
        grown[row, : column + 1] = self.output[row, : column + 1]
        return grown


def _padded(sliding: Sliding) -> NDArray[np.uint8]:
    image = np.empty((*sliding.padded, 3), np.uint8)
    image[:] = _EMPTY
    (top, left), (height, width) = sliding.before, sliding.source.shape[:2]
    shown = sliding.source if sliding.source.shape[2] in (1, 3) else sliding.source.mean(axis=2, keepdims=True)
    image[top : top + height, left : left + width] = as_rgb(shown)
    return image


def _outline(draw: ImageDraw.ImageDraw, left: int, top: int, width: int, height: int) -> None:
    draw.rectangle((left - 2, top - 2, left + width + 1, top + height + 1), outline=_FRAME, width=3)


def _label(draw: ImageDraw.ImageDraw, left: int, text: str, width: int) -> None:
    font = font_for(text, _LABEL)
    draw.text((left, _LABEL), fit_text(text, font, width), fill=MUTED, font=font, anchor="ls")


def _size(array: NDArray[Any]) -> str:
    return f"{array.shape[1]} by {array.shape[0]}"


def _palette(last: Image.Image) -> Image.Image:
    """One palette for all frames: the colours of the last one, with those that cover little kept for certain."""
    few = last.quantize(247, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*few[: 3 * 247], *_FRAME, *_EMPTY, *PAPER, *INK, *MUTED, *EDGE])
    return palette
