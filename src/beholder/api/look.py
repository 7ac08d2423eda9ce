"""Look: a contact sheet of random labelled images, or of sounds as images of time and pitch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.arguments import checked_arguments
from beholder.data.cifar.clean import clean_images
from beholder.data.dataset import Dataset
from beholder.data.folders.how import refuse_other_options, refuse_other_seconds
from beholder.data.groups.grouped import grouped_by_pattern
from beholder.data.images.colour import Colour, Mode
from beholder.data.images.decode import ImageRules, decode, read_size
from beholder.data.images.fitting import ImageFit
from beholder.data.images.headers import StoredImage
from beholder.data.images.refit import fitted_by, recoloured
from beholder.data.opening import Data, open_source, refuse_beside_source
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.data.tables.columns import TableOptions
from beholder.errors import UsageError
from beholder.figures.sheet import contact_sheet
from beholder.figures.spectrograms import SoundAxes, spectrogram_sheet
from beholder.training.augmentation import SMALL, SOUND, Augmentation, SoundAugmentation
from beholder.training.augmentation import augmentation as how_to_vary
from beholder.training.limits import checked_seed
from beholder.training.varied_images import varied

_LARGEST = 256  # pixels on the long side that a whole image is decoded to: twice what the sheet shows


@checked_arguments()
def look(
    data: Data | Source,
    *,
    rows: int = 4,
    columns: int = 4,
    as_seen: bool = False,
    cleaned: bool = False,
    augmented: bool = False,
    augmentation: str | None = None,
    class_name: str | None = None,
    seed: int = 0,
    labels: Literal["fine", "coarse"] = "fine",
    cache: Path | None = None,
    colour: Colour = "auto",
    fit: ImageFit | None = None,
    seconds: float | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    image_root: str | Path | None = None,
    group_pattern: str | None = None,
    progress: Progress = silent,
) -> Image.Image:
    """Draw `rows` × `columns` random training images of `data`, each with its class name as title.

    Sounds are drawn as a network gets them: the first clip of each as an image of time and pitch, with its axes.

    Args:
        data: a name, a path, a `Dataset`, a pair of arrays (images, labels), or a `Source` opened before, which after
            this tells what was left out (`told`).
        rows: of the sheet.
        columns: of the sheet.
        as_seen: show a folder's images as a network gets them, in its size, cropped, padded or stretched as `fit`
            says; otherwise they are shown whole. Other data are the same either way.
        cleaned: show the images as the chapter's network receives them: grey, cropped, standardised.
        augmented: show in each row an image as a network gets it, then as training varies it; see `train`.
        augmentation: how it is varied, see `train`; beside `augmented`. `small` by default, `sound` of sounds.
        class_name: show this class only.
        seed: chooses the images.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded images are kept.
        colour: `rgb` or `grey`; by default a folder's images are grey where all of a sample are.
        fit: `crop` (the default), `pad` or `stretch` images of other proportions, see `train`; beside `as_seen`.
        seconds: of sounds, the length of a clip, see `train`.
        path_column: of a table, the column that names the image files; like the next two told from its name by default.
        label_column: of a table, the column of labels.
        split_column: of a table, the column that says which set an image is of.
        group_column: of a table, the column that says which images belong together, see `train`.
        image_root: of a table, the folder that paths are relative to; by default that of the table.
        group_pattern: of images in files, what names the group in their paths, see `train`.
        progress: told how far reading is.

    Raises:
        UsageError: a row or column count below 1, an unknown class, or options that contradict each other.
        DataError: the data cannot be read.
    """
    _check_sheet(rows, columns, augmented)
    _check_how(as_seen, cleaned, augmented, augmentation)
    seed = checked_seed(seed)
    table = TableOptions(path_column, label_column, split_column, group_column, image_root)
    if isinstance(data, Source):
        refuse_beside_source(table, labels)
    else:
        reading: dict[str, Any] = {"labels": labels, "cache": cache, "colour": colour, "fit": fit, "seconds": seconds}
        data = open_source(data, **reading, **vars(table), progress=progress)
    how = None if augmentation is None else how_to_vary(augmentation)
    _check_kind(data, cleaned, how, fit, as_seen or augmented)
    said = {"colour": colour != "auto"}, {"seconds": seconds is not None}
    refuse_other_options(data.name, data.file_kind, *said)
    refuse_other_seconds(data.name, data.sound, seconds)
    if data.kind == "image":
        data = recoloured(fitted_by(data, fit), colour)
    source = grouped_by_pattern(data, group_pattern)
    dataset = Split(source, seed=seed, progress=progress).train().files
    chosen = _random_rows(dataset, rows * (1 if augmented else columns), class_name, seed)
    if augmented:
        chosen = chosen.repeat(columns)
    images: list[NDArray[Any]] = list(dataset.images[chosen])
    titles = [dataset.class_names[label] for label in dataset.labels[chosen]]
    if augmented:
        usual = how_to_vary(SMALL if source.sound is None else SOUND)
        images = _beside(np.stack(images), how or usual, columns, seed)
    elif cleaned:
        images = list(clean_images(np.stack(images)))
    elif source.place is not None and source.sound is None and not as_seen:
        mode: Mode = "L" if dataset.image_shape[2] == 1 else "RGB"
        images = [_whole(source.place.image(dataset.names[row]), mode) for row in chosen]
    if source.sound is not None:
        axes = SoundAxes(source.sound.frames * source.sound.step, source.sound.hertz)
        return spectrogram_sheet(images, titles, axes, columns=columns)
    return contact_sheet(images, titles, columns=columns)


def _check_sheet(rows: int, columns: int, augmented: bool) -> None:
    if rows < 1 or columns < 1 or rows * columns > 2500:
        raise UsageError(f"Expected from 1 to 2500 places on a sheet. Received: {rows} rows of {columns}.")
    if augmented and columns < 2:
        raise UsageError("What is varied is shown beside the original; --augmented needs at least two --columns.")


def _check_how(as_seen: bool, cleaned: bool, augmented: bool, augmentation: str | None) -> None:
    if cleaned and (as_seen or augmented):
        other = "--as-seen" if as_seen else "--augmented"
        raise UsageError(
            f"Images are shown either as a network receives them or cleaned; leave {other} or --cleaned out."
        )
    if augmentation is not None and not augmented:
        raise UsageError(
            "--augmentation says how training varies what it shows; add --augmented to see that, or leave it out."
        )


def _check_kind(
    source: Source, cleaned: bool, how: Augmentation | SoundAugmentation | None, fit: ImageFit | None, as_seen: bool
) -> None:
    images_alone = {"cleaned": cleaned, "fit": fit is not None, "augmentation": isinstance(how, Augmentation)}
    sounds_alone = {"augmentation sound": isinstance(how, SoundAugmentation)}
    refuse_other_options(source.name, source.file_kind, images_alone, sounds_alone)
    if fit is not None and not as_seen:
        raise UsageError("Images are shown whole; add --as-seen to see what --fit does, or leave it out.")


def _beside(
    images: NDArray[np.uint8], how: Augmentation | SoundAugmentation, columns: int, seed: int
) -> list[NDArray[np.uint8]]:
    """`images`, so many of one in a row, the first of each row as it is and the others varied."""
    after = varied(images, how, np.random.default_rng(seed))
    return [image if place % columns else images[place] for place, image in enumerate(after)]


def _whole(image: StoredImage, mode: Mode) -> NDArray[np.uint8]:
    """All of an image file in its own proportions, (H, W, C), large enough for the sheet."""
    height, width = read_size(image)
    shrink = max(1.0, max(height, width) / _LARGEST)
    return decode(image, ImageRules(max(1, round(height / shrink)), max(1, round(width / shrink)), mode, "stretch"))


def _random_rows(dataset: Dataset, count: int, class_name: str | None, seed: int) -> NDArray[np.int64]:
    if class_name is not None and class_name not in dataset.class_names:
        known = ", ".join(dataset.class_names[:20])
        raise UsageError(f"No class is called {class_name!r}; choose one of {known}.")
    wanted = range(len(dataset.class_names)) if class_name is None else [dataset.class_names.index(class_name)]
    candidates = np.flatnonzero(np.isin(dataset.labels, list(wanted)))
    random = np.random.default_rng(seed)
    return random.choice(candidates, size=min(count, len(candidates)), replace=False)
