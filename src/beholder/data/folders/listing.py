"""The images of one set of a folder, each with its class, and what of the set is left out.

Where this speaks of images, sounds are meant as well: `kind` says which.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from beholder.data.folders.roles import TITLES
from beholder.data.folders.tree import Tree
from beholder.data.images.places import Place
from beholder.data.kinds import IMAGES, FileKind
from beholder.errors import DataError

MAX_UNREADABLE = 0.05  # of the images of a set
MAX_UNREADABLE_IN_CLASS = 0.2  # of a class that lost more than one: damage by chance spares no small class
_MOST_NAMED = 6


@dataclass(frozen=True)
class Unusable:
    """An image or a sound that cannot be used: its path below the root, class, the sentence that says why, and kind."""

    path: str
    class_name: str
    error: str
    kind: FileKind = IMAGES


@dataclass(frozen=True)
class Listing:
    """The images of one set.

    Attributes:
        place: where the images are: the folder that the person named.
        set_name: `train`, `validation`, `test` or `all`.
        folder: where its class folders are.
        class_folders: their names, in sorted order, also of those without images.
        paths: of the images, below it and in sorted order.
        classes: the class name of each.
        unusable: images that are left out, by name or first bytes.
        strays: images beside the class folders, which have no class.
        others: files that are no images, and hidden ones.
        deeper: from each class with images in folders of its own to the first such folder's name.
        kind: what they are.
    """

    place: Place
    set_name: str
    folder: str
    class_folders: tuple[str, ...]
    paths: list[str]
    classes: list[str]
    unusable: tuple[Unusable, ...] = ()
    strays: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    deeper: Mapping[str, str] = field(default_factory=dict)
    kind: FileKind = IMAGES

    def of_kind(self, kind: FileKind) -> Listing:
        """The same as a listing of this kind: files of another that are left out anyway are just other files."""
        own = tuple(one for one in self.unusable if one.kind is kind)
        others = (*self.others, *(one.path for one in self.unusable if one.kind is not kind))
        return replace(self, unusable=own, others=others, kind=kind)

    @property
    def every(self) -> tuple[list[str], list[str]]:
        """Paths and classes of all images, usable or not, in sorted order."""
        if not self.unusable:
            return self.paths, self.classes
        found = zip(self.paths, self.classes, strict=True)
        both = sorted([*found, *((one.path, one.class_name) for one in self.unusable)])
        return [path for path, _ in both], [label for _, label in both]

    @property
    def count(self) -> int:
        """Images in class folders, usable or not."""
        return len(self.paths) + len(self.unusable)

    def refuse_unreadable(self, failures: Mapping[int, str]) -> None:
        """Refuse a set, or a class, that loses too many images; `failures` has those that could not be decoded, by row.

        Raises:
            DataError: more than one image in twenty of the set, or more than one in five of a class.
        """
        lost = [*self.unusable]
        lost += [Unusable(self.paths[row], self.classes[row], error) for row, error in sorted(failures.items())]
        if len(lost) > MAX_UNREADABLE * self.count:
            raise DataError(
                f"{len(lost):,} of {self.count:,} {self.kind.plural} in {self.folder!r} are unreadable, more than "
                f"{MAX_UNREADABLE:.0%}; repair, convert or remove them, the first: {lost[0].error}"
            )
        counts = Counter([*self.classes, *(one.class_name for one in self.unusable)])
        for name, count in Counter(one.class_name for one in lost).items():
            if count > 1 and count > MAX_UNREADABLE_IN_CLASS * counts[name]:
                first = next(one for one in lost if one.class_name == name)
                raise DataError(
                    f"{count:,} of {counts[name]:,} {self.kind.plural} of class {name!r} in {self.folder!r} are "
                    f"unreadable, more than {MAX_UNREADABLE_IN_CLASS:.0%}; repair, convert or remove them, the first: "
                    f"{first.error}"
                )


def list_set(tree: Tree, place: Place, set_name: str, folder: str) -> Listing:
    """List the images of `set_name` in the class folders of `folder`."""
    found: list[tuple[str, str]] = []
    unusable: list[Unusable] = []
    deeper: dict[str, str] = {}
    here = tree.contents(folder)
    root = place.told
    others = [*here.others]
    for class_folder in here.folders:
        name = Path(class_folder).name
        for contents in tree.below(class_folder):
            found += [(path, name) for path in _below(root, contents.images)]
            lost = zip(_below(root, contents.unusable), contents.unusable.values(), strict=True)
            unusable += [Unusable(path, name, *unread) for path, unread in lost]
            others += contents.others
        if within := tree.filled(class_folder):
            deeper[name] = Path(within[0]).name
    found.sort()
    return Listing(
        place,
        set_name,
        folder,
        tuple(Path(one).name for one in here.folders),
        [path for path, _ in found],
        [name for _, name in found],
        tuple(sorted(unusable, key=lambda one: one.path)),
        tuple(sorted(_below(root, (*here.images, *here.unusable)))),
        tuple(_below(root, others)),
        deeper,
    )


def loose_files(tree: Tree, root: str) -> tuple[list[str], list[str]]:
    """The images, and the other files, that lie in `root` itself beside its sets."""
    contents = tree.contents(root)
    return sorted(_below(root, (*contents.images, *contents.unusable))), _below(root, contents.others)


def _below(root: str, paths: Iterable[str]) -> list[str]:
    prefix = len(os.path.join(root, ""))  # noqa: PTH118  what is cut off the texts that the system gave
    return [path[prefix:] for path in paths]


def refuse_strays(root: str, strays: Sequence[str], count: int, kind: FileKind = IMAGES) -> None:
    """Refuse a folder where many images, or sounds, lie beside the `count` ones in class folders.

    Raises:
        DataError: more than one, and more than one in twenty.
    """
    if len(strays) > max(1, MAX_UNREADABLE * (count + len(strays))):
        raise DataError(
            f"{len(strays):,} {kind.plural} in {root!r} lie in no class folder, beside {count:,} that do; move them "
            f"into the folders of their classes, or elsewhere, the first: {strays[0]!r}."
        )


def listing_notes(
    listings: Mapping[str, Listing], learn: str, strays: Sequence[str], others: Sequence[str]
) -> Iterator[str]:
    """What was found and how it was understood, then what is left out, a sentence each.

    The class folders of the set `learn` are the classes; `strays` are images in no class folder, `others` no images.
    """
    first = listings[learn]
    yield sets_in_words(listings, learn, first.class_folders)
    if first.deeper:
        name, within = next(iter(first.deeper.items()))
        which = "Every class folder has" if len(first.deeper) == len(set(first.classes)) else "Some class folders have"
        belong = f"which belong to the class (for example {within!r} to {name!r})."
        yield f"{which} folders of {first.kind.plural} inside, {belong}"
    if strays:
        lie, were = ("lies", "was") if len(strays) == 1 else ("lie", "were")
        yield f"{first.kind.count(len(strays))} {lie} in no class folder and {were} left out (first: {min(strays)!r})."
    if others:
        one, several = (
            f"file that is hidden or not {first.kind.with_article}",
            f"files that are hidden or not {first.kind.plural}",
        )
        which = one if len(others) == 1 else several
        yield f"Left out {len(others):,} {which} (first: {min(others)!r})."


def held_out_in_words(lacking: Sequence[str]) -> str:
    """What is set aside where sets of these titles are `lacking`, a part of a sentence."""
    return f"a tenth {'each ' * (len(lacking) > 1)}becomes the {' and the '.join(lacking)} set"


def sets_in_words(
    listings: Mapping[str, Listing], learn: str, class_names: Sequence[str], *, by_folder: bool = True
) -> str:
    """How many images of which classes each set has, and which sets are split off; `by_folder` names the sets'."""
    counted = listings[learn].kind.count
    names = [repr(name) for name in class_names[:_MOST_NAMED]]
    more = len(class_names) - len(names)
    classes = f"{len(class_names)} classes ({', '.join(names)}{f' and {more} more' if more else ''})"
    lacking = [TITLES[set_name] for set_name in ("validation", "test") if set_name not in listings]
    held = held_out_in_words(lacking)
    if learn == "all":
        return f"{counted(listings[learn].count)} in {classes}, not divided into sets: {held}."
    told = [
        f"{title} set {f'{Path(listings[name].folder).name!r} ' * by_folder}({counted(listings[name].count)})"
        for name, title in TITLES.items()
        if name in listings
    ]
    if lacking and learn == "train":
        told[0] += f", of which {held}"
    words = ", ".join(told)
    return f"{words[0].upper()}{words[1:]}; {classes}."
