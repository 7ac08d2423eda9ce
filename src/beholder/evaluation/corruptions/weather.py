"""Weather before the lens: snow, frost, fog, and a sun that is too bright."""

from __future__ import annotations

import numpy as np

from beholder.evaluation.corruptions.blur import motion_blur, zoomed
from beholder.evaluation.corruptions.noise import Floats

_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # brightness of red, green and blue, ITU-R BT.601


def snow(
    images: Floats,
    random: np.random.Generator,
    *,
    mean: float,
    deviation: float,
    size: float,
    threshold: float,
    length: float,
    smear: float,
    clear: float,
) -> Floats:
    """Flakes that fall in streaks, over an image of which the share `clear` keeps its colour and contrast.

    Flakes of this `size` are normal numbers of this `mean` and `deviation` above a `threshold`; each is smeared as
    `motion_blur` does it, by a `length` and, as its deviation, `smear`.
    """
    count, height, width, _ = images.shape
    flakes = np.float32(mean) + np.float32(deviation) * random.standard_normal((count, height, width, 1), np.float32)
    flakes = zoomed(flakes, max(1.0, size))
    flakes = np.where(flakes < threshold, np.float32(0), flakes.clip(0, 1))
    flakes = motion_blur(flakes, random, length=length, deviation=smear, middle=-90)
    pale = np.maximum(images, _grey(images) * 1.5 + 0.5)
    # The same flakes upside down make a second layer.
    hazy = np.float32(clear) * images + np.float32(1 - clear) * pale
    return np.asarray(hazy + flakes + flakes[:, ::-1, ::-1])


def frost(images: Floats, random: np.random.Generator, *, clear: float, ice: float) -> Floats:
    """Ice on the pane.

    The benchmark lays photographs of frost over an image. They are not ours to ship, so that ice is drawn: bright
    ridges where a fractal passes its middle, on a ground whose brightness differs from image to image. Its
    figures are therefore not those of the published images. `clear` is the share of the image, `ice` that of the ice.
    """
    count, height, width, channels = images.shape
    heights = fractal(random, count, height, width, smoothness=1.6)
    ridges = (1 - np.abs(2 * heights - 1)) ** 3
    ground = random.uniform(0.2, 0.6, (count, 1, 1, 1)).astype(np.float32)
    tint = np.array([0.9, 0.97, 1.0], np.float32) if channels == 3 else np.ones(1, np.float32)
    pane = tint * (ground + (1 - ground) * ridges[..., None])
    return np.asarray(np.float32(clear) * images + np.float32(ice) * pane)


def fog(images: Floats, random: np.random.Generator, *, thickness: float, smoothness: float) -> Floats:
    """Banks of fog, see `fractal`, of a `thickness` in units of the image's range, under which contrast goes."""
    count, height, width, _ = images.shape
    brightest = images.max(axis=(1, 2, 3), keepdims=True)
    banks = np.float32(thickness) * fractal(random, count, height, width, smoothness=smoothness)[..., None]
    return np.asarray((images + banks) * brightest / (brightest + np.float32(thickness)))


def brightness(images: Floats, *, added: float) -> Floats:
    """More light: the value of hue, saturation and value is raised by `added`, the others stay."""
    value = images.max(axis=3, keepdims=True)
    raised = (value + np.float32(added)).clip(0, 1)
    # Equal hue and saturation mean equal ratios of the channels; black has none and becomes grey.
    return np.asarray(np.where(value > 0, images * (raised / np.maximum(value, np.float32(1e-6))), raised))


def fractal(random: np.random.Generator, count: int, height: int, width: int, *, smoothness: float) -> Floats:
    """Landscapes of hills upon hills, by the diamond-square algorithm (Fournier, Fussell and Carpenter 1982).

    Hills of half the width have `smoothness` squared times less height. (count, height, width) float32, cut from
    squares whose lowest point is 0 and whose highest is 1.
    """
    side = 1 << (max(height, width, 2) - 1).bit_length()
    land = np.zeros((count, side, side), np.float32)
    step, hill = side, np.float32(1)
    while step >= 2:
        half = step // 2
        corners = land[:, ::step, ::step]
        # The land is a torus: what leaves it on one side comes in on the other.
        square = corners + np.roll(corners, -1, 1)
        square = (square + np.roll(square, -1, 2)) / 4
        middles = square + hill * _uniform(random, corners.shape)
        land[:, half::step, half::step] = middles
        beside = (middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 2)) / 4
        land[:, ::step, half::step] = beside + hill * _uniform(random, corners.shape)
        below = (middles + np.roll(middles, 1, 2) + corners + np.roll(corners, -1, 1)) / 4
        land[:, half::step, ::step] = below + hill * _uniform(random, corners.shape)
        step, hill = half, hill / np.float32(smoothness**2)
    land -= land.min(axis=(1, 2), keepdims=True)
    land /= land.max(axis=(1, 2), keepdims=True)
    return land[:, :height, :width]


def _uniform(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return 2 * random.random(shape, np.float32) - 1


def _grey(images: Floats) -> Floats:
    return images if images.shape[3] == 1 else (images @ _GREY)[..., None]
