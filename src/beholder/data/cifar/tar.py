"""The files of an archive, read where they are: a folder, or a tar that is never unpacked to the disk.

What a tar announces is checked before it is believed: names that stay inside, plain files and folders only, and bounds
on sizes and counts, so that a small file cannot fill the memory or keep the machine busy.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from beholder.errors import BeholderError, DataError

# A file of CIFAR-100 has 155 MB; ten million images would not come as one batch.
_MOST_BYTES_A_FILE = 1 << 29
_MOST_BYTES = 1 << 31
_MOST_MEMBERS = 1000
# Images shrink to a hundredth at best; what is large and shrinks more is made to fill a memory.
_MOST_SHRINKING, _LARGE = 200, 1 << 26
# That tarfile reads of headers, at once and in all: it searches long ones in quadratic time.
_MOST_BYTES_A_HEADER, _MOST_HEADER_BYTES = 1 << 12, 1 << 20
_BLOCK = 512


class Folder:
    """The files right in a folder on the disk and, where they are there, in `inside`, folders below it.

    `sizes` has the size in bytes of each, by its name, with `/` after a folder's.
    """

    def __init__(self, path: Path, inside: Collection[str] = ()) -> None:
        self.path = path
        self.sizes: dict[str, int] = {}
        try:
            for folder in ("", *(name for name in inside if (path / name).is_dir())):
                with os.scandir(path / folder) as entries:
                    found = {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
                self.sizes |= {f"{folder}/{name}".lstrip("/"): size for name, size in found.items()}
        except OSError as error:
            raise DataError(f"Cannot read {str(path)!r}: {error.strerror or error}; give another folder.") from error

    def read(self, wanted: Sequence[str]) -> Iterator[bytes]:
        """The content of each file in `wanted`, one after the other, in that order."""
        for name in wanted:
            file = self.path / name
            with _reading(file):
                if file.stat().st_size > _MOST_BYTES_A_FILE:
                    raise _too_large(file)
                content = file.read_bytes()
            yield content
            del content


class Tar:
    """The files of a `.tar` or `.tar.gz`; opening reads it once from end to end, so that damage shows here.

    Small files with base names in `keep` are kept from that first reading.

    Raises:
        DataError: it is damaged, cut short, no tar, too large, or has something in it that no data set needs.
    """

    def __init__(self, path: Path, keep: Collection[str] = ()) -> None:
        self.path = path
        self._kept: dict[str, bytes] = {}
        self.sizes: dict[str, int] = {}
        with _reading(path), _open_stream(path) as stream:
            for member, name in _members(stream, path):
                if not member.isreg():
                    continue
                self.sizes[name] = member.size
                if PurePosixPath(name).name in keep and member.size <= 1 << 20:
                    self._kept[name] = _content(stream, member)

    def read(self, wanted: Sequence[str]) -> Iterator[bytes]:
        """As `Folder.read`; a file that comes before its turn waits in memory."""
        waiting = {name: self._kept[name] for name in wanted if name in self._kept}
        turn = 0
        with _reading(self.path), _open_stream(self.path) as stream:
            for member, name in _members(stream, self.path):
                if name in wanted[turn:] and name not in waiting:
                    waiting[name] = _content(stream, member)
                while turn < len(wanted) and wanted[turn] in waiting:
                    yield waiting.pop(wanted[turn])
                    turn += 1
                if turn == len(wanted):
                    return
            raise EOFError  # the file is not the one that was opened


Stream = BinaryIO | gzip.GzipFile


class _Headers(io.BufferedIOBase):
    """The bytes of a tar as tarfile gets them, which reads headers alone; refuses what no honest one asks for."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = _MOST_HEADER_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= min(self._left, _MOST_BYTES_A_HEADER):
            raise tarfile.ReadError("a header in it is too large")
        self._left -= size
        return self._stream.read(size)

    def seek(self, position: int, whence: int = 0, /) -> int:
        if position > 2 * _MOST_BYTES:
            raise tarfile.ReadError("a header in it points beyond its end")
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()


@contextmanager
def _open_stream(path: Path) -> Iterator[Stream]:
    """The bytes of the tar in `path`, whether they are compressed by gzip or not."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        yield gzip.GzipFile(fileobj=file) if compressed else file


def _members(stream: Stream, path: Path) -> Iterator[tuple[tarfile.TarInfo, str]]:
    """Each member with its tidy name, checked; after the last, that the tar has its end and its checksum."""
    most = min(_MOST_BYTES, max(_LARGE, _MOST_SHRINKING * path.stat().st_size))
    with tarfile.open(fileobj=_Headers(stream), mode="r:") as tar:
        names: set[str] = set()
        size = 0
        for member in tar:
            name = _checked_name(member, path)
            size += member.size
            if not 0 <= member.size <= _MOST_BYTES_A_FILE or size > most or len(names) > _MOST_MEMBERS:
                raise _too_large(path)
            if member.isreg() and name in names:
                raise DataError(f"{str(path)!r} holds {name!r} twice; get a fresh copy of the archive.")
            names.add(name)
            yield member, name
        stream.seek(tar.offset)
    # tarfile takes a broken header for the end; a whole tar ends with a block of zeros.
    if stream.read(_BLOCK) != bytes(_BLOCK):
        raise DataError(f"Cannot read {str(path)!r}: it is cut short or damaged; get a fresh copy.")
    while stream.read(1 << 20):  # gzip compares its checksum at the end of the file
        if stream.tell() > most + _MOST_HEADER_BYTES:
            raise _too_large(path)


def _checked_name(member: tarfile.TarInfo, path: Path) -> str:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        reason = "leaves its folder"
    elif member.issym() or member.islnk():
        reason = "is a link"
    elif member.issparse() or not (member.isreg() or member.isdir()):
        reason = "is neither a plain file nor a folder"
    else:
        return str(name)
    raise DataError(
        f"Refused to read {str(path)!r}: its entry {member.name!r} {reason}; get the archive from a source you trust."
    )


def _content(stream: Stream, member: tarfile.TarInfo) -> bytes:
    stream.seek(member.offset_data)
    content = stream.read(member.size)
    if len(content) != member.size:
        raise EOFError
    return content


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong while `path` is read becomes one sentence."""
    try:
        yield
    except BeholderError:
        raise
    except Exception as error:
        system = isinstance(error, OSError) and error.strerror  # gzip's own errors are OSErrors that have none
        reason = system or "it is cut short, damaged or no tar archive"
        raise DataError(f"Cannot read {str(path)!r}: {reason}; get a fresh copy or give another path.") from error


def _too_large(path: Path) -> DataError:
    return DataError(
        f"{str(path)!r} declares more than an archive of images holds; get a fresh copy or give another path."
    )
