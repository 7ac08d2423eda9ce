"""Which pictures a person means by files, folders and globs.

Names stay the texts that the system gave, undecodable bytes included, so `os.path` and not `pathlib` asks about them.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator

from beholder.data.image_names import SUFFIXES
from beholder.errors import UsageError

STANDARD_INPUT = "-"


def expand(arguments: Iterable[str]) -> Iterator[str]:
    """The picture paths that `arguments` name, in order: files as they are, folders recursively, globs, and `-`.

    A name that exists is never taken for a glob. A file that does not exist is passed on: reading it will say so.

    Raises:
        UsageError: a folder or a glob without pictures.
    """
    for argument in arguments:
        if argument == STANDARD_INPUT or os.path.isfile(argument):
            yield argument
        elif os.path.isdir(argument):
            yield from _some(_below(argument), f"The folder {argument!r} holds no pictures")
        elif glob.has_magic(argument):
            matches = sorted(glob.glob(argument, recursive=True))
            yield from _some(matches, f"No file matches {argument!r}")
        else:
            yield argument


def _below(folder: str) -> list[str]:
    found = []
    for parent, _, names in os.walk(folder):
        found += [os.path.join(parent, name) for name in names if is_picture_name(name)]
    return sorted(found)


def is_picture_name(name: str) -> bool:
    """Whether a file's name ends as a picture's does and is not hidden."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES


def _some(paths: list[str], otherwise: str) -> list[str]:
    if not paths:
        raise UsageError(f"{otherwise}; name pictures, a folder of them, or `-` for standard input.")
    return paths
