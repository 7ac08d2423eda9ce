"""Which images, or sounds, a person means by files, folders and globs.

Names stay the texts that the system gave, undecodable bytes included, so `os.path` and not `pathlib` asks about them.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator

from beholder.addresses import at_home, why_no_file
from beholder.data.kinds import IMAGES, FileKind
from beholder.errors import DataError, UsageError

STANDARD_INPUT = "-"


def expand(arguments: Iterable[str], kind: FileKind = IMAGES) -> Iterator[str]:
    """The paths of images, or of another kind of files, that `arguments` name, in their order.

    They are files as they are, folders recursively, globs, and `-`.

    A name that exists is never taken for a glob, and a glob matches files, no folders. A file that does not exist is
    passed on: reading it will say so; and so is every file in a folder that is of this kind by its name or by its first
    bytes, be it in a format that is not read.

    Raises:
        UsageError: a folder or a glob without such files.
        DataError: a folder that may not be looked into.
    """
    for argument in map(at_home, arguments):
        if argument == STANDARD_INPUT or os.path.isfile(argument):
            yield argument
        elif os.path.isdir(argument):
            yield from _some(_below(argument, kind), f"The folder {argument!r} holds no {kind.plural}", kind)
        elif glob.has_magic(argument) and not why_no_file(argument):
            matches = [path for path in sorted(glob.glob(argument, recursive=True)) if not os.path.isdir(path)]
            yield from _some(matches, f"No file matches {argument!r}", kind)
        else:
            yield argument


def _below(folder: str, kind: FileKind) -> list[str]:
    """The files of a kind below a folder, in order; links to folders are followed, each folder once."""
    found = []
    seen = {os.path.realpath(folder)}
    for parent, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        paths = (os.path.join(parent, name) for name in names)
        found += [path for path in paths if kind.is_file(path)]
        folders[:] = [name for name in sorted(folders) if _is_new(os.path.join(parent, name), seen)]
    return sorted(found)


def _is_new(folder: str, seen: set[str]) -> bool:
    """Whether a folder is none of those `seen`, to which it is added, and holds none of them: no link goes upwards."""
    real = os.path.realpath(folder)
    if any(other == real or other.startswith(real.rstrip(os.sep) + os.sep) for other in seen):
        return False
    seen.add(real)
    return True


def _refuse(error: OSError) -> None:
    raise DataError(f"Cannot look into {error.filename!r}: {error.strerror}; check its permissions.") from error


def _some(paths: list[str], otherwise: str, kind: FileKind) -> list[str]:
    if not paths:
        raise UsageError(f"{otherwise}; name {kind.plural}, a folder of them, or `-` for standard input.")
    return paths
