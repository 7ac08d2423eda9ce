"""The `.npz` files that Beholder itself keeps beside a run or a model, and that anyone may have changed since."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from beholder import files

Arrays = dict[str, NDArray[Any]]

# NumPy mutters about files of Python 2, which it reads all the same.
warnings.filterwarnings("ignore", message="Reading `.npy` or `.npz` file required", category=UserWarning)


def write_arrays(path: Path, arrays: Arrays, *, compressed: bool = False) -> None:
    """Write `arrays` to `path`, whole or not at all.

    Raises:
        StorageError: the disk is full or may not be written to; `path` is then as it was before.
    """
    with files.replacing(path) as file:
        (np.savez_compressed if compressed else np.savez)(file, allow_pickle=False, **arrays)


def read_arrays(path: Path, *, most_bytes: int, names: Sequence[str] | None = None, compressed: bool = False) -> Arrays:
    """The arrays in `path`, by name.

    Args:
        path: the file.
        most_bytes: that it may unpack to.
        names: which to read, all of which must be there; None: all that there are.
        compressed: whether it may be, and so grow a thousandfold.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is damaged, holds other things than arrays of numbers or texts, or is too large; why, in a few
            words without a line break.
    """
    try:
        with path.open("rb") as file:
            _check_sizes(file, most_bytes, compressed)
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in (stored.files if names is None else names)}
    except FileNotFoundError:
        raise
    except Exception as error:  # zip and NumPy answer damage with nearly every exception there is
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise ValueError(reason) from error
    other = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if other:  # NumPy hands on what is not an array as bytes
        raise ValueError(f"its {other[0]!r} is not an array")
    return arrays


def texts_to_array(texts: Sequence[str]) -> NDArray[np.uint8]:
    """`texts` as bytes of JSON: names may hold what is no text, and NumPy would give each the longest one's space."""
    return np.frombuffer(json.dumps(list(texts)).encode(), np.uint8)


def texts_from_array(array: NDArray[Any]) -> list[str]:
    """What `texts_to_array` was given.

    Raises:
        ValueError: the array holds something else.
    """
    try:
        texts = json.loads(array.tobytes())
    except RecursionError as error:
        raise ValueError("its texts are nested") from error
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("its texts are not text")
    return texts


def _check_sizes(file: BinaryIO, most_bytes: int, compressed: bool) -> None:
    with zipfile.ZipFile(file) as entries:
        members = entries.infolist()
    if sum(member.file_size for member in members) > most_bytes:
        raise ValueError("it declares more data than it can hold")
    if not compressed and any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed")
    file.seek(0)
