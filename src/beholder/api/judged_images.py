"""Which images `evaluate` judges: those of the run's test set as it was, or of other data all that the run never saw.

Nothing is split anew: a folder that grew or was cleaned would yield another test set, of images learned from too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.api.seen_images import flattered_in_words, left_out_in_words, unseen_test
from beholder.artifact.manifest import MANIFEST_FILE, read_manifest
from beholder.data.corrections import Corrections, corrected
from beholder.data.dataset import Dataset
from beholder.data.folds import undivided
from beholder.data.kinds import FileKind, named
from beholder.data.pool import joined_groups, joined_sound
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.errors import DataError
from beholder.evaluation.shares import with_interval
from beholder.runs.earlier_images import NONE
from beholder.runs.run_folder import Run
from beholder.runs.sets import ImageSet, KnownSets, is_are
from beholder.sessions.training_data import data_name

_NAMED = 3  # missing images that a sentence names


@dataclass(frozen=True, eq=False)
class Judged:
    """What is judged.

    Attributes:
        dataset: the images.
        own: whether they are the run's own test set, or what is left of it.
        words: how many of how many there are, and why the others are not; a sentence or more.
        set_name: `test`, or `all` of other data that bring no test set.
        notes: sentences about the data.
    """

    dataset: Dataset
    own: bool
    words: str
    set_name: str = "test"
    notes: tuple[str, ...] = ()


def choose_judged(run: Path, config: dict[str, Any], source: Source, run_sets: KnownSets, progress: Progress) -> Judged:
    """The images of `source` to judge the run by, without those that it or a network before it had seen.

    Args:
        run: the RUN folder.
        config: its config.
        source: the run's own data, wherever they lie now, or others.
        run_sets: those of the run.
        progress: told how far reading is.

    Raises:
        DataError: nothing is left to judge, or the data cannot be read.
    """
    judged = _chosen(run, config, source, run_sets, progress)
    initial = config.get("settings", {}).get("initial") or {}
    flattered = flattered_in_words(judged.dataset, run_sets, initial.get("source"))
    return replace(judged, words=f"{judged.words}{flattered}")


def _chosen(run: Path, config: dict[str, Any], source: Source, run_sets: KnownSets, progress: Progress) -> Judged:
    corrections = Corrections.from_json(config.get("corrections", {}).get("lines", []))
    brings_test = "test" in source.readers and "test" not in source.made
    named = data_name(source) == config["data"] != "arrays"
    # Data that are the run's own by name and bring their test set: nothing else of them need be read.
    learned = (
        []
        if named and run_sets.test is None
        else [
            read(progress)
            for set_name, read in source.readers.items()
            if run_sets.test is not None or set_name != "test"
        ]
    )
    if not named and not _is_own(config["data"], source, learned, run_sets, corrections):
        return _others(source, run_sets, progress)
    found: set[str] = set()
    as_learned = corrected(source, corrections, found)
    if config.get("folds") is not None:
        as_learned = undivided(as_learned)
    if run_sets.test is not None:
        if not len(run_sets.test):
            raise DataError(_no_test_set(run, source.name, config))
        test = unseen_test(run_sets.test, run, run_sets, source.file_kind)
        return replace(_kept(run, source.name, learned, test, run_sets, corrections), notes=as_learned.told())
    if not brings_test:
        raise DataError(
            f"The test set that {source.name!r} had when {str(run)!r} was trained is no longer there; restore it, "
            f"or give other data: beholder evaluate {quote(str(run))} DATA."
        )
    judged = _others(as_learned, run_sets, progress)
    return replace(judged, own=True, notes=(*judged.notes, *_lost(corrections, found, source.name)))


def _no_test_set(run: Path, name: str, config: dict[str, Any]) -> str:
    """Why there is nothing to judge, and what to do."""
    other = f"beholder evaluate {quote(str(run))} DATA"
    if config.get("folds") is None:
        why = f"since {name!r} had too few files for one"
        return f"The run {str(run)!r} has no test set, {why}; give other data: {other}."
    told = read_manifest(Run(run).model_folder / MANIFEST_FILE).validation
    figure, plural = with_interval(told["accuracy"], told["interval"]), named(told.get("kind", "image")).plural
    return (
        f"The run {str(run)!r} has no test set, since it learned from all {plural} of {name!r}; its figure is the "
        f"out-of-fold accuracy {figure}, and {other} judges it on others."
    )


def _lost(corrections: Corrections, found: set[str], name: str) -> list[str]:
    """A sentence where corrections of test images, which only `evaluate` reads, are of none of the images `found`."""
    lost = [one.path for one in corrections.lines if one.path.startswith("test/") and one.path not in found]
    if not lost:
        return []
    which = "1 correction names" if len(lost) == 1 else f"{len(lost)} corrections name"
    return [f"{which} no test file of {name!r}, the first: {lost[0]!r}; check the spelling."]


def _is_own(known: str, source: Source, learned: list[Dataset], run_sets: KnownSets, corrections: Corrections) -> bool:
    """Whether `source`, of another name or of none, are the run's data: by all images and labels, as if moved.

    Arrays have no name; those that hold most of the run's images are its own.
    """
    kept = Counter(_labelled(run_sets.class_names, run_sets.every))
    if data_name(source) == known:
        old = Counter(value for one in run_sets.every for value in one.hashes)
        new = Counter(value for dataset in learned for value in dataset.files.contents)
        return 2 * (old & new).total() > old.total()
    try:
        as_learned = [ImageSet.of(corrections.apply(dataset)) for dataset in learned]
    except DataError:  # a correction fits no image of other data
        return False
    return kept == Counter(_labelled(source.class_names, as_learned))


def _labelled(class_names: Sequence[str], image_sets: list[ImageSet]) -> list[tuple[bytes, str]]:
    return [
        (value, class_names[label])
        for one in image_sets
        for value, label in zip(one.hashes, one.labels.tolist(), strict=True)
    ]


def _kept(
    run: Path, name: str, datasets: list[Dataset], test: ImageSet, run_sets: KnownSets, corrections: Corrections
) -> Judged:
    """What `datasets`, the run's own data as they are now, still hold of its `test` set."""
    now = [ImageSet.of(dataset) for dataset in datasets]
    rows = _found(test, now)
    missing = [name for name, row in zip(test.names, rows, strict=True) if row < 0]
    if len(missing) == len(test):
        raise DataError(
            f"{name!r} no longer holds any of the {len(test):,} files of the test set of {str(run)!r} (the first: "
            f"{missing[0]!r}); restore them, or give other data: beholder evaluate {quote(str(run))} DATA."
        )
    found = np.argsort(rows, kind="stable")[len(missing) :]  # in the order of the data
    dataset = _at(datasets, rows[found])
    decided = {one.path for one in corrections.lines if one.action == "relabel"}
    by_run = np.array([test.names[row] in decided for row in found], bool)
    labels = np.where(by_run, test.labels[found], dataset.files.labels)
    kind = dataset.file_kind
    total = len(test if run_sets.test is None else run_sets.test)
    words = f"Judged {_of(len(found), total)} {kind.plural} of the run's test set"
    words += left_out_in_words(total - len(test), run_sets, own=True)
    if missing:
        words += f"; {len(missing):,} {is_are(len(missing))} no longer in {name!r} as they were ({_names(missing)})"
    words += f".{_added(now, run_sets, corrections, kind)}"
    changed = int((labels != test.labels[found]).sum())
    if changed:
        which = "1 of them has another label" if changed == 1 else f"{changed:,} of them have other labels"
        words += f" {which} than when training began, and the current labels count."
    return Judged(dataset.relabelled(labels), True, words)


