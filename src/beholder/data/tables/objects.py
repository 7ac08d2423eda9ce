"""Images that are objects in a column of a table in Python: of Pillow, bytes of a file, arrays, or paths."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.data.dataset import Dataset
from beholder.data.folders.reading import Reading
from beholder.data.images.decode import ImageRules, decode_and_look_at_end, decode_array, decode_opened, read_size
from beholder.data.images.endings import endings_in_words
from beholder.data.images.fit_words import fitting_in_words
from beholder.data.images.sizes import Size, choose_canvas
from beholder.data.progress import Progress
from beholder.data.source import Source, once
from beholder.data.tables.order import in_order
from beholder.errors import DataError, ImageError

_SAMPLE = 256  # images that are looked at before all are read
_RGB = "colour='rgb' decides otherwise"
_GREY_MODES = ("1", "L", "LA", "I", "I;16", "F")


@dataclass(frozen=True)
class LabelledObjects:
    """The images of one set and their labels as texts, one each; `where` is what a person knows them as.

    Raises:
        DataError: there is not one label for each.
    """

    images: Sequence[Any]
    labels: Sequence[str]
    where: str

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise DataError(
                f"Expected one label for each image in {self.where}. Received: {len(self.labels):,} for "
                f"{len(self.images):,}."
            )


def open_objects(sets: Mapping[str, LabelledObjects], where: str, reading: Reading) -> Source:
    """The source of images that are in memory already; each set is brought to one size when it is read.

    Rows without a label, and images that cannot be read, are left out, counted and told.

    Args:
        sets: by `train`, `validation` and `test`, or `all`.
        where: what a person calls them.
        reading: how the images are read.

    Raises:
        DataError: there are none, they are nothing of that kind, or there is one class only.
    """
    given = next(sets[set_name] for set_name in ("train", "all", "test", "validation") if set_name in sets)
    class_names = in_order(label for label in given.labels if label)
    if len(class_names) < 2:
        raise DataError(f"All images of {where} have the same label; give images of at least two classes.")
    sample = [given.images[place] for place in range(0, len(given.images), max(1, len(given.images) // _SAMPLE))]
    sizes = [size for size in map(_size, sample) if size is not None]
    if not sizes:
        raise DataError(f"None of the images in {where} can be read; give images of Pillow, bytes, arrays or paths.")
    height, width = reading.canvas or choose_canvas(sizes)
    grey = reading.colour == "grey" or (reading.colour == "auto" and all(map(_is_grey, sample)))
    rules = ImageRules(height, width, "L" if grey else "RGB", reading.by)
    notes = [fitting_in_words(sizes, (height, width), reading.by)]
    if grey and reading.colour == "auto":
        notes.append(f"All of {len(sample):,} images looked at are grey, so they have one channel; {_RGB}.")
    source = Source(where, class_names, {}, tuple(note for note in notes if note), fit=reading.by)
    readers: Any = source.readers
    for set_name, one in sets.items():
        readers[set_name] = once(partial(_read, source, set_name, one, rules))
    return source


def _read(source: Source, set_name: str, given: LabelledObjects, rules: ImageRules, progress: Progress) -> Dataset:
    """The images of a set in one size, with their labels; named by set and row."""
    known = {name: label for label, name in enumerate(source.class_names)}
    images = np.empty((len(given.images), *rules.shape), np.uint8)
    labels: list[int] = []
    names: list[str] = []
    unlabelled, endless = 0, list[str]()
    for row, (image, label) in enumerate(zip(given.images, given.labels, strict=True)):
        name = f"{set_name}/{row:05d}"
        if not label:
            unlabelled += 1
        elif label not in known:
            raise DataError(
                f"{name!r} of {given.where} has the label {label!r}, which no training image has; leave its images out."
            )
        else:
            try:
                images[len(names)], lacks_end = _pixels(image, rules)
            except ImageError as error:
                failure = {"path": name, "error": str(error)}
                source.skipped.extend([failure] if failure not in source.skipped else [])
                continue
            labels.append(known[label])
            names.append(name)
            endless += [name] if lacks_end else []
        if row % 256 == 0:
            progress("Reading images", row, len(given.images))
    progress("Reading images", len(given.images), len(given.images))
    left_out = f"{unlabelled:,} rows of {given.where} have no label and are left out." if unlabelled else None
    told = [sentence for sentence in (left_out, endings_in_words(endless)) if sentence]
    source.later.extend(sentence for sentence in told if sentence not in source.later)
    return Dataset(images[: len(names)], np.array(labels, np.int64), source.class_names, names)


def _unwrapped(image: Any) -> Any:
    """An image of Hugging Face that is not decoded is a dict of its bytes, or of its path."""
    if isinstance(image, Mapping) and {"bytes", "path"} & image.keys():
        return image.get("bytes") or image.get("path")
    return image


def _pixels(image: Any, rules: ImageRules) -> tuple[NDArray[np.uint8], bool]:
    """The image in its size, and whether it is a file that lacks its end."""
    image = _unwrapped(image)
    if isinstance(image, Image.Image):
        return decode_opened(image, rules), False
    if isinstance(image, bytes | bytearray):
        return decode_and_look_at_end(bytes(image), rules)
    if isinstance(image, str | os.PathLike):
        return decode_and_look_at_end(Path(image), rules)
    try:
        array = np.asarray(image)
    except ValueError as error:
        raise ImageError(
            "These rows do not form an array; give an image of Pillow, bytes, an array or a path."
        ) from error
    if array.dtype.kind not in "biuf":
        raise ImageError(f"Expected an image of Pillow, bytes, an array or a path. Received: {type(image).__name__}.")
    return decode_array(array, rules), False


def _size(image: Any) -> Size | None:
    """Height and width; None where that cannot be told."""
    image = _unwrapped(image)
    if isinstance(image, Image.Image):
        return image.height, image.width
    try:
        if isinstance(image, bytes | bytearray):
            return read_size(bytes(image))
        if isinstance(image, str | os.PathLike):
            return read_size(Path(image))
        shape = np.shape(image)
    except (ImageError, ValueError):
        return None
    return (shape[0], shape[1]) if len(shape) in (2, 3) else None


def _is_grey(image: Any) -> bool:
    image = _unwrapped(image)
    if isinstance(image, Image.Image):
        return image.mode in _GREY_MODES
    if isinstance(image, bytes | bytearray | str | os.PathLike):
        return False
    shape = np.shape(image)
    return len(shape) == 2 or (len(shape) == 3 and shape[2] == 1)
