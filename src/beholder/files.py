"""Files that matter are written whole or not at all: temporary name, fsync, rename."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from beholder.errors import StorageError

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.EACCES: "writing there is not permitted; choose another place",
    errno.EPERM: "writing there is not permitted; choose another place",
    errno.ENOENT: "there is no such place; choose another one",
    errno.EEXIST: "a file is in the way; choose another place",
    errno.ENOTDIR: "a file is in the way; choose another place",
    errno.EISDIR: "a folder is in the way; choose another place",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EFBIG: "the file would be larger than the system allows; choose another place",
}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write `path` into one `StorageError` sentence."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        raise StorageError(f"Cannot write {str(path)!r}: {advice}.") from error


def check_writable(folder: Path) -> None:
    """Tell before long work that its outcome cannot be kept in `folder`.

    Raises:
        StorageError: writing there is not permitted, or the file system is read-only.
    """
    if not os.access(folder, os.W_OK):
        raise StorageError(f"Cannot write in {str(folder)!r}: it is read-only; choose another place.")


@contextmanager
def replacing(path: Path, *, keep: Path | None = None) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of `path` for writing; it takes the name `path` only once it is whole and on the disk.

    Args:
        path: the file.
        keep: the name that the file before it gets, where there is one; a death between the two renames leaves that
            alone.

    Raises:
        StorageError: the disk is full or may not be written to; `path` is then as it was before.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes a private file; what we leave behind has the rights any new file would have.
            temporary.chmod(0o666 & ~_umask())
            if keep is not None:
                with suppress(FileNotFoundError):
                    path.replace(keep)
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with replacing(path) as file:
        file.write(content)


def write_json(path: Path, document: Any) -> None:
    """Write `document` to `path` as indented UTF-8 JSON, whole or not at all."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # File names may hold bytes that are no text; Python carries them as lone surrogates, which JSON can escape.
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def sync_folder(folder: Path) -> None:
    """Make renames and new names in `folder` last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
