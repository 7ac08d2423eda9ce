"""Making train, validation and test: stratified by class, decided by the seed alone, copies kept together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.arguments import checked_arguments, unexpected
from beholder.data.copies.duplicates import copy_groups
from beholder.data.dataset import Dataset
from beholder.data.groups.splitting import split_by_groups
from beholder.data.progress import Progress, silent
from beholder.data.remembered import remembered
from beholder.data.source import Source
from beholder.errors import DataError, UsageError

HELD_OUT = 0.1  # the share of a set that had to be made


def split(
    labels: NDArray[np.int64], groups: Sequence[Hashable] | None, *, seed: int, fractions: Mapping[str, float]
) -> dict[str, NDArray[np.int64]]:
    """Divide rows into sets so that every set has its fraction of every class.

    Rows of one group stay in one set; a group with several labels counts as its most frequent one. Where the groups
    are single rows, each class's share is exact up to rounding, and a class with more rows than there are sets has a
    row in each. With groups, the result does not depend on the order of the rows.

    Args:
        labels: (N,) int64.
        groups: one value a row, equal for rows that belong together and told apart by their `repr`; None: no two do.
        seed: decides which rows; the same seed gives the same sets.
        fractions: from set name to its share; they add up to 1, the largest usually first.

    Returns:
        From set name to its rows, (n,) int64 in ascending order; disjoint, and together all N.

    Raises:
        DataError: fractions that are not positive or do not add up to 1, or groups that are not one a row.
    """
    if not fractions or min(fractions.values()) <= 0 or abs(sum(fractions.values()) - 1) > 1e-9:
        raise DataError(f"Expected positive fractions that add up to 1. Received: fractions={dict(fractions)}.")
    if groups is not None and len(groups) != len(labels):
        raise DataError(f"Expected one group for each of {len(labels)} rows. Received: {len(groups)} groups.")
    if groups is None:
        return _split_rows(labels, seed, fractions)
    names = list(fractions)
    rows: dict[str, list[int]] = {name: [] for name in names}
    for label, members in sorted(_groups_by_class(labels, groups).items()):
        random = _random(seed, label)
        counts = _counts(sum(map(len, members)), list(fractions.values()), random)
        for place, member in _assign(members, counts, random):
            rows[names[place]].extend(member)
    return {name: np.array(sorted(chosen), np.int64) for name, chosen in rows.items()}


def _opened(_name: str, source: Any) -> Source:
    if not isinstance(source, Source):
        raise unexpected(source, "an opened source, such as open_source('digits')")
    return source


class Split:
    """Train, validation and test of a source, each read when it is asked for; sets that it lacks are split off.

    A set that the source has is used as it is. A missing validation or test set is a stratified tenth of train, or
    of everything where the source is unsplit (80/10/10), chosen by `seed`. Images that are copies of each other stay
    in one set, and so do those of a group, as far as sets are made here.
    """

    @checked_arguments(source=_opened)
    def __init__(
        self, source: Source, seed: int = 0, progress: Progress = silent, *, cache: Path | None = None
    ) -> None:
        self.source, self._kind = source, source.file_kind
        self.seed = seed
        self.progress = progress
        self._cache = cache  # where it is remembered which images are copies; None: nowhere
        self._whole: Dataset | None = None
        self.copies: dict[bytes, bytes] | None = None  # from content to its group, once near copies were looked for
        self.copies_apart = False  # whether some could not stay in one set, since that would join too many groups
        self._files: dict[str, NDArray[np.int64]] = {}

    def train(self) -> Dataset:
        """The images to learn from.

        Raises:
            DataError: there are none, or a class has fewer than two.
        """
        dataset = self._set("train")
        counts = np.bincount(dataset.files.labels, minlength=len(dataset.class_names))
        for name, count in zip(dataset.class_names, counts.tolist(), strict=True):
            if count < 2:
                raise DataError(
                    f"Class {name!r} of {self.source.name!r} has {self._kind.count(count)} to learn from; "
                    f"add {self._kind.plural} until there are at least two that differ, or remove the class."
                )
        return dataset

    def validation(self) -> Dataset:
        """The images to choose by; a `DataError` where there are none."""
        return self._set("validation")

    def test(self) -> Dataset:
        """The images to report on, opened by `evaluate` alone; a `DataError` where there are none."""
        return self._set("test")

    def made_test(self) -> Dataset | None:
        """The test set where it is split off, and so read with the rest anyway; it may be empty.

        None where the data bring one of their own, which only `evaluate` opens, or nothing to split it from.
        """
        if "test" in self.source.readers:
            return self.source.readers["test"](self.progress) if "test" in self.source.made else None
        home = self._home
        return self._split_off("test", home, self._missing) if home in self.source.readers else None

    def made(self, set_name: str) -> bool:
        """Whether `set_name` was split off, and has been read; `train` is when another one was split off from it."""
        return set_name in self._files

    def _set(self, set_name: str) -> Dataset:
        home, missing = self._home, self._missing
        if set_name in self.source.readers and not (set_name == home and missing):
            dataset = self.source.readers[set_name](self.progress)
        elif home in self.source.readers:
            dataset = self._split_off(set_name, home, missing)
        else:
            raise DataError(
                f"{self.source.name!r} has no {set_name} set and no training set to split it from; add one of them."
            )
        if not len(dataset):
            raise DataError(
                f"{self.source.name!r} has no {self._kind.plural} for its {set_name} set; {self._too_few()}."
            )
        return dataset

    def _too_few(self) -> str:
        """What to do where a set has no images."""
        groups, plural = set((self.copies or {}).values()), self._kind.plural
        total = len(groups) if self._whole is None else len(self._whole.files)
        if len(groups) == total:
            return f"add more {plural}"
        if len(groups) == 1:
            return f"its {total:,} {plural} are all copies of each other: add some that differ"
        return f"only {len(groups):,} of its {total:,} {plural} differ, and copies stay together: add more"

    @property
    def _home(self) -> str:
        """The set that those which the source lacks are split off from."""
        return "all" if "all" in self.source.readers else "train"

    @property
    def _missing(self) -> list[str]:
        return [name for name in ("validation", "test") if name not in self.source.readers]

    def _split_off(self, set_name: str, home: str, missing: list[str]) -> Dataset:
        if self._whole is None:
            self._whole = self.source.readers[home](self.progress)
            shares = {"train": 1 - HELD_OUT * len(missing)} | dict.fromkeys(missing, HELD_OUT)
            files = self._whole.files  # all windows of a sound stay together
            self.copies = self.find_copies(self._whole)
            self._files = self._divided(files, [self.copies[content] for content in files.contents], shares)
        return self._whole.of_files(self._files[set_name])

    def _divided(
        self, whole: Dataset, copies: list[bytes], fractions: Mapping[str, float]
    ) -> dict[str, NDArray[np.int64]]:
        if whole.groups is None:
            return split(whole.labels, copies, seed=self.seed, fractions=fractions)
        rows, told, apart = split_by_groups(self.source, whole, copies, seed=self.seed, fractions=fractions)
        self.copies_apart = apart > 0
        self.source.later.extend(one for one in told if one not in self.source.later)
        return rows

    def find_copies(self, whole: Dataset) -> dict[bytes, bytes]:
        """From content to the group of files that are copies of each other, remembered as far as they differ."""
        contents = whole.files.contents

        def find() -> dict[str, str]:
            found = zip(contents, copy_groups(whole, self.progress), strict=True)
            return {content.hex(): group.hex() for content, group in found if content != group}

        facts = [self._kind.name, whole.image_shape, hashlib.sha256(b"".join(contents)).hexdigest()]
        found = remembered(self._cache, "copies", facts, find)
        copies = {bytes.fromhex(content): bytes.fromhex(group) for content, group in found.items()}
        return {content: copies.get(content, content) for content in contents}


def first_images(train: Dataset, count: int | None, *, seed: int) -> Dataset:
    """The first `count` images of `train` in a stratified order that `seed` decides; all of them for None.

    A `count` above what is left beside the validation images means all: people count their images before the split.
    A smaller choice is contained in a larger one, so that more images are never merely other images.

    Raises:
        UsageError: `count` leaves a class without an image.
    """
    files = train.files
    if count is None or count >= len(files):
        return train
    classes = len(train.class_names)
    if count < classes:
        plural = train.file_kind.plural
        raise UsageError(f"{count} {plural} are not enough for {classes} classes; choose at least {classes}.")
    return train.of_files(np.sort(stratified_order(files.labels, seed=seed)[:count]))


def stratified_order(labels: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """All rows in a random order of which every beginning has its share of every class (systematic sampling).

    Args:
        labels: (N,) int64.
        seed: decides the order.

    Returns:
        (N,) int64, each row once.
    """
    random = np.random.Generator(np.random.PCG64([seed, 1]))
    shuffled = random.permutation(len(labels))
    counts = np.bincount(labels)
    by_class = np.argsort(labels[shuffled], kind="stable")
    ranks = np.empty(len(labels), np.int64)  # of each shuffled row among those of its class
    ranks[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    # The rows of a class stand at even distances; where they begin is drawn, so that no class is favoured.
    offsets = random.random(len(counts))
    places = (ranks + offsets[labels[shuffled]]) / counts[labels[shuffled]]
    return shuffled[np.argsort(places, kind="stable")].astype(np.int64)


def _split_rows(labels: NDArray[np.int64], seed: int, fractions: Mapping[str, float]) -> dict[str, NDArray[np.int64]]:
    """`split` of rows that do not belong together, a million of which take half a second."""
    rows: list[list[NDArray[np.int64]]] = [[] for _ in fractions]
    by_class = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(np.diff(labels[by_class])) + 1
    for members in np.split(by_class, ends) if len(labels) else []:
        random = _random(seed, int(labels[members[0]]))
        counts = _counts(len(members), list(fractions.values()), random)
        # As `_assign` hands out groups of one: the next to the set that lacks most, the first of those that do.
        lacking = np.concatenate([np.arange(count, 0, -1) for count in counts])
        places = np.repeat(np.arange(len(counts)), counts)
        places = places[np.lexsort((places, -lacking))]
        drawn = members[random.permutation(len(members))]
        for place, chosen in enumerate(rows):
            chosen.append(drawn[places == place])
    none = np.zeros(0, np.int64)
    return {name: np.sort(np.concatenate([none, *chosen])) for name, chosen in zip(fractions, rows, strict=True)}


def _random(seed: int, label: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed % 2**64, label % 2**64]))


def _groups_by_class(labels: NDArray[np.int64], groups: Sequence[Hashable]) -> dict[int, list[list[int]]]:
    """From class to its groups of rows, in an order that depends on the groups' values alone."""
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    by_class: dict[int, list[list[int]]] = {}
    for group in sorted(members, key=repr):
        votes = Counter(int(labels[row]) for row in members[group])
        label = min(votes, key=lambda name: (-votes[name], name))
        by_class.setdefault(label, []).append(members[group])
    return by_class


