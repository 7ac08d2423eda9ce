"""Keras and its backend, imported once, with the settings that every network here relies on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beholder.errors import UsageError


def start() -> None:
    """Import Keras with TensorFlow behind it. It takes seconds; the rest of this package may be imported after it.

    Raises:
        UsageError: Keras or TensorFlow is not installed, or the person wants another backend.
    """
    if os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
        raise UsageError(f"Training runs on TensorFlow, not on {os.environ['KERAS_BACKEND']!r}; unset KERAS_BACKEND.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with _mute_standard_error():
            import keras
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Training needs {error.name!r}, which is not installed; run `pip install 'beholder[train]'`."
        ) from error
    # A person's own keras.json may say otherwise, and our layers mean height, width, channels.
    keras.config.set_image_data_format("channels_last")
    keras.config.disable_traceback_filtering()


@contextmanager
def _mute_standard_error() -> Iterator[None]:
    # TensorFlow's C++ greets on file descriptor 2 before any setting of its own is read.
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
