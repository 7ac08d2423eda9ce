"""A validation set that a person gives beside the data: the data are then learned from, but for their test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from beholder.data.arrays import from_arrays
from beholder.data.dataset import Dataset
from beholder.data.groups.across import straddling_in_words
from beholder.data.groups.rule import GroupRule
from beholder.data.images.colour import Colour
from beholder.data.images.refit import recoloured
from beholder.data.opening import pair
from beholder.data.sounds.rules import SoundRules
from beholder.data.source import Source
from beholder.data.split import Split
from beholder.errors import DataError, UsageError

Validation = Dataset | Sequence[Any]  # a pair of arrays, images and labels


def with_validation(source: Source, given: Validation, colour: Colour) -> Source:
    """`source` with a validation set that was `given`; what was undivided becomes the training set.

    Labels of arrays that are numbers are class names where these are numbers, and else places among them.

    Args:
        source: the data to learn from.
        given: a `Dataset`, or a pair of arrays.
        colour: what images become.

    Raises:
        UsageError: the data bring a validation set, or `given` is nothing of that kind.
        DataError: a label that is no class of `source`, or what is no images.
    """
    if "validation" in source.readers:
        raise UsageError(f"{source.name!r} has a validation set of its own; leave `validation` out.")
    if not isinstance(given, Dataset | tuple | list):
        kind = type(given).__name__
        raise UsageError(f"Expected validation as a Dataset or a pair of arrays, (images, labels). Received: {kind}.")
    dataset = given if isinstance(given, Dataset) else _of_arrays(given, source.class_names)
    if dataset.sound != source.sound:
        raise DataError(
            f"The validation set holds {_told(dataset.sound)}, and {source.name!r} {_told(source.sound)}; make both "
            "alike."
        )
    one = Source("validation", source.class_names, {"validation": _always(_relabelled(dataset, source.class_names))})
    readers = {_home(name): read for name, read in source.readers.items()}
    groups = {_home(name): of_files for name, of_files in source.groups.items()}
    if dataset.groups is not None:  # `groups_in_words` tells of all sets, once they are divided
        groups.pop("train", None)
    return replace(
        source,
        readers={**readers, **recoloured(one, colour).readers},
        files={_home(name): names for name, names in source.files.items()},
        classes={_home(name): names for name, names in source.classes.items()},
        groups=groups,
    )


def _home(set_name: str) -> str:
    """The set that the images of `set_name` are learned from or judged in: what is undivided is the training set."""
    return "train" if set_name == "all" else set_name


def _told(sound: SoundRules | None) -> str:
    return "images" if sound is None else sound.in_words()


def check_shapes(train: Dataset, validation: Dataset) -> None:
    """Refuse a validation set of another shape than those to learn from.

    Raises:
        DataError: they are.
    """
    if train.image_shape != validation.image_shape:
        plural = train.file_kind.plural
        raise DataError(
            f"The validation {plural} have the shape {validation.image_shape}, the training {plural} "
            f"{train.image_shape}; give {plural} of one shape."
        )


def groups_in_words(split: Split, validation: Dataset) -> list[str]:
    """What to know of groups beside the `validation` set that was given: those in several sets, or that one has none.

    Args:
        split: of the data, which have been read.
        validation: as it is in `split`.
    """
    source, train, made = split.source, split.train(), split.made_test()
    name, kind = source.name, source.file_kind
    if train.groups is None and validation.groups is None:
        return []
    if validation.groups is None:
        return [
            f"The {kind.plural} of {name!r} have groups by {source.group_rule} and those of `validation` have none: "
            f"its interval and what is promised take each {kind.name} for one that was drawn by itself, and whether "
            "training sees others of its group cannot be told; give `validation` as a Dataset with groups."
        ]
    if train.groups is None:
        return [
            f"The {kind.plural} of `validation` have groups and those of {name!r} have none: what is promised for "
            f"{kind.plural} of new groups holds only if training sees none of these groups, which cannot be told; give "
            "the data groups too."
        ]
    groups: dict[str, Sequence[str]] = {"train": train.groups, "validation": validation.groups, **source.groups}
    if made is not None and made.groups is not None:
        groups["test"] = made.groups
    return list(straddling_in_words(groups, source.group_rule or GroupRule("given")))


def _of_arrays(given: Sequence[Any], class_names: tuple[str, ...]) -> Dataset:
    images, labels = pair("validation", given)
    if any(name.isdecimal() for name in class_names) or np.asarray(labels).dtype.kind not in "iu":
        dataset = from_arrays(images, labels)
    else:
        dataset = from_arrays(images, labels, class_names)
    return replace(dataset, names=[f"validation/{row:05d}" for row in range(len(dataset))])


def _relabelled(dataset: Dataset, class_names: tuple[str, ...]) -> Dataset:
    """`dataset` with labels that are places among `class_names`."""
    if dataset.class_names == class_names:
        return dataset
    used = np.unique(dataset.labels).tolist()
    unknown = [dataset.class_names[label] for label in used if dataset.class_names[label] not in class_names]
    if unknown:
        raise DataError(
            f"The validation set has the class {unknown[0]!r}, which the training data do not have; leave it out."
        )
    place = {name: label for label, name in enumerate(class_names)}
    places = np.array([place.get(name, 0) for name in dataset.class_names], np.int64)
    return replace(dataset, labels=places[dataset.labels], class_names=class_names)


def _always(dataset: Dataset) -> Any:
    return lambda _progress: dataset