def _found(test: ImageSet, now: list[ImageSet]) -> NDArray[np.int64]:
    """(N,) int64: for each image of `test` its row, numbered through `now`, -1 where it is no longer there.

    Of equal images each is found once, and the one of the same name first, then one of the same label.
    """
    names = [name for one in now for name in one.names]
    labels = np.concatenate([one.labels for one in now]) if now else np.zeros(0, np.int64)
    wanted = set(test.hashes)
    free: dict[bytes, list[int]] = {}
    for row, value in enumerate(value for one in now for value in one.hashes):
        if value in wanted:
            free.setdefault(value, []).append(row)
    rows = np.full(len(test), -1, np.int64)
    for alike in (
        lambda row, old: names[row] == test.names[old],
        lambda row, old: labels[row] == test.labels[old],
        lambda _row, _old: True,
    ):
        for old in np.flatnonzero(rows < 0).tolist():
            left = free.get(test.hashes[old], [])
            row = next((row for row in left if alike(row, old)), -1)
            if row >= 0:
                left.remove(row)
                rows[old] = row
    return rows


def _added(now: list[ImageSet], run_sets: KnownSets, corrections: Corrections, kind: FileKind) -> str:
    """A sentence about images that came since, where there are some; those that a person dropped are none."""
    dropped = {one.path for one in corrections.lines if one.action == "drop"}
    pairs = ((value, name) for one in now for value, name in zip(one.hashes, one.names, strict=True))
    new = Counter(value for value, name in pairs if name not in dropped)
    added = (new - Counter(value for one in run_sets.every for value in one.hashes)).total()
    if not added:
        return ""
    return f" {kind.count(added)} {'was' if added == 1 else 'were'} added since training began and left out."


