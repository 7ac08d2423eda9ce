"""Look: a contact sheet of random labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.data.cifar.clean import clean_images
from beholder.data.dataset import Dataset
from beholder.data.images.colour import Colour, Mode
from beholder.data.images.decode import ImageRules, decode, read_size
from beholder.data.images.fitting import ImageFit
from beholder.data.images.refit import fitted_by
from beholder.data.opening import Data, open_source
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.errors import UsageError
from beholder.figures.sheet import contact_sheet
from beholder.training.limits import checked_seed

_LARGEST = 256  # pixels on the long side that a whole image is decoded to: twice what the sheet shows


def look(
    data: Data | Source,
    *,
    rows: int = 4,
    columns: int = 4,
    as_seen: bool = False,
    cleaned: bool = False,
    class_name: str | None = None,
    seed: int = 0,
    labels: Literal["fine", "coarse"] = "fine",
    cache: Path | None = None,
    colour: Colour = "auto",
    fit: ImageFit | None = None,
    progress: Progress = silent,
) -> Image.Image:
    """Draw `rows` × `columns` random training images of `data`, each with its class name as title.

    Args:
        data: a name, a path, a `Dataset`, a pair of arrays (images, labels), or a `Source` opened before, which after
            this tells what was left out (`told`).
        rows: of the sheet.
        columns: of the sheet.
        as_seen: show a folder's images as a network gets them, in its size, cropped, padded or stretched as `fit`
            says; otherwise they are shown whole. Other data are the same either way.
        cleaned: show the images as the chapter's network receives them: grey, cropped, standardised.
        class_name: show this class only.
        seed: chooses the images.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded images are kept.
        colour: `rgb` or `grey`; by default a folder's images are grey where all of a sample are.
        fit: `crop` (the default), `pad` or `stretch` images of other proportions, see `train`; beside `as_seen`.
        progress: told how far reading is.

    Raises:
        UsageError: a row or column count below 1, an unknown class, or options that contradict each other.
        DataError: the data cannot be read.
    """
    if rows < 1 or columns < 1 or rows * columns > 2500:
        raise UsageError(f"Expected from 1 to 2500 images on a sheet. Received: {rows} rows of {columns}.")
    if as_seen and cleaned:
        raise UsageError("Images are shown as a network gets them, or cleaned; leave --as-seen or --cleaned out.")
    if fit is not None and not as_seen:
        raise UsageError("Without --as-seen, images are shown whole; give --fit beside --as-seen.")
    seed = checked_seed(seed)
    if not isinstance(data, Source):
        data = open_source(data, labels=labels, cache=cache, colour=colour, fit=fit, progress=progress)
    source = fitted_by(data, fit)
    dataset = Split(source, seed=seed, progress=progress).train()
    chosen = _random_rows(dataset, rows * columns, class_name, seed)
    images: list[NDArray[Any]] = list(dataset.images[chosen])
    titles = [dataset.class_names[label] for label in dataset.labels[chosen]]
    if cleaned:
        images = list(clean_images(np.stack(images)))
    elif source.folder is not None and not as_seen:
        mode: Mode = "L" if dataset.image_shape[2] == 1 else "RGB"
        images = [_whole(Path(source.folder, dataset.names[row]), mode) for row in chosen]
    return contact_sheet(images, titles, columns=columns)


def _whole(path: Path, mode: Mode) -> NDArray[np.uint8]:
    """All of an image file in its own proportions, (H, W, C), large enough for the sheet."""
    height, width = read_size(path)
    shrink = max(1.0, max(height, width) / _LARGEST)
    return decode(path, ImageRules(max(1, round(height / shrink)), max(1, round(width / shrink)), mode, "stretch"))


def _random_rows(dataset: Dataset, count: int, class_name: str | None, seed: int) -> NDArray[np.int64]:
    if class_name is not None and class_name not in dataset.class_names:
        known = ", ".join(dataset.class_names[:20])
        raise UsageError(f"No class is called {class_name!r}; choose one of {known}.")
    wanted = range(len(dataset.class_names)) if class_name is None else [dataset.class_names.index(class_name)]
    candidates = np.flatnonzero(np.isin(dataset.labels, list(wanted)))
    random = np.random.default_rng(seed)
    return random.choice(candidates, size=min(count, len(candidates)), replace=False)
