"""What is told of a file before it is read: its suffix, whether it is hidden, its first bytes; of images and sounds."""

from __future__ import annotations

import stat
from pathlib import Path, PurePath


def suffix_of(name: str) -> str:
    """The suffix of a file's name, or path, in lower case; none of one that is hidden."""
    return "" if is_hidden(name) else PurePath(name).suffix.lower()


def is_hidden(name: str) -> bool:
    """Whether a file is hidden by its name, or path."""
    return name.replace("\\", "/").rpartition("/")[2].startswith(".")


def first_bytes(path: str | Path, count: int) -> bytes:
    """Up to `count` bytes from the start of a file; none where it is no file, or cannot be read."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # a pipe would wait for somebody to write to it
            return b""
        with Path(path).open("rb") as file:
            return file.read(count)
    except OSError:
        return b""
