"""How much of the images to answer is cut off, so that a person hears of it: a network takes one size only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from beholder.data.images.decode import read_size
from beholder.data.images.sizes import Size, cut, cuts_in_words
from beholder.errors import ImageError

_Image = TypeVar("_Image")

_ALL, _EVERY = 256, 16  # so many images are all looked at, then one in sixteen: a header costs a hundredth of a photo


class Cuts:
    """What is cut of the images that go by, for a network that takes `target`, height and width in pixels."""

    def __init__(self, target: Size) -> None:
        self.target = target
        self.shares: list[float] = []

    def watch(self, images: Iterable[_Image]) -> Iterator[_Image]:
        """Let `images` through, and look at the first ones and at a sample of the others."""
        for row, image in enumerate(images):
            if row < _ALL or row % _EVERY == 0:
                self.look_at(image)
            yield image

    def look_at(self, image: Any) -> None:
        """Keep what is cut of one image, as `Classifier.predict` takes them; nothing of one that cannot be read."""
        try:
            size = _size(image)
        except ImageError:  # its answer will say so
            return
        if size is not None:
            self.shares.append(cut(size, self.target))

    def notes(self) -> list[str]:
        """A sentence where more than a tenth of some image is cut; none otherwise."""
        told = cuts_in_words(self.shares, self.target)
        return [told] if told else []


def _size(image: Any) -> Size | None:
    if isinstance(image, np.ndarray):
        return (image.shape[0], image.shape[1]) if image.ndim in (2, 3) and 0 not in image.shape else None
    if isinstance(image, str | Path):
        return read_size(Path(image))
    return read_size(image) if isinstance(image, bytes) else None
