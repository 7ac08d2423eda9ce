"""The images of one set of a folder, each with its class, and what of the set is left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beholder.data.folders.roles import TITLES
from beholder.data.folders.tree import Tree
from beholder.errors import DataError

MAX_UNREADABLE = 0.05  # of the images of a set
MAX_UNREADABLE_IN_CLASS = 0.2  # of a class that lost more than one: damage by chance spares no small class
_MOST_NAMED = 6


@dataclass(frozen=True)
class Unusable:
    """An image that cannot be used: its path below the root, its class, and the sentence that says why."""

    path: str
    class_name: str
    error: str


@dataclass(frozen=True)
class Listing:
    """The images of one set.

    Attributes:
        root: the folder that the person named.
        set_name: `train`, `validation`, `test` or `all`.
        folder: where its class folders are.
        class_folders: their names, in sorted order, also of those without images.
        paths: of the images, below `root` and in sorted order.
        classes: the class name of each.
        unusable: images that are left out, by name or first bytes.
        strays: images beside the class folders, which have no class.
        others: files that are no images, and hidden ones.
        deeper: from each class with images in folders of its own to the first such folder's name.
    """

    root: Path
    set_name: str
    folder: str
    class_folders: tuple[str, ...]
    paths: list[str]
    classes: list[str]
    unusable: tuple[Unusable, ...] = ()
    strays: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    deeper: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Paths of all images in class folders, usable or not."""
        return sorted([*self.paths, *(one.path for one in self.unusable)])

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
                f"{len(lost):,} of {self.count:,} images in {self.folder!r} are unreadable, more than "
                f"{MAX_UNREADABLE:.0%}; repair, convert or remove them, the first: {lost[0].error}"
            )
        counts = Counter([*self.classes, *(one.class_name for one in self.unusable)])
        for name, count in Counter(one.class_name for one in lost).items():
            if count > 1 and count > MAX_UNREADABLE_IN_CLASS * counts[name]:
                first = next(one for one in lost if one.class_name == name)
                raise DataError(
                    f"{count:,} of {counts[name]:,} images of class {name!r} in {self.folder!r} are unreadable, more "
                    f"than {MAX_UNREADABLE_IN_CLASS:.0%}; repair, convert or remove them, the first: {first.error}"
                )


def list_set(tree: Tree, root: Path, set_name: str, folder: str) -> Listing:
    """List the images of `set_name` in the class folders of `folder`."""
    found: list[tuple[str, str]] = []
    unusable: list[Unusable] = []
    deeper: dict[str, str] = {}
    here = tree.contents(folder)
    others = [*here.others]
    for class_folder in here.folders:
        name = Path(class_folder).name
        for contents in tree.below(class_folder):
            found += [(path, name) for path in _below(root, contents.images)]
            lost = zip(_below(root, contents.unusable), contents.unusable.values(), strict=True)
            unusable += [Unusable(path, name, error) for path, error in lost]
            others += contents.others
        if within := tree.filled(class_folder):
            deeper[name] = Path(within[0]).name
    found.sort()
    return Listing(
        root,
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


def loose_files(tree: Tree, root: Path) -> tuple[list[str], list[str]]:
    """The images, and the other files, that lie in `root` itself beside its sets."""
    contents = tree.contents(str(root))
    return sorted(_below(root, (*contents.images, *contents.unusable))), _below(root, contents.others)


def _below(root: Path, paths: Iterable[str]) -> list[str]:
    prefix = len(os.path.join(root, ""))  # noqa: PTH118  what is cut off the texts that the system gave
    return [path[prefix:] for path in paths]


def refuse_strays(root: Path, strays: Sequence[str], count: int) -> None:
    """Refuse a folder where many images lie beside the `count` ones in class folders.

    Raises:
        DataError: more than one, and more than one in twenty.
    """
    if len(strays) > max(1, MAX_UNREADABLE * (count + len(strays))):
        raise DataError(
            f"{len(strays):,} images in {str(root)!r} lie in no class folder, beside {count:,} that do; move them into "
            f"the folders of their classes, or elsewhere, the first: {strays[0]!r}."
        )


def listing_notes(
    listings: Mapping[str, Listing], learn: str, strays: Sequence[str], others: Sequence[str]
) -> Iterator[str]:
    """What was found and how it was understood, then what is left out, a sentence each.

    The class folders of the set `learn` are the classes; `strays` are images in no class folder, `others` no images.
    """
    first = listings[learn]
    yield _sets_in_words(listings, first)
    if first.deeper:
        name, within = next(iter(first.deeper.items()))
        which = "Every class folder has" if len(first.deeper) == len(set(first.classes)) else "Some class folders have"
        yield f"{which} folders of images inside, which belong to the class ({within!r} to {name!r}, say)."
    if strays:
        lie, were = ("1 image lies", "was") if len(strays) == 1 else (f"{len(strays):,} images lie", "were")
        yield f"{lie} in no class folder and {were} left out (first: {min(strays)!r})."
    if others:
        which = "file that is hidden or not an image" if len(others) == 1 else "files that are hidden or not images"
        yield f"Left out {len(others):,} {which} (first: {min(others)!r})."


def _sets_in_words(listings: Mapping[str, Listing], first: Listing) -> str:
    names = [repr(name) for name in first.class_folders[:_MOST_NAMED]]
    more = len(first.class_folders) - len(names)
    classes = f"{len(first.class_folders)} classes ({', '.join(names)}{f' and {more} more' if more else ''})"
    lacking = [TITLES[set_name] for set_name in ("validation", "test") if set_name not in listings]
    held = f"a tenth {'each ' * (len(lacking) > 1)}becomes the {' and the '.join(lacking)} set"
    if first.set_name == "all":
        return f"{_images_in_words(first.count)} in {classes}, not divided into sets: {held}."
    told = [
        f"{title} set {Path(listings[name].folder).name!r} ({_images_in_words(listings[name].count)})"
        for name, title in TITLES.items()
        if name in listings
    ]
    if lacking and first.set_name == "train":
        told[0] += f", of which {held}"
    words = ", ".join(told)
    return f"{words[0].upper()}{words[1:]}; {classes}."


def _images_in_words(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"
