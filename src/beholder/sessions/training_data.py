"""The data of a run: their name, the sets that it learns from and chooses by, and which images are in them."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from beholder.addresses import at_home
from beholder.data.dataset import Dataset
from beholder.data.opening import DATA_NAMES, Data
from beholder.data.source import Source
from beholder.data.split import Split, first_images
from beholder.errors import DataError, UsageError
from beholder.runs.kept_data import MOST_BYTES, kept_data
from beholder.runs.sets import ImageSet, KnownSets
from beholder.sessions.given_validation import check_shapes

_NAME_BYTES = 150  # of the data's name in that of a run: file systems take 255 in all


def read_training_sets(sets: Split, images: int | None) -> dict[str, Dataset]:
    """The training set, or so many `images` of it, and the validation set; the test set stays closed.

    Raises:
        DataError: a set is empty, or there is one class only.
    """
    source = sets.source
    if len(source.class_names) < 2:
        plural = source.file_kind.plural
        raise DataError(f"{source.name!r} has only one class; give {plural} of at least two.")
    read = {"train": first_images(sets.train(), images, seed=sets.seed), "validation": sets.validation()}
    for set_name, dataset in read.items():
        if not len(dataset):
            raise DataError(f"The {set_name} set of {source.name!r} is empty; add {source.file_kind.plural}.")
    check_shapes(read["train"], read["validation"])
    return read


def known_sets(whole: Split, sets: dict[str, Dataset], images: int | None) -> KnownSets:
    """Which images each set has; no set is opened for it.

    Args:
        whole: where the sets are from.
        sets: the training set, or so many `images` of it, and the validation set, if images are not dealt into folds.
        images: None: all.
    """
    if "validation" not in sets:
        every = sets["train"] if images is None else whole.source.readers["all"](whole.progress)
        none = ImageSet.of(every.select(np.zeros(0, np.int64)))
        return KnownSets(every.class_names, ImageSet.of(every), none, None if "test" in whole.source.readers else none)
    train, validation = sets["train"] if images is None else whole.train(), sets["validation"]
    made = whole.made_test()
    test = None if made is None else ImageSet.of(made)
    return KnownSets(train.class_names, ImageSet.of(train), ImageSet.of(validation), test)


def fingerprints(sets: Mapping[str, Dataset]) -> dict[str, str]:
    """Of each set, see `Dataset.fingerprint`."""
    return {set_name: dataset.fingerprint() for set_name, dataset in sets.items()}


def check_there(run: Path, data: str, again: str) -> None:
    """Refuse to go on with `run` without its `data`, a name, a path or `arrays`; `again` is how to give them.

    Raises:
        UsageError: it was trained on arrays, and does not keep them.
        DataError: nothing is at the path any more.
    """
    if data == "arrays" and kept_data(run) is None:
        raise UsageError(
            f"{str(run)!r} was trained on arrays that it does not keep (those above {MOST_BYTES / 1e6:.0f} MB, those "
            "with a test set of their own, tables with groups, and all with neighbours=False); give them again as "
            "`data`."
        )
    if data != "arrays" and data not in DATA_NAMES and not Path(data).exists():
        raise DataError(f"The data of {str(run)!r} are no longer at {data!r}; say where they are: {again}.")


def data_name(data: Data | Source) -> str:
    """A name that means the same from any folder, or `arrays`."""
    if isinstance(data, Source):
        data = data.name if data.named else "arrays"
    if not isinstance(data, str | os.PathLike) or data == "arrays":
        return "arrays"
    if isinstance(data, str) and data in DATA_NAMES:  # whatever lies in the working folder, as in opening
        return str(data)
    path = Path(at_home(str(data)))
    try:
        return str(path.resolve()) if path.exists() else str(path)
    except (OSError, ValueError):  # too long for a name, or none; opening it will say so
        return str(data)


def default_folder(data: Data | Source, kind: str) -> Path:
    """Where a run goes when the person does not say: `runs/DATA-KIND-TIME`."""
    name = Path(data_name(data)).name.split(".")[0] or "data"
    name = os.fsdecode(os.fsencode(name)[:_NAME_BYTES])
    return Path("runs") / f"{name}-{kind}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
