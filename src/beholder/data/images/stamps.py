"""By what a file is known to be as it was: size, times, inode, and its content where these may be the same by chance.

Swapped files of one size keep their time of modification, and so do those that an archive or `cp -p` puts back; the
time of change, which nobody can set, tells. Where that is coarse, or the file changed so lately that it could change
once more within the same tick (git calls such files racily clean), the content counts too.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Size in bytes, times of modification and of change in nanoseconds, inode, and a hash of the content or "".
Stamp = list[int | str]

_UNREADABLE: Stamp = [-1, -1, -1, -1, ""]
_COARSE = 10_000_000  # nanoseconds: exFAT counts in these, FAT in 2 s, old file systems in 1 s
_LATELY = 2_000_000_000  # nanoseconds: longer than any tick, and than clocks of a network differ, mostly


def stamps(folder: Path, names: Sequence[str], before: Mapping[str, Stamp]) -> list[Stamp]:
    """The stamps of files in `folder`, equal to those of `before`, by name, where the files are what they were then."""
    now = time.time_ns()
    return [_stamp(f"{folder}/{name}", before.get(name, _UNREADABLE), now) for name in names]


def _stamp(path: str, before: Stamp, now: int) -> Stamp:
    # A Path for each of 45,000 names would cost more than the calls.
    try:
        status = os.stat(path)  # noqa: PTH116  see above
    except OSError:
        return _UNREADABLE  # decoding will say what is wrong with it
    if not os.access(path, os.R_OK):
        return _UNREADABLE  # nothing else of the file changes when it may be read again
    facts: Stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    coarse = status.st_ctime_ns % _COARSE == 0
    lately = max(status.st_mtime_ns, status.st_ctime_ns) > now - _LATELY
    known_by_content = before[:4] == facts and before[4] != ""
    if before[:4] == facts and not known_by_content:
        return before
    return [*facts, _content(path) if coarse or lately or known_by_content else ""]


def _content(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  as above
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except OSError as error:
        return f"unreadable: {error.errno}"
