"""The four layouts of the CIFAR archives, and what one batch of each holds.

Formats: https://www.cs.toronto.edu/~kriz/cifar.html (Alex Krizhevsky, 2009).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beholder.data.cifar import pickles
from beholder.errors import DataError

IMAGE_SIDE = 32  # pixels
PIXEL_COLUMNS = 3 * IMAGE_SIDE * IMAGE_SIDE

LabelKind = Literal["fine", "coarse"]


@dataclass(frozen=True)
class LabelPlace:
    """Where a layout keeps one kind of labels and, in a file of their own, their names.

    `key` is that of a pickled batch, or the byte of a binary row; `names_key` that of a pickled file of names.
    """

    key: str | int
    names_file: str
    names_key: str = ""


@dataclass(frozen=True)
class Layout:
    """One of the four ways in which the CIFAR images are packed.

    Attributes:
        title: what its authors call it.
        folder: the folder that it unpacks to.
        md5: the checksum of the official `.tar.gz`.
        train: a pattern for the names of the training batches; a group in it is the batch's number.
        test: the name of the test batch.
        labels: where each kind of labels is.
        pickled: the python version; otherwise the binary version.
    """

    title: str
    folder: str
    md5: str
    train: str
    test: str
    labels: Mapping[LabelKind, LabelPlace]
    pickled: bool


CIFAR10_PYTHON = Layout(
    "CIFAR-10 python version",
    "cifar-10-batches-py",
    "c58f30108f718f92721af3b95e74349a",
    r"data_batch_([0-9]{1,4})",
    "test_batch",
    {"fine": LabelPlace("labels", "batches.meta", "label_names")},
    pickled=True,
)
CIFAR10_BINARY = Layout(
    "CIFAR-10 binary version",
    "cifar-10-batches-bin",
    "c32a1d4ab5d03f1284b67883e8d87530",
    r"data_batch_([0-9]{1,4})\.bin",
    "test_batch.bin",
    {"fine": LabelPlace(0, "batches.meta.txt")},
    pickled=False,
)
CIFAR100_PYTHON = Layout(
    "CIFAR-100 python version",
    "cifar-100-python",
    "eb9058c3a382ffc7106e4002c42a8d85",
    "train",
    "test",
    {
        "fine": LabelPlace("fine_labels", "meta", "fine_label_names"),
        "coarse": LabelPlace("coarse_labels", "meta", "coarse_label_names"),
    },
    pickled=True,
)
CIFAR100_BINARY = Layout(
    "CIFAR-100 binary version",
    "cifar-100-binary",
    "03b5dce01913d631647c71ecec9e9cb8",
    r"train\.bin",
    "test.bin",
    {"fine": LabelPlace(1, "fine_label_names.txt"), "coarse": LabelPlace(0, "coarse_label_names.txt")},
    pickled=False,
)
LAYOUTS = (CIFAR10_PYTHON, CIFAR10_BINARY, CIFAR100_PYTHON, CIFAR100_BINARY)


@dataclass(frozen=True)
class Batch:
    """Rows of one file: `rows` (n, 3072) uint8, channel first; `labels` (n,) int64; `names`, one a row."""

    rows: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: Sequence[str]


def read_class_names(content: bytes, file: str, place: LabelPlace, *, pickled: bool) -> tuple[str, ...]:
    """The class names in the `content` of `file`, in the order of the labels.

    Raises:
        DataError: they are not there, or no texts.
    """
    if pickled:
        names = _entry(pickles.loads(content, file), place.names_key, file)
    else:
        names = [line.strip() for line in content.decode("utf-8", "replace").splitlines() if line.strip()]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise _damaged(file, "holds no list of class names")
    return tuple(names)


def read_batch(content: bytes, file: str, layout: Layout, place: LabelPlace, classes: int) -> Batch:
    """Read and check one batch of `layout`: `content` of `file`, with the labels at `place` of so many `classes`.

    Raises:
        DataError: a missing key, a wrong shape or dtype, a label outside the classes, no rows, a damaged file.
    """
    if layout.pickled:
        batch = _read_pickled(content, file, str(place.key))
    else:
        batch = _read_binary(content, file, len(layout.labels), int(place.key))
    if len(batch.rows) == 0:
        raise _damaged(file, "holds no images")
    low, high = batch.labels.min(), batch.labels.max()
    if low < 0 or high >= classes:
        raise _damaged(file, f"holds labels from {low} to {high}, but its {classes} classes have 0 to {classes - 1}")
    return batch


def _read_pickled(content: bytes, file: str, key: str) -> Batch:
    batch = pickles.loads(content, file)
    rows = _entry(batch, "data", file)
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != PIXEL_COLUMNS:
        found = f"shape={rows.shape}, dtype={rows.dtype}" if isinstance(rows, np.ndarray) else type(rows).__name__
        raise DataError(
            f"Expected 'data' of shape (n, {PIXEL_COLUMNS}) and dtype uint8 in {file!r}. Received: {found}."
        )
    labels = _entry(batch, key, file)
    numbers = isinstance(labels, list) and set(map(type, labels)) <= {int}
    array = isinstance(labels, np.ndarray) and labels.dtype.kind in "iu" and labels.ndim == 1
    if not (numbers or array) or len(labels) != len(rows):
        raise _damaged(file, f"does not hold one whole number in {key!r} for each of its {len(rows)} images")
    names = batch.get("filenames")
    if not isinstance(names, list) or len(names) != len(rows) or not all(isinstance(name, str) for name in names):
        names = _row_names(file, len(rows))
    try:
        return Batch(rows, np.asarray(labels, np.int64), names)
    except OverflowError as error:
        raise _damaged(file, f"holds a number in {key!r} that is too large for a label") from error


def _read_binary(content: bytes, file: str, label_bytes: int, byte: int) -> Batch:
    width = label_bytes + PIXEL_COLUMNS
    if len(content) % width:
        raise _damaged(file, f"is cut short or damaged: its {len(content)} bytes do not make whole rows of {width}")
    table = np.frombuffer(content, np.uint8).reshape(-1, width)
    return Batch(table[:, label_bytes:], table[:, byte].astype(np.int64), _row_names(file, len(table)))


def _row_names(file: str, count: int) -> list[str]:
    stem = file.rsplit("/", 1)[-1].removesuffix(".bin")
    return [f"{stem}/{row:05d}" for row in range(count)]


def _entry(batch: Mapping[str, Any], key: str, file: str) -> Any:
    if key not in batch:
        raise _damaged(file, f"has no {key!r} in it")
    return batch[key]


def _damaged(file: str, what: str) -> DataError:
    return DataError(f"{file!r} {what}; get a fresh copy of the archive.")
