"""What lies below a folder, each folder looked at once: images, readable or not, folders, and the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from beholder.data.images.formats import SUFFIXES, SUFFIXES_OF, format_of, holds_image, looks_like_image
from beholder.errors import DataError

# Companions of images, often one for each: they are not opened to see whether they hold one.
_NO_IMAGES = (".txt", ".json", ".xml", ".csv", ".md", ".npy", ".npz", ".py", ".yaml", ".yml", ".zip", ".ini", ".html")
# Folders that systems make: macOS in archives, Windows, Synology, Linux at the top of a disk, Python.
_SYSTEM = ("__macosx", "$recycle.bin", "system volume information", "@eadir", "lost+found", "__pycache__")


@dataclass(frozen=True)
class Contents:
    """What lies directly in one folder, all as paths and in sorted order.

    Attributes:
        images: files whose names end as those of images that can be read.
        unusable: from each other file that is an image, or is named like one, to the sentence that says why it is
            left out.
        folders: neither hidden nor a system's own.
        others: files that are no images, hidden files, and a system's own folders.
    """

    images: tuple[str, ...]
    unusable: Mapping[str, str]
    folders: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def has_images(self) -> bool:
        """Whether an image lies directly in it, readable or not."""
        return bool(self.images or self.unusable)


class Tree:
    """Folders below a root, read when they are asked for and then remembered."""

    def __init__(self) -> None:
        self._contents: dict[str, Contents] = {}
        self._filled: dict[str, bool] = {}

    def contents(self, folder: str) -> Contents:
        """What lies directly in `folder`.

        Raises:
            DataError: it may not be read.
        """
        if folder not in self._contents:
            self._contents[folder] = _look_into(folder)
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


def _look_into(folder: str) -> Contents:
    images: list[str] = []
    unusable: dict[str, str] = {}
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
                (others if entry.name.casefold() in _SYSTEM else folders).append(entry.path)
        elif hidden:
            others.append(entry.path)
        elif reason := _unusable(entry):
            unusable[entry.path] = f"Cannot read {entry.path!r}: {reason}."
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


def _unusable(entry: os.DirEntry[str]) -> str | None:
    """Why a file that is an image, or is named like one, cannot be used; None for all others."""
    name = entry.name.lower()
    readable = name.endswith(SUFFIXES)
    if (readable or looks_like_image(name)) and (reason := _no_file(entry)):
        return reason
    if readable or not (looks_like_image(name) or (not name.endswith(_NO_IMAGES) and holds_image(entry.path))):
        return None
    kind = format_of(entry.path) or Path(name).suffix
    if kind in SUFFIXES_OF:
        return f"it is a {kind} image, which its name does not say; rename it to end in {SUFFIXES_OF[kind][0]}"
    return f"its format, {kind}, is none that Beholder reads; convert it to JPEG or PNG"


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
