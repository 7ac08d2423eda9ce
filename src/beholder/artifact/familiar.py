"""`familiar.npz` in the model folder: what tells images that are unlike all that the network was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from beholder.data.stored_arrays import Arrays, read_arrays, write_arrays
from beholder.errors import ArtifactError
from beholder.evaluation.familiarity import Familiarity

FAMILIAR_FILE = "familiar.npz"
_COLUMNS = ("lengths", "likenesses", "threshold")
_MOST_TOLD = 256_000_000  # bytes that the file may unpack to; ours have a tenth


def write_familiar(folder: Path, by_precision: dict[str, Familiarity]) -> None:
    """Keep what was fitted for each graph, `float32` and perhaps `int8`, in the model folder; they share prototypes.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    arrays: Arrays = {"prototypes": next(iter(by_precision.values())).prototypes}
    for precision, familiarity in by_precision.items():
        arrays |= {f"{precision}_{column}": np.asarray(getattr(familiarity, column)) for column in _COLUMNS}
    write_arrays(folder / FAMILIAR_FILE, arrays)


def read_familiar(folder: Path, precision: str, classes: int, features: int | None) -> Familiarity:
    """What was fitted for the graph of this `precision`, `float32` or `int8`.

    Args:
        folder: the model folder.
        precision: of the graph.
        classes: how many the model has.
        features: how many the graph gives of an image; None where that is not known.

    Raises:
        ArtifactError: it is missing, damaged, or does not fit the model.
    """
    path = folder / FAMILIAR_FILE
    names = ("prototypes", *(f"{precision}_{column}" for column in _COLUMNS))
    damaged = ArtifactError(f"{str(path)!r} is damaged or of another model; copy the model again or train again.")
    try:
        arrays = list(read_arrays(path, most_bytes=_MOST_TOLD, names=names).values())
    except (OSError, ValueError) as error:
        raise damaged from error
    prototypes, lengths, likenesses, threshold = arrays
    numbers = all(array.dtype.kind == "f" and np.isfinite(array).all() for array in arrays)
    fits = prototypes.ndim == 2 and len(prototypes) == classes and features in (None, prototypes.shape[1])
    fits = fits and lengths.ndim == 1 and lengths.size > 0 and likenesses.shape == lengths.shape
    if not numbers or not fits or threshold.shape != ():
        raise damaged
    prototypes, lengths, likenesses = (array.astype(np.float32) for array in arrays[:3])
    return Familiarity(prototypes, lengths, likenesses, float(threshold))
