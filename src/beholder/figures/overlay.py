"""Where the network looked: heat on the image, and the image beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from beholder.figures.heading import MUTED, under_heading
from beholder.figures.lettering import font_for
from beholder.figures.pixels import near_size
from beholder.figures.sheet import PAPER
from beholder.figures.spectrograms import SoundAxes, drawn, with_axes

_SIDE = 272  # pixels that the image's long side has, about
_GAP = 20
_LEGEND = 40
_STRONGEST = 0.8  # how much of the image the greatest heat covers
# From little to much, as (share, red, green, blue): lightness rises all the way, so that it reads without colour too.
_RAMP = np.array([(0.0, 96, 24, 60), (0.4, 200, 60, 32), (0.75, 248, 152, 32), (1.0, 255, 232, 112)])


def overlay(
    image: NDArray[np.uint8],
    heat: NDArray[np.float32],
    title: str,
    text: str,
    *,
    least: float = 0.0,
    axes: SoundAxes | None = None,
) -> Image.Image:
    """The image, and beside it the same in grey under the heat.

    Args:
        image: (H, W, 1 or 3) uint8.
        heat: (h, w) float32 over the whole image, of any resolution; what is not positive is not drawn.
        title: of the figure.
        text: said under the title.
        least: the greatest heat is drawn as if it were at least this, so that next to nothing does not look like much.
        axes: of a spectrogram.

    Returns:
        An RGB image.
    """
    plain = near_size(image, _SIDE) if axes is None else drawn(image)
    grey = plain.convert("L").convert("RGB")
    layer = heat_layer(heat, plain.size, least)
    cover = layer[..., 3:] / 255  # (H, W, 1)
    mixed = np.asarray(grey) * (1 - cover) * 0.9 + layer[..., :3] * cover
    glowing = Image.fromarray(mixed.round().astype(np.uint8))
    if axes is not None:
        plain, glowing = with_axes(plain, axes), with_axes(glowing, axes)
    figure = Image.new("RGB", (2 * plain.width + _GAP, plain.height + _LEGEND), PAPER)
    figure.paste(plain, (0, 0))
    figure.paste(glowing, (plain.width + _GAP, 0))
    _draw_legend(figure, plain.width + _GAP, plain.height + 12, plain.width)
    return under_heading(figure, title, text)


def heat_layer(heat: NDArray[np.float32], size: tuple[int, int], least: float = 0.0) -> NDArray[np.uint8]:
    """`heat` at `size` (width, height) as a layer to lay on the image: (height, width, 4) uint8, colours and cover.

    Where the heat is not positive the layer is transparent; the greatest covers four fifths of what is under it.
    """
    share = shares(heat, size, least)
    colours = _colours(share)
    cover = 255 * _STRONGEST * share[..., np.newaxis] ** 0.75
    return np.concatenate([colours, cover], axis=-1).round().astype(np.uint8)


def shares(heat: NDArray[np.float32], size: tuple[int, int], least: float = 0.0) -> NDArray[np.float32]:
    """`heat` at `size` (width, height) without steps, as shares of its greatest value: (height, width), 0 to 1."""
    greatest = max(float(heat.max()), least)
    if not greatest > 0:
        return np.zeros((size[1], size[0]), np.float32)
    positive = Image.fromarray(np.maximum(heat, 0) / np.float32(greatest))
    smooth: NDArray[np.float32] = np.asarray(positive.resize(size, Image.Resampling.BICUBIC))
    return np.clip(smooth, 0, 1)


def _colours(share: NDArray[Any]) -> NDArray[np.float64]:
    """The colours of the ramp for shares of any shape (…): (…, 3), 0 to 255."""
    return np.stack([np.interp(share, _RAMP[:, 0], _RAMP[:, channel]) for channel in (1, 2, 3)], axis=-1)


def _draw_legend(figure: Image.Image, left: int, top: int, width: int) -> None:
    draw = ImageDraw.Draw(figure)
    font = font_for("little", 17)
    start, end = left + font.getlength("little") + 8, left + width - font.getlength("much") - 8
    draw.text((left, top + 6), "little", fill=MUTED, font=font, anchor="lm")
    draw.text((left + width, top + 6), "much", fill=MUTED, font=font, anchor="rm")
    ramp = _colours(np.linspace(0, 1, round(end - start))).round().astype(np.uint8)  # (W, 3)
    figure.paste(Image.fromarray(np.tile(ramp, (13, 1, 1))), (round(start), top))
