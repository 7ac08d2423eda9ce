"""The one format of corrections: what a person decided about single images, beside their data and never in it.

A CSV file in UTF-8 with the header `path,action,label`. `path` is an image's name in its `Dataset`; `action` is `keep`
(seen, and right as it is), `drop`, or `relabel`, which alone has a `label`, the name of a class.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from beholder import files
from beholder.data.correction_lines import encoding_hint, is_spreadsheet, lines_of
from beholder.data.correction_names import matched, normal_form
from beholder.data.dataset import Dataset
from beholder.data.progress import Progress
from beholder.data.source import Reader, Source
from beholder.errors import DataError

ACTIONS = ("keep", "drop", "relabel")
HEADER = ["path", "action", "label"]
_SHOWN = 60  # characters of a first line


@dataclass(frozen=True)
class Correction:
    """What was decided about one image.

    Attributes:
        path: the image's name in its `Dataset`.
        action: `keep`, `drop` or `relabel`.
        label: the class name that is right, where the action is `relabel`; else empty.
        line: of the file that it was read from, from 1; 0 where it was made otherwise.

    Raises:
        DataError: another action, no path, or a label that is missing or too many.
    """

    path: str
    action: str
    label: str = ""
    line: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if not self.path:
            raise DataError("A correction names no file; give its path.")
        if self.action not in ACTIONS:
            raise DataError(
                f"The action {self.action!r} of {self.path!r} is unknown; write one of {', '.join(ACTIONS)}."
            )
        if bool(self.label) != (self.action == "relabel"):
            need = "needs the label that is right" if self.action == "relabel" else f"has no use for {self.label!r}"
            raise DataError(f"The action {self.action!r} of {self.path!r} {need}; only relabel has a label.")

    def to_json(self) -> dict[str, str]:
        """As a document keeps it: path, action and label."""
        return {"path": self.path, "action": self.action, "label": self.label}


@dataclass(frozen=True)
class Corrections:
    """Corrections of a data set, each of another image, in the order in which they were made.

    Raises:
        DataError: two corrections of one image.
    """

    lines: tuple[Correction, ...] = ()

    def __post_init__(self) -> None:
        twice = [path for path, count in Counter(one.path for one in self.lines).items() if count > 1]
        if twice:
            raise DataError(f"{twice[0]!r} is corrected twice; leave one of the two corrections out.")

    @classmethod
    def from_json(cls, rows: list[dict[str, Any]]) -> Corrections:
        """Of rows as `Correction.to_json` makes them."""
        try:
            return cls(tuple(Correction(**row) for row in rows))
        except TypeError as error:
            raise DataError("The run's own corrections are damaged; train again into a new folder.") from error

    def check(self, class_names: Sequence[str]) -> None:
        """Refuse labels that are no classes.

        Raises:
            DataError: the first such label.
        """
        for one in self.lines:
            if one.label and one.label not in class_names:
                near = difflib.get_close_matches(one.label, class_names, n=1) or class_names[:10]
                line = f"line {one.line}: " if one.line else ""
                raise DataError(
                    f"{line}{one.path!r} cannot become {one.label!r}, which is not a class of the data"
                    f"{encoding_hint(one.label)}; write {' or '.join(map(repr, near))}."
                )

    def apply(self, dataset: Dataset) -> Dataset:
        """`dataset` without what was dropped and with the labels that are right; other corrections are no concern.

        Images stay where they are, so that a data set without a dropped image is not copied.

        Raises:
            DataError: a label that is no class, or a path that is the name of several files.
        """
        self.check(dataset.class_names)
        decided = {one.path: one for one in self.named(dataset.names)}
        labels, dropped = dataset.labels.copy(), []
        files = [dataset.names[row] for row in dataset.first_rows]  # all windows of a sound have its name
        several = {name for name, count in Counter(files).items() if count > 1}
        for row, name in enumerate(dataset.names):
            if name in decided:
                if name in several:
                    plural = dataset.file_kind.plural
                    raise DataError(f"Several {plural} are called {name!r}, so it cannot be corrected; leave it out.")
                if decided[name].label:
                    labels[row] = dataset.class_names.index(decided[name].label)
                if decided[name].action == "drop":
                    dropped.append(row)
        corrected = replace(dataset, labels=labels)
        return corrected.select(np.setdiff1d(np.arange(len(dataset)), dropped)) if dropped else corrected

    def named(self, names: Sequence[str]) -> list[Correction]:
        """The corrections of images called `names`, by these names; see `matched`.

        Raises:
            DataError: two of them are of one image and disagree.
        """
        meant = matched([one.path for one in self.lines], names)
        found = _once((meant[one.path], one) for one in self.lines if one.path in meant)
        return [replace(one, path=name) for name, one in found.items()]

    def decided(self, decisions: Iterable[tuple[str, str | None, str]]) -> Corrections:
        """These corrections once `decisions` were made: path, action and label each; the action None takes one back.

        Raises:
            DataError: an unknown action, or a label that is missing or too many.
        """
        kept = {one.path: one for one in self.lines}
        for path, action, label in decisions:
            kept.pop(path, None)
            if action is not None:
                kept[path] = Correction(path, action, label)
        return Corrections(tuple(kept.values()))

    def notes(self, found: set[str], name: str = "the data", unread: Iterable[str] = ()) -> tuple[str, ...]:
        """What a person should know once the data `name` were read, and files of the corrections' paths `found`.

        Corrections of files of `unread` sets, such as `test`, may be right.

        Raises:
            DataError: no correction is of an image of the data.
        """
        total = len(self.lines)
        missing = [one for one in self.lines if one.path not in found]
        later = [one for one in missing if "test" in unread and normal_form(one.path).startswith("test/")]
        lost = [one for one in missing if one not in later]
        told = []
        if lost:
            first = f"line {lost[0].line}, {lost[0].path!r}" if lost[0].line else repr(lost[0].path)
            first += encoding_hint(lost[0].path)
            if len(lost) == total:
                none = f"None of the {total} corrections names" if total > 1 else "The only correction does not name"
                raise DataError(
                    f"{none} a file of {name!r} (the first: {first}); give corrections of these data, or none."
                )
            outside = f" outside its {' and '.join(sorted(unread))} set" if unread else ""
            names = "names" if len(lost) == 1 else "name"
            told.append(
                f"{len(lost)} of the {total} corrections {names} no file of {name!r}{outside}, the first: {first}; "
                "check the spelling."
            )
        if later:
            seem = f"{len(later)} of the {total} corrections seem{'s' * (len(later) == 1)} to be of the test set"
            told.append(f"{seem}, which only `beholder evaluate` reads.")
        return tuple(told)


def corrected(source: Source, corrections: Corrections, found: set[str]) -> Source:
    """`source` as `corrections` corrects it, in every set, and with a note that says so.

    While sets are read, `found` gets the names of the images that have a correction.

    Raises:
        DataError: a label that is no class. A reader raises it about its own set.
    """
    corrections.check(source.class_names)
    if not corrections.lines:
        return source
    paths = {one.path for one in corrections.lines}

    def read_one(read: Reader, progress: Progress) -> Dataset:
        dataset = read(progress)
        found.update(matched(paths, dataset.names))
        return corrections.apply(dataset)

    note = f"The data were read with {len(paths)} correction{'s' * (len(paths) != 1)}."
    readers = {set_name: partial(read_one, read) for set_name, read in source.readers.items()}
    return replace(source, readers=readers, notes=(*source.notes, note))


def read_corrections(path: Path | None, class_names: Sequence[str] | None = None) -> Corrections:
    """Read the corrections in the CSV file at `path`, none for None; labels are of `class_names`, or any for None.

    Raises:
        DataError: it cannot be read, is no such CSV, or a line of it makes no sense.
    """
    if path is None:
        return Corrections()
    try:
        content = path.read_bytes()
        if is_spreadsheet(content):
            raise DataError(
                f"The corrections file {str(path)!r} is in a spreadsheet's own format; save it as CSV in UTF-8."
            )
        (_, header), *rows = lines_of(content, len(HEADER)) or [(1, [])]
    except OSError as error:
        raise DataError(f"Cannot read the corrections file {str(path)!r}: {error.strerror}; check the path.") from error
    except csv.Error as error:
        raise DataError(f"The corrections file {str(path)!r} is not a CSV file ({error}); save it again.") from error
    if [name.strip().lower() for name in header] != HEADER:
        begins = f"begins with {','.join(header)[:_SHOWN]!r}, not with" if header else "is empty and lacks the header"
        raise DataError(
            f"The corrections file {str(path)!r} {begins} {','.join(HEADER)!r}; write that as its first line."
        )
    try:
        lines = [_correction(line, row) for line, row in rows]
        corrections = Corrections(tuple(_once((one.path, one) for one in lines).values()))
        if class_names is not None:
            corrections.check(class_names)
    except DataError as error:
        raise DataError(f"The corrections file {str(path)!r} cannot be applied: {error}") from error
    return corrections


def write_corrections(path: Path, corrections: Corrections) -> None:
    """Write `corrections` to `path`, whole or not at all.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # lines end as RFC 4180 has it; only so does it quote a carriage return in a name
    writer.writerow(HEADER)
    writer.writerows([one.path, one.action, one.label] for one in corrections.lines)
    files.write_bytes(path, text.getvalue().encode("utf-8", "surrogateescape"))


def _correction(line: int, row: list[str]) -> Correction:
    if len(row) not in (2, 3):
        raise DataError(
            f"line {line}: expected path, action and label, separated as in the header, received {', '.join(row)!r}."
        )
    path, action, label = (*row, "")[:3]
    try:
        return Correction(path, action.strip().lower(), label.strip(), line)
    except DataError as error:
        raise DataError(f"line {line}: {error}") from error


def _once(named: Iterable[tuple[str, Correction]]) -> dict[str, Correction]:
    """From each name to its first correction.

    Raises:
        DataError: two of one name disagree.
    """
    kept: dict[str, Correction] = {}
    for name, other in named:
        one = kept.setdefault(name, other)
        if (one.action, one.label) != (other.action, other.label):
            lines = f"lines {one.line} and {other.line}" if one.line and other.line else "two corrections"
            words = " and ".join(f"{each.action} {each.label}".strip() for each in (one, other))
            raise DataError(f"{lines} disagree about {other.path!r} ({words}); leave one of them out.")
    return kept
