"""A zip archive of images, read where it is: no file is unpacked to the disk, and no name leaves it.

What an archive announces is checked before it is believed: names that stay inside, plain files that are stored or
deflated, and bounds on their sizes, so that a small file cannot fill the memory or keep the machine busy.
"""

from __future__ import annotations

import functools
import io
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from beholder.data.images.headers import RefusedError
from beholder.data.images.places import Place
from beholder.data.images.stamps import Stamp
from beholder.errors import BeholderError, DataError

_MOST_BYTES_A_FILE = 1 << 30  # of an image or a table
# Images shrink to a hundredth at best; what is large and shrinks more is made to fill a memory.
_MOST_SHRINKING, _LARGE = 200, 1 << 27
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack without a bound on what is in memory
_ENCRYPTED, _UTF_8 = 0x1, 0x800  # of the flags, APPNOTE 4.4.4
_HIDDEN = (".", "__MACOSX")


@dataclass(frozen=True)
class ZippedImage:
    """One image of an archive, as little of a `Path` as a decoder asks for."""

    archive: str
    member: str

    def __str__(self) -> str:
        return f"{self.archive}/{self.member}"

    def is_fifo(self) -> bool:
        """Never."""
        return False

    def open(self, _mode: str = "rb") -> IO[bytes]:
        """Its bytes, all of which are read.

        Raises:
            RefusedError: it is not there, is damaged, or is larger than an image is.
        """
        members = _opened(self.archive).members
        if self.member not in members:
            raise RefusedError("no such file is in the archive; add it, or remove the row that names it")
        try:
            return io.BytesIO(_opened(self.archive).content(members[self.member]))
        except DataError as error:
            raise RefusedError("it is damaged within its archive; get a complete copy") from error


@dataclass(frozen=True)
class ZipArchive(Place):
    """The files below a folder in a zip archive; `inner` is that folder, empty for the top.

    Raises:
        DataError: it is no zip, damaged, or has something in it that no data set needs.
    """

    path: Path
    inner: str = ""

    def __post_init__(self) -> None:
        _opened(str(self.path))

    @property
    def told(self) -> str:
        """The path of the archive, and of the folder in it."""
        return f"{self.path}/{self.inner}".rstrip("/")

    @property
    def key(self) -> str:
        """As `Place.key`."""
        return f"{self.path.resolve()}/{self.inner}"

    def image(self, name: str) -> ZippedImage:
        """As `Place.image`."""
        return ZippedImage(str(self.path), self._member(name))

    def stamps(self, names: Sequence[str], before: Mapping[str, Stamp]) -> list[Stamp]:  # noqa: ARG002  each is certain
        """As `Place.stamps`, by size and checksum."""
        members = _opened(str(self.path)).members
        found = (members.get(self._member(name)) for name in names)
        return [[-1, -1, -1, -1, ""] if one is None else [one.file_size, one.CRC, 0, 0, "zip"] for one in found]

    def files_in(self, folder: str) -> frozenset[str]:
        """As `Place.files_in`."""
        return frozenset(_opened(str(self.path)).folders.get(self._member(folder).strip("/"), ((), ()))[1])

    def folders_in(self, folder: str) -> tuple[str, ...]:
        """As `Place.folders_in`."""
        return tuple(sorted(_opened(str(self.path)).folders.get(self._member(folder).strip("/"), ((), ()))[0]))

    def files_below(self) -> Iterator[str]:
        """As `Place.files_below`."""
        prefix = f"{self.inner}/" if self.inner else ""
        for name in _opened(str(self.path)).members:
            if name.startswith(prefix):
                inside = name.removeprefix(prefix)
                if not any(part.startswith(_HIDDEN) for part in inside.split("/")):
                    yield inside

    def refuse_cache(self, cache: Path) -> None:
        """As `Place.refuse_cache`: no folder lies in an archive."""

    def start(self, name: str, count: int) -> bytes:
        """The first `count` bytes of a file; none where it is damaged."""
        archive = _opened(str(self.path))
        try:
            return archive.content(archive.members[self._member(name)], count)
        except DataError:
            return b""

    @contextmanager
    def stream(self, name: str) -> Iterator[BinaryIO]:
        """A file that is no image, as a stream.

        Raises:
            DataError: it is damaged.
        """
        archive = _opened(str(self.path))
        yield io.BytesIO(archive.content(archive.members[self._member(name)]))

    def _member(self, name: str) -> str:
        return f"{self.inner}/{name}" if self.inner else name


