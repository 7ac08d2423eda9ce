"""Feature maps and windows as grids of small grey images, strongest first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from beholder.figures.heading import MUTED, under_heading
from beholder.figures.lettering import font_for
from beholder.figures.sheet import INK, PAPER, stretched

EDGE = (206, 206, 202)  # around a window, which may be as light as the paper
MOST = 64  # maps or windows on a sheet
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
    chosen = [_shown(maps[..., int(index)]) for index in order[:MOST]]
    return under_heading(_grid([_tile(grey, len(chosen)) for grey in chosen], 0), title, text)


def _shown(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A map that is zero everywhere is black: it says nothing."""
    return stretched(values.astype(np.float64)) if values.any() else np.zeros(values.shape, np.uint8)


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
    chosen = [int(index) for index in order[:MOST]]
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


def window_image(window: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A window (h, w, C) as (h, w, 1 or 3) uint8: mid-grey is 0, white its largest weight, black minus that."""
    if window.shape[2] != 3:
        window = window.mean(axis=2, keepdims=True)
    largest = max(float(np.abs(window).max()), 1e-12)
    image: NDArray[np.uint8] = np.rint(127.5 + 127.5 * window / largest).astype(np.uint8)
    return image


def enlarged(image: NDArray[np.uint8], factor: int) -> Image.Image:
    """(H, W) or (H, W, 1 or 3) uint8 as an RGB image, each pixel a square of `factor` pixels."""
    array = image if image.ndim == 3 else image[..., np.newaxis]
    rgb = np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))
    loaded = Image.fromarray(rgb)
    return loaded.resize((loaded.width * factor, loaded.height * factor), Image.Resampling.NEAREST)


def _tile(image: NDArray[np.uint8], count: int) -> Image.Image:
    side = 2 * _SIDE if count <= _COLUMNS // 2 else _SIDE
    longest, most = max(image.shape[:2]), 1.2 * side
    factor = round(side / longest)
    loaded = enlarged(image, max(1, factor if longest * factor <= most else factor - 1))
    if longest > most:
        loaded.thumbnail((side, side), Image.Resampling.BOX)
    return loaded


def _grid(tiles: list[Image.Image], caption: int) -> Image.Image:
    right, foot = zip(*(_corner(place, tiles, caption) for place in range(len(tiles))), strict=True)
    grid = Image.new("RGB", (max(right) + tiles[0].width, max(foot) + tiles[0].height + caption), PAPER)
    for place, tile in enumerate(tiles):
        grid.paste(tile, _corner(place, tiles, caption))
    return grid


def _corner(place: int, tiles: list[Image.Image], caption: int) -> tuple[int, int]:
    row, column = divmod(place, _COLUMNS)
    return column * (tiles[0].width + _GAP), row * (tiles[0].height + caption + _GAP)
