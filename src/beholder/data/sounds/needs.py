"""What reading sounds needs beside the light install."""

from __future__ import annotations

import functools
import importlib.util

from beholder.errors import UsageError


@functools.cache
def has_miniaudio() -> bool:
    """Whether it is here; looked for once, since each look goes through all of Python's path."""
    return importlib.util.find_spec("miniaudio") is not None


def require_miniaudio() -> None:
    """Refuse to go on where nothing can read sounds.

    Raises:
        UsageError: miniaudio is missing.
    """
    if not has_miniaudio():
        raise UsageError("Reading sounds needs miniaudio; run `pip install 'beholder[sound]'`.")
