"""What to tell of images to answer: how much of them is cut, padded or stretched away, and which lack their ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from beholder.answering.prediction import Prediction
from beholder.data.decoding import Rules, kind_of, lacks_end
from beholder.data.images.decode import read_size_and_end
from beholder.data.images.endings import endings_in_words
from beholder.data.images.fit_words import misfit, misfits_in_words
from beholder.data.images.sizes import Size
from beholder.data.sounds.rules import SoundRules
from beholder.errors import ImageError

_Image = TypeVar("_Image")

_ALL, _EVERY = 256, 16  # so many images are all looked at, then one in sixteen: a header costs a hundredth of a photo


class Misfits:
    """How images that go by fit a network, which takes them by `rules`; of sounds only whether their ends lack."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.shares: list[float] = []
        self.endless: list[str] = []

    def watch(self, images: Iterable[_Image]) -> Iterator[_Image]:
        """Let `images` through, and look at the first ones and at a sample of the others."""
        for row, image in enumerate(images):
            self._look(image, measured=row < _ALL or row % _EVERY == 0)
            yield image

    def answered(self, predictions: Iterable[Prediction]) -> Iterator[Prediction]:
        """Let the answers to the images through; nothing is told of those that were refused."""
        for prediction in predictions:
            if prediction.error is not None and prediction.path in self.endless:
                self.endless.remove(prediction.path)
            yield prediction

    def look_at(self, image: Any) -> None:
        """Keep how one image fits, as `Classifier.predict` takes them; nothing of one that cannot be read."""
        self._look(image, measured=True)

    def _look(self, image: Any, *, measured: bool) -> None:
        size: Size | None = None
        endless = False
        measured = measured and not isinstance(self.rules, SoundRules)
        if isinstance(image, np.ndarray):
            size = _array_size(image) if measured else None
        elif isinstance(image, str | Path | bytes):
            stored = Path(image) if isinstance(image, str) else image
            with suppress(ImageError):  # its answer will say so
                size, endless = read_size_and_end(stored) if measured else (None, lacks_end(stored, self.rules))
        if size is not None:
            self.shares.append(misfit(size, self.rules.shape[:2]))
        if endless:
            self.endless.append("-" if isinstance(image, bytes) else str(image))

    def notes(self) -> list[str]:
        """A sentence where more than a tenth of some image is cut, padded or stretched away, one of ends that lack."""
        ends = endings_in_words(self.endless, kind_of(self.rules))
        if isinstance(self.rules, SoundRules):
            return [ends] if ends else []
        told = misfits_in_words(self.shares, self.rules.shape[:2], self.rules.fit), ends
        return [sentence for sentence in told if sentence]


def _array_size(image: NDArray[Any]) -> Size | None:
    return (image.shape[0], image.shape[1]) if image.ndim in (2, 3) and 0 not in image.shape else None