def _counts(total: int, fractions: list[float], random: np.random.Generator) -> list[int]:
    """Whole numbers near `fractions` of `total`: largest remainders, ties by lot; none empty if another can spare."""
    exact = [fraction * total for fraction in fractions]
    counts = [int(share + 1e-9) for share in exact]
    lots = random.permutation(len(fractions))
    neediest = sorted(range(len(fractions)), key=lambda one: (-round(exact[one] - counts[one], 9), lots[one]))
    for one in neediest[: total - sum(counts)]:
        counts[one] += 1
    while 0 in counts and max(counts) > 2:  # two stay, since a class of one image cannot be learnt
        counts[counts.index(max(counts))] -= 1
        counts[counts.index(0)] += 1
    return counts


def _assign(members: list[list[int]], counts: list[int], random: np.random.Generator) -> list[tuple[int, list[int]]]:
    """A set for each group: large groups first, each to the set that lacks most; the last to sets still empty."""
    order = sorted(random.permutation(len(members)).tolist(), key=lambda index: -len(members[index]))
    lacking = list(counts)
    assigned = []
    for position, index in enumerate(order):
        empty = [place for place, count in enumerate(counts) if count and lacking[place] == count]
        left = len(order) - position
        choice = empty if empty and left <= len(empty) else range(len(counts))
        place = max(choice, key=lambda candidate: lacking[candidate])
        lacking[place] -= len(members[index])
        assigned.append((place, members[index]))
    return assigned
