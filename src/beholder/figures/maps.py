"""Feature maps and windows as grids of small grey images, strongest first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from beholder.figures.heading import MUTED, under_heading
from beholder.figures.lettering import font_for
from beholder.figures.pixels import map_image, near_size, window_image
from beholder.figures.sheet import INK, PAPER

EDGE = (206, 206, 202)  # around a window, which may be as light as the paper
MOST_MAPS = 64  # maps or windows on a sheet
_COLUMNS = 8
_SIDE = 64  # pixels that a tile has, about; twice as many where there are few
_GAP = 8
_NUMBER = 20  # pixels
_CAPTION = 36  # pixels under a window: its number, and a bar as long as it is strong


def maps_sheet(maps: NDArray[np.float32], order: NDArray[np.int64], title: str, text: str) -> Image.Image:
    """The first 64 maps in `order`, each stretched from its own smallest value (black) to its largest (white).

    Args:
        maps: (H, W, K) float32.
        order: (K,) which map comes first.
        title: of the sheet.
        text: said under the title.

    Returns:
        An RGB image.
    """
    chosen = [map_image(maps[..., int(index)]) for index in order[:MOST_MAPS]]
    return under_heading(_grid([_tile(grey, len(chosen)) for grey in chosen], 0), title, text)


def windows_sheet(
    weights: NDArray[np.float32],
    order: NDArray[np.int64],
    strengths: NDArray[np.float32],
    title: str,
    text: str,
) -> Image.Image:
    """The first 64 windows in `order`, each with its number and a bar for its strength.

    Args:
        weights: (K, h, w, C) float32; windows on three channels are drawn in colour, others as their mean in grey.
        order: (K,) which window comes first.
        strengths: (K,) not negative; the largest has a bar as wide as its window.
        title: of the sheet.
        text: said under the title.

    Returns:
        An RGB image.
    """
    chosen = [int(index) for index in order[:MOST_MAPS]]
    tiles = [_tile(window_image(weights[index]), len(chosen)) for index in chosen]
    grid = _grid(tiles, _CAPTION)
    draw = ImageDraw.Draw(grid)
    largest = max(float(strengths.max()), 1e-12)
    for place, (index, tile) in enumerate(zip(chosen, tiles, strict=True)):
        left, foot = _corner(place, tiles, _CAPTION)
        draw.rectangle((left, foot, left + tile.width - 1, foot + tile.height - 1), outline=EDGE)
        foot += tile.height
        draw.text((left, foot + _NUMBER + 2), str(index), fill=INK, font=font_for("0", _NUMBER), anchor="ls")
        length = round((tile.width - 1) * float(strengths[index]) / largest)
        draw.rectangle((left, foot + _NUMBER + 7, left + length, foot + _NUMBER + 9), fill=MUTED)
    return under_heading(grid, title, text)


def _tile(image: NDArray[np.uint8], count: int) -> Image.Image:
    return near_size(image, 2 * _SIDE if count <= _COLUMNS // 2 else _SIDE)


def _grid(tiles: list[Image.Image], caption: int) -> Image.Image:
    right, foot = zip(*(_corner(place, tiles, caption) for place in range(len(tiles))), strict=True)
    grid = Image.new("RGB", (max(right) + tiles[0].width, max(foot) + tiles[0].height + caption), PAPER)
    for place, tile in enumerate(tiles):
        grid.paste(tile, _corner(place, tiles, caption))
    return grid


def _corner(place: int, tiles: list[Image.Image], caption: int) -> tuple[int, int]:
    row, column = divmod(place, _COLUMNS)
    return column * (tiles[0].width + _GAP), row * (tiles[0].height + caption + _GAP)
