"""The train and validation sets that a run learns from, and what its folder keeps of them."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any, Literal

from beholder import files
from beholder.data.correction_names import validation_note
from beholder.data.corrections import Corrections
from beholder.data.dataset import Dataset
from beholder.data.images.colour import Colour
from beholder.data.images.refit import recoloured, refitted
from beholder.data.opening import DATA_NAMES, Data, open_source
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.data.split import Split, first_images
from beholder.errors import DataError, RunError, UsageError
from beholder.runs.run_folder import Run, read_document
from beholder.runs.sets import ImageSet, KnownSets, changes_in_words, read_sets, write_sets
from beholder.schema import SCHEMA
from beholder.training.settings import Initial

_NAME_BYTES = 150  # of the data's name in that of a run: file systems take 255 in all


def open_data(
    data: Data | Source,
    labels: Literal["fine", "coarse"],
    cache: Path | None,
    progress: Progress,
    initial: Initial | None = None,
    colour: Colour = "auto",
    canvas: tuple[int, int] | None = None,
) -> Source:
    """Open `data`, unless it is open already; its images become what the network that training starts from takes.

    A folder's are decoded to `canvas`, height and width, where that is known from before and no network decides it.
    """
    if initial is None:
        if isinstance(data, Source):
            return recoloured(data, colour)
        return open_source(data, labels=labels, cache=cache, canvas=canvas, colour=colour, progress=progress)
    height, width = initial.height, initial.width
    if not isinstance(data, Source):
        # Decoded to that size and colour at once: nothing is lost on the way to another.
        canvas = canvas if height is None or width is None else (height, width)
        colour = "grey" if initial.channels == 1 else "rgb"
        data = open_source(data, labels=labels, cache=cache, canvas=canvas, colour=colour, progress=progress)
    return refitted(data, height, width, initial.channels)


def read_training_sets(sets: Split, images: int | None) -> dict[str, Dataset]:
    """The training set, or so many `images` of it, and the validation set; the test set stays closed.

    Raises:
        DataError: a set is empty, or there is one class only.
    """
    source = sets.source
    if len(source.class_names) < 2:
        raise DataError(f"{source.name!r} has {len(source.class_names)} class; bring images of at least two.")
    read = {"train": first_images(sets.train(), images, seed=sets.seed), "validation": sets.validation()}
    for set_name, dataset in read.items():
        if not len(dataset):
            raise DataError(f"The {set_name} set of {source.name!r} is empty; add images.")
    return read


def known_sets(whole: Split, sets: dict[str, Dataset], images: int | None) -> KnownSets:
    """Which images each set has; no set is opened for it.

    Args:
        whole: where the sets are from.
        sets: the training set, or so many `images` of it, and the validation set.
        images: None: all.
    """
    train, validation = sets["train"] if images is None else whole.train(), sets["validation"]
    made = whole.made_test()
    test = None if made is None else ImageSet.of(made)
    return KnownSets(train.class_names, ImageSet.of(train), ImageSet.of(validation), test)


def check_there(run: Path, data: str, again: str) -> None:
    """Refuse to go on with `run` without its `data`, a name, a path or `arrays`; `again` is how to give them.

    Raises:
        UsageError: it was trained on arrays.
        DataError: nothing is at the path any more.
    """
    if data == "arrays":
        raise UsageError(f"{str(run)!r} was trained on arrays; give them again as `data`.")
    if data not in DATA_NAMES and not Path(data).exists():
        raise DataError(f"The data of {str(run)!r} are no longer at {data!r}; say where they are: {again}.")


def keep_data(run: Run, whole: Split, sets: dict[str, Dataset], images: int | None, checks: dict[str, Any]) -> None:
    """Keep in the run which images each set has, and what `checks` found; see `known_sets` and `describe_data`."""
    write_sets(run.path, known_sets(whole, sets, images))
    files.write_json(run.data_file, describe_data(whole.source, sets, checks))


def check_same(run: Run, whole: Split, sets: dict[str, Dataset], images: int | None) -> None:
    """Refuse data that are not what the run began with.

    Raises:
        RunError: they are not, or the run's own documents are damaged.
    """
    if read_document(run.data_file, missing="").get("fingerprint") != fingerprints(sets):
        before, now = read_sets(run.path), known_sets(whole, sets, images)
        changes = "" if before is None else f" ({changes_in_words(before, now)})"
        raise RunError(
            f"The data {whole.source.name!r} are not those that {str(run.path)!r} began with{changes}; give those by "
            "--data PATH, or train a new run instead."
        )


def describe_data(source: Source, sets: dict[str, Dataset], checks: dict[str, Any]) -> dict[str, Any]:
    """`data.json`: classes, counts, fingerprints, notes, what `checks` found, and what was skipped."""
    classes = len(source.class_names)
    return {
        "schema": SCHEMA,
        "name": source.name,
        "class_names": list(source.class_names),
        "image_shape": list(sets["train"].image_shape),
        "counts": {set_name: _counts(dataset, classes) for set_name, dataset in sets.items()},
        "fingerprint": fingerprints(sets),
        "notes": [*source.told(), *checks["sentences"]],
        "checks": checks,
        "skipped": source.skipped,
    }


def correction_notes(
    corrections: Corrections, found: set[str], source: Source, sets: dict[str, Dataset]
) -> tuple[str, ...]:
    """What a person should know of the corrections of a run that learns from `sets`, of whose images `found` were met.

    Raises:
        DataError: none of them is of an image of the data.
    """
    told = corrections.notes(found, source.name, {"test"} & source.readers.keys())
    return (*told, *validation_note(corrections.lines, sets["validation"].names))


def fingerprints(sets: dict[str, Dataset]) -> dict[str, str]:
    """Of each set, see `Dataset.fingerprint`."""
    return {set_name: dataset.fingerprint() for set_name, dataset in sets.items()}


def _counts(dataset: Dataset, classes: int) -> list[int]:
    return [int((dataset.labels == label).sum()) for label in range(classes)]


def data_name(data: Data | Source) -> str:
    """A name that means the same from any folder, or `arrays`."""
    if isinstance(data, Source):
        data = data.name
    if isinstance(data, Dataset | tuple) or data == "arrays":
        return "arrays"
    if data in DATA_NAMES:  # whatever lies in the working folder, as in opening
        return str(data)
    path = Path(data)
    try:
        return str(path.resolve()) if path.exists() else str(data)
    except OSError:  # too long for a name; opening it will say so
        return str(data)


def default_folder(data: Data | Source, kind: str) -> Path:
    """Where a run goes when the person does not say: `runs/DATA-KIND-TIME`."""
    name = Path(data_name(data)).name.split(".")[0] or "data"
    name = os.fsdecode(os.fsencode(name)[:_NAME_BYTES])
    return Path("runs") / f"{name}-{kind}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
