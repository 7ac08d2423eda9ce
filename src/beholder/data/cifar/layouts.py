"""The four layouts of the CIFAR archives, and what one batch of each holds.

Formats: https://www.cs.toronto.edu/~kriz/cifar.html (Alex Krizhevsky, 2009).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from beholder.data.cifar import pickles
from beholder.errors import DataError

SIDE = 32  # pixels
COLUMNS = 3 * SIDE * SIDE

LabelKind = Literal["fine", "coarse"]


@dataclass(frozen=True)
class LabelPlace:
    """Where a layout keeps one kind of labels.

    Attributes:
        key: the key of a pickled batch, or the byte of a binary row.
        names_file: the file with the class names.
        names_key: their key, where that file is pickled.
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
        train: a pattern for the names of the training batches; a group in it is the batch's number.
        test: the name of the test batch.
        labels: where each kind of labels is.
        pickled: the python version; otherwise the binary version.
        md5: the checksum of the official `.tar.gz`.
    """

    title: str
    folder: str
    train: re.Pattern[str]
    test: str
    labels: Mapping[LabelKind, LabelPlace]
    pickled: bool
    md5: str


CIFAR10_PYTHON = Layout(
    title="CIFAR-10 python version",
    folder="cifar-10-batches-py",
    train=re.compile(r"data_batch_([0-9]{1,4})"),
    test="test_batch",
    labels={"fine": LabelPlace("labels", "batches.meta", "label_names")},
    pickled=True,
    md5="c58f30108f718f92721af3b95e74349a",
)
CIFAR10_BINARY = Layout(
    title="CIFAR-10 binary version",
    folder="cifar-10-batches-bin",
    train=re.compile(r"data_batch_([0-9]{1,4})\.bin"),
    test="test_batch.bin",
    labels={"fine": LabelPlace(0, "batches.meta.txt")},
    pickled=False,
    md5="c32a1d4ab5d03f1284b67883e8d87530",
)
CIFAR100_PYTHON = Layout(
    title="CIFAR-100 python version",
    folder="cifar-100-python",
    train=re.compile("train"),
    test="test",
    labels={
        "fine": LabelPlace("fine_labels", "meta", "fine_label_names"),
        "coarse": LabelPlace("coarse_labels", "meta", "coarse_label_names"),
    },
    pickled=True,
    md5="eb9058c3a382ffc7106e4002c42a8d85",
)
CIFAR100_BINARY = Layout(
    title="CIFAR-100 binary version",
    folder="cifar-100-binary",
    train=re.compile(r"train\.bin"),
    test="test.bin",
    labels={"fine": LabelPlace(1, "fine_label_names.txt"), "coarse": LabelPlace(0, "coarse_label_names.txt")},
    pickled=False,
    md5="03b5dce01913d631647c71ecec9e9cb8",
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
        raise DataError(f"{file!r} holds no list of class names; get a fresh copy of the archive.")
    return tuple(names)


def read_batch(content: bytes, file: str, layout: Layout, place: LabelPlace, classes: int) -> Batch:
    """Read and check one batch of `layout`.

    Args:
        content: what is in the file.
        file: its path, for errors.
        layout: one of `LAYOUTS`.
        place: which of its labels to read.
        classes: how many classes there are.

    Raises:
        DataError: a missing key, a wrong shape or dtype, a label outside the classes, no rows, a damaged file.
    """
    rows, labels, names = (_read_pickled if layout.pickled else _read_binary)(content, file, layout, place)
    if len(rows) == 0:
        raise DataError(f"{file!r} holds no images; get a fresh copy of the archive.")
    if not 0 <= labels.min() <= labels.max() < classes:
        raise DataError(
            f"{file!r} holds labels from {labels.min()} to {labels.max()}, but its {classes} classes have "
            f"0 to {classes - 1}; get a fresh copy of the archive."
        )
    if names is None:
        stem = file.rsplit("/", 1)[-1].removesuffix(".bin")
        names = [f"{stem}/{row:05d}" for row in range(len(rows))]
    return Batch(rows, labels, names)


_Columns = tuple[NDArray[np.uint8], NDArray[np.int64], Sequence[str] | None]


def _read_pickled(content: bytes, file: str, layout: Layout, place: LabelPlace) -> _Columns:
    del layout
    batch = pickles.loads(content, file)
    rows = _entry(batch, "data", file)
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != COLUMNS:
        found = f"shape={rows.shape}, dtype={rows.dtype}" if isinstance(rows, np.ndarray) else type(rows).__name__
        raise DataError(f"Expected 'data' of shape (n, {COLUMNS}) and dtype uint8 in {file!r}. Received: {found}.")
    labels = _labels(_entry(batch, str(place.key), file), len(rows), str(place.key), file)
    names = batch.get("filenames")
    usable = isinstance(names, list) and len(names) == len(rows) and all(isinstance(name, str) for name in names)
    return rows, labels, names if usable else None


def _read_binary(content: bytes, file: str, layout: Layout, place: LabelPlace) -> _Columns:
    width = len(layout.labels) + COLUMNS
    if len(content) % width:
        raise DataError(
            f"{file!r} is cut short or damaged: its {len(content)} bytes are no whole number of rows of {width}; "
            "get a fresh copy of the archive."
        )
    table = np.frombuffer(content, np.uint8).reshape(-1, width)
    return table[:, len(layout.labels) :], table[:, int(place.key)].astype(np.int64), None


def _entry(batch: Mapping[str, Any], key: str, file: str) -> Any:
    if key not in batch:
        raise DataError(f"{file!r} has no {key!r} in it; get a fresh copy of the archive.")
    return batch[key]


def _labels(values: Any, count: int, key: str, file: str) -> NDArray[np.int64]:
    """Labels from a list of numbers or an array of them."""
    numbers = isinstance(values, list) and set(map(type, values)) <= {int}
    array = isinstance(values, np.ndarray) and values.dtype.kind in "iu" and values.ndim == 1
    if not (numbers or array) or len(values) != count:
        raise DataError(
            f"{file!r} does not hold one whole number in {key!r} for each of its {count} images; "
            "get a fresh copy of the archive."
        )
    try:
        return np.asarray(values, np.int64)
    except OverflowError as error:
        raise DataError(
            f"{file!r} holds a number in {key!r} that is too large for a label; get a fresh copy of the archive."
        ) from error
