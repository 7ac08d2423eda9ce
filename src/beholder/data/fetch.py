"""Fetches one file from its address: whole and with a known checksum, or not at all. Nothing else connects."""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from beholder.data.progress import Progress, silent
from beholder.errors import DownloadError
from beholder.files import storage_errors, sync_folder

_SECONDS_TO_WAIT = 30  # for an answer, not for the whole


@dataclass(frozen=True)
class RemoteFile:
    """A file that may be fetched.

    Attributes:
        url: its address.
        name: what it is called on this disk.
        size: bytes, for people and for the progress until the server tells.
        checksum: what its content must have: the name of the algorithm, a colon and the digits.
    """

    url: str
    name: str
    size: int
    checksum: str


def fetch(remote: RemoteFile, folder: Path, progress: Progress = silent, *, otherwise: str = "") -> Path:
    """Fetch `remote` into `folder`, which is made where it is missing; the path of the file.

    Args:
        remote: which file.
        folder: where it is to be.
        progress: hears of bytes.
        otherwise: what else a person can do without a connection, at the end of the sentence.

    Raises:
        DownloadError: it could not be fetched whole and unchanged; nothing of it is left.
        StorageError: the folder cannot be written to.
    """
    goal = folder / remote.name
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # In a folder of its own beside the goal: it goes with all that is in it, whatever happens.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as own:
            fetched = _fetch(remote, Path(own), folder, progress, otherwise)
            fetched.chmod(0o644)  # pooch makes it private
            with fetched.open("rb") as file:
                os.fsync(file.fileno())
            fetched.replace(goal)
            sync_folder(folder)
    return goal


def _fetch(remote: RemoteFile, own: Path, folder: Path, progress: Progress, otherwise: str) -> Path:
    """Download into `own`, which lies in `folder`, and compare the checksum."""
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.ERROR)  # what there is to say is said by `progress` and by our errors
    downloader = pooch.HTTPDownloader(
        progressbar=_Bar(remote, progress),
        chunk_size=1 << 16,
        timeout=_SECONDS_TO_WAIT,
        headers={"Accept-Encoding": "identity"},  # the bytes of the file itself, so that they can be counted
    )
    try:
        path = pooch.retrieve(remote.url, remote.checksum, fname=remote.name, path=own, downloader=downloader)
    except (requests.exceptions.RequestException, ValueError) as error:
        raise DownloadError(
            f"Could not download {remote.url}: {_reason(error)}; bring the file {remote.name!r} "
            f"({remote.size / 1e6:.0f} MB) from elsewhere and put it in {str(folder)!r}{otherwise}."
        ) from error
    return Path(path)


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):  # a ValueError is pooch's word for another checksum
        return "its checksum is not the one that is known"
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}".rstrip()
    if "IncompleteRead" in str(error):
        return "the connection broke off before the end"
    return "there is no connection to it"


class _Bar:
    """What pooch takes for a progress bar: it sets `total`, then calls the rest."""

    def __init__(self, remote: RemoteFile, progress: Progress) -> None:
        self.total = remote.size
        self._expected = remote.size
        self._done = 0
        self._task = f"Downloading {remote.name}"
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
