"""Whether the images of a folder are grey: measured on a sample, as the decoding rule shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from typing import Literal, TypeVar, get_args

import numpy as np

from beholder.arguments import one_of
from beholder.data.images.decode import ImageRules, decode, read_size
from beholder.data.images.fitting import DEFAULT_FIT, ImageFit
from beholder.data.images.headers import StoredImage
from beholder.data.images.places import Place
from beholder.errors import ImageError, UsageError

Colour = Literal["auto", "rgb", "grey"]
Mode = Literal["RGB", "L"]
_Value = TypeVar("_Value")

SAMPLE = 256  # images that are looked at
_MOST_PIXELS = 100_000_000  # of all of them together, so that large scans take a second and not ten
_LEAST_SAMPLE = 32  # images that are looked at however large they are
_SPREAD = 16  # between the channels of a pixel, of 255: more than JPEG adds to a grey one
_COLOURED = 0.001  # share of an image's pixels, from which it is coloured


def check_colour(colour: str) -> None:
    """Refuse what is no `Colour`.

    Raises:
        UsageError: see above.
    """
    if not one_of(colour, get_args(Colour)):
        raise UsageError(f"Expected a colour of {', '.join(get_args(Colour))}. Received: {colour!r}.")


def decide_mode(
    colour: Colour, place: Place, paths: Sequence[str], classes: Sequence[str], size: tuple[int, int], fit: ImageFit
) -> tuple[Mode, list[str]]:
    """The mode that the images of a folder are decoded to, and a sentence where that was measured and is grey.

    `auto` is grey where every image of a sample is. `paths` are in `place`, `classes` those of each image, and
    `size` is the height and width that they are decoded to, by `fit`.
    """
    if colour != "auto":
        return ("L" if colour == "grey" else "RGB"), []
    looked_at = 0
    pixels = 0
    for path in _sample(paths, classes):
        if looked_at >= _LEAST_SAMPLE and pixels > _MOST_PIXELS:
            break
        try:
            height, width = read_size(place.image(path))
            if is_coloured(place.image(path), size, fit):
                return "RGB", []
        except ImageError:  # counted when all are decoded
            continue
        pixels += height * width
        looked_at += 1
    if not looked_at:
        return "RGB", []
    which = f"All of {looked_at:,} images looked at" if looked_at < len(paths) else f"All {looked_at:,} images"
    return "L", [f"{which} are grey, so they have one channel; --colour rgb decides otherwise."]


def is_coloured(image: StoredImage | bytes, size: tuple[int, int], fit: ImageFit = DEFAULT_FIT) -> bool:
    """Whether one pixel in a thousand of an image file, decoded to `size` (height, width), is no shade of grey.

    Padding, which is grey, does not count as a part of it: where `fit` adds some, the image is stretched instead.

    Raises:
        ImageError: it cannot be read.
    """
    pixels = decode(image, ImageRules(*size, "RGB", "stretch" if fit == "pad" else fit))
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    return float(np.mean(spread > _SPREAD)) > _COLOURED


def _sample(paths: Sequence[str], classes: Sequence[str]) -> Iterator[str]:
    """Up to `SAMPLE` paths, of each class about as many, evenly spaced in it; the classes in turn."""
    of_class: dict[str, list[str]] = {}
    for path, name in zip(paths, classes, strict=True):
        of_class.setdefault(name, []).append(path)
    groups = _spread(list(of_class.values()), SAMPLE)
    turns = zip_longest(*(_spread(group, -(-SAMPLE // len(groups))) for group in groups))
    return islice((path for path in chain.from_iterable(turns) if path is not None), SAMPLE)


def _spread(values: Sequence[_Value], most: int) -> list[_Value]:
    count = min(most, len(values))
    return [values[index * len(values) // count] for index in range(count)]