def _others(source: Source, run_sets: KnownSets, progress: Progress) -> Judged:
    """All images of `source`, or of its test set where it brings one, without those that the run has seen."""
    seen = run_sets.seen
    brings = "test" in source.readers and "test" not in source.made
    datasets = [read(progress) for set_name, read in source.readers.items() if set_name == "test" or not brings]
    total, plural = sum(len(dataset.files) for dataset in datasets), source.file_kind.plural
    where = f"the test set of {source.name!r}" if brings else f"{source.name!r}"
    if not total:
        raise DataError(f"There are no {plural} in {where}; add some.")
    hashes = [value for dataset in datasets for value in dataset.files.contents] if seen else []
    rows = np.array([row for row in range(total) if not hashes or hashes[row] not in seen], np.int64)
    if not len(rows):
        before = "" if run_sets.earlier == NONE else ", or to those of runs that it started from"
        raise DataError(
            f"All {total:,} {plural} of {where} belong to the run's training or validation set{before}; give data "
            "that it did not learn from."
        )
    why = left_out_in_words(total - len(rows), run_sets, own=False)
    dataset = _at(datasets, rows)
    words = f"Judged {_of(len(rows), total)} {plural} of {where}{why}."
    return Judged(dataset, False, words, "test" if brings else "all", source.told())


def _at(datasets: list[Dataset], rows: NDArray[np.int64]) -> Dataset:
    """The files at `rows`, which are numbered through `datasets`, in the order of these."""
    counts = [len(dataset.files) for dataset in datasets]
    chosen = []
    for dataset, count, end in zip(datasets, counts, np.cumsum(counts), strict=True):
        inside = rows[(rows >= end - count) & (rows < end)]
        if len(inside):
            chosen.append(dataset.of_files(inside - (end - count)))
    if len(chosen) == 1:
        return chosen[0]
    return Dataset(
        np.concatenate([np.asarray(dataset.images) for dataset in chosen]),
        np.concatenate([dataset.labels for dataset in chosen]),
        chosen[0].class_names,
        [name for dataset in chosen for name in dataset.names],
        joined_groups(chosen),
        *joined_sound(chosen),
    )


def _of(count: int, total: int) -> str:
    return f"all {total:,}" if count == total else f"{count:,} of {total:,}"


def _names(names: list[str]) -> str:
    return ", ".join(map(repr, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
