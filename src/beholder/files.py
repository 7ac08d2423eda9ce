"""Files that matter are written whole or not at all: temporary name, fsync, rename."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from beholder.errors import StorageError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no such lock: there only threads of one process are kept apart
    fcntl = None

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

_CHANGING = threading.RLock()  # one change at a time in this process: they take milliseconds


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
            # mkstemp makes a private file; what we leave behind has the permissions of any new file.
            temporary.chmod(0o666 & ~_umask())
            if keep is not None:
                with suppress(FileNotFoundError):
                    path.replace(keep)
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """While inside, no other thread or process is in here for `path`: to read, change and replace it is one step.

    The lock lies on a file beside it, since `path` itself is another file after each change. The system takes it back
    when its holder dies. `fcntl` needs no package for this, and a lock by the mere presence of a file outlives a kill.
    Where the file system has no locks, or the folder is not there yet, only the threads of this process are kept apart.

    Raises:
        StorageError: the folder may not be written to.
    """
    lock = path.with_name(f".{path.name}.lock")
    with _CHANGING:
        with storage_errors(path):
            descriptor = _locked(lock) if path.parent.is_dir() else None
        try:
            yield
        finally:
            if descriptor is not None:
                lock.unlink(missing_ok=True)
                os.close(descriptor)


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


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock on the file `path`; None where the system has none."""
    while fcntl is not None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Who held it before deletes the file: a lock on one that is no longer there keeps nobody out.
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        except OSError:  # some network file systems
            path.unlink(missing_ok=True)
            os.close(descriptor)
            return None
        os.close(descriptor)
    return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