class _Opened:
    """An archive that was opened and checked: `members` by name, and of each folder the folders and files in it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.members: dict[str, zipfile.ZipInfo] = {}
        self.folders: dict[str, tuple[dict[str, None], list[str]]] = {}
        with _reading(path):
            self.file = zipfile.ZipFile(path)
            names = _names(self.file.infolist())
            size = sum(one.file_size for one in self.file.infolist())
            if size > max(_LARGE, _MOST_SHRINKING * Path(path).stat().st_size):
                raise DataError(
                    f"{path!r} declares more than an archive of images holds; get a fresh copy or give another path."
                )
        for name, member in zip(names, self.file.infolist(), strict=True):
            checked = _checked(name, member, path)
            if name.endswith("/"):
                continue
            if checked in self.members:
                raise DataError(f"{path!r} holds {checked!r} twice; create the archive again.")
            self.members[checked] = member
            self._place(checked)

    def _place(self, name: str) -> None:
        folder, _, base = name.rpartition("/")
        there = folder in self.folders
        self.folders.setdefault(folder, ({}, []))[1].append(base)
        while folder and not there:
            above, _, own = folder.rpartition("/")
            there = above in self.folders
            self.folders.setdefault(above, ({}, []))[0][own] = None
            folder = above

    def content(self, member: zipfile.ZipInfo, most: int = -1) -> bytes:
        """What `member` unpacks to, or its first bytes.

        Raises:
            DataError: it is damaged.
        """
        with _reading(self.path):
            if member.file_size > _MOST_BYTES_A_FILE:
                raise DataError(f"{member.filename!r} in {self.path!r} is too large; make it smaller.")
            with self.file.open(member) as stream:
                return stream.read(most)


def _opened(path: str) -> _Opened:
    with _reading(path):
        status = os.stat(path)  # noqa: PTH116  a Path for each image would cost more
    return _remembered(path, status.st_size, status.st_mtime_ns, status.st_ino)


@functools.lru_cache(maxsize=4)
def _remembered(path: str, *_stamp: int) -> _Opened:
    return _Opened(path)


def _names(members: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Their names; macOS writes UTF-8 without saying so."""
    names = [member.filename for member in members]
    unsaid = [name for name, member in zip(names, members, strict=True) if not member.flag_bits & _UTF_8]
    try:
        said = {name: name.encode("cp437").decode("utf-8") for name in unsaid}
    except UnicodeError:
        said = {}
    return [said.get(name, name).replace("\\", "/") for name in names]


def _checked(name: str, member: zipfile.ZipInfo, path: str) -> str:
    parts = PurePosixPath(name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if not parts.parts:
        reason = "has no name"
    elif parts.is_absolute() or ".." in parts.parts or (len(name) > 1 and name[1] == ":"):
        reason = "leaves its folder"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        reason = "is a link, or no plain file"
    elif member.flag_bits & _ENCRYPTED:
        reason = "is encrypted"
    elif member.compress_type not in _METHODS:
        reason = "is neither stored nor deflated"
    else:
        return str(parts)
    raise DataError(f"Refused to read {path!r}: its entry {name!r} {reason}; create the archive again.")


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Whatever goes wrong while `path` is read becomes one sentence."""
    try:
        yield
    except BeholderError:
        raise
    except Exception as error:  # zipfile answers damage with nearly every exception there is
        system = isinstance(error, OSError) and error.strerror
        reason = system or "it is cut short, damaged or no zip archive"
        raise DataError(f"Cannot read {path!r}: {reason}; get a fresh copy or give another path.") from error
