"""What lies below a folder, each folder looked at once: images or sounds, readable or not, folders, and the rest.

Where this speaks of images, sounds are meant as well: whether a folder holds both is for others to judge.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from beholder.data.first_look import first_bytes
from beholder.data.kinds import IMAGES, KINDS, START, SUFFIXES, FileKind, format_and_kind, kind_of_name
from beholder.errors import DataError

# Companions of images, often one for each: they are not opened to see whether they hold one.
_NO_IMAGES = (".txt", ".json", ".xml", ".csv", ".md", ".npy", ".npz", ".py", ".yaml", ".yml", ".zip", ".ini", ".html")
# Folders that systems make: macOS in archives, Windows, Synology, Linux at the top of a disk, Python.
SYSTEM_FOLDERS = ("__macosx", "$recycle.bin", "system volume information", "@eadir", "lost+found", "__pycache__")


class Unread(NamedTuple):
    """Why a file cannot be used, as the second half of a sentence or a whole one, and what it is, or is named like."""

    error: str
    kind: FileKind


@dataclass(frozen=True)
class Contents:
    """What lies directly in one folder, all as paths and in sorted order.

    Attributes:
        images: files whose names end as those of images that can be read.
        unusable: from each other file that is an image, or is named like one, to the sentence that says why it is
            left out, and its kind.
        folders: neither hidden nor a system's own.
        others: files that are no images, hidden files, and a system's own folders.
    """

    images: tuple[str, ...]
    unusable: Mapping[str, Unread]
    folders: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def has_images(self) -> bool:
        """Whether an image lies directly in it, readable or not."""
        return bool(self.images or self.unusable)


class Tree:
    """Folders below a root, read when they are asked for and then remembered.

    Args:
        look: tells what lies directly in a folder.
    """

    def __init__(self, look: Callable[[str], Contents] | None = None) -> None:
        self._look = look or _look_into
        self._contents: dict[str, Contents] = {}
        self._filled: dict[str, bool] = {}

    def contents(self, folder: str) -> Contents:
        """What lies directly in `folder`.

        Raises:
            DataError: it may not be read.
        """
        if folder not in self._contents:
            self._contents[folder] = self._look(folder)
        return self._contents[folder]

    def below(self, folder: str) -> Iterator[Contents]:
        """The contents of `folder` and of all folders below it, each once; links are followed, but never upwards."""
        pending = [folder]
        seen = {os.path.realpath(folder)}
        while pending:
            current = pending.pop()
            contents = self.contents(current)
            yield contents
            here = os.path.realpath(current)
            for inner in contents.folders:
                real = os.path.realpath(inner)
                # A link to a folder that holds this one would bring in every class.
                if real not in seen and os.path.commonpath([real, here]) != real:
                    seen.add(real)
                    pending.append(inner)

    def holds_images(self, folder: str) -> bool:
        """Whether an image lies anywhere below `folder`."""
        if folder not in self._filled:
            self._filled[folder] = any(contents.has_images for contents in self.below(folder))
        return self._filled[folder]

    def filled(self, folder: str) -> list[str]:
        """The folders directly in `folder` below which there are images."""
        return [inner for inner in self.contents(folder).folders if self.holds_images(inner)]

    def count(self, folder: str) -> int:
        """How many images lie anywhere below `folder`, readable or not."""
        return sum(len(contents.images) + len(contents.unusable) for contents in self.below(folder))

    def kind(self, folder: str) -> FileKind:
        """What the files below `folder` are by the first of them; images where there are none."""
        for contents in self.below(folder):
            for path in contents.images:
                return kind_of_name(path) or IMAGES
            for one in contents.unusable.values():
                return one.kind
        return IMAGES


def _look_into(folder: str) -> Contents:
    images: list[str] = []
    unusable: dict[str, Unread] = {}
    folders: list[str] = []
    others: list[str] = []
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"Cannot look into {folder!r}: {error.strerror}; check its permissions.") from error
    for entry in entries:
        hidden = entry.name.startswith(".")
        if _is_folder(entry):
            if not hidden:
                (others if entry.name.casefold() in SYSTEM_FOLDERS else folders).append(entry.path)
        elif hidden:
            others.append(entry.path)
        elif reason := _unusable(entry):
            unusable[entry.path] = Unread(f"Cannot read {entry.path!r}: {reason.error}.", reason.kind)
        elif entry.name.lower().endswith(SUFFIXES):
            images.append(entry.path)
        else:
            others.append(entry.path)
    return Contents(tuple(images), unusable, tuple(folders), tuple(others))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or through a folder that may not be read
        return False


def _unusable(entry: os.DirEntry[str]) -> Unread | None:
    """Why a file that is an image, or is named like one, cannot be used; None for all others."""
    name = entry.name.lower()
    kind = kind_of_name(name)
    if kind is not None and (reason := _no_file(entry)):
        return Unread(reason, kind)
    return why_unusable(name, lambda: first_bytes(entry.path, START))


def why_unusable(name: str, start: Callable[[], bytes]) -> Unread | None:
    """Why a file that is not hidden cannot be used though it is an image, or is named like one; None for all others.

    `name` is in lower case; `start` gives the file's first bytes.
    """
    named = next((kind for kind in KINDS if kind.looks_like(name)), None)
    if name.endswith(SUFFIXES) or (name.endswith(_NO_IMAGES) and named is None):
        return None
    found = format_and_kind(start())
    if found is None or named not in (None, found[1]):
        return None if named is None else _unread(Path(name).suffix, named)
    told, kind = found
    if told not in kind.suffixes_of:
        return _unread(told, kind)
    article = "an" if told in ("MP3", "OGG") else "a"
    usual = kind.suffixes_of[told][0]
    return Unread(f"it is {article} {told} {kind.name}, which its name does not say; rename it to end in {usual}", kind)


def _unread(told: str, kind: FileKind) -> Unread:
    return Unread(f"Beholder does not read its format, {told}; convert it to {kind.advice}", kind)


def _no_file(entry: os.DirEntry[str]) -> str | None:
    """What something named like an image is if it is no file."""
    try:
        if entry.is_file():
            return None
        broken = entry.is_symlink() and not Path(entry.path).exists()
    except OSError:
        broken = True
    if broken:
        return "it is a link to something that is not there; repair or remove it"
    return "it is a pipe, a socket or a device, not a file; remove it"
