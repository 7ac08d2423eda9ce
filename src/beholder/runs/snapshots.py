"""What a network answered at the end of an epoch: small files beside the event log, for whoever watches the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beholder.data.stored_arrays import Arrays, read_arrays, texts_from_array, texts_to_array, write_arrays
from beholder.errors import RunError
from beholder.runs.run_folder import Run

_IMAGES_FILE = "images.npz"
_MOST_TOLD = 100_000_000  # bytes that a file may unpack to; ours have a few million
_MOST_NAMES = 4_000_000  # bytes of class names; as objects they take much more memory


@dataclass(frozen=True)
class Shown:
    """The validation images whose answers are followed; the same in every snapshot of a run.

    Attributes:
        images: (N, H, W, C) uint8.
        labels: (N,) int64.
        class_names: in the order of the labels.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: list[str]


@dataclass(frozen=True)
class Snapshot:
    """The end of one epoch.

    Attributes:
        probabilities: (N, classes) float32, of the images that are followed.
        confusion: (classes, classes) int64, label by answer, over the validation images that were judged; None where
            there are too many classes.
        filters: (K, h, w, C) float32, the windows of the first layer; None where it has none.
    """

    probabilities: NDArray[np.float32]
    confusion: NDArray[np.int64] | None
    filters: NDArray[np.float32] | None


def write_shown(run: Run, shown: Shown) -> None:
    """Keep the images that are followed.

    Raises:
        StorageError: they cannot be written.
    """
    names = texts_to_array(shown.class_names)
    arrays: Arrays = {"images": shown.images, "labels": shown.labels, "class_names": names}
    write_arrays(run.watch_folder / _IMAGES_FILE, arrays, compressed=True)


def read_shown(run: Run) -> Shown | None:
    """The images that are followed; None where there are none.

    Raises:
        RunError: the file is damaged.
    """
    path = run.watch_folder / _IMAGES_FILE
    stored = _read(path, ("images", "labels", "class_names"))
    if stored is None:
        return None
    images, labels = stored["images"], stored["labels"]
    try:
        names = texts_from_array(np.ravel(stored["class_names"])[:_MOST_NAMES])
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    are_images = (
        images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] in (1, 3) and 0 not in images.shape[1:]
    )
    are_labels = labels.dtype == np.int64 and labels.shape == images.shape[:1]
    if not are_images or not are_labels or not ((labels >= 0) & (labels < len(names))).all():
        raise _damaged(path, "its images and labels do not go together")
    return Shown(images, labels, names)


def write_snapshot(run: Run, epoch: int, snapshot: Snapshot) -> None:
    """Keep the end of `epoch`, from 1.

    Raises:
        StorageError: it cannot be written.
    """
    arrays: Arrays = {"probabilities": snapshot.probabilities.astype(np.float16)}
    if snapshot.confusion is not None:
        arrays["confusion"] = snapshot.confusion.astype(np.uint32)
    if snapshot.filters is not None:
        arrays["filters"] = snapshot.filters.astype(np.float16)
    write_arrays(_file(run, epoch), arrays, compressed=True)


def read_snapshot(run: Run, epoch: int) -> Snapshot | None:
    """The end of `epoch`, from 1; None where it was not kept.

    Raises:
        RunError: the file is damaged.
    """
    path = _file(run, epoch)
    stored = _read(path, ("probabilities",))
    if stored is None:
        return None
    confusion, filters = stored.get("confusion"), stored.get("filters")
    kinds = {"probabilities": (2, "f"), "confusion": (2, "u"), "filters": (4, "f")}
    for name, (dimensions, kind) in kinds.items():
        if name in stored and (stored[name].ndim, stored[name].dtype.kind) != (dimensions, kind):
            raise _damaged(path, f"its {name} are of another shape or dtype")
    if 0 in stored["probabilities"].shape[1:] or (filters is not None and 0 in filters.shape):
        raise _damaged(path, "it holds nothing")
    return Snapshot(
        stored["probabilities"].astype(np.float32),
        None if confusion is None else confusion.astype(np.int64),
        None if filters is None else filters.astype(np.float32),
    )


def _file(run: Run, epoch: int) -> Path:
    return run.watch_folder / f"epoch-{epoch:05}.npz"


def _read(path: Path, needed: tuple[str, ...]) -> Arrays | None:
    try:
        arrays = read_arrays(path, most_bytes=_MOST_TOLD, compressed=True)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    lacking = [name for name in needed if name not in arrays]
    if lacking:
        raise _damaged(path, f"it has no {lacking[0]!r}")
    return arrays


def _damaged(path: Path, reason: str) -> RunError:
    return RunError(f"{str(path)!r} is damaged ({reason}); delete it.")
