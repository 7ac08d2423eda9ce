"""Reads the `.npz` files that Beholder itself keeps beside a run or a model, and that anyone may have changed since."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

# NumPy mutters about files of Python 2, which it reads all the same.
warnings.filterwarnings("ignore", message="Reading `.npy` or `.npz` file required", category=UserWarning)


def read_arrays(
    path: Path, *, most_bytes: int, names: Sequence[str] | None = None, compressed: bool = False
) -> dict[str, NDArray[Any]]:
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
    if other:  # NumPy hands on what is no array as bytes
        raise ValueError(f"its {other[0]!r} is no array")
    return arrays


def _check_sizes(file: BinaryIO, most_bytes: int, compressed: bool) -> None:
    with zipfile.ZipFile(file) as entries:
        members = entries.infolist()
    if sum(member.file_size for member in members) > most_bytes:
        raise ValueError("it announces more than it can hold")
    if not compressed and any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed")
    file.seek(0)
