"""Where Beholder and the libraries below it keep what may be deleted at any time: downloads, decoded images, fonts.

Keras writes a file of settings into `~/.keras`, Matplotlib a list of fonts into its own cache and an empty folder for
its settings; a variable of the environment tells each of them another place.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

FOLDERS = {"keras": "KERAS_HOME", "matplotlib": "MPLCONFIGDIR"}


def default_cache() -> Path:
    """The folder for what is downloaded or decoded: `BEHOLDER_CACHE`, or else the system's place for caches."""
    chosen = os.environ.get("BEHOLDER_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("beholder"))


def keep_in_cache() -> None:
    """Let these libraries keep their files in the cache, as far as nobody has imported them yet or chose a folder."""
    for library, variable in FOLDERS.items():
        if library not in sys.modules and not os.environ.get(variable):
            os.environ[variable] = str(_folder(library))


def _folder(library: str) -> Path:
    folder = default_cache() / "libraries" / library
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # the cache may not be written to, and need not be
        folder = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
