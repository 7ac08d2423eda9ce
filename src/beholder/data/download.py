"""Archives that are asked for by name: found in the cache, or else fetched. Nothing else here opens a connection."""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from beholder.data.cifar.archive import is_archive
from beholder.data.cifar.layouts import CIFAR10_BINARY, CIFAR10_PYTHON, CIFAR100_BINARY, CIFAR100_PYTHON, Layout
from beholder.data.progress import Progress, silent
from beholder.errors import DownloadError, UsageError
from beholder.files import storage_errors, sync_folder

OFFICIAL = "https://www.cs.toronto.edu/~kriz/"
_SECONDS_TO_WAIT = 30  # for an answer, not for the whole


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
    with storage_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
        # In a folder of its own beside the goal: it goes with all that is in it, whatever happens.
        with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as folder:
            fetched = _fetch(archive, Path(folder), cache, progress, base_url)
            fetched.chmod(0o644)  # pooch makes it private
            with fetched.open("rb") as file:
                os.fsync(file.fileno())
            fetched.replace(cache / archive.file)
            sync_folder(cache)
    return cache / archive.file


def _fetch(archive: NamedArchive, folder: Path, cache: Path, progress: Progress, base_url: str) -> Path:
    """Download `archive` into `folder` and compare its checksum."""
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.ERROR)  # what there is to say is said by `progress` and by our errors
    downloader = pooch.HTTPDownloader(
        progressbar=_Bar(archive, progress),
        chunk_size=1 << 16,
        timeout=_SECONDS_TO_WAIT,
        headers={"Accept-Encoding": "identity"},  # the bytes of the file itself, so that they can be counted
    )
    url = base_url + archive.file
    try:
        path = pooch.retrieve(url, f"md5:{archive.md5}", fname=archive.file, path=folder, downloader=downloader)
    except (requests.exceptions.RequestException, ValueError) as error:
        raise DownloadError(
            f"Could not download {url}: {_reason(error)}; bring the file {archive.file!r} ({archive.size / 1e6:.0f} "
            f"MB) from elsewhere and put it in {str(cache)!r}, or give its path instead of its name."
        ) from error
    return Path(path)


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):  # a ValueError is pooch's word for another checksum
        return "its checksum is not the official one"
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}".rstrip()
    if "IncompleteRead" in str(error):
        return "the connection broke off before the end"
    return "there is no connection to it"


class _Bar:
    """What pooch takes for a progress bar: it sets `total`, then calls the rest."""

    def __init__(self, archive: NamedArchive, progress: Progress) -> None:
        self.total = archive.size
        self._expected = archive.size
        self._done = 0
        self._task = f"Downloading {archive.file}"
        self._progress = progress

    def update(self, count: int) -> None:
        # At the end pooch resets and adds the total; in between, the last piece may be shorter than it says.
        self._done += count
        total = self.total or self._expected
        if self._done < total:
            self._progress(self._task, self._done, total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        total = self.total or self._expected
        self._progress(self._task, total, total)
