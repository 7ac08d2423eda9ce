"""Where files lie: folders, globs and addresses of object stores, walked one folder at a time in a fixed order."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.fs

from beholder.errors import BeholderError, DataError


@dataclass(frozen=True)
class Location:
    """A file, a folder or a glob, on this machine or in an object store."""

    filesystem: Any  # pyarrow's file system; None for this machine's own, whose names need not be text
    path: str  # within it, as the person wrote it; for a glob the folder above its first magic part
    prefix: str = ""  # what is put before a path in what is told, such as `s3://`
    pattern: tuple[str, ...] = ()  # the parts of a glob below `path`; none where it is not one

    def told(self, path: str) -> str:
        """`path` as a person would write it."""
        return self.prefix + path

    def open(self, path: str) -> BinaryIO:
        """The file at `path`, for reading at any position."""
        opened: BinaryIO = open(path, "rb") if self.filesystem is None else self.filesystem.open_input_file(path)  # noqa: PTH123, SIM115  names as the system gave them; the caller closes it
        return opened

    def files(self) -> Iterator[str]:
        """Every file of it in the order of their paths; the names of one folder at a time are kept.

        Raises:
            DataError: it, or a folder below it, cannot be listed.
        """
        if not self.pattern and self._is_file():
            yield self.path
            return
        for path in self._walk(self.path, 1):
            parts = tuple(path.removeprefix(self.path).strip("/").split("/"))
            if not self.pattern or _fits(parts, self.pattern):
                yield path

    def _walk(self, folder: str, depth: int) -> Iterator[str]:
        for name, is_folder in sorted(self._entries(folder), key=lambda entry: entry[0] + "/" * entry[1]):
            path = os.path.join(folder, name)  # noqa: PTH118  as above
            if not is_folder:
                yield path
            elif not self.pattern or "**" in self.pattern or depth < len(self.pattern):
                yield from self._walk(path, depth + 1)

    def _entries(self, folder: str) -> list[tuple[str, bool]]:
        """Name of each file and folder, and whether it is a folder; links to folders are left out."""
        with system_errors(DataError, f"Cannot list {self.told(folder)!r}", "check the path and its permissions"):
            if self.filesystem is None:
                with os.scandir(folder or ".") as entries:
                    return [
                        (entry.name, is_folder)
                        for entry in entries
                        if not ((is_folder := entry.is_dir()) and entry.is_symlink())
                    ]
            found = self.filesystem.get_file_info(pa.fs.FileSelector(folder))
        return [(entry.base_name, entry.type == pa.fs.FileType.Directory) for entry in found if entry.base_name]

    def _is_file(self) -> bool:
        if self.filesystem is None:
            return os.path.isfile(self.path)  # noqa: PTH113  as above
        with system_errors(DataError, f"Cannot look at {self.told(self.path)!r}", "check the address"):
            return bool(self.filesystem.get_file_info(self.path).is_file)


def locate(address: str) -> Location:
    """What `address` names: a path, a glob, or a URI that pyarrow knows, such as `s3://bucket/folder`.

    Raises:
        DataError: pyarrow does not know such an address.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        if os.path.exists(address) or not glob.has_magic(address):  # noqa: PTH110  as above
            return Location(None, address)
        return Location(None, *_split(address, ""))
    rest, question, options = rest.partition("?")
    path, prefix, pattern = _split(rest, f"{scheme}://") if "*" in rest else (rest, f"{scheme}://", ())
    with system_errors(DataError, f"{scheme}://… is not an address that can be read", "check it"):
        filesystem, path = pa.fs.FileSystem.from_uri(f"{scheme}://{path}{question}{options}")
    if scheme == "file":
        return Location(None, path, "", pattern)
    return Location(filesystem, path, prefix, pattern)


def plain(address: str) -> str:
    """`address` without what may be secret: a name and password before the host, and options."""
    if "://" not in address:
        return address
    return re.sub(r"//[^/@]*@", "//", address.partition("?")[0])


@contextmanager
def system_errors(kind: type[BeholderError], what: str, advice: str) -> Iterator[None]:
    """Turn what the system or pyarrow raise into one sentence: `what` failed, why, and an `advice`."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise kind(f"{what} ({first_line(error)}); {advice}.") from error


def first_line(error: Exception) -> str:
    """The first line of what the system said."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")


def _split(address: str, prefix: str) -> tuple[str, str, tuple[str, ...]]:
    """The folder above the first magic part of a glob, `prefix`, and the parts from there on."""
    parts = address.split("/")
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    folder = "/".join(parts[:first]) or ("/" if address.startswith("/") else "")
    return folder, prefix, tuple(part for part in parts[first:] if part)


def _fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether the parts of a path are what a glob means: `**` any number of folders, no magic for a leading dot."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return (bool(parts) and pattern == ("**",)) or any(
            _fits(parts[skipped:], pattern[1:]) for skipped in range(len(parts) + 1)
        )
    hidden = bool(parts) and parts[0].startswith(".") and not pattern[0].startswith(".")
    return bool(parts) and not hidden and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])
