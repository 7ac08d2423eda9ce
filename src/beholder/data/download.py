"""Archives that are asked for by name: found in the cache, or else fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from beholder.data.cifar.archive import is_archive
from beholder.data.cifar.layouts import CIFAR10_BINARY, CIFAR10_PYTHON, CIFAR100_BINARY, CIFAR100_PYTHON, Layout
from beholder.data.fetch import RemoteFile, fetch
from beholder.data.progress import Progress, silent
from beholder.errors import UsageError

OFFICIAL = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class NamedArchive:
    """An archive by the name, size in bytes and checksum of its file; `also` are other names of the same images."""

    file: str
    size: int
    md5: str
    also: tuple[str, ...]


def _named(name: str, size: int, python: Layout, binary: Layout) -> NamedArchive:
    also = (f"{name}-binary.tar.gz", python.folder, binary.folder)
    return NamedArchive(f"{name}-python.tar.gz", size, python.md5, also)


ARCHIVES = {
    "cifar10": _named("cifar-10", 170_498_071, CIFAR10_PYTHON, CIFAR10_BINARY),
    "cifar100": _named("cifar-100", 169_001_437, CIFAR100_PYTHON, CIFAR100_BINARY),
}


def find_or_download(name: str, *, cache: Path, progress: Progress = silent, base_url: str = OFFICIAL) -> Path:
    """Where the archive `name`, a key of `ARCHIVES`, is on this disk, once it is there.

    Args:
        name: `cifar10` or `cifar100`.
        cache: the folder to look in and to download to; an archive in either version or its unpacked folder will do.
        progress: hears of bytes.
        base_url: where to fetch from; ends with `/`.

    Raises:
        UsageError: there is no archive of that name.
        DownloadError: it is not in the cache and could not be fetched whole and unchanged.
        StorageError: the cache cannot be written to.
    """
    archive = ARCHIVES.get(name)
    if archive is None:
        raise UsageError(f"There is no archive {name!r}; choose one of {', '.join(ARCHIVES)}, or give a path.")
    for candidate in (cache / file for file in (archive.file, *archive.also)):
        if is_archive(candidate):
            return candidate
    remote = RemoteFile(base_url + archive.file, archive.file, archive.size, f"md5:{archive.md5}")
    return fetch(remote, cache, progress, otherwise=", or give its path instead of its name")
