"""How much of the images to answer is cut, padded or stretched, for a person to hear: a network takes one size only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from beholder.data.images.decode import ImageRules, read_size
from beholder.data.images.fit_words import misfit, misfits_in_words
from beholder.data.images.sizes import Size
from beholder.errors import ImageError

_Image = TypeVar("_Image")

_ALL, _EVERY = 256, 16  # so many images are all looked at, then one in sixteen: a header costs a hundredth of a photo


class Misfits:
    """How images that go by fit a network, which takes them by `rules`."""

    def __init__(self, rules: ImageRules) -> None:
        self.rules = rules
        self.shares: list[float] = []

    def watch(self, images: Iterable[_Image]) -> Iterator[_Image]:
        """Let `images` through, and look at the first ones and at a sample of the others."""
        for row, image in enumerate(images):
            if row < _ALL or row % _EVERY == 0:
                self.look_at(image)
            yield image

    def look_at(self, image: Any) -> None:
        """Keep how one image fits, as `Classifier.predict` takes them; nothing of one that cannot be read."""
        try:
            size = _size(image)
        except ImageError:  # its answer will say so
            return
        if size is not None:
            self.shares.append(misfit(size, self.rules.shape[:2]))

    def notes(self) -> list[str]:
        """A sentence where more than a tenth of some image is cut, padded or stretched away; none otherwise."""
        told = misfits_in_words(self.shares, self.rules.shape[:2], self.rules.fit)
        return [told] if told else []


def _size(image: Any) -> Size | None:
    if isinstance(image, np.ndarray):
        return (image.shape[0], image.shape[1]) if image.ndim in (2, 3) and 0 not in image.shape else None
    if isinstance(image, str | Path):
        return read_size(Path(image))
    return read_size(image) if isinstance(image, bytes) else None
