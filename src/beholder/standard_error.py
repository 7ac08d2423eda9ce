"""Standard error, silenced for a while: compiled libraries write there past Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def muted_standard_error() -> Iterator[None]:
    """Nothing reaches standard error within, whoever writes there: as they start, TensorFlow and Ray greet."""
    if sys.stderr is None:  # closed: what is open under its number may be a file of anyone's
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
