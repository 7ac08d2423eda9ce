"""Folds: all images that are no given test set, dealt into shares that are judged in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.folders.listing import held_out_in_words
from beholder.data.folders.roles import TITLES
from beholder.data.groups.across import count_in_words
from beholder.data.groups.dividing import divide_groups
from beholder.data.groups.linked import linked
from beholder.data.groups.rule import ALONE
from beholder.data.pool import pooled
from beholder.data.progress import Progress
from beholder.data.recordings import rows_of
from beholder.data.source import Source
from beholder.data.split import Split, split
from beholder.errors import DataError

_POOLED = ("all", "train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Folds:
    """Which images are judged together, by a network that learned from all others.

    Attributes:
        rows: of each fold, (n,) int64, ascending; disjoint, and together all images, or all windows of sounds.
        told: sentences for people.
    """

    rows: tuple[NDArray[np.int64], ...]
    told: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def others(self, fold: int) -> NDArray[np.int64]:
        """The rows of all folds but number `fold`, from 0, ascending."""
        return np.sort(np.concatenate([rows for number, rows in enumerate(self.rows) if number != fold]))


def undivided(source: Source) -> Source:
    """`source` with all images that are no given test set in one set, `all`; a given test set stays as it is."""
    given = {"test"} & source.readers.keys() - source.made
    pool = [name for name in _POOLED if name in source.readers and name not in given]
    # Opening said what is set aside of them otherwise.
    lacking = [TITLES[name] for name in ("validation", "test") if name not in source.readers]
    held = held_out_in_words(lacking)
    notes = tuple(one.replace(held, "each is judged in a fold") for one in source.notes)
    # A group in several sets of the pool lies in one fold; one in a given test set too still flatters its figures.
    groups = {name: source.groups[name] for name in given & source.groups.keys()}
    if source.groups:
        groups["train"] = [group for name in pool for group in source.groups.get(name, ())]
    source = replace(source, notes=notes, groups=groups)
    if pool == ["all"] or not pool:
        return source

    def read(progress: Progress) -> Dataset:
        sets = {name: source.readers[name](progress) for name in pool}
        return next(iter(sets.values())) if len(sets) == 1 else pooled(sets).dataset

    return replace(
        source,
        readers={"all": read, **{name: source.readers[name] for name in given}},
        files={"all": [one for name in pool for one in source.files.get(name, ())]} if source.files else {},
        classes={"all": [one for name in pool for one in source.classes.get(name, ())]} if source.classes else {},
        made=frozenset(),
    )


def deal(sets: Split, whole: Dataset, count: int) -> Folds:
    """Deal the images of `whole` into `count` folds, stratified by class; groups and copies stay in one of them.

    Of sounds it is the files that are dealt: all windows of one lie in one fold.

    Args:
        sets: whose seed decides, and which knows copies from then on.
        whole: all images, of an `undivided` source.
        count: how many folds, 2 or more.

    Raises:
        DataError: a class has fewer images than there are folds, or all of them in one; or there are fewer groups.
    """
    name, kind, files = sets.source.name, whole.file_kind, whole.files
    counts = np.bincount(files.labels, minlength=len(whole.class_names)).tolist()
    for class_name, there in zip(whole.class_names, counts, strict=True):
        if there < count:
            most = f"choose --folds {there} or fewer, or " if there >= 2 else ""
            raise DataError(
                f"Class {class_name!r} of {name!r} has {kind.count(there)}, fewer than the {count} folds; "
                f"{most}add {kind.plural} of it."
            )
    sets.copies = sets.find_copies(whole)
    copies = [sets.copies[content] for content in files.contents]
    fractions = {str(fold): 1 / count for fold in range(count)}
    told: list[str] = []
    if files.groups is None:
        rows = split(files.labels, copies, seed=sets.seed, fractions=fractions)
    else:
        parts = linked(files.groups, copies, fewest=count)
        there = len(set(parts.parts))
        if there < count:
            raise DataError(
                f"The {kind.count(len(files))} of {name!r} are {count_in_words(there)} by {sets.source.group_rule}, "
                f"fewer than the {count} folds; choose fewer --folds, or add {kind.plural} of more groups."
            )
        rows = divide_groups(files.labels, parts.parts, seed=sets.seed, fractions=fractions)
        groups = count_in_words(len(set(files.groups) - {ALONE}))
        told = [f"No group lies in two folds: {groups} by {sets.source.group_rule}."]
        told += [one.replace(" set", " fold") for one in parts.sentences(kind)]
        sets.copies_apart = parts.apart > 0
    dealt = tuple(rows.values())
    _check(files, dealt, name)
    if whole.recordings is not None:
        dealt = tuple(rows_of(whole.recordings, of_fold) for of_fold in dealt)
    return Folds(dealt, tuple(told))


def _check(files: Dataset, rows: Sequence[NDArray[np.int64]], name: str) -> None:
    """Refuse folds of which one is empty, or holds all images of a class, which nobody could have learned then."""
    totals, plural = np.bincount(files.labels, minlength=len(files.class_names)), files.file_kind.plural
    for held_out in rows:
        if not len(held_out):
            raise DataError(
                f"Too few of the {len(files):,} {plural} of {name!r} differ for {len(rows)} folds, since copies stay "
                f"together; choose fewer --folds, or add {plural}."
            )
        left = totals - np.bincount(files.labels[held_out], minlength=len(totals))
        if left.min() < 2:
            raise DataError(
                f"Most {plural} of class {files.class_names[int(np.argmin(left))]!r} of {name!r} belong together and "
                f"are judged together, which leaves {left.min()} to learn from; add others of it, or choose more "
                "--folds."
            )
