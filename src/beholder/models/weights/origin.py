"""Where weights that a network begins with come from, whose they are and under which licence: a part of its row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Package:
    """A package of the Python index that holds the file; none of its code is imported.

    Attributes:
        name: of the package.
        version: of it.
        path: of the file, from where the package is installed.
        megabytes: of the package, to be fetched or carried.
    """

    name: str
    version: str
    path: str
    megabytes: int


@dataclass(frozen=True)
class Address:
    """An address that the file is fetched from, once and only for who asks for the network by name.

    Attributes:
        url: its last part names the file in the cache.
        size: of the file, bytes.
    """

    url: str
    size: int


@dataclass(frozen=True)
class Weights:
    """Weights that somebody else trained.

    Attributes:
        title: what its authors call the network.
        place: where the file comes from.
        sha256: of the file, compared each time that it is read.
        licence: of the weights, by its SPDX name.
        authors: who designed and trained the network, and who packed the file.
        trained_on: the images that it was trained on.
        source: where the network is described.
        sides: the least and the most pixels of the short side of images that make sense for it.
    """

    title: str
    place: Package | Address
    sha256: str
    licence: str
    authors: str
    trained_on: str
    source: str
    sides: tuple[int, int]

    @property
    def file(self) -> str:
        """What the file is called, also where somebody carries it to a machine by hand."""
        path = self.place.path if isinstance(self.place, Package) else urlsplit(self.place.url).path
        return PurePosixPath(path).name

    def described(self) -> dict[str, Any]:
        """What a model says of the weights that it began with, JSON-ready: their name and the SHA-256 of their file."""
        told = f"{self.title} ({self.authors}; learned from {self.trained_on}; {self.licence})"
        return {"name": told, "sha256": self.sha256}
