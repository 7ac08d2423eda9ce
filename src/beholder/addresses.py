"""What people give where a file is expected and that names none: addresses of the web, data URIs; and `~` for home."""

from __future__ import annotations

import os
import re
import urllib.parse

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # of more than one letter: C:// is a disk
_DATA_URI = re.compile(r"data:[^,\s]*,", re.IGNORECASE)
_SHOWN = 60  # characters


def why_no_file(text: str) -> str | None:
    """Why `text` names no file and what to do, to follow it in a sentence; None where it may be a path.

    Nothing is fetched that was not asked for by the name of a data set, so that a slip starts no connection.
    """
    if _DATA_URI.match(text):
        return "is a data URI, which holds an image and names no file; save it as one, or give its bytes"
    address = _ADDRESS.match(text)
    if address is None:
        return None
    if address[1].lower() == "file":
        return f"is an address; give the path alone: {urllib.parse.unquote(urllib.parse.urlsplit(text).path)!r}"
    return "is an address, and Beholder fetches nothing from there; download it and give the file"


def shortened(text: str) -> str:
    """`text`, of which a data URI, which may be megabytes, is shown by its beginning."""
    return text if len(text) <= _SHOWN or not _DATA_URI.match(text) else f"{text[:_SHOWN]}…"


def at_home(path: str) -> str:
    """`path` with the home folder in the place of a leading `~`, which no shell replaces in `--out=~/x` or in quotes.

    A name that exists as it is means that.
    """
    return path if not path.startswith("~") or os.path.lexists(path) else os.path.expanduser(path)  # noqa: PTH111 - names as the system gave them
