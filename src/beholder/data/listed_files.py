"""Files that a person lists in Python, with a label each, as a `Dataset`: in their order, and all of them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from beholder.addresses import at_home
from beholder.data.arrays import classes_of
from beholder.data.cache_folder import default_cache
from beholder.data.dataset import Dataset
from beholder.data.folders.how import Reading
from beholder.data.folders.listing import Listing
from beholder.data.folders.one_kind import of_one_kind
from beholder.data.folders.reading import way_of
from beholder.data.images.cache import ImageFiles
from beholder.data.images.colour import Colour, check_colour
from beholder.data.images.endings import endings_in_words
from beholder.data.images.fitting import ImageFit
from beholder.data.images.places import Folder
from beholder.data.progress import Progress
from beholder.errors import DataError


def dataset_of_files(
    paths: Iterable[str | os.PathLike[str]],
    labels: Iterable[Any],
    class_names: Sequence[str] | None,
    size: tuple[int, int] | None,
    colour: Colour,
    fit: ImageFit | None,
    seconds: float | None,
    cache: Path | None,
    progress: Progress,
) -> Dataset:
    """See `Dataset.from_files`."""
    names = [_path(path, row) for row, path in enumerate(_listed(paths, "paths"))]
    values = _labels(_listed(labels, "labels"))
    if len(names) != len(values):
        raise DataError(f"Expected one label for each of {len(names):,} paths. Received: {len(values):,} labels.")
    if not names:
        raise DataError("Expected the paths of images or of sounds. Received: none.")
    indices, known = classes_of(values, None if class_names is None else list(class_names), "labels")
    check_colour(colour)
    place = Folder(Path.cwd(), whole=False)
    listed = Listing(place, "files", "", known, names, [known[label] for label in indices])
    listing = of_one_kind({"files": listed}, "The list of paths")["files"]
    reading = Reading(cache or default_cache(), size, colour, fit, seconds=seconds)
    reading.check_kind("the list of paths", listing.kind)
    way = way_of(listing.kind)(place, [listing], reading)
    loaded = way.load(ImageFiles(place, "files", names), cache=reading.cache, progress=progress)
    if loaded.failures:
        row, error = next(iter(loaded.failures.items()))
        more = f" and {len(loaded.failures) - 1:,} others" if len(loaded.failures) > 1 else ""
        one = listing.kind.name.capitalize()
        raise DataError(f"{one} {row}, {names[row]!r},{more} cannot be read; leave them out: {error}")
    if sentence := endings_in_words([names[row] for row in loaded.endless], listing.kind):
        warnings.warn(sentence, stacklevel=2)
    return way.dataset(loaded, indices, known, names)


def _listed(values: Any, what: str) -> list[Any]:
    """A list, an array or a column of a table as a list."""
    for method in ("to_list", "tolist"):
        if callable(getattr(values, method, None)):
            values = getattr(values, method)()
            break
    if isinstance(values, str | bytes | os.PathLike) or not isinstance(values, Iterable):
        raise DataError(f"Expected a list of {what}. Received: {values!r:.80}.")
    return list(values)


def _path(value: Any, row: int) -> str:
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path:
        raise DataError(f"Expected a path in row {row}. Received: {value!r:.80}.")
    return at_home(path)


def _labels(values: list[Any]) -> Any:
    array = np.asarray(values, object)
    if array.ndim == 1 and all(isinstance(value, int | np.integer) for value in values):
        return np.asarray(values, np.int64) if all(abs(value) < 2**63 for value in values) else array
    return array
