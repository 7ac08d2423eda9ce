"""A source whose images are resized, recoloured or fitted otherwise than they come."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from beholder.data.dataset import Dataset
from beholder.data.images.colour import Colour, check_colour
from beholder.data.images.decode import ImageRules, refit
from beholder.data.images.fit_words import fitting_in_words
from beholder.data.images.fitting import ImageFit, check_fit
from beholder.data.progress import Progress
from beholder.data.source import Reader, Source
from beholder.errors import UsageError


def refitted(source: Source, height: int | None, width: int | None, channels: int) -> Source:
    """`source` with images of `height` and `width`, in pixels (None: as they are), and of 1 or 3 `channels`.

    They get there by the source's `fit`. What that does to them stands in `source.later` once a set was read.
    """

    def read_one(read: Reader, progress: Progress) -> Dataset:
        before = read(progress)
        after = _refitted(before, height, width, channels, source.fit, progress)
        told = fitting_in_words([before.image_shape[:2]], after.image_shape[:2], source.fit)
        if told and told not in source.later:  # the same for every set
            source.later.append(told)
        return after

    return replace(source, readers={set_name: partial(read_one, read) for set_name, read in source.readers.items()})


def recoloured(source: Source, colour: Colour) -> Source:
    """`source` with images of 3 channels (`rgb`) or of 1 (`grey`); as they are for `auto`.

    Raises:
        UsageError: `colour` is none of these.
    """
    check_colour(colour)
    if colour == "auto":
        return source
    return replace(refitted(source, None, None, 1 if colour == "grey" else 3), colour=colour)


def fitted_by(source: Source, fit: ImageFit | None) -> Source:
    """`source`, of which a person said how images are fitted; None: they did not.

    Raises:
        UsageError: `fit` is none, or the source is a folder whose images were opened to be fitted otherwise.
    """
    if fit is None:
        return source
    check_fit(fit)
    if source.place is not None and source.fit != fit:
        raise UsageError(
            f"The images of {source.name!r} were opened with fit={source.fit!r}; open them with fit={fit!r}."
        )
    return replace(source, fit=fit, fit_said=True)


def _refitted(
    dataset: Dataset, height: int | None, width: int | None, channels: int, fit: ImageFit, progress: Progress
) -> Dataset:
    before = dataset.image_shape
    rules = ImageRules(height or before[0], width or before[1], "L" if channels == 1 else "RGB", fit)
    if rules.shape == before:
        return dataset
    images = np.empty((len(dataset), *rules.shape), np.uint8)
    for row, image in enumerate(dataset.images):
        images[row] = refit(image, rules)
        if row % 1024 == 0:
            progress("Resizing images", row, len(dataset))
    return replace(dataset, images=images)
