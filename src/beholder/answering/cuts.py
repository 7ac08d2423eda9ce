"""How much of the pictures to answer is cut off, so that a person hears of it: a network takes one size only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from beholder.data.pictures import measure
from beholder.data.sizes import Size, cut, cuts_in_words
from beholder.errors import PictureError

Given = TypeVar("Given")

_ALL, _EVERY = 256, 16  # so many pictures are all looked at, then one in sixteen: a header costs a hundredth of a photo


class Cuts:
    """What is cut of the pictures that go by, for a network that takes `target`, height and width in pixels."""

    def __init__(self, target: Size) -> None:
        self.target = target
        self.shares: list[float] = []

    def watch(self, pictures: Iterable[Given]) -> Iterator[Given]:
        """Let `pictures` through, and look at the first ones and at a sample of the others."""
        for row, picture in enumerate(pictures):
            if row < _ALL or row % _EVERY == 0:
                self.look_at(picture)
            yield picture

    def look_at(self, picture: Any) -> None:
        """Keep what is cut of one picture, as `Classifier.predict` takes them; nothing of one that cannot be read."""
        try:
            size = _size(picture)
        except PictureError:  # its answer will say so
            return
        if size is not None:
            self.shares.append(cut(size, self.target))

    def notes(self) -> list[str]:
        """A sentence where more than a tenth of some picture is cut; none otherwise."""
        told = cuts_in_words(self.shares, self.target)
        return [told] if told else []


def _size(picture: Any) -> Size | None:
    if isinstance(picture, np.ndarray):
        return (picture.shape[0], picture.shape[1]) if picture.ndim in (2, 3) and 0 not in picture.shape else None
    if isinstance(picture, str | Path):
        return measure(Path(picture))
    return measure(picture) if isinstance(picture, bytes) else None
