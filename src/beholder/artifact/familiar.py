"""`familiar.npz` in the model folder: what tells images that are unlike all that the network was trained on."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beholder import files
from beholder.errors import ArtifactError
from beholder.evaluation.familiarity import Familiarity

FILE = "familiar.npz"
_COLUMNS = ("lengths", "likenesses", "threshold")
_MOST_BYTES = 256_000_000  # that the file may unpack to; ours have a tenth

Arrays = dict[str, NDArray[np.generic]]


def write_familiar(folder: Path, fitted: dict[str, Familiarity]) -> None:
    """Keep what was `fitted` for each graph, `float32` and perhaps `int8`, in the model folder; they share prototypes.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    arrays: Arrays = {"prototypes": next(iter(fitted.values())).prototypes}
    for precision, familiarity in fitted.items():
        arrays[f"{precision}_lengths"] = familiarity.lengths
        arrays[f"{precision}_likenesses"] = familiarity.likenesses
        arrays[f"{precision}_threshold"] = np.array(familiarity.threshold)
    with files.replacing(folder / FILE) as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_familiar(folder: Path, precision: str, classes: int, features: int | None) -> Familiarity:
    """What was fitted for the graph of this `precision`.

    Args:
        folder: the model folder.
        precision: `float32` or `int8`.
        classes: how many the model has.
        features: how many the graph gives of an image; None where that is not known.

    Raises:
        ArtifactError: it is missing, damaged, or does not fit the model.
    """
    path = folder / FILE
    try:
        with zipfile.ZipFile(path) as entries:
            small = sum(entry.file_size for entry in entries.infolist()) < _MOST_BYTES
        with np.load(path, allow_pickle=False) as stored:
            names = ("prototypes", *(f"{precision}_{column}" for column in _COLUMNS)) if small else ()
            arrays = [np.asarray(stored[name]) for name in names]
    except Exception as error:  # zip and NumPy answer damage with nearly every exception there is
        raise _damaged(path) from error
    if not small or not all(array.dtype.kind == "f" and np.isfinite(array).all() for array in arrays):
        raise _damaged(path)
    prototypes, lengths, likenesses, threshold = arrays
    fits = prototypes.ndim == 2 and prototypes.shape[0] == classes and features in (None, prototypes.shape[1])
    if not fits or lengths.ndim != 1 or not lengths.size or likenesses.shape != lengths.shape or threshold.shape != ():
        raise _damaged(path)
    return Familiarity(
        prototypes.astype(np.float32), lengths.astype(np.float32), likenesses.astype(np.float32), float(threshold)
    )


def _damaged(path: Path) -> ArtifactError:
    return ArtifactError(f"{str(path)!r} is damaged or of another model; copy the model again or train again.")
