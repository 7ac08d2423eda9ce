"""Training images are varied, so that a network learns what matters: small ones by a pixel, photographs more.

Cutting and scaling as in C. Szegedy et al., Going deeper with convolutions (2014), section 6.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.cores import usable_cores
from beholder.training.augmentation import Augmentation, SoundAugmentation
from beholder.training.varied_sounds import varied_sounds

_MIDDLE = 127.5  # of pixels; contrast is about it
_GREY = 127  # what is erased, and what lies outside an image that is turned
_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in grey; ITU-R BT.601
_ERASED = (0.02, 0.2)  # share of the area
_ALL = slice(None)


def varied(
    images: NDArray[np.uint8],
    how: Augmentation | SoundAugmentation,
    random: np.random.Generator,
    batch: int | None = None,
    share: slice = _ALL,
) -> NDArray[np.uint8]:
    """`images` (B, H, W, C), or spectrograms of sounds (B, H, W, 1), each varied in its own way.

    They are the `share` of a `batch` of so many images, and become what they would among all of it.
    """
    if isinstance(how, SoundAugmentation):
        return varied_sounds(images, how, random, batch, share)
    if how.shift:
        images = _shifted(images, how.shift, random, batch or len(images), share)
    if any(astuple(replace(how, shift=0.0))):
        drawn = random.random((batch or len(images), _NUMBERS))[share]
        images = np.stack(list(_threads().map(partial(_photographed, how=how), images, drawn)))
    return images


@cache
def _threads() -> ThreadPoolExecutor:
    """One pool for all batches; Pillow lets go of the interpreter while it computes."""
    return ThreadPoolExecutor(usable_cores())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a forked process has the pool, but not its threads


def _shifted(
    images: NDArray[np.uint8], most: float, random: np.random.Generator, batch: int, share: slice
) -> NDArray[np.uint8]:
    """Each moved by up to `most` of its short side (2 pixels of 32), edges reflected."""
    count, height, width, _ = images.shape
    reach = min(max(1, int(min(height, width) * most)), min(height, width) - 1)
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    down, right = random.integers(2 * reach + 1, size=(2, batch))[:, share]
    return np.ascontiguousarray(windows[np.arange(count), down, right].transpose(0, 2, 3, 1))


# One image: what is drawn for it, each of 0 to 1, and what becomes of it.
_CUT, _ACROSS, _DOWN, _TURN, _BRIGHT, _CONTRAST, _COLOUR, _ERASE, _LEFT, _TOP, _AREA, _NUMBERS = range(12)


def _photographed(image: NDArray[np.uint8], drawn: NDArray[np.float64], how: Augmentation) -> NDArray[np.uint8]:
    height, width, channels = image.shape
    seen = Image.fromarray(image[..., 0] if channels == 1 else image)
    if how.rotate:
        seen = _turned(seen, drawn, how)
    elif how.crop:
        box = _window(width, height, drawn, how)
        seen = seen.resize((width, height), Image.Resampling.BILINEAR, box=box)
    if how.brightness or how.contrast or how.colour:
        seen = _lit(seen, drawn, how)
    pixels = np.asarray(seen).reshape(image.shape)
    return _erased(pixels, drawn) if drawn[_ERASE] < how.erase else pixels


def _window(
    width: int, height: int, drawn: NDArray[np.float64], how: Augmentation
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a part of an image, of its proportions."""
    side = np.sqrt(1 - how.crop * drawn[_CUT])
    left, top = (1 - side) * drawn[_ACROSS] * width, (1 - side) * drawn[_DOWN] * height
    return left, top, min(left + side * width, width), min(top + side * height, height)


def _turned(seen: Image.Image, drawn: NDArray[np.float64], how: Augmentation) -> Image.Image:
    """Cut, and turned about the middle of what is left, in one go."""
    left, top, right, bottom = _window(*seen.size, drawn, how)
    angle, scale = np.radians(_spread(drawn[_TURN], how.rotate)), (right - left) / seen.width
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    across, down = (left + right) / 2, (top + bottom) / 2
    x, y = seen.width / 2, seen.height / 2
    matrix = (cosine, sine, across - cosine * x - sine * y, -sine, cosine, down + sine * x - cosine * y)
    fill: Any = _GREY if seen.mode == "L" else (_GREY,) * 3
    return seen.transform(seen.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=fill)


def _lit(seen: Image.Image, drawn: NDArray[np.float64], how: Augmentation) -> Image.Image:
    """Of another brightness, contrast and colour: one product with a matrix."""
    bright, contrast = 1 + _spread(drawn[_BRIGHT], how.brightness), 1 + _spread(drawn[_CONTRAST], how.contrast)
    slope, start = bright * contrast, bright * (1 - contrast) * _MIDDLE
    if seen.mode == "L":
        return seen.point([min(max(round(slope * value + start), 0), 255) for value in range(256)])
    colour = 1 + _spread(drawn[_COLOUR], how.colour)
    rows = [
        [slope * ((1 - colour) * share + colour * (own == other)) for other, share in enumerate(_LUMA)]
        for own in range(3)
    ]
    return seen.convert("RGB", tuple(value for row in rows for value in (*row, start)))


def _erased(pixels: NDArray[np.uint8], drawn: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Without a rectangle of its proportions. Source: Z. Zhong et al., Random erasing data augmentation (2017)."""
    height, width, _ = pixels.shape
    least, most = _ERASED
    side = np.sqrt(least + (most - least) * drawn[_AREA])
    top, left = int((1 - side) * height * drawn[_TOP]), int((1 - side) * width * drawn[_LEFT])
    covered = pixels.copy()
    covered[top : top + max(1, round(side * height)), left : left + max(1, round(side * width))] = _GREY
    return covered


def _spread(drawn: float, most: float) -> float:
    """From 0 … 1 to -most … most."""
    return (2 * drawn - 1) * most
