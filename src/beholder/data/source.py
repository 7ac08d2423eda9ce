"""What a DATA argument names: the sets it has, each read only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beholder.data.cifar.layouts import LabelKind
from beholder.data.dataset import Dataset
from beholder.data.decoding import Rules
from beholder.data.groups.across import straddling_in_words
from beholder.data.groups.rule import GroupRule
from beholder.data.images.colour import Colour
from beholder.data.images.decode import ImageRules
from beholder.data.images.fitting import DEFAULT_FIT, ImageFit
from beholder.data.images.places import Place
from beholder.data.kinds import IMAGES, FileKind, Kind, named
from beholder.data.progress import Progress
from beholder.data.sounds.rules import SoundRules
from beholder.data.tables.columns import NOTHING_SAID, TableOptions

Reader = Callable[[Progress], Dataset]


@dataclass(frozen=True)
class Source:
    """An opened DATA argument. Opening looks at names and headers; a set's images are read by its reader alone.

    Attributes:
        name: what the person calls it (`cifar10`, a path).
        class_names: one name a class, in the order of the labels.
        readers: from set name (`train`, `validation`, `test`; each of the first and at most two more) to a function
            that reads that set and no other.
        notes: sentences that a person should see (an unknown checksum, say); they go into the run and the report.
        skipped: images that could not be read, as `{"path": …, "error": …}`; filled while sets are read.
        place: where image files are; None for other data.
        files: from set name to the names of its image files in `place`, those in `skipped` too.
        classes: from set name to the class name of each of `files`.
        made: sets that were split off from others: their images are read with those.
        later: further sentences, which only reading finds; filled while sets are read.
        left_out: from why rows of a table are no image (`unlabelled`, `repeated`, `disagreeing`) to their numbers.
        table: what the person said of a table that was opened.
        labels: which of CIFAR-100's two sets of labels these are.
        seconds: the length of a clip of sound that a person said; None: it was chosen from them.
        colour: what a person said that images become.
        fit: how images of other proportions get into the size of these, see `beholder.data.images.fitting`.
        fit_said: whether a person, or an earlier model, said so; else it is the default.
        sound: what sounds become, see `beholder.data.sounds`; None: they are images.
        groups: from set name to the group of each of `files`, where their names tell it before an image is read.
        group_rule: what says which images belong together and so to one set; None: nobody said so.
        named: whether `name` opens the same data again; that of arrays and of tables in Python does not.
    """

    name: str
    class_names: tuple[str, ...]
    readers: Mapping[str, Reader]
    notes: tuple[str, ...] = ()
    skipped: list[dict[str, Any]] = field(default_factory=list)
    place: Place | None = None
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    made: frozenset[str] = frozenset()
    later: list[str] = field(default_factory=list)
    left_out: Mapping[str, Sequence[int]] = field(default_factory=dict)
    table: TableOptions = NOTHING_SAID
    labels: LabelKind = "fine"
    seconds: float | None = None
    colour: Colour = "auto"
    fit: ImageFit = DEFAULT_FIT
    fit_said: bool = False
    sound: SoundRules | None = None
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    group_rule: GroupRule | None = None
    named: bool = True

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {len(self.class_names)} classes, sets: {', '.join(self.readers)})"

    @property
    def kind(self) -> Kind:
        """What its files are: `image` or `sound`."""
        return "image" if self.sound is None else "sound"

    @property
    def file_kind(self) -> FileKind:
        """The same, with all that is known of such files."""
        return named(self.kind)

    @property
    def said(self) -> dict[str, Any]:
        """What opens the same data from their name alone, as arguments of `open_source`; None where nobody said it."""
        pattern = self.group_rule.value if self.group_rule and self.group_rule.kind == "pattern" else None
        return {
            **vars(self.table),
            "labels": self.labels,
            "colour": self.colour,
            "fit": self.fit if self.fit_said else None,
            "seconds": self.seconds,
            "group_pattern": pattern,
        }

    def rules(self, shape: tuple[int, int, int]) -> Rules:
        """By what other files become images of `shape` (H, W, C), as the source's have it."""
        return self.sound or ImageRules(shape[0], shape[1], "L" if shape[2] == 1 else "RGB", self.fit)

    def told(self) -> tuple[str, ...]:
        """What a person should see by now: `notes`, groups across sets, what reading found, and unreadable files."""
        left_out = skipped_in_words(self.skipped, self.file_kind)
        across = () if self.group_rule is None else straddling_in_words(self.groups, self.group_rule)
        return (*self.notes, *across, *self.later, *([left_out] if left_out else []))


def once(read: Reader) -> Reader:
    """A reader that reads when it is first asked, and keeps the set for whoever asks again."""
    kept: list[Dataset] = []

    def kept_or_read(progress: Progress) -> Dataset:
        if not kept:
            kept.append(read(progress))
        return kept[0]

    return kept_or_read


def skipped_in_words(skipped: Sequence[Mapping[str, Any]], kind: FileKind = IMAGES) -> str | None:
    """A sentence about the files of a kind that could not be read, as in `Source.skipped`; None where all could."""
    if not skipped:
        return None
    were = "was" if len(skipped) == 1 else "were"
    return f"{kind.count(len(skipped))} could not be read and {were} left out; the first: {skipped[0]['error']}"
