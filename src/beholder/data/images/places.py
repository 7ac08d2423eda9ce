"""Where image files lie: in a folder, or in a zip archive that is read where it is."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beholder.data.images.headers import StoredImage
from beholder.data.images.stamps import Stamp, stamps
from beholder.errors import UsageError


class Place(ABC):
    """Where image files lie, each under a name of its own with `/` between folders; nothing of it is written to."""

    @property
    @abstractmethod
    def told(self) -> str:
        """What a person calls it."""

    @property
    @abstractmethod
    def key(self) -> str:
        """Tells it from every other place, from wherever it is looked at."""

    @abstractmethod
    def image(self, name: str) -> StoredImage:
        """The image of this name, which may not be there."""

    @abstractmethod
    def stamps(self, names: Sequence[str], before: Mapping[str, Stamp]) -> list[Stamp]:
        """By what each file is known to be as it was; equal to those of `before` where it is."""

    @abstractmethod
    def files_in(self, folder: str) -> frozenset[str]:
        """The names of the files right in `folder`, without it; none where it is not there."""

    @abstractmethod
    def folders_in(self, folder: str) -> tuple[str, ...]:
        """The names of the folders right in `folder`, likewise, in sorted order."""

    @abstractmethod
    def files_below(self) -> Iterator[str]:
        """The name of every file that is not hidden."""

    @abstractmethod
    def refuse_cache(self, cache: Path) -> None:
        """Hold the promise that nothing is written into a person's folder of images.

        Raises:
            UsageError: `cache` lies inside.
        """


@dataclass(frozen=True)
class Folder(Place):
    """The files below a folder on this machine; an absolute name is a file elsewhere on it.

    Attributes:
        path: the folder.
        whole: whether all of it is a folder of images; one beside a table may hold other things, the cache too.
    """

    path: Path
    whole: bool = True

    @property
    def told(self) -> str:
        """Its path, as it was given."""
        return str(self.path)

    @property
    def key(self) -> str:
        """Its whole path."""
        return str(self.path.resolve())

    def image(self, name: str) -> Path:
        """As `Place.image`."""
        return Path(self.path, name)

    def stamps(self, names: Sequence[str], before: Mapping[str, Stamp]) -> list[Stamp]:
        """As `Place.stamps`."""
        return stamps(self.path, names, before)

    def files_in(self, folder: str) -> frozenset[str]:
        """As `Place.files_in`."""
        try:
            inside = str(self.path / folder)
            # Asking each of a million files whether it is one would cost more than listing them.
            names = os.listdir(inside)  # noqa: PTH208  names alone
            return frozenset([name for name in names if "." in name or not os.path.isdir(f"{inside}/{name}")])  # noqa: PTH112  as above
        except (OSError, ValueError):  # not there, or no name that a file can have
            return frozenset()

    def folders_in(self, folder: str) -> tuple[str, ...]:
        """As `Place.folders_in`."""
        try:
            with os.scandir(self.path / folder) as entries:
                return tuple(sorted(entry.name for entry in entries if entry.is_dir()))
        except (OSError, ValueError):
            return ()

    def files_below(self) -> Iterator[str]:
        """As `Place.files_below`; links to folders are followed, each folder once."""
        seen = {os.path.realpath(self.path)}
        start = len(os.path.join(self.path, ""))  # noqa: PTH118  what is cut off the texts that the system gave
        for parent, folders, names in os.walk(self.path, followlinks=True):
            kept = []
            for folder in sorted(folders):
                real = os.path.realpath(os.path.join(parent, folder))  # noqa: PTH118  as above
                if not folder.startswith(".") and real not in seen:
                    seen.add(real)
                    kept.append(folder)
            folders[:] = kept
            prefix = f"{parent}/"[start:]
            yield from (f"{prefix}{name}" for name in names if not name.startswith("."))

    def refuse_cache(self, cache: Path) -> None:
        """As `Place.refuse_cache`."""
        own, here = self.path.resolve(), cache.resolve()
        if here == own or (self.whole and here.is_relative_to(own)):
            raise UsageError(
                f"The cache {str(cache)!r} lies inside the folder of images {self.told!r}, which is never written to; "
                "choose a cache elsewhere."
            )
