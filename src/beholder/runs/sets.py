"""Which images a run's training, validation and test set are: kept in the RUN before training, known by their pixels.

DATA is named by its path and may change between two commands: grow, be cleaned, be written anew in another order. A
split of what it has become would put images into the test set that the run learned from.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.groups.rule import ALONE
from beholder.data.kinds import FileKind
from beholder.data.stored_arrays import Arrays, read_arrays, texts_from_array, texts_to_array, write_arrays
from beholder.errors import RunError
from beholder.runs.earlier_images import HASH_BYTES, MOST_TOLD, NONE, EarlierImages, read_earlier

SETS_FILE = "sets.npz"
_SETS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """The images of one set.

    Attributes:
        hashes: of the decoded pixels of each, of a sound those of all its windows, see `Dataset.contents`.
        labels: (N,) int64, as they were when training began.
        names: in the data.
        groups: of each, as `Dataset.groups`.
    """

    hashes: list[bytes]
    labels: NDArray[np.int64]
    names: list[str]
    groups: list[str] | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> ImageSet:
        """The images of `dataset`, or its sounds: each file once."""
        files = dataset.files
        groups = None if files.groups is None else list(files.groups)
        return cls(files.contents, files.labels, list(files.names), groups)

    def at(self, rows: list[int]) -> ImageSet:
        """Those at `rows`, in that order."""
        groups = None if self.groups is None else [self.groups[row] for row in rows]
        labels = self.labels[np.array(rows, np.int64)]
        return ImageSet([self.hashes[row] for row in rows], labels, [self.names[row] for row in rows], groups)

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True, eq=False)
class KnownSets:
    """The sets of a run.

    Attributes:
        class_names: in the order of the labels.
        train: also what `--images` left out of training: it belongs to no test set either.
        validation: what the run chose by; also what it left out of that, which an earlier network had learned from.
        test: None where the data bring a test set of their own, which only `evaluate` opens.
        earlier: what the network that the run started from had seen.
    """

    class_names: tuple[str, ...]
    train: ImageSet
    validation: ImageSet
    test: ImageSet | None
    earlier: EarlierImages = NONE

    @property
    def seen(self) -> frozenset[bytes]:
        """Hashes of the images of the training and the validation set, and of those before."""
        return self.as_earlier().seen

    @property
    def seen_groups(self) -> frozenset[str]:
        """The groups of these images."""
        return self.as_earlier().seen_groups

    def as_earlier(self) -> EarlierImages:
        """What the run's network has seen, for one that starts from it."""
        before, train, validation = self.earlier, self.train, self.validation
        return EarlierImages(
            before.learned.union(train.hashes),
            before.chosen_by.union(validation.hashes),
            before.learned_groups.union(train.groups or ()) - {ALONE},
            before.chosen_by_groups.union(validation.groups or ()) - {ALONE},
            known=before.known,
        )

    @property
    def every(self) -> list[ImageSet]:
        """Those that are known."""
        return [one for one in (self.train, self.validation, self.test) if one is not None]


def write_sets(run: Path, sets: KnownSets) -> None:
    """Keep `sets` in the RUN folder `run`, whole or not at all.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    arrays: Arrays = {"class_names": texts_to_array(sets.class_names)}
    for name in _SETS:
        one: ImageSet | None = getattr(sets, name)
        if one is not None:
            arrays[f"{name}_hashes"] = np.frombuffer(b"".join(one.hashes), np.uint8).reshape(-1, HASH_BYTES)
            arrays[f"{name}_labels"] = one.labels
            arrays[f"{name}_names"] = texts_to_array(one.names)
            if one.groups is not None:
                arrays[f"{name}_groups"] = texts_to_array(one.groups)
    write_arrays(run / SETS_FILE, arrays)


def read_sets(run: Path) -> KnownSets:
    """The sets that `train` kept in the RUN folder `run`.

    Raises:
        RunError: they are lost or damaged.
    """
    path = run / SETS_FILE
    if not path.exists():
        raise RunError(f"{str(run)!r} has lost its list of images; restore it from a copy, or train again.")
    try:
        read = read_arrays(path, most_bytes=MOST_TOLD)
        test = _known(read, "test") if "test_hashes" in read else None
        class_names = tuple(texts_from_array(read["class_names"]))
        sets = KnownSets(class_names, _known(read, "train"), _known(read, "validation"), test)
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{str(path)!r} is damaged; restore it from a copy, or train again.") from error
    return replace(sets, earlier=read_earlier(run))


def changes_in_words(before: KnownSets, now: KnownSets, kind: FileKind) -> str:
    """What became of the files of a `kind` in a run's sets, as a part of a sentence."""
    old, new = (Counter(value for one in sets.every for value in one.hashes) for sets in (before, now))
    missing, added = (old - new).total(), (new - old).total()
    if not missing and not added:
        return f"the same {kind.plural} with other labels or in another order"
    return (
        f"of {kind.count(old.total())} {missing:,} {is_are(missing)} missing or changed, and {added:,} {is_are(added)} "
        "new"
    )


def is_are(count: int) -> str:
    """The verb for so many."""
    return "is" if count == 1 else "are"


def _known(read: Arrays, name: str) -> ImageSet:
    hashes, labels = read[f"{name}_hashes"], read[f"{name}_labels"]
    names = texts_from_array(read[f"{name}_names"])
    fits = hashes.dtype == np.uint8 and hashes.shape == (len(names), HASH_BYTES)
    groups = texts_from_array(read[f"{name}_groups"]) if f"{name}_groups" in read else None
    fits = fits and (groups is None or len(groups) == len(names))
    if not fits or labels.dtype != np.int64 or labels.shape != (len(names),):
        raise ValueError(name)
    return ImageSet([row.tobytes() for row in hashes], labels, names, groups)
