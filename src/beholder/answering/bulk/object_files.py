"""Folders, globs and addresses of object stores, walked one folder at a time in a fixed order."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.fs

from beholder.errors import DataError


@dataclass(frozen=True)
class Place:
    """A file, a folder or a glob, on this machine or in an object store.

    Attributes:
        filesystem: pyarrow's file system; None for this machine's own, whose names need not be text.
        path: within it, as the person wrote it; for a glob the folder above its first magic part.
        prefix: what is put before a path in what is told, such as `s3://`.
        pattern: the parts of a glob below `path`; none where it is not one.
    """

    filesystem: Any
    path: str
    prefix: str = ""
    pattern: tuple[str, ...] = ()

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
        if not self.pattern and self._kind(self.path) == "file":
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
        try:
            if self.filesystem is None:
                with os.scandir(folder or ".") as entries:
                    return [
                        (entry.name, is_folder)
                        for entry in entries
                        if not ((is_folder := entry.is_dir()) and entry.is_symlink())
                    ]
            found = self.filesystem.get_file_info(pa.fs.FileSelector(folder))
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"Cannot list {self.told(folder)!r} ({reason(error)}); check the path and its permissions."
            ) from error
        return [(entry.base_name, entry.type == pa.fs.FileType.Directory) for entry in found if entry.base_name]

    def _kind(self, path: str) -> str:
        if self.filesystem is None:
            return "file" if os.path.isfile(path) else "folder"  # noqa: PTH113  as above
        try:
            return "file" if self.filesystem.get_file_info(path).is_file else "folder"
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"Cannot look at {self.told(path)!r} ({reason(error)}); check the address.") from error


def place(address: str) -> Place:
    """The place that `address` names: a path, a glob, or a URI that pyarrow knows, such as `s3://bucket/folder`.

    Raises:
        DataError: pyarrow does not know such an address.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        if os.path.exists(address) or not glob.has_magic(address):  # noqa: PTH110  as above
            return Place(None, address)
        return Place(None, *_split(address, ""))
    rest, question, options = rest.partition("?")
    path, prefix, pattern = _split(rest, f"{scheme}://") if "*" in rest else (rest, f"{scheme}://", ())
    try:
        filesystem, path = pa.fs.FileSystem.from_uri(f"{scheme}://{path}{question}{options}")
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{scheme}://… is no address that can be read ({reason(error)}); check it.") from error
    if scheme == "file":
        return Place(None, path, "", pattern)
    return Place(filesystem, path, prefix, pattern)


def plain(address: str) -> str:
    """`address` without what may be secret: a name and password before the host, and options."""
    if "://" not in address:
        return address
    return re.sub(r"//[^/@]*@", "//", address.partition("?")[0])


def reason(error: Exception) -> str:
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
