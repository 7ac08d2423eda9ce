"""What takes seconds to find out and depends on the data alone: found once, and remembered in the cache.

Whoever changes the code changes what is found, so a memory made by other files of this package counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache as once
from pathlib import Path
from typing import Any

import numpy as np

import beholder
from beholder import files
from beholder.errors import StorageError


def remembered(cache: Path | None, kind: str, facts: Sequence[Any], find: Callable[[], Any]) -> Any:
    """What `find` finds, from the cache where it was found before.

    Args:
        cache: the folder; None: nothing is remembered.
        kind: of what is found: a part of a file's name.
        facts: all that the finding depends on, JSON-ready.
        find: gives what is found, JSON-ready.
    """
    if cache is None:
        return find()
    key = key_of(facts)
    path = cache / "remembered" / f"{kind}-{key[:32]}.json"
    # One that is damaged, or that somebody else wrote, is found again.
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        document = json.loads(path.read_bytes())
        if document["key"] == key and document["digest"] == _digest(document["found"]):
            return document["found"]
    found = find()
    with suppress(StorageError):  # it is found again next time
        files.write_json(path, {"key": key, "digest": _digest(found), "found": found})
    return found


def key_of(facts: Sequence[Any]) -> str:
    """A hash of these JSON-ready `facts` and of the code that finds something by them."""
    return _digest([beholder.__version__, np.__version__, _code(), *facts])


@once
def _code() -> list[list[Any]]:
    """The package's own files, as far as they can change what is found, and when each was written."""
    root = Path(beholder.__file__).parent
    found = (file for folder in ("data", "evaluation") for file in (root / folder).rglob("*.py"))
    return sorted([str(file.relative_to(root)), file.stat().st_mtime_ns] for file in found)


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
