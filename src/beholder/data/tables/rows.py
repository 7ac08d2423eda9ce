"""Rows that name an image and its label each become listings of images, one a set, as those of a folder are."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import eq

from beholder.data.folders.classes import alike, refuse_thin, strangers
from beholder.data.folders.listing import Listing, Unusable, sets_in_words
from beholder.data.folders.one_kind import of_one_kind
from beholder.data.folders.reading import Reading, learned_from, listed_source
from beholder.data.groups.grouped import grouped
from beholder.data.groups.rule import ALONE, GroupRule
from beholder.data.images.places import Place
from beholder.data.kinds import IMAGES, kind_of_name
from beholder.data.source import Source
from beholder.data.tables.finding import Found, find_files
from beholder.data.tables.order import in_order
from beholder.errors import DataError

_NAMED = 5  # rows that a sentence names


@dataclass(frozen=True)
class Rows:
    """Rows of a table, or lists that somebody has in Python: one image each.

    Attributes:
        paths: of the image files, below a root or absolute.
        labels: the class name of each; empty where it is missing.
        sets: `train`, `validation` or `test` of each; None: nobody divided them.
        numbers: by which a person finds each row again.
        notes: what a person should know of how they were read.
        groups: of each, equal where they belong together, empty where it is missing; None: nobody grouped them.
        group_column: that they are from.
    """

    paths: Sequence[str]
    labels: Sequence[str]
    sets: Sequence[str] | None = None
    numbers: Sequence[int] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    groups: Sequence[str] | None = None
    group_column: str | None = None

    def __post_init__(self) -> None:
        lengths = {
            len(one) for one in (self.paths, self.labels, self.sets, self.numbers, self.groups) if one is not None
        }
        if len(lengths) != 1:
            raise DataError(
                f"Expected one label, and one set where there are sets, for each of {len(self.paths):,} paths. "
                f"Received: {len(self.labels):,} labels."
            )

    def at(self, order: Sequence[int]) -> Rows:
        """These rows in another order."""
        paths, labels = (list(map(one.__getitem__, order)) for one in (self.paths, self.labels))
        sets = None if self.sets is None else list(map(self.sets.__getitem__, order))
        groups = None if self.groups is None else list(map(self.groups.__getitem__, order))
        numbers = array("q", map(self.numbers.__getitem__, order))
        return replace(self, paths=paths, labels=labels, sets=sets, numbers=numbers, groups=groups)


@dataclass
class _Kept:
    """What is left of rows, by set, and what is not."""

    paths: dict[str, list[str]] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)
    lost: dict[str, list[Unusable]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)  # from file to group
    left_out: dict[str, list[int]] = field(default_factory=dict)


def open_rows(rows: Rows, place: Place, name: str, reading: Reading, hint: str = "") -> Source:
    """The source of images that `rows` name; looks for files and reads some headers, the pixels by its readers alone.

    The images of each set are in the order of their names, so that another order of the rows, or a folder of the same
    images and classes, gives the same sets. Rows of one file that agree are one image. Rows without a label, and those
    of one file that disagree, are left out, counted and listed in the notes; files that are not there count as images
    that cannot be read.

    Args:
        rows: what to open, by `train`, `validation` and `test` or undivided.
        place: where the images are; of a folder, paths are relative to it or absolute.
        name: what the person calls it.
        reading: how the images are read.
        hint: the folder in which files are meant that are called alike, see `find_files`.

    Raises:
        DataError: no rows, one class, a class that training cannot work with, as for a folder.
        UsageError: the cache is the folder of images.
    """
    place.refuse_cache(reading.cache)
    kept, told = _kept(rows, place, hint)
    sets = of_one_kind({set_name: _listing(kept, place, name, set_name) for set_name in kept.paths}, name)
    if not any(listing.paths for listing in sets.values()):
        raise _none(rows, sets, name, told)
    learn = learned_from(sets)
    plural = sets[learn].kind.plural
    class_names = in_order(sets[learn].class_folders)
    strange = strangers(name, sets, learn, class_names)
    twins = alike(sets[learn], "write them alike")
    if reading.for_audit:
        class_names = in_order([*class_names, *strange])
    elif strange or twins:
        raise DataError(next(iter([*strange.values(), *twins])))
    elif len(class_names) < 2:
        raise DataError(
            f"All training {plural} of {name!r} have the label {class_names[0]!r}; give {plural} of at least two."
        )
    else:
        refuse_thin(name, sets, learn, class_names, advice="leave its rows out")
    first = [*rows.notes, sets_in_words(sets, learn, class_names, by_folder=False), *told]
    notes = first, [*strange.values(), *twins]
    source = replace(listed_source(name, place, sets, class_names, notes, reading), left_out=kept.left_out)
    if rows.groups is None:
        return source
    rule = GroupRule("column", rows.group_column or "") if rows.group_column else GroupRule("given")
    return grouped(source, lambda name: kept.groups.get(name, ALONE), rule)


def rows_in_words(numbers: Sequence[int]) -> str:
    """`row 3`, or `rows 3, 17 and 40 more`."""
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    named = [str(number) for number in numbers[:_NAMED]]
    if len(numbers) > _NAMED:
        return f"rows {', '.join(named)} and {len(numbers) - _NAMED:,} more"
    return f"rows {', '.join(named[:-1])} and {named[-1]}"


def _kept(rows: Rows, place: Place, hint: str) -> tuple[_Kept, list[str]]:
    """The rows that are images of a set, and sentences about the others."""
    rows, files = _found(rows, place, hint)
    again: dict[int, list[int]] = {}  # from the first row of a file to the others
    unlabelled: list[int] = []
    # A million rows are looked at one by one only where there is something to find.
    if not all(rows.labels) or any(map(eq, files.names, islice(files.names, 1, None))):
        last: int | None = None
        for row, name in enumerate(files.names):
            if not rows.labels[row]:
                unlabelled.append(row)
            elif last is not None and files.names[last] == name:
                again.setdefault(last, []).append(row)
            else:
                last = row
    disagreeing = dict.fromkeys(_disagreeing(rows, again))
    away = {*unlabelled, *disagreeing, *(row for others in again.values() for row in others)}
    kept = _Kept()
    for set_name in dict.fromkeys(rows.sets or ["all"]):
        own = [row for row, its in enumerate(rows.sets) if its == set_name] if rows.sets else range(len(rows.labels))
        there = [row for row in own if row not in away and row not in files.missing] if away or files.missing else own
        kept.paths[set_name] = list(map(files.names.__getitem__, there))
        kept.classes[set_name] = list(map(rows.labels.__getitem__, there))
        lost = sorted(files.missing.keys() & set(own) - away) if files.missing else []
        kept.lost[set_name] = [_lost(rows, row, files) for row in lost]
        if rows.groups is not None:
            kept.groups.update((files.names[row], rows.groups[row]) for row in own if row not in away)
    repeated = [row for first, others in again.items() if first not in disagreeing for row in others]
    both = [row for first in disagreeing for row in (first, *again[first])]
    left_out = {"unlabelled": unlabelled, "repeated": repeated, "disagreeing": both}
    kept.left_out = {why: sorted(rows.numbers[row] for row in these) for why, these in left_out.items() if these}
    named = {
        files.names[first]: [rows.numbers[row] for row in (first, *again[first])]
        for first in islice(disagreeing, _NAMED)
    }
    return kept, [*files.notes, *_left_out_in_words(rows, kept.left_out, len(disagreeing), named)]


def _found(rows: Rows, place: Place, hint: str) -> tuple[Rows, Found]:
    """The rows in the order of the files that they name, and these; rows of one file in their own order."""
    # Sorted before they are looked up: the files of one folder after each other are found four times as fast.
    rows = rows.at(sorted(range(len(rows.paths)), key=rows.paths.__getitem__))
    files = find_files(rows.paths, place, hint)
    if files.names == rows.paths:
        return rows, files
    order = sorted(range(len(rows.paths)), key=lambda row: (files.names[row], rows.numbers[row]))
    missing = {place: files.missing[row] for place, row in enumerate(order) if row in files.missing}
    return rows.at(order), Found([files.names[row] for row in order], missing, files.notes)


def _lost(rows: Rows, row: int, files: Found) -> Unusable:
    error = f"Row {rows.numbers[row]} names {rows.paths[row]!r}: {files.missing[row]}"
    return Unusable(files.names[row], rows.labels[row], error, kind_of_name(rows.paths[row]) or IMAGES)


def _disagreeing(rows: Rows, again: dict[int, list[int]]) -> list[int]:
    """The first rows of files whose rows give different labels, different sets or different groups."""

    def said(row: int) -> tuple[str, str, str]:
        return rows.labels[row], rows.sets[row] if rows.sets else "", rows.groups[row] if rows.groups else ""

    return [first for first, others in again.items() if any(said(row) != said(first) for row in others)]


def _left_out_in_words(
    rows: Rows, left_out: Mapping[str, Sequence[int]], disagreeing: int, named: Mapping[str, Sequence[int]]
) -> Iterable[str]:
    """A sentence about each kind of row that is no image of its own; `named` has some of the `disagreeing` files."""
    if numbers := left_out.get("unlabelled"):
        have = "1 row has no label and is" if len(numbers) == 1 else f"{len(numbers):,} rows have no label and are"
        yield f"{have} left out: {rows_in_words(numbers)}."
    if numbers := left_out.get("repeated"):
        repeat = "1 row repeats" if len(numbers) == 1 else f"{len(numbers):,} rows repeat"
        yield f"{repeat} what another says of the same file, which counts once: {rows_in_words(numbers)}."
    if disagreeing:
        about = "label or the set" if rows.groups is None else "label, the set or the group"
        are = "1 file is" if disagreeing == 1 else f"{disagreeing:,} files are"
        told = ", ".join(f"{name!r} in {rows_in_words(sorted(numbers))}" for name, numbers in named.items())
        more = f" and {disagreeing - len(named):,} more" if disagreeing > len(named) else ""
        yield f"{are} left out, since rows disagree about the {about}: {told}{more}."


def _listing(kept: _Kept, place: Place, name: str, set_name: str) -> Listing:
    lost = kept.lost[set_name]
    classes = {*kept.classes[set_name], *(one.class_name for one in lost)}
    return Listing(place, set_name, name, in_order(classes), kept.paths[set_name], kept.classes[set_name], tuple(lost))


def _none(rows: Rows, sets: dict[str, Listing], name: str, told: Sequence[str]) -> DataError:
    """Why there is no image at all."""
    lost = [one for listing in sets.values() for one in listing.unusable]
    if lost:
        return DataError(
            f"None of the {len(lost):,} {lost[0].kind.name} files that {name!r} names can be found; the first: "
            f"{lost[0].error}"
        )
    if len(rows.paths):
        return DataError(f"{name!r} has no file with a label; {told[0] if told else 'add some.'}")
    return DataError(f"{name!r} has no rows; add some.")
